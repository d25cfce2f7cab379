"""Help ▸ Diagnostics: what is measured of the window, and how it is shown."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from websockets.sync.client import connect

from app.actions.registry import ActionId
from app.dialogs.diagnostics_dialog import DiagnosticsDialog
from app.logic.sampling import Sample, WindowGauges, WindowSpreads
from app.look.theme import Theme
from app.runtime.gauges import TICK_MS, LoopGauge, PaintGauge
from app.window.desktop import Desktop
from core.capture.records import Direction, FrameRow
from core.capture.timings import Spread, Timings
from core.protocol.events import Origin
from tests.tools.qt import dispose

MILLI = 1_000_000


def row(frame: int, *, time_ns: int) -> FrameRow:
    return FrameRow(
        id=frame, connection=1, number=frame, time_ns=time_ns, direction=Direction.CLIENT_TO_SERVER, origin=Origin.PEER,
        head=0x81, masked=True, length_form=0, declared_length=0, captured_length=0, preview=b"", message=None,
        violation_count=0, severity=0,
    )  # fmt: skip


class Clock:
    """A clock that stands still until it is moved."""

    now = 1000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def gauges() -> WindowGauges:
    return WindowGauges(Timings(), Timings(), Timings())


def test_a_loop_that_is_held_up_comes_late(qtbot: QtBot) -> None:
    owner, gap = QObject(), Timings()
    gauge = LoopGauge(gap, owner)
    gauge.start()
    qtbot.waitUntil(lambda: gap.since_start() is not None)
    gap.reset()
    held_until = time.perf_counter_ns() + 50 * MILLI
    while time.perf_counter_ns() < held_until:
        pass
    qtbot.waitUntil(lambda: gap.since_start() is not None)
    gauge.stop()
    late = gap.since_start()
    assert late is not None
    assert late.longest >= (50 - 2 * TICK_MS) * MILLI
    dispose(owner)


def test_a_row_is_timed_once_when_it_is_painted_first(gauges: WindowGauges) -> None:
    clock = Clock()
    gauge = PaintGauge(gauges, clock)
    clock.now = 5000
    for newest in (row(7, time_ns=2000), row(7, time_ns=2000), None):
        gauge.painted(300, newest)
    latency, paint = gauges.latency.recent(), gauges.paint.recent()
    assert latency == Spread(1, 3000, 3000, 3000)
    assert paint == Spread(3, 300, 300, 300)


def test_a_row_that_could_not_be_painted_before_is_not_timed(gauges: WindowGauges) -> None:
    clock = Clock()
    gauge = PaintGauge(gauges, clock)
    clock.now = 5000
    gauge.restart()
    gauge.painted(300, row(7, time_ns=4999))
    assert gauges.latency.recent() is None
    clock.now = 6000
    gauge.painted(300, row(8, time_ns=5500))
    assert gauges.latency.recent() == Spread(1, 500, 500, 500)


def spread_of(milliseconds: int) -> Spread:
    return Spread(9, milliseconds * MILLI, 2 * milliseconds * MILLI, 3 * milliseconds * MILLI)


def test_what_is_shown_can_be_copied_as_text(theme: Theme, qtbot: QtBot) -> None:
    dialog = DiagnosticsDialog(theme)
    qtbot.addWidget(dialog)
    window = WindowSpreads(spread_of(2), spread_of(3), None)
    sample = Sample(1, 12_345, 999.6, 2, 1_500_000, 4, 2_000_000, None, 150_000_000, spread_of(1), window)
    dialog.show_sample(sample, (spread_of(5), spread_of(6), None, spread_of(7)))
    with qtbot.waitSignal(dialog.copy_wanted) as copied:
        button(dialog, "Copy as text").click()
    assert copied.args == [dialog.text()]
    assert dialog.text().replace("\u202f", " ").splitlines() == [
        "Recording: 1 000/s (12 345 frames, 2 lost)",
        "Backlog: 1.5 MB (to be written)",
        "Memory: 150 MB (in RAM)",
        "Connections: 4 (open)",
        "Capture: 2.0 MB (on disk)",
        "Disk: – (free)",
        "Times, Last 10 s, Since opened or reset",
        "Commit: half ≤ 1.00 ms, 99 % ≤ 2.00 ms, longest 3.00 ms; half ≤ 5.00 ms, 99 % ≤ 10.0 ms, longest 15.0 ms",
        "Event loop: half ≤ 2.00 ms, 99 % ≤ 4.00 ms, longest 6.00 ms; half ≤ 6.00 ms, 99 % ≤ 12.0 ms, longest 18.0 ms",
        "Paint: half ≤ 3.00 ms, 99 % ≤ 6.00 ms, longest 9.00 ms; half ≤ –, 99 % ≤ –, longest –",
        "Socket to pixel: half ≤ –, 99 % ≤ –, longest –; half ≤ 7.00 ms, 99 % ≤ 14.0 ms, longest 21.0 ms",
    ]


def button(dialog: DiagnosticsDialog, text: str) -> QPushButton:
    [found] = [each for each in dialog.findChildren(QPushButton) if each.text().replace("&", "") == text]
    return found


def test_the_window_is_measured_while_its_figures_are_open(
    desktop: Desktop, address: str, qtbot: QtBot
) -> None:
    diagnostics = desktop.window.diagnostics
    desktop.window.actions_[ActionId.DIAGNOSTICS].trigger()
    dialog = diagnostics.dialog
    assert dialog is not None
    assert dialog.isVisible()
    assert not dialog.isModal()
    with connect(f"ws://{address}/") as client:
        client.send("hello")
        qtbot.waitUntil(lambda: diagnostics.gauges.latency.since_start() is not None)
        qtbot.waitUntil(lambda: "(1 frame)" in dialog.text() and "Connections: 1" in dialog.text())
    assert diagnostics.gauges.paint.since_start() is not None
    assert diagnostics.gauges.gap.since_start() is not None
    button(dialog, "Reset").click()
    assert diagnostics.gauges.latency.since_start() is None
    dialog.reject()
    assert diagnostics.dialog is None
    diagnostics.reset()
    desktop.window.frames.viewport().repaint()
    assert diagnostics.gauges.paint.since_start() is None


def test_a_capture_of_old_is_not_late(desktop: Desktop, address: str, qtbot: QtBot) -> None:
    """Rows that were recorded before they could be shown say nothing of the window."""
    window = desktop.window
    with connect(f"ws://{address}/") as client:
        client.send("hello")
        qtbot.waitUntil(lambda: window.frame_model.rowCount() > 0)
    window.diagnostics.measure()
    window.frame_model.set_reader(desktop.desk.reader)
    window.frames.viewport().repaint()
    assert window.diagnostics.gauges.paint.since_start() is not None
    assert window.diagnostics.gauges.latency.since_start() is None


def test_the_figures_of_a_window_go_to_a_file(desktop: Desktop, tmp_path: Path) -> None:
    path = tmp_path / "figures.jsonl"
    # An empty window shows the ways to begin in place of the frames.
    desktop.window.beginning.close()
    desktop.window.diagnostics.write_to(path)
    desktop.window.frames.viewport().repaint()
    desktop.window.diagnostics.stop()
    line = json.loads(path.read_text("ascii").splitlines()[-1])
    assert line["paint_max_ms"] > 0
