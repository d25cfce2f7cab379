"""Typing a filter: what is said of it, where it is wrong, and what is offered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.logic.filter_assistant import FilterAssistant, FilterPartKind, FilterStanding
from app.look.look import Look
from app.views.filter.edit import FilterEdit
from core.query.candidates import Candidate, CandidateKind
from tests.tools.qt import dispose

Key = Qt.Key


@pytest.fixture
def edit(look: Look, qtbot: QtBot) -> Iterator[FilterEdit]:
    """A filter line in a window that is shown and has the keyboard."""
    paths = (Candidate('"/chat"', CandidateKind.VALUE, "of connection 1"),)
    assistant = FilterAssistant(lambda field: paths if field.name == "path" else ())
    window = QWidget()
    edit = FilterEdit(assistant, look, window)
    layout = QVBoxLayout(window)
    layout.addWidget(edit)
    layout.addStretch(1)
    window.resize(700, 500)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    edit.setFocus()
    qtbot.waitUntil(edit.hasFocus)
    yield edit
    window.close()
    dispose(window)


def offered(edit: FilterEdit) -> list[str]:
    return [each.text for each in edit.popup.candidates] if edit.popup.isVisible() else []


def typed(edit: FilterEdit, text: str) -> FilterEdit:
    edit.clear()
    QTest.keyClicks(edit, text)
    return edit


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        ("", FilterStanding.EMPTY),
        ("  ", FilterStanding.EMPTY),
        ("login", FilterStanding.VALID),
        ("opcode == ping", FilterStanding.VALID),
        ("opcode", FilterStanding.UNFINISHED),
        ("opcode == pi", FilterStanding.UNFINISHED),
        ('path == "/c', FilterStanding.UNFINISHED),
        ("opcode == pinf", FilterStanding.WRONG),
        ("a )", FilterStanding.WRONG),
        ("fin & ", FilterStanding.WRONG),
    ],
)
def test_how_a_text_stands(edit: FilterEdit, text: str, standing: FilterStanding) -> None:
    assert typed(edit, text).standing is standing
    shown = {FilterStanding.VALID: "valid", FilterStanding.WRONG: "wrong"}.get(standing, "")
    assert (edit.property("standing") or "") == shown


def test_an_error_is_pointed_at_and_says_what_was_expected(edit: FilterEdit) -> None:
    typed(edit, "opcode == pinf and login")
    reading = edit.reading
    assert reading is not None
    assert edit.text()[reading.start : reading.end] == "pinf"
    assert edit.popup.isVisible()
    assert "Did you mean “ping”?" in edit.popup.sentence.text()
    assert edit.popup.sentence.property("look") == "error"
    # Where it was is no error any more.
    edit.setCursorPosition(14)
    QTest.keyClick(edit, Key.Key_Backspace)
    QTest.keyClicks(edit, "g")
    assert edit.standing is FilterStanding.VALID
    assert not edit.popup.isVisible()


def test_what_is_unfinished_becomes_wrong_when_it_is_wanted(edit: FilterEdit) -> None:
    typed(edit, "length > ")
    assert edit.property("standing") == ""
    edit.insist()
    assert edit.property("standing") == "wrong"
    assert "expected a value" in edit.popup.sentence.text()
    QTest.keyClicks(edit, "4")
    assert edit.property("standing") == "valid"


def test_from_field_to_operator_to_value_by_tab(edit: FilterEdit) -> None:
    typed(edit, "opc")
    assert offered(edit) == ["opcode", "message.opcode"]
    QTest.keyClick(edit, Key.Key_Tab)
    assert edit.text() == "opcode "
    assert offered(edit)[0] == "=="
    QTest.keyClick(edit, Key.Key_Tab)
    QTest.keyClicks(edit, "pi")
    QTest.keyClick(edit, Key.Key_Tab)
    assert edit.text() == "opcode == ping"
    assert offered(edit) == []
    assert edit.hasFocus()


def test_arrows_choose_and_enter_accepts(edit: FilterEdit, qtbot: QtBot) -> None:
    typed(edit, "direction == ")
    QTest.keyClick(edit, Key.Key_Down)
    QTest.keyClick(edit, Key.Key_Down)
    assert edit.popup.current is not None
    assert edit.popup.current.text == "server-to-client"
    with qtbot.assertNotEmitted(edit.entered):
        QTest.keyClick(edit, Key.Key_Return)
    assert edit.text() == "direction == server-to-client"
    with qtbot.waitSignal(edit.entered):
        QTest.keyClick(edit, Key.Key_Return)
    with qtbot.waitSignal(edit.entered_backward):
        QTest.keyClick(edit, Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)


def test_up_goes_round_by_no_choice(edit: FilterEdit) -> None:
    typed(edit, "opcode == ")
    count = len(offered(edit))
    QTest.keyClick(edit, Key.Key_Up)
    assert edit.popup.list.currentRow() == count - 1
    QTest.keyClick(edit, Key.Key_Down)
    assert edit.popup.current is None


def test_the_help_of_the_chosen_one_is_shown_whole(edit: FilterEdit) -> None:
    typed(edit, "payl")
    QTest.keyClick(edit, Key.Key_Down)
    assert "Words that stand alone search it." in edit.popup.sentence.text()


def test_values_of_the_capture_are_offered_also_within_quotes(edit: FilterEdit) -> None:
    assert offered(typed(edit, "path == ")) == ['"/chat"']
    assert offered(typed(edit, 'path == "/c')) == ['"/chat"']
    QTest.keyClick(edit, Key.Key_Tab)
    assert edit.text() == 'path == "/chat"'
    assert offered(edit) == []


def test_a_click_accepts(edit: FilterEdit) -> None:
    typed(edit, "mask")
    row = edit.popup.list.visualItemRect(edit.popup.list.item(0)).center()
    QTest.mouseClick(edit.popup.list.viewport(), Qt.MouseButton.LeftButton, pos=row)
    assert edit.text() == "masked "
    assert edit.hasFocus()


def test_esc_closes_first_and_then_leaves(edit: FilterEdit, qtbot: QtBot) -> None:
    typed(edit, "opc")
    with qtbot.assertNotEmitted(edit.escaped):
        QTest.keyClick(edit, Key.Key_Escape)
    assert not edit.popup.isVisible()
    assert edit.text() == "opc"
    with qtbot.waitSignal(edit.escaped):
        QTest.keyClick(edit, Key.Key_Escape)


def test_candidates_can_be_asked_for(edit: FilterEdit) -> None:
    edit.clear()
    assert offered(edit) == []
    QTest.keyClick(edit, Key.Key_Down)
    assert "opcode" in offered(edit)
    QTest.keyClick(edit, Key.Key_Escape)
    QTest.keyClick(edit, Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert "opcode" in offered(edit)


def test_nothing_hangs_about_without_the_keyboard(edit: FilterEdit, qtbot: QtBot) -> None:
    typed(edit, "opc")
    assert edit.popup.isVisible()
    edit.clearFocus()
    assert not edit.popup.isVisible()
    edit.setText("opcode == nothing")
    assert not edit.popup.isVisible()
    edit.setFocus()
    qtbot.waitUntil(edit.popup.isVisible)


def test_parts_are_told_apart(edit: FilterEdit) -> None:
    reading = typed(edit, 'opcode == ping and length in 1..2 or "x" hex"00"').reading
    assert reading is not None
    kinds = [each.kind for each in reading.parts]
    assert kinds[:4] == [
        FilterPartKind.FIELD,
        FilterPartKind.OPERATOR,
        FilterPartKind.TEXT,
        FilterPartKind.WORD,
    ]
    assert kinds.count(FilterPartKind.NUMBER) == 2
    assert kinds[-2:] == [FilterPartKind.TEXT, FilterPartKind.TEXT]


def test_the_popup_stays_within_a_narrow_window(edit: FilterEdit) -> None:
    window = edit.window()
    window.resize(330, 300)
    typed(edit, "opcode == pinf or x")
    popup = edit.popup
    assert window.rect().contains(popup.geometry())
    assert popup.sentence.height() >= popup.sentence.heightForWidth(popup.sentence.width())


def test_a_filter_is_read_once(edit: FilterEdit) -> None:
    typed(edit, "opcode == ping")
    assistant = edit._assistant
    known = assistant.parse("opcode == ping")
    assert assistant.parse("opcode == ping") is known
    assert assistant.parse("opcode == pong") is not known


def test_one_that_is_too_long_is_said_to_be(edit: FilterEdit) -> None:
    edit.setText("x" * 10_001)
    assert edit.standing is not FilterStanding.VALID
    edit.insist()
    assert len(edit.text()) == 10_001
    assert "at most 2,000 characters" in edit.popup.sentence.text()
