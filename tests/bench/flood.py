"""The window under a flood: how quickly it answers, memory, and whether every frame is in the file.

    python -m tests.bench.flood [--rate 10000 50000 100000] [--seconds 10] [--size 32] [--echo] [--active 1] [--idle 0]
                                [--filter TEXT] [--keep 100000frames]

Runs the real window (offscreen where there is no display) with its table following the tail, a run for each rate; the
client is a process of its own. The times are those that Help ▸ Diagnostics shows: how late the event loop comes to a
timer of 2 ms, how long the table of frames paints, how long from the socket to the pixel.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from app.logic.sampling import resident_bytes
from app.runtime.display import missing_display
from app.settings import Settings
from app.window.desktop import Desktop
from core.capture.ring import KEEP_ALL
from core.capture.session_files import CaptureFolder
from core.capture.timings import Timings
from core.net.loop import tune_interpreter
from core.net.settings import AutoReply, ListenAddress, parse_keep

_SAMPLE_MS = 500
_LOOK_MS = 20
_PATIENCE_SECONDS = 60


class Flood:
    """One run."""

    def __init__(
        self, application: QApplication, folder: Path, rate: int, options: argparse.Namespace
    ) -> None:
        self._options = options
        self._rate = rate
        self._application = application
        self._memory: list[int] = []
        settings = Settings.at(folder / "settings.ini")
        self._desktop = Desktop(
            application,
            settings,
            CaptureFolder(folder / "captures"),
            adjust=lambda engine: replace(engine, keep=options.keep),
        )
        self._desktop.engine.set_auto_reply(AutoReply.ECHO if options.echo else AutoReply.NONE)
        self._client: subprocess.Popen[str] | None = None

    def run(self) -> None:
        desktop, options = self._desktop, self._options
        desktop.window.resize(1400, 900)
        desktop.show(ListenAddress("127.0.0.1", 0))
        window = desktop.window
        self._spin_until(lambda: bool(window.listening.addresses))
        port = window.listening.addresses[0].rpartition(":")[2]
        words = ["-m", "tests.bench.paced", port, str(self._rate), str(options.seconds), str(options.size)]
        words += [str(options.active), str(options.idle)]
        client = self._client = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)
        samples = QTimer()
        samples.timeout.connect(lambda: self._memory.append(resident_bytes() or 0))
        samples.start(_SAMPLE_MS)
        if options.filter:
            window.filtering.apply(options.filter)
        window.diagnostics.measure()
        window.diagnostics.reset()
        self._spin_until(lambda: client.poll() is not None)
        assert client.stdout is not None
        sent = json.loads(client.stdout.read())
        expected = sent["frames"] * (2 if options.echo else 1)
        self._spin_until(lambda: window.connection_model.totals.frames >= expected)
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

    def _spin_until(self, holds: Callable[[], bool]) -> None:
        """Runs the window as a person's does: it sleeps where there is nothing to do."""
        deadline = time.monotonic() + self._options.seconds + _PATIENCE_SECONDS
        loop, looks = QEventLoop(), QTimer()
        looks.timeout.connect(lambda: loop.quit() if holds() or time.monotonic() > deadline else None)
        looks.start(_LOOK_MS)
        loop.exec()
        if not holds():
            raise RuntimeError("the flood did not end in time")

    def _report(self, sent: dict[str, float], expected: int, recorded: int) -> None:
        if self._options.filter:
            print(f"filter    {self._desktop.window.filter_bar.status.text()}")
        gauges, recorder = self._desktop.window.diagnostics.gauges, self._desktop.engine.recorder
        half = len(self._memory) // 2
        print(f"sent      {sent['frames']:,.0f} frames in {sent['seconds']:.1f} s")
        print(
            f"recorded  {recorded:,} of {expected:,} data frames: {'all' if recorded == expected else 'NOT ALL'}"
        )
        for name, timings in (
            ("gap", gauges.gap),
            ("paint", gauges.paint),
            ("latency", gauges.latency),
            ("commit", recorder.commits),
        ):
            print(f"{name:<9} {_spread(timings)}")
        megabytes = [value / 1e6 for value in self._memory]
        print(
            f"memory    start {megabytes[0]:.0f} MB, half-way {megabytes[half]:.0f} MB, "
            f"end {megabytes[-1]:.0f} MB, most {max(megabytes):.0f} MB"
        )


def _spread(timings: Timings) -> str:
    spread = timings.since_start()
    if spread is None:
        return "none"
    p50, p99, longest = (each / 1e6 for each in (spread.p50, spread.p99, spread.longest))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {longest:.1f} ms ({spread.count} times)"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, nargs="+", default=[10_000, 50_000, 100_000])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--active", type=int, default=1, help="connections that share the rate")
    parser.add_argument("--idle", type=int, default=0, help="connections that are open and silent")
    parser.add_argument("--keep", type=parse_keep, default=KEEP_ALL, help="such as 100000frames")
    parser.add_argument("--filter", default="", help="that the window is under meanwhile")
    options = parser.parse_args()
    if missing_display() is not None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    tune_interpreter()
    application = QApplication(sys.argv[:1])
    for rate in options.rate:
        print(f"{rate:,} frames/s, load {os.getloadavg()[0]:.1f} before")
        with tempfile.TemporaryDirectory(prefix="unmask-flood-") as folder:
            flood = Flood(application, Path(folder), rate, options)
            try:
                flood.run()
            finally:
                flood.close()


if __name__ == "__main__":
    main()
