from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.logic.compose import ComposeKind
from app.look.look import Look
from app.models.connections import ConnectionModel
from app.views.compose.composer import Composer, SendOrder
from app.views.compose.editor import HISTORY_LIMIT, History, HistoryEntry
from core.protocol.frames import Opcode
from core.protocol.outgoing import Compression, OutgoingClose, OutgoingMessage, OutgoingPing
from tests.tools.recorded import CaptureMaker, Peer

CONTROL = Qt.KeyboardModifier.ControlModifier


class Crowd:
    """Three clients of a capture, and the list of connections that shows it."""

    def __init__(self, maker: CaptureMaker, model: ConnectionModel) -> None:
        self._maker = maker
        self.model = model
        self.peers = [
            maker.peer("/chat", deflate="permessage-deflate"),
            maker.peer("/two"),
            maker.peer("/three"),
        ]
        self.composer: Composer | None = None
        model.set_reader(maker.reader())

    def another(self, path: str = "/another") -> Peer:
        peer = self._maker.peer(path)
        self.peers.append(peer)
        self.look()
        return peer

    def goes(self, *numbers: int) -> None:
        """These clients vanish."""
        for number in numbers:
            self.peers[number - 1].vanish()
        self.look()

    def look(self) -> None:
        self._maker.recorder.flush()
        self.model.refresh()
        if self.composer is not None:
            self.composer.refresh()


@pytest.fixture
def crowd(qapp: QApplication, maker: CaptureMaker) -> Iterator[Crowd]:
    model = ConnectionModel(qapp)
    yield Crowd(maker, model)
    model.set_reader(None)
    model.deleteLater()


@pytest.fixture
def composer(qtbot: QtBot, look: Look, crowd: Crowd) -> Iterator[Composer]:
    """Writes to #1; what it asks for is under way at once, under numbers from 1 on."""
    composer = crowd.composer = Composer(crowd.model, look)
    composer.resize(1000, 160)
    composer.refresh()
    composer.address(1)
    numbers = itertools.count(1)
    composer.send_requested.connect(lambda order: composer.await_result(next(numbers), order))
    with qtbot.waitExposed(composer):
        composer.show()
    yield composer
    composer.close()
    composer.deleteLater()


def settled(composer: Composer, qtbot: QtBot, *, sendable: bool) -> None:
    qtbot.waitUntil(lambda: composer.send_button.isEnabled() is sendable)


def sent(composer: Composer, qtbot: QtBot) -> tuple[object, tuple[int, ...]]:
    with qtbot.waitSignal(composer.send_requested) as caught:
        composer.send()
    (order,) = caught.args
    return order.outgoing, order.recipients


def test_ctrl_enter_sends_text(composer: Composer, qtbot: QtBot) -> None:
    QTest.keyClicks(composer.editor, "Hello")
    with qtbot.waitSignal(composer.send_requested) as caught:
        QTest.keyClick(composer.editor, Qt.Key.Key_Return, CONTROL)
    entry = HistoryEntry(ComposeKind.TEXT, "Hello")
    assert caught.args == [SendOrder(OutgoingMessage(Opcode.TEXT, b"Hello"), (1,), entry)]
    composer.show_sent(1, 1)
    assert composer.editor.toPlainText() == ""
    assert composer.history() == ("text:Hello",)


def test_ctrl_shift_enter_sends_to_all(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text("Hello")
    with qtbot.waitSignal(composer.send_requested) as caught:
        QTest.keyClick(composer.editor, Qt.Key.Key_Return, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert caught.args[0].recipients == (1, 2, 3)


def test_all_can_be_chosen(composer: Composer, qtbot: QtBot) -> None:
    assert composer.targets.currentText() == "To #1 /chat"
    composer.targets.showPopup()
    assert composer.targets.popup.rows() == ["All open connections (3)", "#1 /chat", "#2 /two", "#3 /three"]
    pick(composer, 0)
    assert composer.targets.currentText() == "To all open (3)"
    assert sent(composer, qtbot)[1] == (1, 2, 3)


def pick(composer: Composer, row: int) -> None:
    view = composer.targets.popup.list
    place = view.visualRect(view.model().index(row, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_every_kind(composer: Composer, qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "payload"
    file.write_bytes(b"\x01\x02")
    expected: dict[ComposeKind, tuple[str, object]] = {
        ComposeKind.TEXT: ("世界", OutgoingMessage(Opcode.TEXT, "世界".encode())),
        ComposeKind.JSON: ("[1]", OutgoingMessage(Opcode.TEXT, b"[1]")),
        ComposeKind.HEX: ("01 ff", OutgoingMessage(Opcode.BINARY, b"\x01\xff")),
        ComposeKind.BASE64: ("Af8=", OutgoingMessage(Opcode.BINARY, b"\x01\xff")),
        ComposeKind.PING: ("tick", OutgoingPing(b"tick")),
    }
    for kind, (text, outgoing) in expected.items():
        composer.set_kind(kind)
        composer.set_text(text)
        assert sent(composer, qtbot)[0] == outgoing
    composer.set_kind(ComposeKind.FILE)
    assert not composer.send_button.isEnabled()
    composer.file.path.setText(str(file) + "x")
    qtbot.waitUntil(lambda: composer.status.text().startswith("There is no file"))
    composer.file.path.setText(str(file))
    qtbot.waitUntil(lambda: composer.amount.text() == "2 bytes")
    assert sent(composer, qtbot)[0] == OutgoingMessage(Opcode.BINARY, b"\x01\x02")


def test_fragments_and_compression(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text("Hello")
    composer.fragments.setValue(3)
    composer.compress.setChecked(False)
    assert sent(composer, qtbot)[0] == OutgoingMessage(Opcode.TEXT, b"Hello", 3, Compression.NEVER)
    assert composer.compress.isEnabled()
    composer.address(2)
    assert not composer.compress.isEnabled()
    composer.set_kind(ComposeKind.PING)
    assert not composer.fragments.isVisible()
    assert not composer.compress.isVisible()


def test_size_is_told_with_the_frames(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text("界" * 400)
    composer.fragments.setValue(3)
    qtbot.waitUntil(lambda: composer.amount.text() == "1\u202f200 bytes in 3 frames")


def test_json_is_checked_while_typing(composer: Composer, qtbot: QtBot) -> None:
    composer.set_kind(ComposeKind.JSON)
    composer.set_text('{"a": 1')
    qtbot.waitUntil(lambda: "The text ends before the value is complete" in composer.status.text())
    assert "Line 1, column 8" in composer.status.text()
    assert not composer.send_button.isEnabled()
    with qtbot.assertNotEmitted(composer.send_requested):
        composer.send()
    composer.set_text('{"a": 1}')
    settled(composer, qtbot, sendable=True)
    assert composer.amount.text() == "8 bytes"


def test_close_codes_are_explained_and_forbidden_ones_refused(composer: Composer, qtbot: QtBot) -> None:
    composer.set_kind(ComposeKind.CLOSE)
    composer.close_frame.codes.setCurrentIndex(composer.close_frame.codes.findData(1001))
    composer.close_frame.reason.setText("bye")
    qtbot.waitUntil(lambda: composer.close_frame.explanation.text().startswith("The server stops"))
    assert sent(composer, qtbot)[0] == OutgoingClose(1001, "bye")
    composer.close_frame.codes.setEditText("4321")
    assert sent(composer, qtbot)[0] == OutgoingClose(4321, "bye")
    for text, said in (("1006", "Code 1006 must not be sent"), ("abc", "'abc' is no close code")):
        composer.close_frame.codes.setEditText(text)
        settled(composer, qtbot, sendable=False)
        assert composer.status.text().startswith(said)
        with qtbot.assertNotEmitted(composer.send_requested):
            composer.send()
        composer.close_frame.codes.setEditText("1000")
        settled(composer, qtbot, sendable=True)
    composer.close_frame.reason.clear()
    composer.close_frame.codes.setCurrentIndex(composer.close_frame.codes.count() - 1)
    assert sent(composer, qtbot)[0] == OutgoingClose(None, "")


def test_no_open_connection_is_said(composer: Composer, crowd: Crowd, qtbot: QtBot) -> None:
    crowd.goes(1, 2, 3)
    assert not composer.send_button.isEnabled()
    assert composer.status.text() == "Connection #1 is not open any more. Choose another one."
    composer.targets.choose_all()
    assert (
        composer.status.text()
        == "No connection is open. Wait for a client to connect, or connect to a server."
    )
    crowd.another()
    settled(composer, qtbot, sendable=True)
    assert composer.targets.currentText() == "To all open (1)"


def test_an_error_stands_beside_the_editor_until_it_changes(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text("Hello")
    sent(composer, qtbot)
    composer.show_error("The peer does not read: <b>64 MiB</b> wait for it.")
    assert composer.status.text() == "The peer does not read: <b>64 MiB</b> wait for it."
    assert composer.status.textFormat() is Qt.TextFormat.PlainText
    assert composer.editor.toPlainText() == "Hello"
    assert composer.history() == ()
    QTest.keyClicks(composer.editor, "!")
    qtbot.waitUntil(lambda: composer.amount.text() == "6 bytes")


def test_what_was_typed_meanwhile_is_kept(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text("first")
    sent(composer, qtbot)
    composer.set_text("second")
    composer.show_sent(1, 1)
    assert composer.editor.toPlainText() == "second"
    assert composer.history() == ("text:first",)


def test_results_belong_to_their_requests(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text("first")
    sent(composer, qtbot)
    composer.set_text("second")
    sent(composer, qtbot)
    composer.show_sent(1, 1)
    assert (composer.editor.toPlainText(), composer.history()) == ("second", ("text:first",))
    composer.show_error("The peer is gone.", 2)
    composer.show_sent(2, 1)
    assert (composer.editor.toPlainText(), composer.history()) == ("second", ("text:first",))
    assert composer.status.text() == "The peer is gone."


def test_the_editor_is_emptied_by_the_last_of_equal_messages(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text("same")
    sent(composer, qtbot)
    sent(composer, qtbot)
    composer.show_error("The peer does not read.", 1)
    composer.show_sent(2, 1)
    assert composer.editor.toPlainText() == ""
    assert composer.status.text() == "The peer does not read."


def test_what_is_no_file_is_said_so(composer: Composer, qtbot: QtBot, tmp_path: Path) -> None:
    composer.set_kind(ComposeKind.FILE)
    composer.file.path.setText(str(tmp_path))
    qtbot.waitUntil(lambda: composer.status.text().startswith(f"{tmp_path} is no file"))


class Paints(QObject):
    """Counts how often a widget is painted as a whole."""

    def __init__(self, watched: QObject) -> None:
        super().__init__(watched)
        self.count = 0
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent) and isinstance(watched, QWidget):
            self.count += event.rect() == watched.rect()
        return super().eventFilter(watched, event)


def test_another_kind_shows_its_own_placeholder_at_once(composer: Composer, qtbot: QtBot) -> None:
    composer.set_kind(ComposeKind.PING)
    QApplication.processEvents()
    paints = Paints(composer.editor.viewport())
    composer.set_kind(ComposeKind.PONG)
    qtbot.waitUntil(lambda: paints.count > 0)


def test_arrows_walk_through_the_history_and_come_back(composer: Composer) -> None:
    composer.set_history(("text:one", "nonsense", "json:[2]"))
    composer.set_text("draft\nof two lines")
    QTest.keyClick(composer.editor, Qt.Key.Key_Up)
    assert composer.editor.toPlainText() == "draft\nof two lines"
    QTest.keyClick(composer.editor, Qt.Key.Key_Up)
    assert (composer.kind(), composer.editor.toPlainText()) == (ComposeKind.JSON, "[2]")
    QTest.keyClick(composer.editor, Qt.Key.Key_Up)
    assert (composer.kind(), composer.editor.toPlainText()) == (ComposeKind.TEXT, "one")
    QTest.keyClick(composer.editor, Qt.Key.Key_Up)
    assert composer.editor.toPlainText() == "one"
    for _ in range(2):
        QTest.keyClick(composer.editor, Qt.Key.Key_Down)
    assert composer.editor.toPlainText() == "draft\nof two lines"


def test_history_is_bounded_and_has_no_doubles() -> None:
    history = History()
    for number in range(HISTORY_LIMIT + 50):
        history.add(HistoryEntry(ComposeKind.TEXT, str(number)))
    history.add(HistoryEntry(ComposeKind.TEXT, "100"))
    history.add(HistoryEntry(ComposeKind.TEXT, ""))
    history.add(HistoryEntry(ComposeKind.TEXT, "x" * 100_000))
    lines = history.lines()
    assert len(lines) == HISTORY_LIMIT
    assert lines[-1] == "text:100"
    assert lines.count("text:100") == 1
    other = History()
    other.set_lines(lines)
    assert other.lines() == lines


def test_the_only_connection_is_the_first_target_and_stays_it(crowd: Crowd, look: Look) -> None:
    crowd.goes(1, 3)
    other = Composer(crowd.model, look)
    other.refresh()
    assert other.targets.recipients == (2,)
    crowd.another()
    other.refresh()
    assert other.targets.recipients == (2,)
    other.deleteLater()


def test_who_writes_before_anybody_is_there_chooses(crowd: Crowd, look: Look) -> None:
    crowd.goes(1, 2, 3)
    other = Composer(crowd.model, look)
    other.refresh()
    assert (
        other.status.text() == "No connection is open. Wait for a client to connect, or connect to a server."
    )
    other.set_text("written early")
    crowd.another()
    other.refresh()
    assert other.targets.currentText() == "Choose a connection…"
    assert other.status.text() == "Choose the connection to send to."
    assert not other.send_button.isEnabled()
    other.deleteLater()


def test_among_several_none_is_chosen_by_itself(crowd: Crowd, look: Look) -> None:
    other = Composer(crowd.model, look)
    other.refresh()
    assert other.targets.recipients == ()
    assert other.status.text() == "Choose the connection to send to."
    other.deleteLater()


def test_a_target_whose_peer_is_gone_stays_and_is_said_to_be(
    composer: Composer, crowd: Crowd, qtbot: QtBot
) -> None:
    composer.set_text("for the first")
    crowd.goes(1)
    assert composer.targets.currentText() == "To #1 /chat (closed)"
    assert composer.status.text() == "Connection #1 is not open any more. Choose another one."
    assert composer.status.property("look") == "warning"
    with qtbot.assertNotEmitted(composer.send_requested):
        composer.send()
    assert not composer.instead.isVisible(), "of several it offers none"
    crowd.goes(2)
    assert composer.instead.text() == "Send to #3 instead"
    QTest.mouseClick(composer.instead, Qt.MouseButton.LeftButton)
    assert composer.targets.currentText() == "To #3 /three"
    assert composer.editor.toPlainText() == "for the first"
    assert sent(composer, qtbot)[1] == (3,)


def test_another_connection_of_the_same_number_is_not_the_target(
    composer: Composer, crowd: Crowd, tmp_path: Path
) -> None:
    with CaptureMaker(tmp_path / "other.unmask") as other:
        other.tick()
        other.peer("/chat")
        crowd.model.set_reader(other.reader())
        composer.refresh()
        assert composer.targets.recipients == ()
        assert composer.targets.currentText() == "To #1 /chat (closed)"
        crowd.model.set_reader(None)


def test_going_to_a_connection_makes_it_the_target_only_where_nothing_is_written(
    composer: Composer, crowd: Crowd, qtbot: QtBot
) -> None:
    composer.went_to(2)
    assert composer.targets.currentText() == "To #2 /two"
    composer.set_text("for the second")
    composer.went_to(3)
    assert composer.targets.currentText() == "To #2 /two"
    assert composer.status.text() == "What you wrote goes to #2, not to #3."
    assert composer.instead.text() == "Send to #3 instead"
    composer.set_text("")
    qtbot.waitUntil(lambda: not composer.instead.isVisible())
    crowd.goes(3)
    composer.went_to(3)
    assert composer.targets.currentText() == "To #2 /two", "who is gone is no target"


def test_who_is_still_connecting_can_be_gone_to(
    composer: Composer, crowd: Crowd, maker: CaptureMaker
) -> None:
    newcomer = maker.newcomer("/late")
    crowd.look()
    composer.went_to(newcomer.id)
    assert composer.targets.currentText() == "To #4 no request (connecting)"
    composer.set_text("written before it is open")
    assert composer.status.text() == "Connection #4 is not open yet."
    assert not composer.send_button.isEnabled()
    newcomer.ask()
    crowd.look()
    assert composer.targets.currentText() == "To #4 /late"
    assert composer.send_button.isEnabled()


def test_a_reason_and_a_file_are_text_too(composer: Composer, tmp_path: Path) -> None:
    composer.close_frame.reason.setText("bye")
    composer.went_to(2)
    assert composer.targets.currentText() == "To #1 /chat"
    composer.close_frame.reason.clear()
    composer.file.path.setText(str(tmp_path / "payload"))
    composer.went_to(2)
    assert composer.targets.currentText() == "To #1 /chat"


def test_all_stay_the_target_whoever_comes_and_goes(composer: Composer, crowd: Crowd) -> None:
    composer.targets.choose_all()
    crowd.another()
    assert composer.targets.currentText() == "To all open (4)"
    crowd.goes(1, 2)
    assert composer.targets.currentText() == "To all open (2)"


def test_how_many_got_it_is_said_where_not_all_did(composer: Composer, qtbot: QtBot) -> None:
    composer.targets.choose_all()
    composer.set_text("to all")
    sent(composer, qtbot)
    composer.show_sent(1, 2)
    assert composer.status.text() == "Sent to 2 of 3: the others closed meanwhile, or do not read."
    assert composer.editor.toPlainText() == ""


def test_the_list_is_searched_as_one_types(composer: Composer, crowd: Crowd, qtbot: QtBot) -> None:
    for number in range(4, 31):
        crowd.another(f"/room/{number}")
    popup = composer.targets.popup
    composer.targets.showPopup()
    assert len(popup.rows()) == 31
    assert popup.hint.text() == "30 open connections"
    crowd.goes(2)
    assert len(popup.rows()) == 31, "nothing moves under the pointer"
    QTest.keyClicks(popup.search, "room/2")
    assert popup.rows() == [f"#{number} /room/{number}" for number in range(20, 30)]
    assert popup.hint.text() == "10 of 30 open connections"
    popup.search.setText("3")
    assert popup.rows()[0] == "#3 /three", "a number is first of all that connection's"
    popup.search.setText("#1")
    assert popup.rows()[:2] == ["#1 /chat", "#10 /room/10"]
    QTest.keyClick(popup.search, Qt.Key.Key_Down)
    QTest.keyClick(popup.search, Qt.Key.Key_Return)
    assert not popup.isVisible()
    assert composer.targets.currentText() == "To #10 /room/10"
    composer.targets.showPopup()
    crowd.goes(3)
    popup.search.setText("/three")
    QTest.keyClick(popup.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "#3 is not open any more" in composer.status.text())
    composer.targets.showPopup()
    QTest.keyClicks(popup.search, "nowhere")
    assert popup.rows() == []
    QTest.keyClick(popup.search, Qt.Key.Key_Return)
    assert popup.isVisible(), "there is nothing to take"
    QTest.keyClick(popup, Qt.Key.Key_Escape)
    assert not popup.isVisible()


def test_the_wheel_chooses_nothing(composer: Composer) -> None:
    QTest.wheelEvent(
        composer.targets.window().windowHandle(), composer.targets.geometry().center(), QPoint(0, -120)
    )
    assert composer.targets.currentText() == "To #1 /chat"


def test_a_long_path_is_cut_at_its_head(composer: Composer, crowd: Crowd) -> None:
    crowd.another("/api/v1/streams/market/prices/of/all/currencies/EURUSD?token=secret")
    composer.address(4)
    words = composer.targets.currentText()
    assert words.startswith("To #4 …")
    assert words.endswith("EURUSD…")


def test_a_peer_that_does_not_read_is_said(composer: Composer) -> None:
    composer.set_queued(12_300_000)
    assert composer.status.text().startswith("The peer is not reading, 12.3 MB queued")
    assert composer.status.property("look") == "warning"
    composer.address(2)
    assert "queued" not in composer.status.text()


def test_a_narrow_box_names_the_target_without_a_bare_ellipsis(
    composer: Composer, crowd: Crowd, qtbot: QtBot
) -> None:
    crowd.another("/a/path/that/is/much/too/long/for/a/narrow/box")
    composer.address(4)
    crowd.goes(4)
    box = composer.targets
    box.setMaximumWidth(154)
    qtbot.waitUntil(lambda: box.currentText() == "To #4 (closed)")
