"""Nothing of a peer is ever interpreted: HTML, terminal escapes, bidi overrides and NULs wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QModelIndex, QObject, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QTabBar,
    QTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.logic.frame_column import FrameColumn
from app.logic.text import tooltip
from app.window.desktop import Desktop
from core.capture.marks import KeepMarks, Mark
from core.decoders.visible import is_visible
from core.protocol.frames import Opcode, make_frame
from tests.tools.raw_peer import RawPeer

MARKUP = "<b>bold</b><img src=x onerror=y><a href='http://x'>link</a>"
EVIL = f"{MARKUP}\x1b[31m\x07\x00\u202eright\u2066\u200e\u2028"
MOST_ROWS = 200


def shown_texts(root: QObject) -> Iterator[tuple[str, str, bool]]:
    """Where, which text, and whether Qt might take it for HTML there: everything below `root` that can show text."""
    for widget in [root, *root.findChildren(QObject)]:
        name = f"{type(widget).__name__} {widget.objectName()}"
        if isinstance(widget, QAction):
            yield f"{name} text", widget.text(), False
            yield f"{name} tooltip", widget.toolTip(), True
        if not isinstance(widget, QWidget):
            continue
        yield f"{name} tooltip", widget.toolTip(), True
        yield f"{name} what's this", widget.whatsThis(), True
        yield f"{name} status tip", widget.statusTip(), False
        yield f"{name} title", widget.windowTitle(), False
        if isinstance(widget, QMessageBox | QLabel):
            yield f"{name} text", widget.text(), widget.textFormat() is not Qt.TextFormat.PlainText
        elif isinstance(widget, QAbstractButton | QLineEdit):
            yield f"{name} text", widget.text(), False
        elif isinstance(widget, QComboBox):
            yield from ((f"{name} item", widget.itemText(at), False) for at in range(widget.count()))
        elif isinstance(widget, QTabBar):
            yield from ((f"{name} tab", widget.tabText(at), False) for at in range(widget.count()))
        elif isinstance(widget, QPlainTextEdit):
            yield f"{name} text", widget.toPlainText(), False
        elif isinstance(widget, QTextEdit):
            yield f"{name} text", widget.toHtml(), True
        elif isinstance(widget, QAbstractItemView) and isinstance(widget.model(), QAbstractItemModel):
            yield from items(name, widget.model())


def items(name: str, model: QAbstractItemModel) -> Iterator[tuple[str, str, bool]]:
    roles = Qt.ItemDataRole
    none = QModelIndex()
    for row in range(min(model.rowCount(none), MOST_ROWS)):
        for column in range(1 if isinstance(model, QAbstractListModel) else model.columnCount(none)):
            index = model.index(row, column)
            for role in (roles.DisplayRole, roles.AccessibleDescriptionRole, roles.AccessibleTextRole):
                yield f"{name} {row},{column} {role.name}", str(index.data(role) or ""), False
            yield f"{name} {row},{column} tooltip", str(index.data(roles.ToolTipRole) or ""), True


def check(root: QObject) -> int:
    """All that is shown is harmless; how often the peer's markup was among it, as plain text."""
    seen = 0
    for place, text, maybe_rich in shown_texts(root):
        assert is_visible(text), f"{place} shows something hidden: {text!r}"
        if "bold" not in text:
            continue
        seen += 1
        if maybe_rich:
            escaped = (
                text.startswith("<qt>") and "<b>" not in text and "<img" not in text and "<a" not in text
            )
            assert escaped, f"{place} would show it as HTML: {text!r}"
    return seen


@pytest.fixture
def evil(desktop: Desktop, qtbot: QtBot) -> Iterator[RawPeer]:
    """What a spiteful client says, in every place where it can say something."""
    window = desktop.window
    window.actions_[ActionId.TOLERANT].setChecked(True)
    with qtbot.waitSignal(desktop.engine.listening):
        window.listening.start()
    port = int(window.listening.addresses[0].rpartition(":")[2])
    text = EVIL.encode()
    head = text.replace(b" ", b"")
    # With a control in its path it would be no request line at all; the other client sends such a one.
    path = f"{MARKUP}\u202e\u2066\x85".replace(" ", "").encode()
    with RawPeer(port) as peer, RawPeer(port) as refused:
        extra = (
            b"\r\nOrigin: " + text + b"\r\nX-Evil: " + text + b"\r\nSec-WebSocket-Protocol: " + text
            + b"\r\nX-" + head + b": 1\r\nno colon " + text + b"\r\nSec-WebSocket-Extensions: " + head + b"\r\n\r\n"
        )  # fmt: skip
        peer.send(peer.request("/path").replace(b"/path", b"/" + path).replace(b"\r\n\r\n", extra))
        assert b" 101 " in peer.head()
        refused.send(b"GET /" + head + b" HTTP/1.1\r\nHost: " + text + b"\r\nOrigin: " + text + b"\r\n\r\n")
        refused.rest()
        for opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.PING, 0x3):
            peer.frame(opcode, text[:120] if opcode == Opcode.PING else text)
        peer.frame(
            Opcode.TEXT, b'{"' + MARKUP.replace("'", "").encode() + b'": "\\u202e\\u0000' + text[:60] + b'"}'
        )
        peer.send(make_frame(Opcode.TEXT, b"\xff" + text).wire())
        peer.frame(Opcode.CLOSE, (4000).to_bytes(2, "big") + text[: 123 - 1].decode(errors="ignore").encode())
        peer.send(text)
        peer.rest()
        qtbot.waitUntil(
            lambda: window.connection_model.open_count == 0 and window.frame_model.rowCount() >= 8
        )
        yield peer


@pytest.mark.usefixtures("evil")
def test_nothing_of_a_peer_is_interpreted_anywhere(desktop: Desktop, qtbot: QtBot) -> None:
    window = desktop.window
    seen = check(window)
    window.actions_[ActionId.FOCUS_PROBLEMS].trigger()
    qtbot.waitUntil(lambda: window.problem_model.rowCount() == window.connection_model.totals.violations)
    # A note may be pasted from a payload.
    desktop.engine.change_marks(KeepMarks((Mark(1, EVIL), Mark(2, ""))))
    window.actions_[ActionId.FOCUS_MARKS].trigger()
    qtbot.waitUntil(lambda: window.marking.model.rowCount() == 2)
    seen += check(window.marking.list)
    assert not window.grab().isNull()
    for tab in ("message", "frame", "bytes", "handshake"):
        window.tabs.set_current_tab(tab)
        for connection in (None, 1, 2):
            window.connections.choose(connection)
            for row in range(window.frame_model.rowCount()):
                window.frames.go_to_row(row)
                qtbot.wait(1)
                seen += check(window.tabs) + check(window.composer)
    for row in range(window.problem_model.rowCount()):
        window.problems._choose(row)
        seen += check(window)
    for connection in (1, 2):
        window.connections.choose(connection)
        for action in (ActionId.ALLOW_ORIGIN, ActionId.DISCONNECT, ActionId.SETTINGS):
            window.actions_[action].trigger()
            seen += check(window)
            assert not window.grab().isNull()
        for dialog in window.findChildren(QDialog):
            dialog.close()
    assert seen > 200


@pytest.mark.usefixtures("evil")
def test_filters_made_of_what_a_peer_says_are_plain(desktop: Desktop, qtbot: QtBot) -> None:
    window, seen = desktop.window, 0
    filters, edit = window.filters, window.filter_bar.edit
    menu = QMenu(window)
    for row in range(window.frame_model.rowCount()):
        window.frames.go_to_row(row)
        cell = window.frames.visualRect(window.frame_model.index(row, FrameColumn.PAYLOAD))
        filters.menus.add_of_cell(menu, window.frames.viewport().mapToGlobal(cell.center()))
    window.connections.choose(1)
    filters.menus.add_of_connection(menu, window.connections.chosen_record)
    seen += check(menu)
    for submenu in menu.findChildren(QMenu):
        for action in submenu.actions():
            action.trigger()
            assert window.filtering.applied is not None
            assert window.filtering.applied.text == edit.text()
            seen += check(window.filter_bar)
    menu.deleteLater()
    window.filter_bar.menu.aboutToShow.emit()
    seen += check(window.filter_bar.menu)
    window.activateWindow()
    edit.setFocus()
    qtbot.waitUntil(edit.hasFocus)
    edit.clear()
    QTest.keyClicks(edit, "path == ")
    assert "bold" in edit.popup.candidates[0].text
    QTest.keyClick(edit, Qt.Key.Key_Tab)
    seen += check(window)
    window.actions_[ActionId.SAVE_FILTER].trigger()
    seen += check(window)
    filters.shelf.save(f"name {EVIL}", edit.text())
    window.filter_bar.menu.aboutToShow.emit()
    seen += check(window.filter_bar.menu)
    for action in window.filter_bar.menu.actions():
        if "Manage" in action.text():
            action.trigger()
    for dialog in window.findChildren(QDialog):
        seen += check(dialog)
        dialog.close()
    assert seen > 50


@pytest.mark.usefixtures("evil")
def test_the_clipboard_gets_plain_text_only(desktop: Desktop, qtbot: QtBot) -> None:
    window = desktop.window
    clipboard = QGuiApplication.clipboard()
    window.frames.selectAll()
    for action in (ActionId.COPY_TEXT, ActionId.COPY_HEX, ActionId.COPY_JSON, ActionId.COPY_BASE64):
        clipboard.clear()
        window.actions_[action].trigger()
        assert clipboard.mimeData().formats() == ["text/plain"]
    window.connections.choose(1)
    window.tabs.set_current_tab("handshake")
    window.tabs.handshake.request.selectAll()
    window.tabs.handshake.request.copy()
    qtbot.waitUntil(lambda: not clipboard.mimeData().hasHtml())
    assert MARKUP in clipboard.text()
    window.connections.choose(None)
    window.tabs.set_current_tab("message")
    window.frames.go_to_row(0)
    qtbot.waitUntil(lambda: MARKUP in window.tabs.message.findChildren(QPlainTextEdit)[0].toPlainText())
    pane = window.tabs.message.findChildren(QPlainTextEdit)[0]
    pane.selectAll()
    pane.copy()
    qtbot.waitUntil(lambda: not clipboard.mimeData().hasHtml())
    assert MARKUP in clipboard.text()
    # Made by Python, which ends before the clipboard of the platform without a screen does.
    clipboard.clear()


def test_a_tooltip_is_escaped(qapp: QApplication) -> None:
    del qapp
    assert tooltip("<b>\x1b\u202e", "a\nb") == "<qt>&lt;b&gt;\\x1b\\u202e<br>a↵b</qt>"


def test_the_walk_finds_what_it_should(qtbot: QtBot) -> None:
    rich, hidden = QLabel(MARKUP), QLabel("\u202e")
    for label in (rich, hidden):
        qtbot.addWidget(label)
        with pytest.raises(AssertionError):
            check(label)
    rich.setTextFormat(Qt.TextFormat.PlainText)
    assert check(rich) == 1
    rich.setToolTip(MARKUP)
    with pytest.raises(AssertionError, match="as HTML"):
        check(rich)
