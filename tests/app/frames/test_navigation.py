"""Going to a frame or a time in the real window."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.dialogs.go_to_dialog import GoToDialog, moment
from app.window.desktop import Desktop
from core.capture.records import View
from core.protocol.frames import Opcode
from tests.tools.recorded import START_NS, STEP_NS, CaptureMaker


@pytest.fixture
def window_with_frames(desktop: Desktop, tmp_path: Path) -> Desktop:
    """Frames 1 to 1000 on connection 1; 1001 a pong; 1002 to 1011 on connection 2. Then a second of silence, 1012."""
    path = tmp_path / "old.unmask"
    with CaptureMaker(path) as maker:
        first, second = maker.peer("/a"), maker.peer("/b")
        first.flood(1000)
        first.frame(Opcode.PONG, b"x")
        second.flood(10)
        for _ in range(1_000_000_000 // STEP_NS):
            maker.tick()
        first.say("later")
    assert desktop.window.commands.open(path)
    return desktop


def ask(desktop: Desktop, text: str) -> GoToDialog:
    """The dialog, with that typed into it."""
    desktop.window.actions_[ActionId.GO_TO].trigger()
    [dialog] = [each for each in desktop.window.findChildren(GoToDialog) if each.isVisible()]
    QTest.keyClicks(dialog.input, text)
    return dialog


def go(desktop: Desktop, text: str) -> int | None:
    """Where it leads to."""
    dialog = ask(desktop, text)
    assert dialog.go.isEnabled(), dialog.answer.text()
    QTest.keyClick(dialog.input, Qt.Key.Key_Return)
    assert not dialog.isVisible()
    return desktop.window.frames.current_frame


def test_numbers_shares_times_and_steps(window_with_frames: Desktop, qtbot: QtBot) -> None:
    desktop = window_with_frames
    assert go(desktop, "500") == 500
    assert go(desktop, "+100") == 600
    assert go(desktop, "-599") == 1
    assert go(desktop, "100%") == 1012
    assert go(desktop, "500ms") == 1012
    assert go(desktop, "-1001ms") == 1002
    assert go(desktop, "0s") == 1
    at = datetime.fromtimestamp(START_NS // 10**9)
    assert go(desktop, f"{at:%H:%M:%S}.5") == 1012
    assert go(desktop, f"{at:%Y-%m-%d %H:%M:%S}") == 1
    assert desktop.window.frames.hasFocus()
    window = desktop.window
    qtbot.waitUntil(
        lambda: window.selection.connection is not None and window.selection.connection.path == "/a"
    )


def test_it_says_where_it_would_go(window_with_frames: Desktop) -> None:
    dialog = ask(window_with_frames, "7")
    reader = window_with_frames.desk.reader
    assert reader is not None
    [row] = reader.rows_of((7,))
    assert dialog.answer.text() == f"Frame 7 at {moment(row.time_ns)}."
    dialog.input.setText("5000")
    assert dialog.answer.text().startswith("Frame 1\u202f012 at ")
    assert dialog.answer.text().endswith("The capture does not reach further.")
    dialog.input.setText("-5")
    assert dialog.answer.text().startswith("Frame 1 at "), "the table has selected its first row by itself"
    dialog.input.setText("7 o'clock")
    assert dialog.answer.text().startswith("That is no place in a capture")
    assert not dialog.go.isEnabled()
    QTest.keyClick(dialog.input, Qt.Key.Key_Return)
    assert dialog.isVisible()
    dialog.input.clear()
    assert dialog.answer.text() == ""
    dialog.reject()


@pytest.mark.parametrize(
    ("connection", "control", "text", "frame", "why"),
    [
        (2, True, "500", 1002, "it is of connection #1"),
        (1, True, "1005", 1012, "it is of connection #2"),
        (None, False, "1001", 1002, "control frames are hidden"),
        (2, True, "1012", 1011, "it is of connection #1"),
    ],
)
def test_what_the_list_has_not(
    window_with_frames: Desktop, connection: int | None, control: bool, text: str, frame: int, why: str
) -> None:
    window = window_with_frames.window
    window.connections.choose(connection)
    window.actions_[ActionId.SHOW_CONTROL].setChecked(control)
    assert window.frame_model.view == View(connection, control)
    assert go(window_with_frames, text) == frame
    assert why in window.banner.text
    assert "is not in the list" in window.banner.text
    assert window.frame_model.view == View(connection, control), "nothing is chosen for that"


def test_what_a_filter_hides(window_with_frames: Desktop, qtbot: QtBot) -> None:
    window = window_with_frames.window
    window.filtering.apply("number == 5")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 2)
    assert go(window_with_frames, "3") == 5
    assert "the filter hides it" in window.banner.text
    assert go(window_with_frames, "900") == 1006


def test_where_there_are_no_frames(desktop: Desktop) -> None:
    dialog = ask(desktop, "1")
    assert dialog.answer.text() == "The capture has no frames: there is nowhere to go."
    dialog.reject()


def test_a_list_without_rows(window_with_frames: Desktop, qtbot: QtBot) -> None:
    window = window_with_frames.window
    window.filtering.apply("number == 77777")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 0)
    assert go(window_with_frames, "3") == 1, "the selection stays as it was"
    assert window.banner.text == "The list has no frames at present."


def test_times_that_are_on_no_day() -> None:
    assert moment(2**63 - 1).startswith("2262-04-11 ")
    assert moment(10**30).endswith(" ns")
