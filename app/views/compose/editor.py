"""The composer's editor, and the history that its arrow keys browse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from app.logic.compose import ComposeKind

HISTORY_LIMIT = 200
_ENTRY_LIMIT = 64 * 1024
"""Characters; a longer text is not kept."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A message that was sent."""

    kind: ComposeKind
    text: str

    def to_line(self) -> str:
        """The form stored in settings: kind, colon, text."""
        return f"{self.kind.value}:{self.text}"

    @classmethod
    def from_line(cls, line: str) -> HistoryEntry | None:
        """Parse a stored line; None if it is invalid."""
        kind, colon, text = line.partition(":")
        known = {one.value: one for one in ComposeKind}
        return cls(known[kind], text) if colon and kind in known else None


class History:
    """What was sent, oldest first, up to `HISTORY_LIMIT` entries, and a position in it."""

    def __init__(self) -> None:
        self._entries: list[HistoryEntry] = []
        self._at = 0
        self._draft: HistoryEntry | None = None

    def add(self, entry: HistoryEntry) -> None:
        """Append an entry, removing an equal one, and go to the end."""
        if entry.text and len(entry.text) <= _ENTRY_LIMIT:
            others = [one for one in self._entries if one != entry]
            self._entries = [*others[1 - HISTORY_LIMIT :], entry]
        self._at = len(self._entries)
        self._draft = None

    def older(self, present: HistoryEntry) -> HistoryEntry | None:
        """The entry before the position; None at the beginning. `present` is kept as the draft to return to."""
        if self._at == 0:
            return None
        if self._at == len(self._entries):
            self._draft = present
        self._at -= 1
        return self._entries[self._at]

    def newer(self) -> HistoryEntry | None:
        """The entry after the position, finally the draft; None after that."""
        if self._at >= len(self._entries):
            return None
        self._at += 1
        return self._draft if self._at == len(self._entries) else self._entries[self._at]

    def lines(self) -> tuple[str, ...]:
        """The form stored in settings, oldest first."""
        return tuple(entry.to_line() for entry in self._entries)

    def set_lines(self, lines: Sequence[str]) -> None:
        """Read what `lines` gave; invalid lines are left out."""
        entries = (HistoryEntry.from_line(line) for line in lines[-HISTORY_LIMIT:])
        self._entries = [entry for entry in entries if entry is not None]
        self._at = len(self._entries)
        self._draft = None


class ComposeEditor(QPlainTextEdit):
    """A plain editor that passes Ctrl+Enter, and the arrow keys at its edges, to the composer."""

    send_pressed = Signal()
    send_all_pressed = Signal()
    older_pressed = Signal()
    newer_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabChangesFocus(True)

    def sizeHint(self) -> QSize:
        return QSize(400, 64)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 44)

    def event(self, event: QEvent) -> bool:
        # Claim the keys before a window shortcut takes them, so that the message is sent once.
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _sends(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _sends(event):
            whole = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            (self.send_all_pressed if whole else self.send_pressed).emit()
            return
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        if plain and event.key() == Qt.Key.Key_Up and self._at_edge(QTextCursor.MoveOperation.Up):
            self.older_pressed.emit()
        elif plain and event.key() == Qt.Key.Key_Down and self._at_edge(QTextCursor.MoveOperation.Down):
            self.newer_pressed.emit()
        else:
            super().keyPressEvent(event)

    def set_text(self, text: str) -> None:
        """Replace the text undoably, with the caret at the end."""
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        self.moveCursor(QTextCursor.MoveOperation.End)

    def _at_edge(self, move: QTextCursor.MoveOperation) -> bool:
        """Whether the caret is on the first (or last) line, counting wrapped lines."""
        return not self.textCursor().movePosition(move)


def _sends(event: QKeyEvent) -> bool:
    enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
    return enter and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
