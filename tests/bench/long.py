"""Messages of 100 MiB: how long the window stands still while one is selected, paged through and searched.

    python -m tests.bench.long [--size 100] [--keep FILE]

The capture is built through the real engine, sent whole, in fragments and compressed; it is read by a fresh process
with the real window. Beside the longest gap between two turns of the event loop stands how much of the processor the
window's thread took at most in one turn: on a busy machine the gap is mostly waiting for a core.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from websockets.sync.client import connect

from app.settings import Settings
from app.window.desktop import Desktop
from core.capture.reader import CaptureReader
from core.capture.records import View
from core.capture.session_files import CaptureFolder
from core.net.settings import MIB, EngineSettings, Limits, ListenAddress
from tests.tools.served import Served

_FRAGMENT = 8 * MIB
_PATIENCE_SECONDS = 120.0


def build(path: Path, size: int) -> None:
    """A text, JSON of half its size, an endless line of a tenth, and bytes; three times."""
    text = (
        ("some words of a long text, 世界 Grüße\n" * (size // 40 + 1))
        .encode()[:size]
        .decode("utf-8", "ignore")
    )
    records = [{"id": number, "name": f"user {number}", "tags": ["a", None]} for number in range(size // 110)]
    messages: tuple[str | bytes, ...] = (
        text,
        json.dumps(records),
        "0123456789" * (size // 100),
        os.urandom(size),
    )
    limits = replace(Limits(), message_bytes=2 * size)
    with Served(path, EngineSettings(limits=limits)) as served:
        for compression, step in ((None, size), (None, _FRAGMENT), ("deflate", size)):
            with connect(served.url, compression=compression, max_size=None) as peer:
                for message in messages:
                    peer.send(_cut(message, step))
        served.closed(3)


def _cut(message: str | bytes, step: int) -> str | bytes | list[str] | list[bytes]:
    if len(message) <= step:
        return message
    places = range(0, len(message), step)
    if isinstance(message, str):
        return [message[at : at + step] for at in places]
    return [message[at : at + step] for at in places]


class Window:
    """The real window over a capture, and a watch on its event loop."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._app = QApplication([])
        settings = Settings.at(folder / "settings.ini")
        settings.address = ListenAddress("127.0.0.1", 0)
        self.desktop = Desktop(self._app, settings, CaptureFolder(folder / "captures"))
        self.window = self.desktop.window
        self.window.resize(1360, 860)
        self.window.show()
        self._turns: list[tuple[float, float]] = []
        self._last = (0.0, 0.0)
        self._timer = QTimer(interval=1)
        self._timer.timeout.connect(self._turn)
        self._timer.start()
        self.window.commands.open(path)
        self._spin(lambda: self.window.frame_model.rowCount() > 0)

    def measure(self, what: str, act: Callable[[], object], settled: Callable[[], bool]) -> None:
        """Do it, wait until it is done, and print a line."""
        self._turns.clear()
        self._last = (time.perf_counter(), time.thread_time())
        begun: list[object] = []
        QTimer.singleShot(0, lambda: begun.append(act()))
        start = time.perf_counter()
        self._spin(lambda: bool(begun) and settled())
        took = time.perf_counter() - start
        gap, cpu = (1000 * max(turn[kind] for turn in self._turns) for kind in (0, 1))
        print(f"{what:44} {gap:8.1f} {cpu:8.1f} {took:8.2f} {_resident():8}", flush=True)

    def _turn(self) -> None:
        now = (time.perf_counter(), time.thread_time())
        self._turns.append((now[0] - self._last[0], now[1] - self._last[1]))
        self._last = now

    def _spin(self, until: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE_SECONDS
        pause = time.monotonic() + 0.1
        while time.monotonic() < pause or (not until() and time.monotonic() < end):
            self._app.processEvents()
            time.sleep(0.0005)


def read(path: Path) -> None:
    """Select, page and search; in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Window(path, Path(folder))
        window, message = bench.window, bench.window.tabs.message
        print(f"{'':44} {'gap ms':>8} {'CPU ms':>8} {'took s':>8} {'RSS MB':>8}")
        for row, name in _long_rows(window.frame_model.rowCount(), path):
            select = partial(window.frames.go_to_row, row)
            for tab in ("frame", "bytes", "message"):
                window.frames.go_to_row(0)
                window.tabs.set_current_tab(tab)
                bench.measure(f"{name}: {tab}", select, lambda: message.is_settled)
            bench.measure("    last page", message.page_bar.last.click, lambda: message.is_settled)
            message.find_bar.input.setText("zebra")
            bench.measure(
                "    find",
                lambda: message.find_bar.search(backward=False),
                lambda: not message.finder.is_running,
            )
        window.leave()
        bench.desktop.close()


def _long_rows(count: int, path: Path) -> Iterator[tuple[int, str]]:
    """The row of each message longer than a megabyte, and how it was sent."""
    reader = CaptureReader(path)
    for row, frame in enumerate(reader.rows(View(), 0, count)):
        found = frame.message
        if found is not None and found.length > MIB:
            how = "compressed" if found.compressed else f"{found.frame_count} frames"
            kind = "text" if found.opcode == 1 else "bytes"
            yield row, f"{found.length / MIB:.0f} MiB of {kind}, {how}"
    reader.close()


def _resident() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=100, help="MiB of the longest message")
    parser.add_argument("--keep", type=Path, help="build the capture there, or take the one that is there")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read is not None:
        read(options.read)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder) / "long.unmask"
        if not path.exists():
            build(path, options.size * MIB)
        environment = os.environ | {"QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen")}
        command = [sys.executable, "-m", "tests.bench.long", "--read", str(path)]
        subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    main()
