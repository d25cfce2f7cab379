"""Filters over a capture of many frames: when the first rows are there, and a search of all payloads against grep.

    python -m tests.bench.filter [--frames 1000000] [--size 32] [--rounds 5] [--keep FILE]

The capture is built through the real recorder: JSON texts of several connections, one frame in ten thousand has the
word that is searched for. `grep -c` counts it in a file of the same payloads, one a line.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from app.logic.sampling import resident_bytes
from core.capture.block_reader import EVERY, BlockReader
from core.capture.columns import BlockColumns, Region
from core.capture.reader import CaptureReader
from core.capture.recorder import Recorder, RecorderCallbacks
from core.capture.records import Direction, Mode
from core.capture.tracks import Opened
from core.protocol.events import Completes, Event, FrameReceived
from core.protocol.frames import Frame, Opcode, make_frame
from core.protocol.violations import violation
from core.query.expressions import Expression
from core.query.language import default_language
from core.query.scan import Scan

_BATCH = 2000
_CONNECTIONS = 20
_WORD = b"Zebra"
_WORD_EVERY = 10_000
_BROKEN_EVERY = 100_003
_WORDS = [
    "alpha",
    "bravo",
    "charlie",
    "delta",
    "echo",
    "error",
    "event",
    "order",
    "price",
    "quote",
    "room",
    "session",
    "status",
    "user",
    "value",
]


def build(path: Path, frames: int, size: int) -> float:
    """Record so many frames; the seconds it took until all was on disk."""
    drained = threading.Event()
    recorder = Recorder(path, "filter", RecorderCallbacks(lambda: None, drained.set, _fail))
    opened = Opened(Mode.LISTEN, "127.0.0.1:1", "127.0.0.1:2")
    chance = random.Random(1)
    start = time.perf_counter()
    ids = [recorder.open_connection(opened, time.time_ns()) for _ in range(_CONNECTIONS)]
    texts = [_text(chance, size) for _ in range(5000)]
    for first in range(0, frames, _BATCH):
        events: list[Event] = [
            _event(first + index, chance.choice(texts)) for index in range(min(_BATCH, frames - first))
        ]
        recorder.record(
            ids[first // _BATCH % _CONNECTIONS],
            time.time_ns(),
            events,
            _BATCH * size,
            Direction.CLIENT_TO_SERVER,
        )
        while recorder.is_full:
            drained.wait(1.0)
            drained.clear()
    recorder.close()
    return time.perf_counter() - start


def _text(chance: random.Random, size: int) -> bytes:
    text = f'{{"id":{chance.randrange(10**6)},"text":"'
    while len(text) < size:
        text += chance.choice(_WORDS) + " "
    return text.encode()[: size - 2] + b'"}'


def _event(number: int, text: bytes) -> Event:
    if number % _WORD_EVERY == _WORD_EVERY // 2:
        text = text[: -len(_WORD) - 2] + _WORD + b'"}'
    frame = Frame(0x81, b"\x01\x02\x03\x04", text, 0 if len(text) < 126 else 1, len(text))
    if number % _BROKEN_EVERY == 1000:
        return FrameReceived(frame, (violation("length-not-minimal"),), Completes.ITSELF)
    if number % _BROKEN_EVERY == 2000:
        return FrameReceived(make_frame(Opcode.PING, text[:125], masking_key=b"\x01\x02\x03\x04"), (), None)
    return FrameReceived(frame, (), Completes.ITSELF)


def _fail(error: Exception) -> None:
    raise error


def write_lines(capture: Path, target: Path) -> None:
    """All payloads, one a line: they have no line ends in them."""
    with closing(BlockReader(capture)) as reader, target.open("wb") as out:
        after, last = 0, reader.last_frame_id()
        while keys := reader.choose(after, last, EVERY, 64):
            for key in keys:
                block = BlockColumns(reader, key)
                regions = block.regions(Region.CONTENT)
                spans = zip(regions.starts, regions.ends, strict=True)
                out.write(b"".join(block.payloads[start:end] + b"\n" for start, end in spans))
                after = key.first + key.count - 1


@dataclass(frozen=True, slots=True)
class Run:
    """One scan; all in seconds."""

    first: float
    """Until the first matches are there."""
    whole: float
    longest: float
    """The longest step: it stops no later when it is cancelled."""
    count: int
    """Frames that match."""


def scan(capture: Path, expression: Expression) -> Run:
    start = step = time.perf_counter()
    first, longest, count = 0.0, 0.0, 0
    with closing(Scan(capture, expression)) as scanning:
        for found in scanning.run():
            now = time.perf_counter()
            step, longest = now, max(longest, now - step)
            if found.frames and not count:
                first = now - start
            count += len(found.frames)
    return Run(first, time.perf_counter() - start, longest, count)


def grep(needle: str, lines: Path) -> None:
    """Its output is read: where that goes nowhere, grep stops at the first line."""
    words = needle.split(" ") if needle.startswith("-") else [needle]
    subprocess.run(["grep", "-c", *words, str(lines)], stdout=subprocess.PIPE, check=False)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _indexed(capture: Path) -> tuple[str, ...]:
    """Filters for which blocks are left out, some with matches at the very end only."""
    with closing(CaptureReader(capture)) as reader:
        last = reader.last_frame_id()
        start, end = (reader.rows_of([frame])[0].time_ns for frame in (reader.first_frame_id(), last - 1000))
    return (
        "connection == 7", "opcode == ping", "violation", "close.code", "severity >= error and connection == 3",
        "time.relative < 1ms", f"time.relative > {(end - start) // 1000}us", f"frame > {last - 10}",
        'path == "/none"', 'opcode == ping and payload contains "status"', "connection == 7 and Zebra",
        "violation and payload icontains error", f"frame > {last - 10} and json(\"$.id\") > 5",
    )  # fmt: skip


_UNINDEXED = ("time > 1ms", "length > 1MiB", "direction == server-to-client", "delta > 1s")
_SEARCHES = (
    ("Zebra", "Zebra"), ('"Zebra\\""', 'Zebra"'), ('"xyzzy"', "xyzzy"), ('"error error"', "error error"),
    ("status", "status"), ("e", "e"), ('payload matches "Z[a-f]bra"', "Z[a-f]bra"),
    ('payload matches "Z.*ra"', "Z.*ra"), ("payload icontains zebra", "-i zebra"),
    ("payload icontains status", "-i status"), ('payload matches "(?i)zebra"', "-i zebra"),
)  # fmt: skip


def measure(capture: Path, lines: Path, rounds: int) -> None:
    """Print medians."""
    language = default_language()
    for text in (*_indexed(capture), *_UNINDEXED):
        runs = [scan(capture, language.parse(text)) for _ in range(rounds)]
        print(f"{text:<46} {_said(runs)}")
    for text, needle in _SEARCHES:
        expression = language.parse(text)
        runs, greps = [], []
        for _ in range(rounds):
            runs.append(scan(capture, expression))
            greps.append(timed(lambda: grep(needle, lines)))  # noqa: B023
        ratio = statistics.median(run.whole / other for run, other in zip(runs, greps, strict=True))
        best = min(run.whole for run in runs) / min(greps)
        print(
            f"{text:<46} {_said(runs)}, grep -c {statistics.median(greps) * 1000:7.1f} ms, "
            f"ratio {ratio:.2f} (of the best {best:.2f})"
        )
    print(f"memory {(resident_bytes() or 0) / 1e6:.0f} MB")


def _said(runs: list[Run]) -> str:
    first, whole, longest = (
        statistics.median(each) * 1000
        for each in zip(*((run.first, run.whole, run.longest) for run in runs), strict=True)
    )
    found = f"first rows {first:7.1f} ms" if runs[0].count else "no rows              "
    return f"{found}, all {whole:8.1f} ms, longest step {longest:5.1f} ms, {runs[0].count:>10,} frames"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--keep", type=Path, help="build the capture here and leave it, or use the one that is there"
    )
    options = parser.parse_args()
    if shutil.which("grep") is None:
        raise SystemExit("There is no grep here to compare with.")
    with tempfile.TemporaryDirectory(prefix="unmask-filter-") as folder:
        path = options.keep or Path(folder) / "filter.unmask"
        if not path.exists():
            seconds = build(path, options.frames, options.size)
            print(f"recorded {options.frames:,} frames of {options.size} B in {seconds:.1f} s")
        lines = Path(folder) / "payloads"
        write_lines(path, lines)
        print(f"capture {path.stat().st_size / 1e6:,.0f} MB, payloads {lines.stat().st_size / 1e6:,.0f} MB")
        measure(path, lines, options.rounds)


if __name__ == "__main__":
    main()
