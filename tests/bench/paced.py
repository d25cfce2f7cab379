"""A client that sends masked frames at a steady rate and reads whatever comes back.

    python -m tests.bench.paced PORT FRAMES_PER_SECOND SECONDS SIZE

Prints one line of JSON: frames sent, seconds taken.
"""

from __future__ import annotations

import contextlib
import json
import select
import sys
import time

from tests.bench.load import connect, frame_of

_TICK_SECONDS = 0.01
_DRAIN_SECONDS = 0.5


def main() -> None:
    port, rate, seconds, size = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    frame, _ = frame_of(size)
    sent = 0
    with connect(port) as sock:
        start = time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            due = min(int(elapsed * rate) - sent, rate)
            if due > 0:
                # Blocking: where the server pushes back, the rate falls behind and is caught up with later.
                sock.settimeout(None)
                sock.sendall(frame * due)
                sent += due
            while select.select([sock], [], [], 0)[0]:
                if not sock.recv(1 << 20):
                    raise RuntimeError(f"the server closed after {sent} frames")
            time.sleep(_TICK_SECONDS)
        taken = time.perf_counter() - start
        sock.settimeout(_DRAIN_SECONDS)
        with contextlib.suppress(TimeoutError):
            while sock.recv(1 << 20):
                pass
    print(json.dumps({"frames": sent, "seconds": taken}))


if __name__ == "__main__":
    main()
