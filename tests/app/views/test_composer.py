from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.compose import ComposeKind
from app.icons import Icons
from app.theme import Theme
from app.views.compose_editor import HISTORY_LIMIT, History, HistoryEntry
from app.views.composer import Composer
from core.net.outgoing import Compression, OutgoingClose, OutgoingMessage, OutgoingPing
from core.protocol.frames import Opcode
from tests.app.views.samples import CLOSED, CONNECTION

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def composer(qtbot: QtBot, theme: Theme, icons: Icons) -> Iterator[Composer]:
    composer = Composer(theme, icons)
    composer.resize(1000, 160)
    composer.set_target(CONNECTION)
    composer.set_open_count(3)
    numbers = itertools.count(1)
    composer.send_requested.connect(lambda: composer.await_result(next(numbers)))
    with qtbot.waitExposed(composer):
        composer.show()
    yield composer
    composer.close()
    composer.deleteLater()


def settled(composer: Composer, qtbot: QtBot, *, sendable: bool) -> None:
    qtbot.waitUntil(lambda: composer.send_button.isEnabled() is sendable)


def sent(composer: Composer, qtbot: QtBot) -> tuple[object, bool]:
    with qtbot.waitSignal(composer.send_requested) as caught:
        composer.send()
    outgoing, to_all = caught.args
    return outgoing, to_all


def test_ctrl_enter_sends_text(composer: Composer, qtbot: QtBot) -> None:
    QTest.keyClicks(composer.editor, "Hello")
    with qtbot.waitSignal(composer.send_requested) as caught:
        QTest.keyClick(composer.editor, Qt.Key.Key_Return, CONTROL)
    assert caught.args == [OutgoingMessage(Opcode.TEXT, b"Hello"), False]
    composer.show_sent(1)
    assert composer.editor.toPlainText() == ""
    assert composer.history() == ("text:Hello",)


def test_ctrl_shift_enter_sends_to_all(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text("Hello")
    with qtbot.waitSignal(composer.send_requested) as caught:
        QTest.keyClick(composer.editor, Qt.Key.Key_Return, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert caught.args[1] is True


def test_target_box_sends_to_all(composer: Composer, qtbot: QtBot) -> None:
    assert composer.targets.itemText(0) == "To #1 /chat"
    assert composer.targets.itemText(1) == "To all open (3)"
    composer.targets.setCurrentIndex(1)
    assert sent(composer, qtbot)[1] is True


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
    composer.set_target(CLOSED)
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


def test_no_open_connection_is_said(composer: Composer, qtbot: QtBot) -> None:
    composer.set_target(None)
    composer.set_open_count(0)
    assert not composer.send_button.isEnabled()
    assert composer.status.text() == "No connection is open. Wait for a client to connect."
    composer.set_target(CLOSED)
    assert composer.status.text() == "Connection #3 is not open. Select another one."
    composer.targets.setCurrentIndex(1)
    assert composer.status.text() == "No connection is open. Wait for a client to connect."
    composer.set_open_count(1)
    settled(composer, qtbot, sendable=True)


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
    composer.show_sent(1)
    assert composer.editor.toPlainText() == "second"
    assert composer.history() == ("text:first",)


def test_results_belong_to_their_requests(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text("first")
    sent(composer, qtbot)
    composer.set_text("second")
    sent(composer, qtbot)
    composer.show_sent(1)
    assert (composer.editor.toPlainText(), composer.history()) == ("second", ("text:first",))
    composer.show_error("The peer is gone.", 2)
    composer.show_sent(2)
    assert (composer.editor.toPlainText(), composer.history()) == ("second", ("text:first",))
    assert composer.status.text() == "The peer is gone."


def test_the_editor_is_emptied_by_the_last_of_equal_messages(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text("same")
    sent(composer, qtbot)
    sent(composer, qtbot)
    composer.show_error("The peer does not read.", 1)
    composer.show_sent(2)
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


def test_where_no_connection_is_selected_all_open_ones_are_offered(composer: Composer) -> None:
    composer.set_open_count(3)
    composer.set_target(None)
    assert composer.targets.currentText() == "To all open (3)"
    composer.set_target(CONNECTION)
    assert composer.targets.currentText().startswith(f"To #{CONNECTION.id} ")


def test_all_stay_the_target_when_the_person_has_chosen_so(composer: Composer) -> None:
    composer.targets.setCurrentIndex(1)
    composer.targets.activated.emit(1)
    composer.set_target(None)
    composer.set_target(CONNECTION)
    assert composer.targets.currentIndex() == 1


def test_a_peer_that_does_not_read_is_said(composer: Composer) -> None:
    composer.set_queued(12_300_000)
    assert composer.status.text().startswith("The peer is not reading, 12.3 MB queued")
    assert composer.status.property("look") == "warning"
    composer.set_target(CLOSED)
    assert "queued" not in composer.status.text()
