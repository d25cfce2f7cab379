"""The load generator: one raw client in a process of its own. Frames are encoded beforehand; it counts echoed bytes.

    python -m tests.bench.load PORT SECONDS SIZE pipelined|single

Prints one line of JSON: messages echoed, seconds taken.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time

from core.protocol.frames import Opcode, encode_header, make_frame, shortest_length_form

_AHEAD_BYTES = 4 * 1024 * 1024
_BATCH_BYTES = 64 * 1024
_READ_BYTES = 1024 * 1024
_PATIENCE_SECONDS = 10.0


def connect(port: int) -> socket.socket:
    """A socket whose opening handshake is done; permessage-deflate is not offered."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    if not head.startswith(b"HTTP/1.1 101"):
        raise RuntimeError(f"no WebSocket: {head!r}")
    return sock


def frame_of(size: int) -> tuple[bytes, int]:
    """A masked binary frame with `size` bytes of payload, and the length of its echo."""
    frame = make_frame(Opcode.BINARY, os.urandom(size), masking_key=os.urandom(4)).wire()
    return frame, len(encode_header(0x82, None, size, shortest_length_form(size))) + size


def pipelined(sock: socket.socket, seconds: float, size: int) -> tuple[int, float]:
    """As many messages as go through, up to some megabytes ahead of the echoes."""
    frame, echo = frame_of(size)
    per_batch = max(1, _BATCH_BYTES // len(frame))
    batch = memoryview(frame * per_batch)
    sock.setblocking(False)
    sent = received = place = 0
    start = time.perf_counter()
    end = start + seconds
    while True:
        stopping = place == 0 and time.perf_counter() > end
        if stopping and received >= sent * echo:
            return sent, time.perf_counter() - start
        ahead = sent * len(frame) - received * len(frame) // echo
        wants_write = place > 0 or (not stopping and ahead < _AHEAD_BYTES)
        readable, writable, _ = select.select([sock], [sock] if wants_write else [], [], _PATIENCE_SECONDS)
        if not readable and not writable:
            raise RuntimeError(f"nothing moves: {sent} messages sent, {received} bytes came back")
        if readable:
            received += len(sock.recv(_READ_BYTES))
        if writable:
            place += sock.send(batch[place:])
            if place == len(batch):
                place = 0
                sent += per_batch


def single(sock: socket.socket, seconds: float, size: int) -> tuple[int, float]:
    """One message in flight."""
    frame, echo = frame_of(size)
    count = 0
    start = time.perf_counter()
    end = start + seconds
    while time.perf_counter() < end:
        sock.sendall(frame)
        received = 0
        while received < echo:
            received += len(sock.recv(_READ_BYTES))
        count += 1
    return count, time.perf_counter() - start


def main() -> None:
    port, seconds, size, way = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    with connect(port) as sock:
        count, taken = (pipelined if way == "pipelined" else single)(sock, seconds, size)
    print(json.dumps({"messages": count, "seconds": taken}))


if __name__ == "__main__":
    main()
