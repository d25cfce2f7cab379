"""From a problem in the list to the bytes that broke the rule, over the real engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.dialogs.docs_dialog import DocsDialog
from app.window.desktop import Desktop
from core.protocol.frames import Opcode, make_frame
from core.protocol.violations import Severity
from tests.tools.raw_peer import MASK, RawPeer


@pytest.fixture
def peer(desktop: Desktop, address: str, qtbot: QtBot) -> Iterator[RawPeer]:
    """A client of a tolerant Unmask."""
    desktop.window.actions_[ActionId.TOLERANT].setChecked(True)
    with qtbot.waitSignal(desktop.engine.listening):
        desktop.window.listening.start()
    del address
    port = int(desktop.window.listening.addresses[0].rpartition(":")[2])
    with RawPeer(port) as peer:
        yield peer


def go_wrong(desktop: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    """A folded header, a text that is not masked, a ping too long, bad UTF-8."""
    peer.send(peer.request("/wrong").replace(b"\r\n\r\n", b"\r\nX-Folded: a\r\n b\r\n\r\n"))
    assert b" 101 " in peer.head()
    peer.send(make_frame(Opcode.TEXT, b"naked").wire())
    peer.frame(Opcode.PING, bytes(range(130)))
    peer.send(make_frame(Opcode.TEXT, b"bad \xff", masking_key=b"abcd").wire())
    qtbot.waitUntil(lambda: desktop.window.connection_model.totals.violations == 4)


def show_problems(desktop: Desktop, qtbot: QtBot, count: int = 4) -> None:
    desktop.window.actions_[ActionId.FOCUS_PROBLEMS].trigger()
    qtbot.waitUntil(lambda: desktop.window.problem_model.rowCount() == count)


def choose(desktop: Desktop, row: int) -> None:
    rows = desktop.window.problems.rows
    rows.selectRow(row)
    rows.setFocus()
    QTest.keyClick(rows, Qt.Key.Key_Return)


def test_the_number_of_problems_is_always_in_sight(desktop: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    window = desktop.window
    assert window.sides.words(window.problems) == "Problems"
    assert window.status.problems.isHidden()
    go_wrong(desktop, peer, qtbot)
    assert window.sides.words(window.problems) == "Problems 4"
    assert window.sides.tabText(1).endswith("4")
    assert window.status.problems.text() == "4 problems"
    assert window.problem_model.rowCount() == 0, "nothing is read that nobody looks at"
    window.status.problems.click()
    assert window.problems.rows.hasFocus()
    qtbot.waitUntil(lambda: window.problem_model.rowCount() == 4)
    assert [window.problems.filters[severity].text() for severity in Severity] == ["0", "1", "3"]
    peer.send(make_frame(Opcode.TEXT, b"again").wire())
    qtbot.waitUntil(lambda: window.problem_model.rowCount() == 5)


def test_a_broken_rule_that_the_filter_hides_is_not_denied(
    desktop: Desktop, peer: RawPeer, qtbot: QtBot
) -> None:
    window = desktop.window
    go_wrong(desktop, peer, qtbot)
    window.filtering.apply("nothing like that")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 0)
    window.actions_[ActionId.NEXT_VIOLATION].trigger()
    assert window.banner.text.startswith("Frame 1 is not in the list: the filter hides it")


def test_enter_shows_the_bytes_of_a_frame(desktop: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    window = desktop.window
    go_wrong(desktop, peer, qtbot)
    show_problems(desktop, qtbot)
    choose(desktop, 3)
    assert window.frames.current_frame == 3
    assert window.tabs.current_tab() == "bytes"
    marked = window.tabs.bytes.dump._marked
    record = desktop.desk.reader
    assert record is not None
    frame = record.frame(3)
    assert frame is not None
    [violation] = frame.violations
    assert (marked.start, marked.stop) == (violation.offset, violation.offset + violation.length)
    assert window.tabs.bytes.status_text().startswith("A text message must be UTF-8.")
    # And it stays so when all has settled.
    qtbot.wait(50)
    assert window.tabs.bytes.dump._marked == marked


def current_problem(desktop: Desktop) -> int | None:
    """The frame of the row that is selected in the list."""
    problem = desktop.window.problem_model.problem(desktop.window.problems.rows.currentIndex().row())
    return None if problem is None else problem.frame


def test_f4_moves_the_selection_of_the_list(desktop: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    window = desktop.window
    go_wrong(desktop, peer, qtbot)
    peer.frame(Opcode.TEXT, b"fine")
    peer.send(make_frame(Opcode.TEXT, b"naked again").wire())
    window.actions_[ActionId.NEXT_VIOLATION].trigger()
    assert window.frames.current_frame == 1
    # Nothing was read for a list that nobody looks at; it points there once somebody does.
    show_problems(desktop, qtbot, 5)
    assert current_problem(desktop) == 1
    for action, frame in (
        (ActionId.NEXT_VIOLATION, 2),
        (ActionId.NEXT_VIOLATION, 3),
        (ActionId.PREVIOUS_VIOLATION, 2),
    ):
        window.actions_[action].trigger()
        assert window.frames.current_frame == frame
        assert current_problem(desktop) == frame
    assert window.problems.rows.selectionModel().hasSelection()
    choose(desktop, 3)
    assert window.problems.rows.currentIndex().row() == 3
    # A warning is left out: nothing of that frame is in the list.
    window.problems.filters[Severity.ERROR].setChecked(False)
    window.frames.go_to_frame(2)
    assert current_problem(desktop) != 2


def test_a_click_on_a_handshake_marks_the_line_of_the_raw_head(
    desktop: Desktop, peer: RawPeer, qtbot: QtBot
) -> None:
    window = desktop.window
    go_wrong(desktop, peer, qtbot)
    show_problems(desktop, qtbot)
    rows = window.problems.rows
    QTest.mouseClick(
        rows.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(60, rows.rowViewportPosition(0) + 9)
    )
    assert window.connections.chosen_connection == 1
    assert window.tabs.current_tab() == "handshake"
    assert window.tabs.handshake.request.marked_text() == " b"
    window.tabs.handshake.marks.setChecked(True)
    assert window.tabs.handshake.request.marked_text() == " b"
    assert window.sides.shows_problems


def test_whatever_is_in_the_way_is_cleared(desktop: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    window = desktop.window
    go_wrong(desktop, peer, qtbot)
    with RawPeer(peer.port) as other:
        other.open("/other")
        qtbot.waitUntil(lambda: window.connection_model.open_count == 2)
        window.connections.choose(2)
        window.actions_[ActionId.SHOW_CONTROL].setChecked(False)
        show_problems(desktop, qtbot)
        choose(desktop, 2)
        assert window.frames.current_frame == 2
        assert window.connections.chosen_connection == 1
        assert window.actions_[ActionId.SHOW_CONTROL].isChecked()
    window.actions_[ActionId.FREEZE].setChecked(True)
    peer.send(make_frame(Opcode.TEXT, b"later").wire())
    show_problems(desktop, qtbot, 5)
    choose(desktop, 4)
    assert "frozen" in window.banner.text


def test_the_filter_hides_and_shows(desktop: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    window = desktop.window
    go_wrong(desktop, peer, qtbot)
    show_problems(desktop, qtbot)
    window.problems.filters[Severity.ERROR].click()
    assert window.problem_model.rowCount() == 1
    window.problems.filters[Severity.WARNING].click()
    assert window.problem_model.rowCount() == 0
    assert not window.problems.grab().isNull()
    window.problems.filters[Severity.ERROR].click()
    assert window.problem_model.rowCount() == 3


def test_from_one_violation_to_the_next_and_back(desktop: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    window = desktop.window
    go_wrong(desktop, peer, qtbot)
    peer.send(make_frame(Opcode.TEXT, b"fine", masking_key=MASK).wire())
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 4)
    forward, back = window.actions_[ActionId.NEXT_VIOLATION], window.actions_[ActionId.PREVIOUS_VIOLATION]
    passed = []
    for action in (forward, forward, forward, forward, back, back):
        action.trigger()
        passed.append(window.frames.current_frame)
    assert passed == [1, 2, 3, 3, 2, 1]
    assert "No frame after" in window.banner.text
    back.trigger()
    assert "No frame before" in window.banner.text
    window.actions_[ActionId.SHOW_CONTROL].setChecked(False)
    forward.trigger()
    assert window.frames.current_frame == 3
    window.frames.go_to_last()
    back.trigger()
    assert window.frames.current_frame == 3


def test_the_rules_are_documented(desktop: Desktop) -> None:
    desktop.window.actions_[ActionId.VIOLATION_DOCS].trigger()
    [page] = desktop.window.findChildren(DocsDialog)
    text = page.page.toPlainText()
    assert "mask-missing" in text
    assert "Generated" not in text
    page.reject()
