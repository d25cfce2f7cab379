"""A raw HTTP head as plain text: control characters visible, line ends marked on request."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QSize
from PySide6.QtGui import QFontMetricsF, QResizeEvent, QTextCharFormat, QTextCursor, QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from app.logic.text import count_bytes
from app.look.theme import Theme, ThemeRole
from core.decoders.visible import visible

MAX_SHOWN = 64 * 1024
"""Bytes that are shown; heads within the default limit are shorter."""
_MAX_LINES = 20
_CR_LF, _LF = "\\r\\n", "\\n"


def split_lines(raw: bytes) -> list[tuple[str, str]]:
    """Each line with its line end; invalid UTF-8 and control characters are escaped."""
    lines = raw.decode("utf-8", "backslashreplace").split("\n")
    split = [(visible(line.removesuffix("\r")), _CR_LF if line.endswith("\r") else _LF) for line in lines]
    split[-1] = (visible(lines[-1]), "")
    return split


class RawHead(QPlainTextEdit):
    """Read-only, wrapped, and as high as its text up to a limit."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._raw = b""
        self._marked = (0, 0)
        self._changed: frozenset[int] = frozenset()
        self._marks = False
        self._font = theme.mono_font()
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        theme.changed.connect(self._fill)

    def show_raw(self, raw: bytes, changed: frozenset[int] = frozenset()) -> None:
        """Show these bytes; `changed` lines, from 0, get a ground of their own."""
        self._raw = raw
        self._marked = (0, 0)
        self._changed = changed
        self._fill()

    def show_marks(self, shown: bool) -> None:
        """Write `\\r\\n` or `\\n` at the end of each line, in the colour of non-text."""
        self._marks = shown
        self._fill()

    def mark(self, offset: int, length: int) -> None:
        """Mark bytes and scroll to them; a length of 0 marks nothing."""
        self._marked = (offset, length)
        marked = self._marked_cursor()
        self._select(marked)
        if marked is not None:
            marked.clearSelection()
            self.setTextCursor(marked)
            self.ensureCursorVisible()

    def _select(self, marked: QTextCursor | None) -> None:
        """Paint the grounds of changed lines, and `marked` over them."""
        selections = []
        for number in sorted(self._changed):
            block = self.document().findBlockByNumber(number)
            if block.isValid():
                cursor = QTextCursor(block)
                cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
                selection = QTextEdit.ExtraSelection()
                selection.cursor = cursor
                selection.format.setBackground(self._theme.color(ThemeRole.HIGHLIGHT))
                selections.append(selection)
        if marked is not None:
            selection = QTextEdit.ExtraSelection()
            selection.cursor = QTextCursor(marked)
            selection.format.setBackground(self._theme.color(ThemeRole.ERROR_TINT))
            selection.format.setForeground(self._theme.color(ThemeRole.ERROR))
            selection.format.setFontUnderline(True)
            selections.append(selection)
        self.setExtraSelections(selections)

    def _marked_cursor(self) -> QTextCursor | None:
        """Over the marked bytes; None if there are none, or they are not shown."""
        offset, length = self._marked
        if length <= 0 or offset >= min(len(self._raw), MAX_SHOWN):
            return None
        cursor = self.textCursor()
        cursor.setPosition(self._position(offset))
        cursor.setPosition(self._position(min(offset + length, MAX_SHOWN)), QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def changed_text(self) -> list[str]:
        """The lines with a ground of their own."""
        return [self.document().findBlockByNumber(number).text() for number in sorted(self._changed)]

    def marked_text(self) -> str:
        """The marked text, as it is shown."""
        marked = self._marked_cursor()
        return "" if marked is None else marked.selectedText().replace("\u2029", "\n")

    def _position(self, offset: int) -> int:
        """The place in the text that shows the byte `offset`."""
        before = self._raw[:offset]
        if before.endswith(b"\r") and self._raw[offset : offset + 1] == b"\n":
            before = before[:-1]
        lines = split_lines(before)
        marks = sum(len(end) for _, end in lines) if self._marks else 0
        units = sum(len(line.encode("utf-16-le", "surrogatepass")) // 2 for line, _ in lines)
        return units + marks + len(lines) - 1

    def _fill(self) -> None:
        self._font = self._theme.mono_font()
        self.document().setDefaultFont(self._font)
        self.clear()
        text, mark = QTextCharFormat(), QTextCharFormat()
        text.setForeground(self._theme.color(ThemeRole.TEXT))
        text.setFont(self._font)
        mark.setFont(self._font)
        mark.setForeground(self._theme.color(ThemeRole.MASK))
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
        self.mark(*self._marked)

    def _left_out(self) -> str:
        sentence = QCoreApplication.translate("RawHead", "… {0} more, not shown here")
        return sentence.format(count_bytes(len(self._raw) - MAX_SHOWN))

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def _fit(self) -> None:
        lines = min(max(round(self.document().size().height()), 3), _MAX_LINES)
        self.setMinimumHeight(round(lines * QFontMetricsF(self._font).lineSpacing()) + 30)
        self.updateGeometry()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()
