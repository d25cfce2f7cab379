"""A raw HTTP head as plain text: control characters visible, line ends marked where that is asked for."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QFontMetricsF, QResizeEvent, QTextCharFormat, QTextCursor, QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from app.theme import Role, Theme
from core.decoders.visible import visible
from core.protocol.anatomy import count_bytes

MAX_SHOWN = 64 * 1024
"""Bytes that are shown; a head within the usual limit is no longer."""
_MAX_LINES = 20
_CR_LF, _LF = "\\r\\n", "\\n"


def split_lines(raw: bytes) -> list[tuple[str, str]]:
    """Each line with the mark of how it ended; bytes that are no UTF-8 and control characters are escaped."""
    lines = raw.decode("utf-8", "backslashreplace").split("\n")
    split = [(visible(line.removesuffix("\r")), _CR_LF if line.endswith("\r") else _LF) for line in lines]
    split[-1] = (visible(lines[-1]), "")
    return split


class RawHead(QPlainTextEdit):
    """Read-only, wrapped, and as high as its text up to a bound."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._raw = b""
        self._marks = False
        self._font = theme.mono_font()
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        theme.changed.connect(self._fill)

    def show_raw(self, raw: bytes) -> None:
        """Show these bytes."""
        self._raw = raw
        self._fill()

    def show_marks(self, shown: bool) -> None:
        """Write `\\r\\n` or `\\n` where a line ended with it, in the colour of what is not text."""
        self._marks = shown
        self._fill()

    def _fill(self) -> None:
        self._font = self._theme.mono_font()
        self.document().setDefaultFont(self._font)
        self.clear()
        text, mark = QTextCharFormat(), QTextCharFormat()
        text.setForeground(self._theme.color(Role.TEXT))
        text.setFont(self._font)
        mark.setFont(self._font)
        mark.setForeground(self._theme.color(Role.MASK))
        cursor = QTextCursor(self.document())
        lines = split_lines(self._raw[:MAX_SHOWN])
        for at, (line, end) in enumerate(lines):
            cursor.insertText(line, text)
            if self._marks:
                cursor.insertText(end, mark)
            if at < len(lines) - 1:
                cursor.insertBlock()
        if len(self._raw) > MAX_SHOWN:
            cursor.insertText("\n" + self._left_out(), mark)
        self.moveCursor(QTextCursor.MoveOperation.Start)
        self._fit()

    def _left_out(self) -> str:
        sentence = QCoreApplication.translate("RawHead", "… {0} more, not shown here")
        return sentence.format(count_bytes(len(self._raw) - MAX_SHOWN))

    def _fit(self) -> None:
        lines = min(max(round(self.document().size().height()), 3), _MAX_LINES)
        self.setMinimumHeight(round(lines * QFontMetricsF(self._font).lineSpacing()) + 30)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()
