"""A relay under clients that come and go in every way, and with a large body: are memory and descriptors flat (Linux)?

python -m tests.bench.relay_soak [--minutes 1] [--mib 1024]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools.answering import Answering, visit
from tests.tools.raw_peer import RawPeer

MIB = 1024 * 1024
_VISITORS = 4
_SAMPLE_SECONDS = 0.5


def sample(pid: int) -> tuple[int, int, int]:
    """Resident bytes, the most there ever were, and open descriptors of a process."""
    lines = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    resident, most = (int(lines[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return resident, most, len(list(Path(f"/proc/{pid}/fd").iterdir()))


def load_large(port: int, mib: int) -> float:
    """Load a large body through the relay; the seconds that it took."""
    began = time.monotonic()
    with RawPeer(port) as peer:
        peer.send(b"GET /large/%d HTTP/1.1\r\nHost: here\r\n\r\n" % (mib * MIB))
        peer.head()
        left = mib * MIB - len(peer.received)
        while left:
            left -= len(peer.socket.recv(min(MIB, left)))
    return time.monotonic() - began


def come_and_go(port: int, seconds: float, each: Callable[[], None]) -> int:
    """Visit with some clients at once, and call `each` now and then; how many visits there were."""
    end, counts = time.monotonic() + seconds, [0] * _VISITORS

    def visits(which: int) -> None:
        while time.monotonic() < end:
            visit(port, counts[which] * _VISITORS + which)
            counts[which] += 1

    threads = [threading.Thread(target=visits, args=(which,)) for which in range(_VISITORS)]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        time.sleep(_SAMPLE_SECONDS)
        each()
    for thread in threads:
        thread.join()
    return sum(counts)


@contextmanager
def relaying(target: int) -> Iterator[tuple[int, int]]:
    """A relay in a process of its own: its process and its port."""
    command = [sys.executable, "-m", "tests.bench.serve", "relay", str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.pid, int(process.stdout.readline())
        finally:
            process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--mib", type=int, default=1024, help="size of the body")
    options = parser.parse_args()
    with Answering() as server, relaying(server.port) as (pid, port):
        come_and_go(port, 2.0, lambda: None)
        before, _, _ = sample(pid)
        seconds = load_large(port, options.mib)
        grown = (sample(pid)[1] - before) / MIB
        print(
            f"relay: a body of {options.mib:,} MiB in {seconds:.1f} s ({options.mib / seconds:,.0f} MiB/s); "
            f"memory grew by {max(grown, 0.0):.0f} MiB at most"
        )
        samples: list[tuple[int, int, int]] = []
        count = come_and_go(port, options.minutes * 60, lambda: samples.append(sample(pid)))
        part = max(1, len(samples) // 10)
        print(f"relay: {count:,} clients came and went in {options.minutes * 60:.0f} s")
        for name, some in (("first tenth", samples[:part]), ("last tenth", samples[-part:])):
            resident, files = [each[0] / MIB for each in some], [each[2] for each in some]
            print(
                f"{name:<12} memory {min(resident):.0f}–{max(resident):.0f} MiB, descriptors {min(files)}–{max(files)}"
            )


if __name__ == "__main__":
    main()
