"""Menus that make a filter from a cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QPoint
from PySide6.QtWidgets import QMenu

from app.captures.desk import CaptureDesk
from app.filters.filtering import Filtering
from app.logic.cell_terms import Joint, connection_terms, joined, terms
from app.logic.filter_assistant import FilterAssistant
from app.logic.frame_column import FrameColumn
from app.logic.shown_frame import shown_frame
from app.logic.text import one_line, tooltip
from app.views.filter.bar import FilterBar
from app.views.panes import Panes
from core.capture.records import ConnectionRecord
from core.errors import CaptureError
from core.query.quoting import text_literal

if TYPE_CHECKING:
    from core.query.language import FilterLanguage

_SELECTED = 200
"""Characters selected in a message that can become a term."""
_LOOKED_THROUGH = 1 << 18
"""Bytes of a payload searched for the selection."""
_SHOWN = 70
"""Characters of a term shown in a menu."""


def add_filters(
    menu: QMenu, terms: Sequence[str], line: str, language: FilterLanguage, apply: Callable[[str], None]
) -> None:
    """Add a submenu for each way to combine a term with the filter `line`; `apply` gets the chosen filter."""
    translate = QCoreApplication.translate
    titles = {
        Joint.ONLY: translate("CellMenu", "Filter: &only"),
        Joint.NOT: translate("CellMenu", "Filter: &not"),
        Joint.AND: translate("CellMenu", "Filter: an&d also"),
        Joint.OR: translate("CellMenu", "Filter: o&r also"),
    }
    for joint, title in titles.items():
        submenu = menu.addMenu(title)
        submenu.setEnabled(joint in (Joint.ONLY, Joint.NOT) or bool(line.strip()))
        for term in terms:
            action = submenu.addAction(menu_text(term))
            action.setToolTip(tooltip(term))
            text = joined(joint, line, term, language)
            action.triggered.connect(lambda _checked=False, text=text: apply(text))


def menu_text(text: str) -> str:
    """A filter as the text of a menu item: short, plain, without mnemonics."""
    shown = one_line(text)
    if len(shown) > _SHOWN:
        shown = f"{shown[: _SHOWN - 20]} … {shown[-17:]}"
    return shown.replace("&", "&&")


class CellMenus:
    """Adds filters to the menus of the lists, made from what is under the pointer."""

    def __init__(
        self,
        desk: CaptureDesk,
        panes: Panes,
        assistant: FilterAssistant,
        bar: FilterBar,
        filtering: Filtering,
    ) -> None:
        self._desk = desk
        self._frames = panes.frames
        self._details = panes.details
        self._assistant = assistant
        self._bar = bar
        self._filtering = filtering

    def add_of_cell(self, menu: QMenu, position: QPoint) -> None:
        """Add those for the cell of the frame table at a global position."""
        place = self._frames.cell_at(position)
        reader = self._desk.reader
        if place is None or reader is None:
            return
        line, column = place
        try:
            rules = (
                [each.rule.id for each in reader.violations(line.row.id)] if line.row.violation_count else []
            )
        except CaptureError:
            # The list reports the error itself; the other terms are offered nevertheless.
            rules = []
        found = terms(line.row, rules, column)
        selected = self._details.selected_text
        if column is FrameColumn.PAYLOAD and self._has(line.row.id, selected):
            found = (f"payload contains {text_literal(selected)}", *found)
        self._add(menu, found)

    def _has(self, frame_id: int, selected: str) -> bool:
        """Whether a frame's payload has the text selected in a message, which may be laid out differently."""
        reader = self._desk.reader
        if not 0 < len(selected) <= _SELECTED or reader is None:
            return False
        try:
            shown = shown_frame(reader, frame_id)
            content = b"" if shown is None else shown.content.read(0, _LOOKED_THROUGH)
        except (CaptureError, OSError):
            return False
        return selected.encode("utf-8", "surrogatepass") in content

    def add_of_connection(self, menu: QMenu, record: ConnectionRecord | None) -> None:
        """Add those for a connection; none for None, which stands for all."""
        if record is not None:
            self._add(menu, connection_terms(record))

    def _add(self, menu: QMenu, found: Sequence[str]) -> None:
        menu.addSeparator()
        add_filters(menu, found, self._bar.edit.text(), self._assistant.language, self._filtering.apply)
