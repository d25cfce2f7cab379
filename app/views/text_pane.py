"""Shows a decoded text piece by piece, so that no length of it holds the window up, and colours what is in sight."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from PySide6.QtCore import QMimeData, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QPaintEvent,
    QTextBlock,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextLayout,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from app.theme import Role, Theme
from core.decoders.decoder import Decoded, Span, TokenKind

FIRST_SHOWN = 256 * 1024
"""Characters that are shown before somebody asks for more."""
FOLD = 8192
"""Characters after which a line is broken: the layout of one endless line would take seconds."""
_PIECE = 16 * 1024
"""Characters that are laid out in one go."""

_ROLES = {
    TokenKind.KEY: Role.JSON_KEY,
    TokenKind.STRING: Role.JSON_STRING,
    TokenKind.NUMBER: Role.JSON_NUMBER,
    TokenKind.LITERAL: Role.JSON_LITERAL,
    TokenKind.PUNCTUATION: Role.JSON_PUNCTUATION,
}


def cut(text: str, start: int, end: int) -> Iterator[str]:
    """`text[start:end]` as lines and folded lines; each line keeps its line feed, a folded piece has none."""
    at = start
    while at < end:
        newline = text.find("\n", at, min(end, at + FOLD))
        stop = newline + 1 if newline >= 0 else min(end, at + FOLD)
        yield text[at:stop]
        at = stop


class TextPane(QPlainTextEdit):
    """Read-only plain text with coloured spans."""

    shown_changed = Signal()
    """More of the text is shown than before, or another text."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._text = ""
        self._spans: tuple[Span, ...] = ()
        self._span_starts: list[int] = []
        self._shown = 0
        self._wanted = 0
        self._starts: list[int] = [0]
        """Of each block the offset in the text, in code points."""
        self._folds: set[int] = set()
        """Numbers of the blocks that go on with the line of the block before."""
        self._coloured: dict[int, int] = {}
        """Numbers of the blocks that have their colours, and how long they were then: the last one may grow."""
        self._found: QTextCursor | None = None
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._show_piece)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        theme.changed.connect(self._restyle)
        self._restyle()

    @property
    def total(self) -> int:
        """Characters of the text."""
        return len(self._text)

    @property
    def shown(self) -> int:
        """Characters of it that are shown or about to be."""
        return self._wanted

    @property
    def is_folded(self) -> bool:
        """Whether a line in sight was too long and is broken."""
        return bool(self._folds)

    def show_decoded(self, decoded: Decoded | None) -> None:
        """Show a text from its beginning."""
        self._timer.stop()
        self._text = "" if decoded is None else decoded.text
        self._spans = () if decoded is None else decoded.spans
        self._span_starts = [span.start for span in self._spans]
        self._shown, self._wanted, self._starts = 0, 0, [0]
        self._folds.clear()
        self._coloured.clear()
        self._found = None
        self.setExtraSelections([])
        self.clear()
        self.show_more(FIRST_SHOWN)

    def show_more(self, count: int) -> None:
        """Show `count` characters more, or as many as there are."""
        self._wanted = min(len(self._text), self._wanted + count)
        if self._shown < self._wanted:
            self._show_piece()
        self.shown_changed.emit()

    def find_text(self, wanted: str, *, backward: bool = False) -> bool:
        """Go to the next place where `wanted` stands in what is shown, round the end; case does not matter."""
        if not wanted:
            return False
        flags = QTextDocument.FindFlag.FindBackward if backward else QTextDocument.FindFlag(0)
        found = self.document().find(wanted, self.textCursor(), flags)
        if found.isNull():
            found = self.document().find(wanted, self.document().characterCount() if backward else 0, flags)
        if found.isNull():
            return False
        self.setTextCursor(found)
        self._found = QTextCursor(found)
        self._mark_found()
        return True

    def createMimeDataFromSelection(self) -> QMimeData:
        """What was selected as it was sent, without the breaks that folding put in."""
        cursor = self.textCursor()
        first = self.document().findBlock(cursor.selectionStart()).blockNumber()
        lines = cursor.selectedText().split("\u2029")
        parts = []
        for number, line in enumerate(lines, start=first):
            if number > first and number not in self._folds:
                parts.append("\n")
            parts.append(line)
        data = QMimeData()
        data.setText("".join(parts))
        return data

    def paintEvent(self, event: QPaintEvent) -> None:
        self._colour_in_sight()
        super().paintEvent(event)

    def _restyle(self) -> None:
        self.document().setDefaultFont(self._theme.mono_font())
        self._coloured.clear()
        self._mark_found()
        self.viewport().update()

    def _show_piece(self) -> None:
        """Lay out the next piece; the timer comes back until all that is wanted is shown."""
        end = min(self._wanted, self._shown + _PIECE)
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        for line in cut(self._text, self._shown, end):
            if not line.endswith("\n") and self._is_fold_due(cursor):
                self._break(cursor, self._shown, folded=True)
            cursor.insertText(line.removesuffix("\n"))
            self._shown += len(line)
            if line.endswith("\n"):
                self._break(cursor, self._shown, folded=False)
        cursor.endEditBlock()
        if self._shown >= self._wanted:
            self._timer.stop()
        elif not self._timer.isActive():
            self._timer.start()

    def _is_fold_due(self, cursor: QTextCursor) -> bool:
        return self._shown - self._starts[-1] >= FOLD and not cursor.atBlockStart()

    def _break(self, cursor: QTextCursor, start: int, *, folded: bool) -> None:
        cursor.insertBlock()
        if folded:
            self._folds.add(len(self._starts))
        self._starts.append(start)

    def _colour_in_sight(self) -> None:
        """Put colours on the blocks in sight that have none yet."""
        if not self._spans:
            return
        block = self.firstVisibleBlock()
        last = self.cursorForPosition(self.viewport().rect().bottomRight()).blockNumber()
        while block.isValid() and block.blockNumber() <= last:
            if self._coloured.get(block.blockNumber()) != block.length():
                self._colour(block)
            block = block.next()

    def _colour(self, block: QTextBlock) -> None:
        self._coloured[block.blockNumber()] = block.length()
        block.layout().setFormats(list(self._formats_of(block)))
        self.document().markContentsDirty(block.position(), block.length())

    def _formats_of(self, block: QTextBlock) -> Iterator[QTextLayout.FormatRange]:
        start, text = self._starts[block.blockNumber()], block.text()
        end = start + len(text)
        first = max(0, bisect_right(self._span_starts, start) - 1)
        for span in self._spans[first : bisect_left(self._span_starts, end)]:
            left, right = max(span.start, start) - start, min(span.end, end) - start
            if left < right:
                yield _format_range(
                    _units(text, left), _units(text, right), self._theme.color(_ROLES[span.kind])
                )

    def _mark_found(self) -> None:
        selections = []
        if self._found is not None:
            selection = QTextEdit.ExtraSelection()
            selection.cursor = self._found
            selection.format.setBackground(self._theme.color(Role.HIGHLIGHT))
            selections.append(selection)
        self.setExtraSelections(selections)


def _units(text: str, count: int) -> int:
    """UTF-16 units of the first `count` characters: what Qt counts in."""
    return count if text.isascii() else len(text[:count].encode("utf-16-le", "surrogatepass")) // 2


def _format_range(start: int, end: int, colour: QColor) -> QTextLayout.FormatRange:
    look = QTextCharFormat()
    look.setForeground(colour)
    formats = QTextLayout.FormatRange()
    formats.start, formats.length, formats.format = start, end - start, look
    return formats
