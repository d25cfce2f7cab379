"""Shows one page of text piece by piece, so that it never blocks the window, and colours the visible part."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import islice

from PySide6.QtCore import QMimeData, Qt, QTimer, Signal
from PySide6.QtGui import (
    QBrush,
    QContextMenuEvent,
    QPaintEvent,
    QTextBlock,
    QTextCharFormat,
    QTextCursor,
    QTextLayout,
)
from PySide6.QtWidgets import QMenu, QPlainTextEdit, QTextEdit, QWidget

from app.look.theme import Theme, ThemeRole
from core.decoders.decoder import NO_SPANS, Page, TextPlace, TokenKind

FOLD = 8192
"""Characters after which a line is broken; laying out one endless line would take seconds."""
_PIECE = 16 * 1024
_PIECE_LINES = 256
"""Characters, and lines, laid out in one go."""

_ROLES = {
    TokenKind.KEY: ThemeRole.JSON_KEY,
    TokenKind.STRING: ThemeRole.JSON_STRING,
    TokenKind.NUMBER: ThemeRole.JSON_NUMBER,
    TokenKind.LITERAL: ThemeRole.JSON_LITERAL,
    TokenKind.PUNCTUATION: ThemeRole.JSON_PUNCTUATION,
}


def cut(text: str, start: int, end: int) -> Iterator[str]:
    """`text[start:end]` as lines and folded lines; a line keeps its line feed, a folded piece has none."""
    at = start
    while at < end:
        newline = text.find("\n", at, min(end, at + FOLD))
        stop = newline + 1 if newline >= 0 else min(end, at + FOLD)
        yield text[at:stop]
        at = stop


def _no_places(_start: int, _end: int) -> list[TextPlace]:
    return []


class TextPane(QPlainTextEdit):
    """Read-only plain text with coloured spans and marked places."""

    menu_opens = Signal(QMenu)
    """The menu over the text, to which others may add."""
    shown_changed = Signal()
    """Another text is shown completely."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._text = ""
        self._spans = NO_SPANS
        self._shown = 0
        self._starts: list[int] = [0]
        """For each block, its offset in the text in code points."""
        self._folds: set[int] = set()
        """Numbers of the blocks that continue the line of the block before."""
        self._coloured: dict[int, int] = {}
        """Numbers of the coloured blocks, with their length at that time; the last one may grow."""
        self._places_in: Callable[[int, int], list[TextPlace]] = _no_places
        self._is_marked = False
        """Whether blocks of this page have or had marks."""
        self._chosen: tuple[TextPlace, ...] = ()
        """The places to show; the first is scrolled to."""
        self._is_choice_due = False
        """Whether these places still wait for their layout."""
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._show_piece)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        theme.changed.connect(self._restyle)
        self._restyle()

    @property
    def is_whole(self) -> bool:
        """Whether the whole page is laid out."""
        return self._shown >= len(self._text)

    @property
    def is_folded(self) -> bool:
        """Whether a line was too long and is broken."""
        return bool(self._folds)

    def show_page(self, page: Page | None) -> None:
        """Show a page from its beginning."""
        self._timer.stop()
        self._text = "" if page is None else page.text
        self._spans = NO_SPANS if page is None else page.spans
        self._shown, self._starts = 0, [0]
        self._folds.clear()
        self._coloured.clear()
        self._chosen, self._is_choice_due = (), False
        self._is_marked = self._places_in is not _no_places
        self.setExtraSelections([])
        self.clear()
        self._show_piece()

    def mark_places(self, places_in: Callable[[int, int], list[TextPlace]] | None) -> None:
        """Mark everything that `places_in(start, end)` gives for the characters `start`..`end`."""
        self._places_in = places_in or _no_places
        self._is_marked = self._is_marked or places_in is not None
        self._coloured.clear()
        self.viewport().update()

    def show_places(self, places: list[TextPlace]) -> None:
        """Select these places and scroll to the first, as soon as it is laid out."""
        self._chosen = tuple(places)
        self._is_choice_due = bool(places)
        self._bring_chosen()

    def first_in_sight(self) -> int:
        """Where a search begins: the cursor's character if visible, else the first visible one."""
        cursor = self.textCursor()
        top = self.firstVisibleBlock()
        bottom = self.cursorForPosition(self.viewport().rect().bottomRight()).block()
        block = cursor.block()
        if top.blockNumber() <= block.blockNumber() <= bottom.blockNumber():
            return self._character(block, cursor.selectionStart() - block.position())
        return self._starts[top.blockNumber()]

    @property
    def chosen_character(self) -> int:
        """The first selected character of the page, or the one behind the cursor."""
        cursor = self.textCursor()
        block = self.document().findBlock(cursor.selectionStart())
        return self._character(block, cursor.selectionStart() - block.position())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if not self.textCursor().hasSelection():
            self.setTextCursor(self.cursorForPosition(event.pos()))
        menu = self.createStandardContextMenu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.menu_opens.emit(menu)
        menu.popup(event.globalPos())

    def createMimeDataFromSelection(self) -> QMimeData:
        """The selection as it was sent, without the line breaks of folding."""
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
        self._mark_chosen()
        self.viewport().update()

    def _show_piece(self) -> None:
        """Lay out the next piece; the timer repeats until all is shown."""
        end = min(len(self._text), self._shown + _PIECE)
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        for line in islice(cut(self._text, self._shown, end), _PIECE_LINES):
            if not line.endswith("\n") and self._is_fold_due(cursor):
                self._break(cursor, self._shown, folded=True)
            cursor.insertText(line.removesuffix("\n"))
            self._shown += len(line)
            if line.endswith("\n"):
                self._break(cursor, self._shown, folded=False)
        cursor.endEditBlock()
        self._bring_chosen()
        if self.is_whole:
            self._timer.stop()
            self.shown_changed.emit()
        elif not self._timer.isActive():
            self._timer.start()

    def _is_fold_due(self, cursor: QTextCursor) -> bool:
        return self._shown - self._starts[-1] >= FOLD and not cursor.atBlockStart()

    def _break(self, cursor: QTextCursor, start: int, *, folded: bool) -> None:
        cursor.insertBlock()
        if folded:
            self._folds.add(len(self._starts))
        self._starts.append(start)

    # Places

    def _bring_chosen(self) -> None:
        if self._is_choice_due and self._chosen[-1].end <= self._shown:
            self._is_choice_due = False
            self.setTextCursor(self._cursor_of(self._chosen[0]))
            self._mark_chosen()

    def _cursor_of(self, place: TextPlace) -> QTextCursor:
        cursor = QTextCursor(self.document())
        cursor.setPosition(self._position(place.start))
        cursor.setPosition(self._position(place.end), QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def _position(self, character: int) -> int:
        """The position of a character in the document, in UTF-16 units."""
        number = bisect_right(self._starts, character) - 1
        block = self.document().findBlockByNumber(number)
        return block.position() + _Units(block.text()).of(character - self._starts[number])

    def _character(self, block: QTextBlock, units: int) -> int:
        before = block.text().encode("utf-16-le", "surrogatepass")[: 2 * units]
        return self._starts[block.blockNumber()] + len(before.decode("utf-16-le", "replace"))

    def _mark_chosen(self) -> None:
        selections = []
        for place in self._chosen:
            if place.end <= self._shown:
                selection = QTextEdit.ExtraSelection()
                selection.cursor = self._cursor_of(place)
                selection.format.setBackground(self._theme.color(ThemeRole.HIGHLIGHT))
                selections.append(selection)
        self.setExtraSelections(selections)

    # Colours

    def _colour_in_sight(self) -> None:
        """Colour the visible blocks that have no colours yet."""
        if not len(self._spans) and not self._is_marked:
            return
        block = self.firstVisibleBlock()
        last = self.cursorForPosition(self.viewport().rect().bottomRight()).blockNumber()
        while block.isValid() and block.blockNumber() <= last:
            if self._coloured.get(block.blockNumber()) != block.length():
                self._colour(block)
            block = block.next()

    def _colour(self, block: QTextBlock) -> None:
        self._coloured[block.blockNumber()] = block.length()
        block.layout().setFormats([*self._formats_of(block), *self._marks_of(block)])
        self.document().markContentsDirty(block.position(), block.length())

    def _formats_of(self, block: QTextBlock) -> Iterator[QTextLayout.FormatRange]:
        start, text = self._starts[block.blockNumber()], block.text()
        end = start + len(text)
        units = _Units(text)
        for span in self._spans.among(start, end):
            left, right = max(span.start, start) - start, min(span.end, end) - start
            if left < right:
                look = QTextCharFormat()
                look.setForeground(QBrush(self._theme.color(_ROLES[span.kind])))
                yield _format_range(units.of(left), units.of(right), look)

    def _marks_of(self, block: QTextBlock) -> Iterator[QTextLayout.FormatRange]:
        start, text = self._starts[block.blockNumber()], block.text()
        end = start + len(text)
        look = QTextCharFormat()
        look.setBackground(QBrush(self._theme.color(ThemeRole.SELECTION_INACTIVE)))
        units = _Units(text)
        for place in self._places_in(start, end) if text else ():
            left, right = max(place.start, start) - start, min(place.end, end) - start
            if left < right:
                yield _format_range(units.of(left), units.of(right), look)


class _Units:
    """Counts in UTF-16 units, as Qt does; fast for ascending requests."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._is_ascii = text.isascii()
        self._count = self._units = 0

    def of(self, count: int) -> int:
        """UTF-16 units of the first `count` characters."""
        if self._is_ascii:
            return count
        if count < self._count:
            self._count = self._units = 0
        self._units += len(self._text[self._count : count].encode("utf-16-le", "surrogatepass")) // 2
        self._count = count
        return self._units


def _format_range(start: int, end: int, look: QTextCharFormat) -> QTextLayout.FormatRange:
    formats = QTextLayout.FormatRange()
    formats.start, formats.length, formats.format = start, end - start, look
    return formats
