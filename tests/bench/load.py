"""The load generator: a raw client in a process of its own. Frames are encoded beforehand; it counts echoed bytes.

    echo PORT SECONDS SIZE CONNECTIONS pipelined|single | python -m tests.bench.load

Answers each such line with one line of JSON, a `Load`.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from enum import Enum
from itertools import cycle

from core.protocol.frames import Opcode, encode_header, make_frame, shortest_length_form
from tests.bench.secured import client_context

_AHEAD_BYTES = 512 * 1024
"""Unanswered bytes of all connections together: the slowest server answers them within a second or so."""
_BATCHES_AHEAD = 8
_REPEATED_FROM = 4096
"""Least size of messages that a server could store once and refer to."""
_DISTINCT_BYTES = 16 * 1024 * 1024
"""Bytes after which such messages come again."""
_READ_BYTES = 256 * 1024
_PATIENCE_SECONDS = 30.0


class Way(Enum):
    """How far ahead of the echoes a connection may be."""

    PIPELINED = "pipelined"
    """Keep sending, up to some megabytes ahead."""
    SINGLE = "single"
    """One message in flight."""


@dataclass(frozen=True, slots=True)
class Load:
    """What went through."""

    messages: int
    """Sent, and echoed whole."""
    began: float
    """Seconds of the system's monotonic clock."""
    ended: float
    cpu_seconds: float
    """What the generator itself took meanwhile."""


def connect(port: int) -> socket.socket:
    """A socket whose opening handshake is done; permessage-deflate is not offered."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    context = client_context()
    if context is not None:
        sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
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


def batch_of(size: int, count: int) -> memoryview:
    """So many frames, one behind the other."""
    return memoryview(b"".join(frame_of(size)[0] for _ in range(count)))


class _Pipe:
    """One connection: sends batches of frames, no further ahead of the echoes than it may."""

    def __init__(self, sock: socket.socket, batches: Iterator[memoryview], echoes: int, ahead: int) -> None:
        """`batches` has no end, and all are of the same length."""
        self.sock = sock
        self._batches = batches
        self._batch = next(batches)
        self._echoes = echoes
        """Bytes that come back for a batch."""
        self._ahead = ahead
        self._place = 0
        self._due = 0
        """Bytes still to come back."""
        self.batches = 0
        self.stopping = False
        sock.setblocking(False)

    @property
    def interest(self) -> int:
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self.wants_write else 0)

    @property
    def wants_write(self) -> bool:
        return self._place > 0 or (not self.stopping and self._due < self._ahead)

    @property
    def done(self) -> bool:
        return self.stopping and self._place == 0 and self._due <= 0

    def read(self, buffer: bytearray) -> None:
        is_secured = isinstance(self.sock, ssl.SSLSocket)
        with suppress(ssl.SSLWantReadError):
            while True:
                count = self.sock.recv_into(buffer)
                if not count:
                    raise RuntimeError("the server closed the connection")
                self._due -= count
                # A selector does not know of what OpenSSL has read already.
                if not is_secured:
                    return

    def write(self) -> None:
        try:
            self._place += self.sock.send(self._batch[self._place :] if self._place else self._batch)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return
        if self._place == len(self._batch):
            self._place = 0
            self._batch = next(self._batches)
            self._due += self._echoes
            self.batches += 1


def move(pipes: list[_Pipe], seconds: float) -> int:
    """Keep all pipes busy for so long, then wait for the last echo; how many batches went through."""
    buffer = bytearray(_READ_BYTES)
    busy = len(pipes)
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe.sock, pipe.interest, pipe)
        end = time.monotonic() + seconds
        while busy:
            ready = selector.select(_PATIENCE_SECONDS)
            if not ready:
                raise RuntimeError(f"nothing moves: {sum(pipe.batches for pipe in pipes)} batches were sent")
            late = time.monotonic() > end
            for key, events in ready:
                pipe = key.data
                if events & selectors.EVENT_READ:
                    pipe.read(buffer)
                pipe.stopping = late
                if pipe.wants_write:
                    pipe.write()
                interest = pipe.interest
                if pipe.done:
                    selector.unregister(pipe.sock)
                    busy -= 1
                elif interest != key.events:
                    selector.modify(pipe.sock, interest, pipe)
    return sum(pipe.batches for pipe in pipes)


def to_and_fro(sock: socket.socket, seconds: float, frames: Iterator[memoryview], echo: int) -> int:
    """One connection, one message in flight, without what many connections cost; how many messages."""
    buffer = bytearray(_READ_BYTES)
    count = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sock.sendall(next(frames))
        due = echo
        while due > 0:
            got = sock.recv_into(buffer)
            if not got:
                raise RuntimeError("the server closed the connection")
            due -= got
        count += 1
    return count


def run(port: int, seconds: float, size: int, connections: int, way: Way) -> Load:
    """Load the server at `port`."""
    most = _AHEAD_BYTES // connections
    per_batch = max(1, most // _BATCHES_AHEAD // size) if way is Way.PIPELINED else 1
    echoes = per_batch * frame_of(size)[1]
    count = -(-_DISTINCT_BYTES // (per_batch * size)) if size >= _REPEATED_FROM else 1
    # All connections take of the same.
    batches = cycle([batch_of(size, per_batch) for _ in range(count)])
    # A large message goes out when half of the one before it is back.
    ahead = max(most, echoes + echoes // 2) if way is Way.PIPELINED else 1
    with ExitStack() as open_sockets:
        socks = [open_sockets.enter_context(connect(port)) for _ in range(connections)]
        began, cpu = time.monotonic(), time.process_time()
        if way is Way.SINGLE and connections == 1:
            count = to_and_fro(socks[0], seconds, batches, echoes)
        else:
            count = move([_Pipe(sock, batches, echoes, ahead) for sock in socks], seconds)
        return Load(count * per_batch, began, time.monotonic(), time.process_time() - cpu)


def main() -> None:
    for line in sys.stdin:
        port, seconds, size, connections, way = line.split()
        load = run(int(port), float(seconds), int(size), int(connections), Way(way))
        print(json.dumps(asdict(load)), flush=True)


if __name__ == "__main__":
    main()
