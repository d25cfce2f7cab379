"""Nothing is sent by mistake: to whom the composer sends, in the real window with real clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot
from websockets.sync.client import ClientConnection, connect

from app.actions.registry import ActionId
from app.dialogs.question import Question
from app.logic.frame_column import FrameColumn
from app.window.desktop import Desktop
from core.protocol.frames import Opcode
from core.protocol.outgoing import OutgoingMessage

Connect = Callable[[str], ClientConnection]


@pytest.fixture
def client(desktop: Desktop, address: str, qtbot: QtBot) -> Iterator[Connect]:
    """Connects clients, one after the other, and disconnects them at the end."""
    with ExitStack() as stack:

        def one_more(path: str) -> ClientConnection:
            before = desktop.window.connection_model.open_count
            peer = stack.enter_context(connect(f"ws://{address}{path}", compression=None))
            qtbot.waitUntil(lambda: desktop.window.connection_model.open_count > before)
            return peer

        yield one_more


def target(desktop: Desktop) -> str:
    return desktop.window.composer.targets.currentText()


def press_send(desktop: Desktop) -> None:
    QTest.keyClick(desktop.window.composer.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


def got_nothing(desktop: Desktop, *peers: ClientConnection) -> None:
    """The next thing that they get is what they are all sent now."""
    desktop.engine.send_to_all(OutgoingMessage(Opcode.TEXT, b"the end"))
    assert [peer.recv(timeout=60) for peer in peers] == ["the end"] * len(peers)


def question(qtbot: QtBot) -> Question:
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), Question))
    found = QApplication.activeModalWidget()
    assert isinstance(found, Question)
    return found


def answer(asked: Question, words: str) -> None:
    (button,) = (each for each in asked.findChildren(QPushButton) if each.text().replace("&", "") == words)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_target_stays_while_others_connect(desktop: Desktop, client: Connect) -> None:
    mine = client("/mine")
    assert desktop.window.connections.chosen_connection is None
    assert target(desktop) == "To #1 /mine"
    QTest.keyClicks(desktop.window.composer.editor, "only for you")
    others = [client(f"/other/{number}") for number in range(3)]
    assert target(desktop) == "To #1 /mine"
    press_send(desktop)
    assert mine.recv(timeout=60) == "only for you"
    got_nothing(desktop, *others)


@pytest.mark.parametrize("action", [ActionId.CLEAR, ActionId.NEW_CAPTURE])
def test_neither_clear_nor_a_new_capture_makes_it_all(
    desktop: Desktop, client: Connect, qtbot: QtBot, action: ActionId
) -> None:
    window = desktop.window
    mine, other = client("/mine"), client("/other")
    mine.send("something to keep")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    window.composer.set_text("only for you")
    if action is ActionId.CLEAR:
        desktop.engine.clear()
    else:
        window.actions_[action].trigger()
        answer(question(qtbot), "Discard")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 0)
    qtbot.waitUntil(lambda: window.connection_model.open_count == 2)
    assert target(desktop).startswith("To #1 /mine")
    press_send(desktop)
    assert mine.recv(timeout=60) == "only for you"
    got_nothing(desktop, other)


def test_looking_at_frames_does_not_change_the_target(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    client("/mine")
    client("/other").send("look at me")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    place = window.frames.visualRect(window.frame_model.index(0, FrameColumn.PAYLOAD)).center()
    QTest.mouseClick(window.frames.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: window.tabs.whose.text == "#2 /other")
    assert target(desktop) == "To #1 /mine"
    window.connections.choose(2)
    assert target(desktop) == "To #1 /mine", "only a person's own hand chooses"


def test_who_clicks_a_connection_writes_to_it_unless_she_has_written(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    client("/mine")
    other = client("/other")

    def click(connection: int) -> None:
        row = window.connection_model.row_of(connection)
        assert row is not None
        place = window.connections.visualRect(window.connection_model.index(row)).center()
        QTest.mouseClick(window.connections.viewport(), Qt.MouseButton.LeftButton, pos=place)

    click(2)
    assert target(desktop) == "To #2 /other"
    window.composer.set_text("for the other")
    click(1)
    assert target(desktop) == "To #2 /other"
    assert window.composer.status.text() == "What you wrote goes to #2, not to #1."
    press_send(desktop)
    assert other.recv(timeout=60) == "for the other"
    qtbot.waitUntil(lambda: not window.composer.instead.isVisible())


def test_a_peer_that_goes_is_said_and_no_other_gets_the_text(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    mine, other = client("/mine"), client("/other")
    window.composer.set_text("only for you")
    mine.close()
    qtbot.waitUntil(lambda: target(desktop).endswith("(closed)"))
    assert target(desktop).startswith("To #1 ")
    assert "Connection #1 is not open any more" in window.composer.status.text()
    press_send(desktop)
    assert window.composer.editor.toPlainText() == "only for you"
    got_nothing(desktop, other)
    QTest.mouseClick(window.composer.instead, Qt.MouseButton.LeftButton)
    press_send(desktop)
    assert other.recv(timeout=60) == "only for you"


def test_the_number_asked_about_is_the_number_sent_to(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    there = [client(f"/{number}") for number in range(3)]
    window.composer.set_text("to everybody")
    window.actions_[ActionId.SEND_ALL].trigger()
    asked = question(qtbot)
    assert asked.text() == "Send this to 3 connections?"
    assert "#1 /0\n#2 /1\n#3 /2" in asked.informativeText()
    assert asked.defaultButton().text().replace("&", "") == "Cancel"
    late = client("/late")
    answer(asked, "Send to 3")
    assert [peer.recv(timeout=60) for peer in there] == ["to everybody"] * 3
    got_nothing(desktop, late)
    qtbot.waitUntil(lambda: window.composer.editor.toPlainText() == "")


def test_who_closes_while_it_is_asked_is_told_of(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window = desktop.window
    there = [client(f"/{number}") for number in range(3)]
    window.composer.targets.choose_all()
    window.composer.set_text("to everybody")
    press_send(desktop)
    asked = question(qtbot)
    there[0].close()
    qtbot.waitUntil(lambda: window.connection_model.open_count == 2)
    answer(asked, "Send to 3")
    assert [peer.recv(timeout=60) for peer in there[1:]] == ["to everybody"] * 2
    qtbot.waitUntil(lambda: window.composer.status.text().startswith("Sent to 2 of 3"))


def test_cancel_sends_nothing_and_keeps_the_text(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    there = [client("/one"), client("/two")]
    desktop.window.composer.set_text("to everybody")
    desktop.window.actions_[ActionId.SEND_ALL].trigger()
    answer(question(qtbot), "Cancel")
    got_nothing(desktop, *there)
    assert desktop.window.composer.editor.toPlainText() == "to everybody"


def test_to_all_that_are_one_is_sent_without_a_question(desktop: Desktop, client: Connect) -> None:
    peer = client("/one")
    desktop.window.composer.set_text("to everybody")
    desktop.window.actions_[ActionId.SEND_ALL].trigger()
    assert peer.recv(timeout=60) == "to everybody"


def test_the_selected_connection_can_be_written_to_by_keys(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    window.actions_[ActionId.SEND_HERE].trigger()
    assert "No open connection is selected" in window.banner.text
    client("/mine")
    client("/other")
    window.composer.set_text("written first")
    window.connections.choose(2)
    qtbot.waitUntil(lambda: window.selection.connection is not None)
    window.actions_[ActionId.SEND_HERE].trigger()
    assert target(desktop) == "To #2 /other"
    window.actions_[ActionId.CHOOSE_TARGET].trigger()
    assert window.composer.targets.popup.isVisible()
    window.composer.targets.popup.hide()


def test_a_double_click_on_whose_frame_it_is_shows_that_connection_only(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window = desktop.window
    client("/one").send("from one")
    client("/two?token=1").send("from two")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 2)
    cells = [window.frame_model.index(row, FrameColumn.CONNECTION) for row in range(2)]
    assert [window.frame_model.data(cell) for cell in cells] == ["#1 /one", "#2 /two?token=1"]
    place = window.frames.visualRect(cells[1]).center()
    for click in (QTest.mouseClick, QTest.mouseDClick):
        click(window.frames.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.connections.chosen_connection == 2
    assert window.frame_model.rowCount() == 1
    assert window.frames.isColumnHidden(FrameColumn.CONNECTION)
    assert target(desktop) == "To #1 /one"
    window.actions_[ActionId.ONLY_CONNECTION].trigger()
    assert window.connections.chosen_connection is None
    assert not window.frames.isColumnHidden(FrameColumn.CONNECTION)
    qtbot.waitUntil(lambda: window.tabs.whose.text == "#2 /two?token=1")
    window.actions_[ActionId.ONLY_CONNECTION].trigger()
    assert window.connections.chosen_connection == 2
