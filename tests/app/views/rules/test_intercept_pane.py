"""The queue and the editor, used as a person uses them; the engine's side is in tests/app/rules."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QMainWindow
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId, Actions
from app.logic.held_edit import EditMode
from app.logic.held_lines import HeldKind, HeldLine
from app.look.look import Look
from app.models.held import HeldModel
from app.views.rules.intercept_pane import InterceptPane
from core.capture.records import Direction
from core.errors import PayloadError
from core.protocol.frames import Opcode
from core.protocol.outgoing import Compression
from core.rules.verdict import Replacement
from tests.tools.qt import dispose

JSON = b'{"type": "login", "n": 2.50}'


def held(ticket: int, payload: bytes = JSON, opcode: int = Opcode.TEXT, *, deflate: bool = True) -> HeldLine:
    now = time.time_ns()
    return HeldLine(
        1,
        ticket,
        HeldKind.MESSAGE,
        Direction.CLIENT_TO_SERVER,
        opcode,
        payload,
        now,
        now + 10**11,
        (),
        1,
        0,
        deflate,
    )


class Queue:
    """The pane over a model that the test fills."""

    def __init__(self, pane: InterceptPane, model: HeldModel, actions: Actions) -> None:
        self.pane, self.model, self.actions = pane, model, actions

    def fill(self, *lines: HeldLine) -> None:
        self.model.set_lines(lines, time.time_ns())

    def type(self, text: str) -> None:
        self.pane.editor.text.selectAll()
        QTest.keyClicks(self.pane.editor.text, text)


@pytest.fixture
def queue(qtbot: QtBot, look: Look) -> Iterator[Queue]:
    window = QMainWindow()
    actions = Actions(window, look)
    model = HeldModel(lambda _connection: "/chat", window)
    pane = InterceptPane(model, actions, look)
    window.setCentralWidget(pane)
    window.resize(900, 400)
    window.show()
    qtbot.waitExposed(window)
    yield Queue(pane, model, actions)
    dispose(window)


def test_the_first_that_comes_is_chosen_and_can_go_on_unchanged(queue: Queue) -> None:
    assert not queue.actions[ActionId.FORWARD_HELD].isEnabled()
    queue.fill(held(1), held(2))
    assert queue.pane.line is not None
    assert queue.pane.line.ticket == 1
    assert queue.pane.count.text() == "2 held"
    queue.pane.show_total(5000)
    assert queue.pane.count.text() == "5\u202f000 held, the oldest 2 listed"
    queue.pane.show_total(2)
    assert queue.pane.count.text() == "2 held"
    assert queue.pane.replacement() is None
    assert queue.actions[ActionId.FORWARD_HELD].isEnabled()
    assert queue.actions[ActionId.FORWARD_HELD].iconText() == "Forward"


def test_a_text_is_edited(queue: Queue) -> None:
    queue.fill(held(1))
    queue.type("hi")
    assert queue.pane.replacement() == Replacement(Opcode.TEXT, b"hi")
    assert queue.actions[ActionId.FORWARD_HELD].iconText() == "Forward changed"
    assert "2 bytes go on" in queue.pane.editor.status.text()


def test_a_value_of_the_json_tree_is_edited_and_the_rest_stays(queue: Queue, qtbot: QtBot) -> None:
    queue.fill(held(1))
    editor = queue.pane.editor
    editor.set_mode(EditMode.JSON)
    tree = editor.tree
    top = tree.topLevelItem(0)
    assert top is not None
    item = top.child(0)
    assert item is not None
    tree.setCurrentItem(item, 1)
    tree.setFocus()
    QTest.keyClick(tree, Qt.Key.Key_F2)
    field = tree.findChild(QLineEdit)
    assert isinstance(field, QLineEdit)
    assert field.text() == '"login"'
    field.selectAll()
    QTest.keyClicks(field, '"out"')
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: editor.payload() == JSON.replace(b"login", b"out"))
    assert queue.pane.replacement() == Replacement(Opcode.TEXT, JSON.replace(b"login", b"out"))


def test_what_is_no_json_value_is_refused_beside_the_tree(queue: Queue, qtbot: QtBot) -> None:
    queue.fill(held(1))
    editor = queue.pane.editor
    editor.set_mode(EditMode.JSON)
    top = editor.tree.topLevelItem(0)
    assert top is not None
    item = top.child(1)
    assert item is not None
    editor.tree.edit(editor.tree.indexFromItem(item, 1))
    field = editor.tree.findChild(QLineEdit)
    assert isinstance(field, QLineEdit)
    field.setText("two")
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "“two” is no JSON value" in editor.status.text())
    assert editor.payload() == JSON


def test_bytes_are_edited_as_hex(queue: Queue) -> None:
    queue.fill(held(1, bytes(range(20)), Opcode.BINARY))
    editor = queue.pane.editor
    assert editor.mode is EditMode.HEX
    assert editor.hex.toPlainText().splitlines()[1] == "10 11 12 13"
    editor.hex.setPlainText("00 ff 1")
    assert "two hex digits" in editor.status.text()
    assert not queue.actions[ActionId.FORWARD_HELD].isEnabled()
    with pytest.raises(PayloadError):
        queue.pane.replacement()
    editor.hex.setPlainText("00 ff 10")
    assert queue.pane.replacement() == Replacement(Opcode.BINARY, b"\x00\xff\x10")


def test_opcode_frames_and_compression_are_changes_too(queue: Queue) -> None:
    queue.fill(held(1, b"\xff\xfe", Opcode.BINARY))
    editor = queue.pane.editor
    editor.frames.setValue(3)
    assert queue.pane.replacement() == Replacement(Opcode.BINARY, b"\xff\xfe", 3)
    editor.frames.setValue(0)
    editor.compress.setChecked(False)
    assert queue.pane.replacement() == Replacement(Opcode.BINARY, b"\xff\xfe", 1, Compression.NEVER)
    editor.compress.setChecked(True)
    assert queue.pane.replacement() is None
    editor.opcode.setCurrentIndex(editor.opcode.findData(int(Opcode.TEXT)))
    assert "not UTF-8" in editor.status.text()


def test_compression_can_be_chosen_only_where_it_was_negotiated(queue: Queue) -> None:
    queue.fill(held(1, deflate=False))
    assert not queue.pane.editor.compress.isEnabled()
    assert queue.pane.replacement() is None


def test_what_was_typed_stays_while_looking_at_others(queue: Queue) -> None:
    queue.fill(held(1), held(2, b"other"))
    queue.type("half done")
    queue.pane.list.step(1)
    assert queue.pane.editor.text.toPlainText() == "other"
    queue.fill(replace(held(1), behind=4), held(2, b"other"), held(3))
    queue.pane.list.step(-1)
    assert queue.pane.editor.text.toPlainText() == "half done"
    assert queue.pane.replacement() == Replacement(Opcode.TEXT, b"half done")


def test_what_goes_on_by_itself_while_it_is_edited_is_not_lost(queue: Queue) -> None:
    queue.fill(held(1), held(2, b"other"))
    queue.type("half done")
    queue.fill(held(2, b"other"))
    assert queue.pane.editor.text.toPlainText() == "half done"
    assert "has gone on" in queue.pane.editor.status.text()
    assert queue.pane.line is None
    assert not queue.actions[ActionId.FORWARD_HELD].isEnabled()
    row = queue.pane.list.visualRect(queue.model.index(0)).center()
    QTest.mouseClick(queue.pane.list.viewport(), Qt.MouseButton.LeftButton, pos=row)
    assert queue.pane.editor.text.toPlainText() == "other"


def test_after_a_decision_the_next_one_is_chosen(queue: Queue) -> None:
    queue.fill(held(1), held(2, b"other"))
    queue.type("changed")
    queue.pane.forget_edit((1, 1))
    queue.fill(held(2, b"other"))
    assert queue.pane.line is not None
    assert queue.pane.line.ticket == 2
    assert queue.pane.editor.text.toPlainText() == "other"


def test_keys_of_the_list(queue: Queue) -> None:
    dropped: list[None] = []
    queue.actions[ActionId.DROP_HELD].triggered.connect(lambda: dropped.append(None))
    queue.fill(held(1), held(2))
    queue.pane.list.setFocus()
    QTest.keyClick(queue.pane.list, Qt.Key.Key_Delete)
    assert dropped == [None]
    QTest.keyClick(queue.pane.list, Qt.Key.Key_Down)
    assert queue.pane.line is not None
    assert queue.pane.line.ticket == 2
    QTest.keyClick(queue.pane.list, Qt.Key.Key_Return)
    assert queue.pane.editor.text.hasFocus()


@pytest.mark.parametrize("text", ["a\u00a0b", "tab\there", "a\nb\n", "é" * 10, "a\r\nb"])
def test_the_editor_changes_nothing_by_itself(queue: Queue, text: str) -> None:
    payload = text.encode()
    queue.fill(held(1, payload))
    assert queue.pane.editor.payload() == payload
    queue.pane.editor.text.moveCursor(queue.pane.editor.text.textCursor().MoveOperation.End)
    QTest.keyClicks(queue.pane.editor.text, "!")
    assert queue.pane.editor.payload() == payload + b"!"


def test_a_head_is_edited_as_the_text_that_it_is(queue: Queue) -> None:
    raw = b"GET /chat HTTP/1.1\r\nHost: a\r\n\r\n"
    queue.fill(replace(held(1, raw, 0), kind=HeldKind.REQUEST))
    editor = queue.pane.editor
    assert editor.mode is EditMode.TEXT
    assert not editor.opcode.isVisible()
    assert queue.pane.replacement() is None
    editor.text.moveCursor(QTextCursor.MoveOperation.Start)
    QTest.keyClicks(editor.text, "X")
    changed = queue.pane.replacement()
    assert changed is not None
    assert changed.payload == b"X" + raw


def test_a_control_frame_stays_one(queue: Queue) -> None:
    queue.fill(held(1, b"beat", Opcode.PING))
    editor = queue.pane.editor
    assert not editor.opcode.isVisible()
    assert queue.pane.replacement() is None
    assert editor.answer() == Replacement(Opcode.TEXT, b"beat")
    queue.type("other")
    assert queue.pane.replacement() == Replacement(Opcode.PING, b"other")
    editor.text.setPlainText("x" * 126)
    assert "at most 125 bytes" in editor.status.text()
    assert not queue.actions[ActionId.FORWARD_HELD].isEnabled()
