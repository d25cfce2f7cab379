"""The window under a flood: event-loop gaps, memory, and whether every frame is in the file.

    python -m tests.bench.flood [--rate 50000] [--seconds 10] [--size 32] [--echo] [--active 1] [--idle 0]

Runs the real window (offscreen where there is no display) with its table following the tail; the client is a
process of its own. The gap is the time between two turns of the window's event loop, seen by a 1 ms timer.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

from app.desktop import Desktop
from app.display import missing_display
from app.settings import Settings
from core.capture.session_files import CaptureFolder
from core.net.loop import tune_interpreter
from core.net.settings import AutoReply, ListenAddress

_SAMPLE_MS = 500
_PATIENCE_SECONDS = 60


def resident_bytes() -> int:
    """The resident set of this process (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


class Flood:
    """One run."""

    def __init__(self, application: QApplication, folder: Path, options: argparse.Namespace) -> None:
        self._options = options
        self._application = application
        self._gaps: list[float] = []
        self._memory: list[int] = []
        settings = Settings.at(folder / "settings.ini")
        self._desktop = Desktop(application, settings, CaptureFolder(folder / "captures"))
        self._desktop.engine.set_auto_reply(AutoReply.ECHO if options.echo else AutoReply.NONE)
        self._last = 0.0
        self._client: subprocess.Popen[str] | None = None

    def run(self) -> None:
        desktop, options = self._desktop, self._options
        desktop.window.resize(1400, 900)
        desktop.show(ListenAddress("127.0.0.1", 0))
        window = desktop.window
        self._spin_until(lambda: bool(window.listening.addresses))
        port = window.listening.addresses[0].rpartition(":")[2]
        words = ["-m", "tests.bench.paced", port, str(options.rate), str(options.seconds), str(options.size)]
        words += [str(options.active), str(options.idle)]
        client = self._client = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)
        ticks, samples = QTimer(), QTimer()
        ticks.setTimerType(Qt.TimerType.PreciseTimer)
        ticks.timeout.connect(self._tick)
        samples.timeout.connect(lambda: self._memory.append(resident_bytes()))
        self._last = time.perf_counter()
        ticks.start(1)
        samples.start(_SAMPLE_MS)
        self._spin_until(lambda: client.poll() is not None)
        assert client.stdout is not None
        sent = json.loads(client.stdout.read())
        expected = sent["frames"] * (2 if options.echo else 1)
        self._spin_until(lambda: window.frame_model.rowCount() >= expected)
        ticks.stop()
        samples.stop()
        desktop.engine.recorder.flush()
        reader = desktop.desk.reader
        assert reader is not None
        self._report(sent, expected, reader.totals().frames - reader.totals().control_frames)

    def close(self) -> None:
        if self._client is not None:
            self._client.kill()
            self._client.wait()
        self._desktop.close()

    def _tick(self) -> None:
        now = time.perf_counter()
        self._gaps.append((now - self._last) * 1000)
        self._last = now

    def _spin_until(self, holds: object) -> None:
        assert callable(holds)
        deadline = time.monotonic() + self._options.seconds + _PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise RuntimeError("the flood did not end in time")
            self._application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 100)

    def _report(self, sent: dict[str, float], expected: int, recorded: int) -> None:
        gaps = sorted(self._gaps)

        def at(share: float) -> float:
            return gaps[min(len(gaps) - 1, int(len(gaps) * share))]

        half = len(self._memory) // 2
        print(f"sent      {sent['frames']:,.0f} frames in {sent['seconds']:.1f} s")
        print(
            f"recorded  {recorded:,} of {expected:,} data frames: {'all' if recorded == expected else 'NOT ALL'}"
        )
        print(
            f"gap       p50 {at(0.5):.1f} ms, p99 {at(0.99):.1f} ms, p99.9 {at(0.999):.1f} ms, max {gaps[-1]:.1f} ms"
        )
        megabytes = [value / 1e6 for value in self._memory]
        print(
            f"memory    start {megabytes[0]:.0f} MB, half-way {megabytes[half]:.0f} MB, "
            f"end {megabytes[-1]:.0f} MB, most {max(megabytes):.0f} MB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--active", type=int, default=1, help="connections that share the rate")
    parser.add_argument("--idle", type=int, default=0, help="connections that are open and silent")
    options = parser.parse_args()
    if missing_display() is not None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    tune_interpreter()
    application = QApplication(sys.argv[:1])
    with tempfile.TemporaryDirectory(prefix="unmask-flood-") as folder:
        flood = Flood(application, Path(folder), options)
        try:
            flood.run()
        finally:
            flood.close()


if __name__ == "__main__":
    main()
