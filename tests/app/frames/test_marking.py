"""Bookmarks and notes in the real window, over the capture being recorded and over one that was opened."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMenu, QPushButton
from pytestqt.qtbot import QtBot
from websockets.sync.client import connect

from app.actions.registry import ActionId
from app.dialogs.note_dialog import NoteDialog
from app.dialogs.question import Question
from app.dialogs.recovery_dialog import RecoveryDialog
from app.frames import marking
from app.frames.marking import Marking
from app.logic.frame_column import FrameColumn
from app.window.desktop import Desktop
from core.capture.marks import MAX_NOTE, DropMarks, KeepMarks, Mark, change_marks_of
from core.capture.reader import CaptureReader
from core.capture.session_files import CaptureFolder
from core.protocol.frames import Opcode
from tests.core.capture.test_marks import CHILD
from tests.core.capture.test_store import posix
from tests.tools.at_window import trigger
from tests.tools.recorded import CaptureMaker


@pytest.fixture
def live(desktop: Desktop, address: str, qtbot: QtBot) -> Desktop:
    """Five frames of a client: 1 to 5."""
    with connect(f"ws://{address}/live", compression=None) as client:
        for number in range(5):
            client.send(f"message {number}")
        qtbot.waitUntil(lambda: desktop.window.frame_model.rowCount() >= 5)
    return desktop


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A finished capture: text, pong, text on connection 1, text on connection 2."""
    path = tmp_path / "old.unmask"
    with CaptureMaker(path) as maker:
        peer = maker.peer("/a")
        peer.say("hello")
        peer.frame(Opcode.PONG, b"x")
        peer.say("bye")
        maker.peer("/b").say("other")
    return path


@pytest.fixture
def opened(desktop: Desktop, old: Path) -> Desktop:
    assert desktop.window.commands.open(old)
    return desktop


def marks_in(path: Path) -> dict[int, str]:
    with closing(CaptureReader(path)) as reader:
        return {mark.frame: mark.note for mark in reader.marks.some(0, 1000)}


def shown(desktop: Desktop) -> dict[int, str]:
    model = desktop.window.marking.model
    lines = (model.line(row) for row in range(model.rowCount()))
    return {line.mark.frame: line.mark.note for line in lines if line is not None}


def wait_for(desktop: Desktop, qtbot: QtBot, **notes: str) -> None:
    """Until these marks, such as `f3="note"`, are shown, and stand in the capture."""
    expected = {int(name.removeprefix("f")): note for name, note in notes.items()}
    qtbot.waitUntil(lambda: shown(desktop) == expected)
    assert desktop.desk.reader is not None
    assert marks_in(desktop.desk.reader.path) == expected


def visible_dialog(desktop: Desktop, kind: type[QDialog]) -> QDialog:
    [found] = [each for each in desktop.window.findChildren(kind) if each.isVisible()]
    return found


def write_note(desktop: Desktop, note: str) -> None:
    trigger(desktop, ActionId.EDIT_NOTE)
    dialog = visible_dialog(desktop, NoteDialog)
    assert isinstance(dialog, NoteDialog)
    dialog.edit.setPlainText(note)
    QTest.keyClick(dialog.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert not dialog.isVisible()


def press(desktop: Desktop, words: str) -> None:
    buttons = desktop.window.banner.findChildren(QPushButton)
    next(button for button in buttons if button.text() == words and not button.isHidden()).click()


# The capture being recorded.


def test_a_bookmark_comes_and_goes(live: Desktop, qtbot: QtBot) -> None:
    window = live.window
    window.frames.go_to_frame(3)
    trigger(live, ActionId.TOGGLE_MARK)
    wait_for(live, qtbot, f3="")
    assert window.sides.words(window.marking.list) == "Marks 1"
    trigger(live, ActionId.TOGGLE_MARK)
    wait_for(live, qtbot)
    assert window.sides.words(window.marking.list) == "Marks"
    assert window.banner.text == "", "nothing is lost that would be worth a word"


def test_all_selected_frames(live: Desktop, qtbot: QtBot) -> None:
    frames = live.window.frames
    frames.go_to_row(1)
    write_note(live, "stays")
    wait_for(live, qtbot, f2="stays")
    frames.selectAll()
    trigger(live, ActionId.TOGGLE_MARK)
    count = live.window.frame_model.rowCount()
    qtbot.waitUntil(lambda: len(shown(live)) == count)
    assert shown(live)[2] == "stays"
    trigger(live, ActionId.TOGGLE_MARK)
    wait_for(live, qtbot)
    assert live.window.banner.text == "A note was removed."
    press(live, "&Undo")
    qtbot.waitUntil(lambda: len(shown(live)) == count)
    assert shown(live)[2] == "stays"
    assert live.window.banner.text == ""


def test_only_so_many_at_once(live: Desktop, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "AT_ONCE", 2)
    live.window.frames.selectAll()
    trigger(live, ActionId.TOGGLE_MARK)
    wait_for(live, qtbot, f1="", f2="")
    assert live.window.banner.text.startswith("The first 2 of the selected frames are taken")


def test_a_note_is_written_and_changed(live: Desktop, qtbot: QtBot) -> None:
    live.window.frames.go_to_frame(2)
    write_note(live, "  first\nlogin  ")
    wait_for(live, qtbot, f2="first\nlogin")
    trigger(live, ActionId.EDIT_NOTE)
    dialog = visible_dialog(live, NoteDialog)
    assert isinstance(dialog, NoteDialog)
    assert dialog.edit.toPlainText() == "first\nlogin"
    assert dialog.windowTitle() == "Note on frame 2"
    dialog.edit.setPlainText("x" * (MAX_NOTE + 1))
    assert not dialog.keep.isEnabled()
    assert dialog.room.text() == "1 character too many"
    QTest.keyClick(dialog.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert dialog.isVisible(), "what is too long is not taken"
    dialog.edit.setPlainText("x" * (MAX_NOTE - 7))
    assert dialog.room.text() == "7 characters left"
    dialog.edit.setPlainText("shorter")
    assert dialog.room.text() == ""
    dialog.keep.click()
    wait_for(live, qtbot, f2="shorter")


def test_nothing_is_selected(desktop: Desktop) -> None:
    for action, words in (
        (ActionId.TOGGLE_MARK, "Select the one to bookmark"),
        (ActionId.EDIT_NOTE, "Select the one to write a note on"),
        (ActionId.NEXT_MARK, "No frame after the selected one is bookmarked"),
        (ActionId.PREVIOUS_MARK, "No frame before the selected one is bookmarked"),
    ):
        trigger(desktop, action)
        assert words in desktop.window.banner.text
    assert not desktop.window.actions_[ActionId.REMOVE_MARKS].isEnabled()


def test_a_frame_that_is_gone_meanwhile(live: Desktop, qtbot: QtBot) -> None:
    live.window.frames.go_to_frame(2)
    trigger(live, ActionId.EDIT_NOTE)
    dialog = visible_dialog(live, NoteDialog)
    assert isinstance(dialog, NoteDialog)
    live.engine.clear()
    qtbot.waitUntil(lambda: live.window.frame_model.rowCount() == 0)
    dialog.edit.setPlainText("too late")
    dialog.keep.click()
    qtbot.waitUntil(lambda: "Frame 2 is not in the capture" in live.window.banner.text)


def test_clearing_and_a_new_capture_have_none(live: Desktop, qtbot: QtBot) -> None:
    live.window.frames.go_to_frame(2)
    trigger(live, ActionId.TOGGLE_MARK)
    wait_for(live, qtbot, f2="")
    live.engine.clear()
    wait_for(live, qtbot)


def test_they_go_where_the_capture_is_saved(live: Desktop, qtbot: QtBot, tmp_path: Path) -> None:
    live.window.frames.go_to_frame(2)
    write_note(live, "kept")
    wait_for(live, qtbot, f2="kept")
    with qtbot.waitSignal(live.engine.capture_moved):
        live.window.commands.save(tmp_path / "saved.unmask")
    wait_for(live, qtbot, f2="kept")
    live.window.frames.go_to_frame(4)
    trigger(live, ActionId.TOGGLE_MARK)
    wait_for(live, qtbot, f2="kept", f4="")
    assert marks_in(tmp_path / "saved.unmask") == {2: "kept", 4: ""}


# A capture that was opened.


def test_marks_are_kept_in_a_capture_that_was_opened(opened: Desktop, old: Path, qtbot: QtBot) -> None:
    window = opened.window
    for frame, note in ((1, "one"), (3, "three")):
        window.frames.go_to_frame(frame)
        write_note(opened, note)
    wait_for(opened, qtbot, f1="one", f3="three")
    window.commands.open(old)
    assert shown(opened) == {1: "one", 3: "three"}
    assert window.status._saved.text() == "old.unmask, read-only", "which its frames are"
    trigger(opened, ActionId.SHOW_LIVE)
    assert shown(opened) == {}


def test_many_changes_are_kept_in_their_order(opened: Desktop, qtbot: QtBot) -> None:
    opened.window.frames.go_to_frame(1)
    for number in range(8):
        write_note(opened, f"note {number}")
    wait_for(opened, qtbot, f1="note 7")


def test_of_a_note_what_cannot_be_seen_is_said(desktop: Desktop) -> None:
    dialog = NoteDialog(1, "seen\n\tand \u202ereversed", desktop.window)
    assert dialog.room.text() == "Has characters that cannot be seen"
    assert "\\u202e" in dialog.room.toolTip()
    assert dialog.note == "seen\n\tand \u202ereversed"
    dialog.edit.setPlainText("seen\n\tand so on é 😀")
    assert dialog.room.text() == ""


def test_a_note_belongs_to_the_capture_that_was_shown(opened: Desktop, old: Path, qtbot: QtBot) -> None:
    opened.window.frames.go_to_frame(1)
    trigger(opened, ActionId.EDIT_NOTE)
    dialog = visible_dialog(opened, NoteDialog)
    assert isinstance(dialog, NoteDialog)
    trigger(opened, ActionId.SHOW_LIVE)
    dialog.edit.setPlainText("about the old one")
    dialog.keep.click()
    qtbot.waitUntil(lambda: marks_in(old) == {1: "about the old one"})
    assert shown(opened) == {}


def test_a_crash_keeps_them_and_what_it_left_can_be_marked(
    desktop: Desktop, captures: CaptureFolder, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = captures.folder / "unsaved_2026-01-31_12-00-00.unmask"
    child = subprocess.run([sys.executable, "-c", CHILD, str(path)], check=False)
    assert child.returncode == 9
    window = desktop.window
    assert window.recovery.offer() == 1
    offered = visible_dialog(desktop, RecoveryDialog)
    next(each for each in offered.findChildren(QPushButton) if each.text() == "&Open").click()
    assert shown(desktop) == {2: "before the crash"}
    window.frames.go_to_frame(3)
    write_note(desktop, "after")
    wait_for(desktop, qtbot, f2="before the crash", f3="after")
    saved = tmp_path / "rescued.unmask"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(saved), ""))
    window.recovery.save(path)
    qtbot.waitUntil(lambda: desktop.desk.reader is not None and desktop.desk.reader.path == saved)
    assert shown(desktop) == marks_in(saved) == {2: "before the crash", 3: "after"}


@posix
def test_a_capture_that_cannot_be_written(opened: Desktop, old: Path, qtbot: QtBot) -> None:
    # Not by its permissions: root may write all the same.
    os.rename(old, old.with_name("elsewhere.unmask"))
    opened.window.frames.go_to_frame(1)
    trigger(opened, ActionId.TOGGLE_MARK)
    qtbot.waitUntil(lambda: "There is no capture at" in opened.window.banner.text)
    assert shown(opened) == {}
    os.rename(old.with_name("elsewhere.unmask"), old)
    trigger(opened, ActionId.TOGGLE_MARK)
    wait_for(opened, qtbot, f1="")


def test_somebody_else_marks_it(opened: Desktop, old: Path, qtbot: QtBot) -> None:
    change_marks_of(old, KeepMarks((Mark(3, "by another"),)))
    opened.refresher.poke()
    wait_for(opened, qtbot, f3="by another")


def test_all_are_removed_after_a_question(opened: Desktop, old: Path, qtbot: QtBot) -> None:
    change_marks_of(old, KeepMarks((Mark(1, "x"), Mark(3, ""))))
    opened.refresher.poke()
    wait_for(opened, qtbot, f1="x", f3="")
    trigger(opened, ActionId.REMOVE_MARKS)
    box = visible_dialog(opened, Question)
    assert isinstance(box, Question)
    assert box.text() == "All 2 bookmarks of this capture are removed, with their notes."
    box.reject()
    assert marks_in(old) == {1: "x", 3: ""}
    trigger(opened, ActionId.REMOVE_MARKS)
    box = visible_dialog(opened, Question)
    assert isinstance(box, Question)
    next(each for each in box.buttons() if each.text() == "&Remove").click()
    wait_for(opened, qtbot)
    assert not opened.window.actions_[ActionId.REMOVE_MARKS].isEnabled()


# From one to the next.


@pytest.fixture
def marked(opened: Desktop, old: Path, qtbot: QtBot) -> Desktop:
    change_marks_of(old, KeepMarks((Mark(2, "the pong"), Mark(3, ""), Mark(4, "of the other connection"))))
    opened.refresher.poke()
    qtbot.waitUntil(lambda: len(shown(opened)) == 3)
    return opened


def test_next_and_previous(marked: Desktop) -> None:
    window = marked.window
    seen = []
    for _ in range(3):
        trigger(marked, ActionId.NEXT_MARK)
        seen.append(window.frames.current_frame)
    trigger(marked, ActionId.NEXT_MARK)
    assert window.banner.text == "No frame after the selected one is bookmarked."
    for _ in range(2):
        trigger(marked, ActionId.PREVIOUS_MARK)
        seen.append(window.frames.current_frame)
    assert seen == [2, 3, 4, 3, 2]
    trigger(marked, ActionId.PREVIOUS_MARK)
    assert window.banner.text == "No frame before the selected one is bookmarked."


def test_what_the_list_hides_is_passed_over(marked: Desktop) -> None:
    window = marked.window
    window.actions_[ActionId.SHOW_CONTROL].setChecked(False)
    window.connections.choose(1)
    trigger(marked, ActionId.NEXT_MARK)
    assert window.frames.current_frame == 3
    trigger(marked, ActionId.NEXT_MARK)
    assert window.banner.text == "The bookmarked frames there are not in the list."
    assert window.frames.current_frame == 3


def test_the_list_leads_to_the_frame_whatever_hides_it(marked: Desktop) -> None:
    window = marked.window
    trigger(marked, ActionId.FOCUS_MARKS)
    assert window.marking.list.rows.hasFocus()
    window.actions_[ActionId.SHOW_CONTROL].setChecked(False)
    window.connections.choose(2)
    rows = window.marking.list.rows
    rows.selectRow(0)
    QTest.keyClick(rows, Qt.Key.Key_Return)
    assert window.frames.current_frame == 2
    assert window.connections.chosen_connection == 1
    assert window.actions_[ActionId.SHOW_CONTROL].isChecked()
    place = rows.visualRect(window.marking.model.index(2)).center()
    QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.frames.current_frame == 4
    assert window.connections.chosen_connection == 2


def test_the_menu_over_the_list(marked: Desktop) -> None:
    window = marked.window
    trigger(marked, ActionId.FOCUS_MARKS)
    window.marking.list.context_menu_requested.emit(window.mapToGlobal(QPoint(50, 200)))
    [menu] = [each for each in QApplication.topLevelWidgets() if isinstance(each, QMenu) and each.isVisible()]
    assert window.actions_[ActionId.EDIT_NOTE] in menu.actions()
    menu.close()


# What is seen of them.


def test_the_row_shows_them(marked: Desktop, qtbot: QtBot) -> None:
    window = marked.window
    frames = window.frames
    # Wider than the screen of the tests, on which notes have no room.
    window.resize(1400, 800)
    qtbot.waitUntil(lambda: frames.width() > 900)
    frames.go_to_row(0)
    number = frames.columnViewportPosition(0) + 5
    payload = frames.columnViewportPosition(FrameColumn.PAYLOAD) + 5
    tips = [
        frames._tooltip(QPoint(x, frames.rowViewportPosition(row) + 3))
        for row in (1, 2)
        for x in (number, payload)
    ]
    assert tips == ["<qt>the pong</qt>", "<qt>the pong</qt>", "", ""]
    with_marks = frames.grab().toImage()
    window.marking.model.set_reader(None)
    without = frames.grab().toImage()

    def different(columns: range) -> list[int]:
        tops = [frames.viewport().y() + frames.rowViewportPosition(row) + 12 for row in range(4)]
        return [
            row
            for row, top in enumerate(tops)
            if any(with_marks.pixel(x, top) != without.pixel(x, top) for x in columns)
        ]

    assert different(range(number, number + 10)) == [1, 2, 3], "the sign stands at the left of the number"
    assert different(range(payload, frames.viewport().width())) == [1, 3], "the notes behind the payload"


def test_a_filter_for_bookmarks_is_asked_anew(marked: Desktop, qtbot: QtBot) -> None:
    window = marked.window
    window.filtering.apply("marked and not note")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    assert window.frame_model.frame_id(0) == 3
    window.frames.go_to_row(0)
    write_note(marked, "now with a note")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 0)
    write_note(marked, "")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)


def test_an_empty_list_says_how(desktop: Desktop) -> None:
    assert "press Ctrl+B" in desktop.window.marking.list.rows.empty_text


def test_a_queue_that_is_too_long(
    opened: Desktop, old: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes that come while a slow disk takes one are bounded."""
    monkeypatch.setattr(marking, "_MOST_WAITING", 1)
    held: Marking = opened.window.marking
    for frame in (1, 2, 3, 4):
        held._change(old, KeepMarks((Mark(frame, ""),)))
    held._change(old, DropMarks(()))
    qtbot.waitUntil(lambda: not held._writing)
    assert 1 in marks_in(old)
    assert len(marks_in(old)) < 4
