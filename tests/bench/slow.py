"""Slow traffic, which makes a block of every frame: its size on the disk, and the time of a search.

    python -m tests.bench.slow [--frames 1000000] [--size 32] [--connections 4]

The same frames are recorded twice: dense, and as blocks of one frame that are merged whenever there are enough, as the
recorder does while it waits. To be quicker, a commit has 16 such blocks. Sizes are of the finished files; times are
those of the quickest of several scans.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from core.capture.legs import LegChange
from core.capture.reader import CaptureReader
from core.capture.records import View
from core.capture.writer import Batch, CaptureWriter
from core.protocol.events import Completes, FrameReceived, Report
from core.protocol.frames import Opcode, make_frame
from core.query.language import default_language
from core.query.scan import Scan
from tests.tools.captures import opened

SEARCHES = (
    '"99999"',
    'payload icontains "zebra"',
    "length > 1000",
    "connection == 2 and 777",
    "opcode == ping",
)
MOST_BYTES_BESIDE = 70
MOST_RATIO = 1.5
_DENSE = 4096
_SLOW = 16
_ROUNDS = 5
_STEP_NS = 1_000_000_000


def payload_of(number: int, size: int) -> bytes:
    return b'{"id":%d,"text":"%s"}' % (number, b"status ok " * (size // 10))


def batch(number: int, size: int, connections: int) -> Batch:
    frame = make_frame(Opcode.TEXT, payload_of(number, size)[:size], masking_key=number.to_bytes(4, "big"))
    event = FrameReceived(frame, (), Completes.ITSELF)
    return Batch(1 + number % connections, number * _STEP_NS, [event], size)


class SlowWriter(CaptureWriter):
    """Puts each batch into a block of its own, as if each came alone."""

    def _add(self, batch: Batch, events: Sequence[Report] | LegChange) -> None:
        super()._add(batch, events)
        self._end_block()


def record(
    writer: CaptureWriter, options: argparse.Namespace, at_once: int, between: Callable[[CaptureWriter], None]
) -> None:
    """Record all frames, so many a commit, and finish the capture."""
    frames, size, connections = options.frames, options.size, options.connections
    try:
        writer.write([opened(each) for each in range(1, connections + 1)])
        for first in range(0, frames, at_once):
            writer.write(
                [batch(each, size, connections) for each in range(first, min(first + at_once, frames))]
            )
            between(writer)
        while writer.merge(ending=True):
            pass
    finally:
        writer.close()


class Merging:
    """Puts small blocks together as the recorder does, and measures each step."""

    def __init__(self) -> None:
        self.steps: list[float] = []

    def __call__(self, writer: CaptureWriter) -> None:
        more = True
        while more:
            began = time.perf_counter()
            more = writer.merge()
            if more:
                self.steps.append(time.perf_counter() - began)


def search(path: Path, text: str) -> tuple[float, int]:
    """Seconds of the quickest scan, and how many frames match."""
    quickest, count = float("inf"), 0
    for _ in range(_ROUNDS):
        with closing(Scan(path, default_language().parse(text))) as scan:
            began = time.perf_counter()
            count = sum(len(found.frames) for found in scan.run())
            quickest = min(quickest, time.perf_counter() - began)
    return quickest, count


def rows(path: Path) -> float:
    """Seconds for a screen of rows from the middle of the list of a connection."""
    with closing(CaptureReader(path)) as reader:
        count = reader.count(View(2))
        began = time.perf_counter()
        assert len(reader.rows(View(2), count // 2, 60)) == 60
        return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--connections", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unmask-slow-") as folder:
        dense, slow = Path(folder) / "dense.unmask", Path(folder) / "slow.unmask"
        record(CaptureWriter(dense, "slow"), options, _DENSE, lambda _writer: None)
        merging = Merging()
        began = time.perf_counter()
        record(SlowWriter(slow, "slow"), options, _SLOW, merging)
        seconds = time.perf_counter() - began
        steps = sorted(merging.steps)
        print(f"{options.frames:,} frames of {options.size} B, one a block: {seconds:.1f} s")
        half, most = steps[len(steps) // 2] * 1e3, steps[len(steps) * 99 // 100] * 1e3
        print(f"merging: {len(steps)} steps, {sum(steps):.1f} s of it")
        print(
            f"a step: half within {half:.1f} ms, 99 % within {most:.1f} ms, longest {steps[-1] * 1e3:.1f} ms"
        )
        good = True
        for name, path in (("dense", dense), ("slow", slow)):
            beside = path.stat().st_size / options.frames - options.size
            print(f"{name}: payload + {beside:.1f} bytes a frame; 60 rows in {rows(path) * 1e3:.1f} ms")
            good &= beside <= MOST_BYTES_BESIDE
        for text in SEARCHES:
            (before, expected), (after, found) = search(dense, text), search(slow, text)
            assert found == expected, text
            print(
                f"{text}: {before * 1e3:.0f} ms dense, {after * 1e3:.0f} ms slow, {after / before:.2f} times"
            )
            good &= after <= MOST_RATIO * before
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
