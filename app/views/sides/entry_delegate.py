"""Rows of the lists of problems and of bookmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.views.parts.row_delegate import ICON, MARGIN, PAD_Y, TEXT_LEFT, RowDelegate

_LINES = 2
"""Lines of the text; the tooltip has the rest."""
_GAP = 2


@dataclass(frozen=True, slots=True)
class ListEntry:
    """What a row says: a text, and in a small line above or below it where that is."""

    icon: IconName
    icon_role: ThemeRole
    text: str
    text_role: ThemeRole = ThemeRole.TEXT
    above: str = ""
    below: str = ""


class EntryDelegate(RowDelegate):
    """Asks for the entry of each row it paints; None leaves the row empty."""

    def __init__(self, entry_of: Callable[[int], ListEntry | None], look: Look, parent: QWidget) -> None:
        super().__init__(look, parent)
        self._entry_of = entry_of

    @property
    def row_height(self) -> int:
        return self._height_of(_LINES)

    def content(self, painter: QPainter, row: QRect, number: int) -> None:
        entry = self._entry_of(number)
        if entry is None:
            return
        self._icon(painter, row.left() + MARGIN, row.top() + PAD_Y, entry.icon, entry.icon_role, ICON)
        area = row.adjusted(TEXT_LEFT, PAD_Y, -MARGIN, 0)
        if entry.above:
            self._small_line(painter, area, entry.above, ThemeRole.MUTED)
            area.setTop(area.top() + self._small_metrics.height() + _GAP)
        if entry.text:
            area.setTop(self._text(painter, area, entry.text, entry.text_role, _LINES) + _GAP)
        if entry.below:
            self._small_line(painter, area, entry.below, ThemeRole.MUTED)
