"""Writes and changes the note on a frame."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.logic.text import counted, grouped, tooltip
from core.capture.marks import MAX_NOTE
from core.decoders.visible import is_visible

_SIZE = (460, 240)


class _Edit(QPlainTextEdit):
    finished = Signal()
    """Ctrl+Return was pressed."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        entered = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if entered and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.finished.emit()
        else:
            super().keyPressEvent(event)


class NoteDialog(QDialog):
    """After `accept`, `note` has the text, which may be empty; a text that is too long cannot be accepted."""

    def __init__(self, frame_id: int, note: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.frame_id = frame_id
        self.setWindowTitle(self.tr("Note on frame {number}").format(number=grouped(frame_id)))
        self.resize(*_SIZE)
        self.edit = _Edit(note, self)
        self.edit.setPlaceholderText(self.tr("What is worth remembering of this frame"))
        self.edit.setTabChangesFocus(True)
        self.room = QLabel(self)
        self.room.setTextFormat(Qt.TextFormat.PlainText)
        self.room.setProperty("look", "muted")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.keep = QPushButton(self.tr("&Keep"))
        self.keep.setDefault(True)
        self.keep.setToolTip(self.tr("Keep the note in the capture (Ctrl+Return)"))
        buttons.addButton(self.keep, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.edit.finished.connect(self._accept_if_it_fits)
        below = QHBoxLayout()
        below.addWidget(self.room, 1)
        below.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.addWidget(self.edit, 1)
        layout.addLayout(below)
        self.edit.textChanged.connect(self._show_room)
        self._show_room()
        self.edit.selectAll()
        self.edit.setFocus()

    @property
    def note(self) -> str:
        """The text without surrounding white space."""
        return self.edit.toPlainText().strip()

    def _show_room(self) -> None:
        self.room.setToolTip("")
        left = MAX_NOTE - len(self.note)
        self.keep.setEnabled(left >= 0)
        if left < 0:
            one, many = self.tr("1 character too many"), self.tr("{count} characters too many")
            self.room.setText(counted(-left, one, many))
        elif left < MAX_NOTE // 4:
            self.room.setText(counted(left, self.tr("1 character left"), self.tr("{count} characters left")))
        elif not is_visible(self.note):
            self.room.setText(self.tr("Has characters that cannot be seen"))
            self.room.setToolTip(tooltip(self.note))
        else:
            self.room.setText("")

    def _accept_if_it_fits(self) -> None:
        if self.keep.isEnabled():
            self.accept()
