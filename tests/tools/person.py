"""Acts as a person at the real window: looks, types, clicks. It waits for results and uses only the widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.logic.compose import ComposeKind
from app.logic.frame_column import FrameColumn
from app.window.desktop import Desktop
from app.window.main_window import MainWindow
from core.capture.reader import CaptureReader
from core.net.settings import ListenAddress

PATIENCE_MS = 60_000


class SitDown(Protocol):
    """Opens the window again."""

    def __call__(self, captures: Path | None = None) -> Person:
        """Use the unsaved captures in that folder, or in the previous one."""


class Person:
    """Uses one `Desktop`. `close` ends it."""

    def __init__(self, desktop: Desktop, qtbot: QtBot) -> None:
        self.desktop = desktop
        self.window: MainWindow = desktop.window
        self._qtbot = qtbot
        self._gone = False

    def start(self) -> None:
        """Show the window and listen on a free port."""
        self.desktop.show(ListenAddress("127.0.0.1", 0))
        self.until(lambda: bool(self.window.listening.addresses), "it listens")
        self.window.activateWindow()
        self.until(
            lambda: self.window.isActiveWindow() or self.question() is not None, "the window is active"
        )

    def close(self) -> None:
        """Close everything; idempotent."""
        if self._gone:
            return
        self._gone = True
        self.desktop.close()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Run the window until `holds()`."""
        try:
            self._qtbot.waitUntil(holds, timeout=PATIENCE_MS)
        except AssertionError as error:
            raise AssertionError(f"it is not so that {what}: {error}") from None

    # Looking.

    @staticmethod
    def question() -> QWidget | None:
        """The dialog that is in the way, if any."""
        return QApplication.activeModalWidget()

    @property
    def port(self) -> int:
        return int(self.window.listening.addresses[0].rpartition(":")[2])

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def capture(self) -> CaptureReader:
        """What the window reads."""
        reader = self.desktop.desk.reader
        assert reader is not None
        return reader

    def column(self, column: FrameColumn) -> list[str]:
        """The cells of a column of the frame table."""
        model = self.window.frame_model
        return [str(model.data(model.index(row, column)) or "") for row in range(model.rowCount())]

    def rows(self) -> list[tuple[str, str, str]]:
        """Direction, opcode and payload of each row."""
        columns = (FrameColumn.DIRECTION, FrameColumn.OPCODE, FrameColumn.PAYLOAD)
        return list(zip(*map(self.column, columns), strict=True))

    def wait_for_rows(self, count: int) -> None:
        model = self.window.frame_model
        self.until(lambda: model.rowCount() >= count, f"the table has {count} rows")
        assert model.rowCount() == count, self.rows()

    def connections(self) -> list[str]:
        """Title and details of each line of the list, without the first, which stands for all."""
        model = self.window.connection_model
        lines = [model.line(row) for row in range(1, model.rowCount())]
        return [f"{line.title} {line.detail}" for line in lines if line is not None]

    def status(self) -> list[str]:
        """The texts of the status bar."""
        return [label.text() for label in self.window.status.findChildren(QLabel) if label.isVisible()]

    def wait_for_status(self, words: str) -> None:
        self.until(lambda: words in self.status(), f"the status bar says “{words}”")

    def wait_for_banner(self, words: str) -> None:
        banner = self.window.banner
        self.until(lambda: words in banner.text, f"the banner says “{words}”")

    # Acting.

    def do(self, action: ActionId) -> None:
        """Trigger an action by its keys."""
        # Without a window manager, the window does not become active again when a dialog closes.
        self.window.activateWindow()
        self.until(self.window.isActiveWindow, "the window is active")
        QTest.keySequence(self.window, self.window.actions_[action].shortcut())

    def choose_connection(self, connection: int | None) -> None:
        """Click a connection in the list."""
        row = self.window.connection_model.row_of(connection)
        assert row is not None
        view = self.window.connections
        index = self.window.connection_model.index(row)
        view.scrollTo(index)
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center())
        if connection is not None:
            self.until(lambda: self._target() == connection, f"#{connection} is selected")

    def choose_row(self, row: int) -> None:
        """Click a row of the frame table, and wait until the details show it."""
        table, model = self.window.frames, self.window.frame_model
        table.scrollTo(model.index(row, FrameColumn.NUMBER))
        place = table.visualRect(model.index(row, FrameColumn.NUMBER)).center()
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        wanted = model.frame_id(row)
        self.until(lambda: table.current_frame == wanted, f"row {row} is selected")
        QCoreApplication.processEvents()

    def open_tab(self, name: str) -> None:
        tabs = self.window.tabs.tabs
        views = ((at, tabs.widget(at)) for at in range(tabs.count()))
        places = [at for at, view in views if view is not None and view.objectName() == name]
        QTest.mouseClick(
            tabs.tabBar(), Qt.MouseButton.LeftButton, pos=tabs.tabBar().tabRect(places[0]).center()
        )
        assert self.window.tabs.current_tab() == name

    def write(self, text: str) -> None:
        """Type into the composer: ASCII with keys, other characters as an input method does."""
        editor = self.window.composer.editor
        editor.setFocus()
        for char in text:
            if char == "\n":
                QTest.keyClick(editor, Qt.Key.Key_Return)
            elif char.isascii():
                QTest.keyClicks(editor, char)
            else:
                event = QInputMethodEvent("", [])
                event.setCommitString(char)
                QApplication.sendEvent(editor, event)
        assert editor.toPlainText() == text

    def compose(self, text: str, kind: ComposeKind = ComposeKind.TEXT, fragments: int = 1) -> None:
        """Write a message and send it with Ctrl+Enter."""
        composer = self.window.composer
        composer.kinds.setCurrentIndex(composer.kinds.findData(kind))
        composer.fragments.setValue(fragments)
        self.write(text)
        self.until(composer.send_button.isEnabled, "it can be sent")
        QTest.keyClick(composer.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        self.until(lambda: composer.editor.toPlainText() == "", "it was sent")

    def click(self, widget: QWidget) -> None:
        self.until(lambda: widget.isVisible() and widget.isEnabled(), "it can be clicked")
        QTest.mouseClick(
            widget, Qt.MouseButton.LeftButton, pos=QPoint(widget.width() // 2, widget.height() // 2)
        )

    def button(self, where: QWidget, words: str) -> QPushButton:
        """The button with this text, once it is visible."""

        def in_sight() -> list[QPushButton]:
            buttons = where.findChildren(QPushButton)
            return [each for each in buttons if each.isVisible() and each.text().replace("&", "") == words]

        self.until(lambda: len(in_sight()) == 1, f"there is one button “{words}”")
        return in_sight()[0]

    @contextmanager
    def naming(self, path: Path) -> Iterator[None]:
        """Give this name to any file dialog that opens within this context."""
        names: list[Path] = []
        timer = QTimer()

        def answer() -> None:
            dialog = QApplication.activeModalWidget()
            if not isinstance(dialog, QFileDialog) or names:
                return
            names.append(path)
            field = dialog.findChild(QLineEdit, "fileNameEdit")
            box = dialog.findChild(QDialogButtonBox, "buttonBox")
            assert isinstance(field, QLineEdit)
            assert isinstance(box, QDialogButtonBox)
            field.setText(str(path))
            QTest.keyClick(field, Qt.Key.Key_Return)

        timer.timeout.connect(answer)
        timer.start(10)
        yield
        timer.stop()
        assert names, "no file dialog was opened"

    def _target(self) -> int | None:
        chosen = self.window.selection.connection
        return None if chosen is None else chosen.id
