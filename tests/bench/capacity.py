"""A capture of many millions of frames: how long to open it, to jump anywhere in it, and how much memory that takes.

    python -m tests.bench.capacity [--frames 10000000] [--size 32] [--keep FILE]

The capture is built through the real recorder; it is read by a fresh process, with the real table model and window.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from core.capture.reader import CaptureReader
from core.capture.recorder import Recorder, RecorderCallbacks
from core.capture.records import Direction, Mode, View
from core.capture.tracks import Opened
from core.protocol.events import Completes, Event, FrameReceived, FrameSent, Origin
from core.protocol.frames import FIN, Frame, Opcode

_BATCH = 2000
_CONNECTIONS = 20
_JUMPS = 200


def build(path: Path, frames: int, size: int) -> float:
    """Record so many frames of several connections; the seconds it took until all was on disk."""
    drained = threading.Event()
    recorder = Recorder(path, "capacity", RecorderCallbacks(lambda: None, drained.set, _fail))
    opened = Opened(Mode.LISTEN, "127.0.0.1:1", "127.0.0.1:2")
    chance = random.Random(1)
    start = time.perf_counter()
    ids = [recorder.open_connection(opened, time.time_ns()) for _ in range(_CONNECTIONS)]
    for first in range(0, frames, _BATCH):
        payloads = [chance.randbytes(size) for _ in range(_BATCH // 2)]
        received = [Frame(FIN | Opcode.BINARY, b"\x01\x02\x03\x04", payload, 0, size) for payload in payloads]
        sent = [frame._replace(masking_key=None) for frame in received]
        events: list[Event] = [FrameReceived(frame, (), Completes.ITSELF) for frame in received]
        events += [FrameSent(frame, Origin.RULE, Completes.ITSELF) for frame in sent]
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


def _fail(error: Exception) -> None:
    raise error


def read(path: Path) -> None:
    """Open, jump, measure; in a process of its own."""
    start = time.perf_counter()
    reader = CaptureReader(path)
    view = View()
    count = reader.count(view)
    reader.rows(view, max(count - 100, 0), 100)
    print(f"open to first rows       {(time.perf_counter() - start) * 1000:.1f} ms, {count:,} rows")
    chance = random.Random(2)
    for name, each in (("all", view), ("one connection", View(3)), ("without control", View(None, False))):
        rows = reader.count(each)
        taken: list[float] = []
        for _ in range(_JUMPS):
            first = chance.randrange(max(rows - 100, 1))
            start = time.perf_counter()
            assert reader.rows(each, first, 100)
            taken.append((time.perf_counter() - start) * 1000)
        taken.sort()
        print(
            f"jump, {name:<18} median {statistics.median(taken):.1f} ms, p99 {taken[int(len(taken) * 0.99)]:.1f} ms, "
            f"max {taken[-1]:.1f} ms"
        )
    reader.close()


def show(path: Path) -> None:
    """Open the capture in the real window, jump and paint. Runs in a process of its own."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    from app.logic.sampling import resident_bytes
    from app.settings import Settings
    from app.window.desktop import Desktop
    from core.capture.session_files import CaptureFolder

    application = QApplication(sys.argv[:1])
    with tempfile.TemporaryDirectory(prefix="unmask-capacity-") as folder:
        desktop = Desktop(application, Settings.at(Path(folder) / "s.ini"), CaptureFolder(Path(folder) / "c"))
        window = desktop.window
        window.resize(1400, 900)
        window.show()
        application.processEvents()
        start = time.perf_counter()
        window.commands.open(path)
        window.frames.go_to_last()
        application.processEvents()
        window.frames.viewport().repaint()
        print(f"window: open and paint   {(time.perf_counter() - start) * 1000:.1f} ms")
        chance = random.Random(3)
        taken: list[float] = []
        for _ in range(_JUMPS):
            row = chance.randrange(window.frame_model.rowCount())
            start = time.perf_counter()
            window.frames.go_to_row(row)
            window.frames.viewport().repaint()
            taken.append((time.perf_counter() - start) * 1000)
            application.processEvents()
        taken.sort()
        print(
            f"window: jump and paint   median {statistics.median(taken):.1f} ms, "
            f"p99 {taken[int(len(taken) * 0.99)]:.1f} ms, max {taken[-1]:.1f} ms"
        )
        print(f"window: memory           {(resident_bytes() or 0) / 1e6:.0f} MB")
        desktop.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=10_000_000)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument(
        "--keep", type=Path, help="build the capture here and leave it, or use the one that is there"
    )
    parser.add_argument("--step", choices=("read", "show"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step is not None:
        (read if options.step == "read" else show)(options.keep)
        return
    with tempfile.TemporaryDirectory(prefix="unmask-capacity-") as folder:
        path = options.keep or Path(folder) / "capacity.unmask"
        if not path.exists():
            seconds = build(path, options.frames, options.size)
            size = path.stat().st_size
            print(
                f"recorded {options.frames:,} frames in {seconds:.1f} s ({options.frames / seconds:,.0f}/s)"
            )
            print(
                f"on disk  {size:,} bytes: payload + {size / options.frames - options.size:.1f} bytes a frame"
            )
        for step in ("read", "show"):
            subprocess.run(
                [sys.executable, "-m", "tests.bench.capacity", "--keep", str(path), "--step", step],
                check=True,
            )


if __name__ == "__main__":
    main()
