"""Clients that send masked frames at a steady rate and read whatever comes back.

    python -m tests.bench.paced PORT FRAMES_PER_SECOND SECONDS SIZE [ACTIVE [IDLE]]

ACTIVE connections (1) take turns with the frames; IDLE ones (0) are open and silent. Prints one line of JSON: frames
sent, seconds taken.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import selectors
import socket
import sys
import time

from tests.bench.load import connect, frame_of

_TICK_SECONDS = 0.01


def main() -> None:
    port, rate, seconds, size = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    active = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    idle = int(sys.argv[6]) if len(sys.argv) > 6 else 0
    frame, _ = frame_of(size)
    with contextlib.ExitStack() as open_sockets:
        silent = [open_sockets.enter_context(connect(port)) for _ in range(idle)]
        talking = [open_sockets.enter_context(connect(port)) for _ in range(active)]
        start = time.perf_counter()
        sent = _talk(talking, frame, rate, seconds)
        taken = time.perf_counter() - start
        for sock in (*talking, *silent):
            _drain(sock)
    print(json.dumps({"frames": sent, "seconds": taken}))


def _talk(talking: list[socket.socket], frame: bytes, rate: int, seconds: float) -> int:
    sent = 0
    turns = itertools.cycle(talking)
    answers = selectors.DefaultSelector()
    for each in talking:
        answers.register(each, selectors.EVENT_READ)
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        due = min(int(elapsed * rate) - sent, rate)
        # Blocking: where the server pushes back, the rate falls behind and is caught up with later.
        share = -(-due // len(talking))
        while due > 0:
            part = min(share, due)
            next(turns).sendall(frame * part)
            sent += part
            due -= part
        for key, _ in answers.select(0):
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            if not sock.recv(1 << 20):
                raise RuntimeError(f"the server closed after {sent} frames")
        time.sleep(_TICK_SECONDS)
    answers.close()
    return sent


def _drain(sock: socket.socket) -> None:
    """Read what is still to come: closing with bytes unread would reset the connection."""
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while sock.recv(1 << 20):
            pass


if __name__ == "__main__":
    main()
