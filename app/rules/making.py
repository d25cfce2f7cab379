"""Rules made of what the person points at: frames, values, connections."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QPoint
from PySide6.QtWidgets import QMenu

from app.actions.registry import ActionId
from app.captures.desk import CaptureDesk
from app.filters.cell_menu import menu_text
from app.logic.cell_terms import connection_terms, terms
from app.logic.rule_drafts import frame_terms, rule_of_connection, rule_of_filter, rule_of_frame, value_term
from app.logic.shown_frame import shown_frame
from app.logic.text import tooltip
from app.rules.desk import RuleDesk
from app.views.filter.bar import FilterBar
from app.views.panes import Panes
from app.views.shell import Shell
from core.capture.records import ConnectionRecord, FrameRow
from core.errors import CaptureError
from core.query.quoting import text_literal
from core.rules.rule import Rule

_LOOKED_AT = 64 * 1024
"""Bytes of a payload that are looked at."""
_SELECTED = 200
"""Characters selected in a message that can become a condition."""


class RuleMaking:
    """Adds to the menus of the lists, and carries out “Make a rule of this”."""

    def __init__(
        self, desk: CaptureDesk, rules: RuleDesk, bar: FilterBar, panes: Panes, shell: Shell
    ) -> None:
        self._desk = desk
        self._rules = rules
        self._bar = bar
        self._frames = panes.frames
        self._connections = panes.connections
        self._details = panes.details
        self._action = shell.actions[ActionId.RULE_OF_THIS]
        shell.actions.connect_each({ActionId.RULE_OF_THIS: self.make})
        panes.details.message.text.menu_opens.connect(self._add_to_text)

    def make(self) -> None:
        """Begin a rule from where the keyboard is: a frame, else a connection, else the filter."""
        if self._connections.hasFocus() and self._connections.chosen_record is not None:
            self._rules.ask_new(rule_of_connection(self._connections.chosen_record))
            return
        frame = self._frames.current_frame
        found = None if frame is None else self._read(frame)
        if found is not None:
            row, payload = found
            term = self._selected_term(payload)
            self._rules.ask_new(rule_of_frame(row, payload, self._record(row), term), frame)
        elif self._connections.chosen_record is not None:
            self._rules.ask_new(rule_of_connection(self._connections.chosen_record))
        else:
            self._rules.ask_new(rule_of_filter(self._bar.edit.text().strip()))

    def add_of_cell(self, menu: QMenu, position: QPoint) -> None:
        """Add the ways to make a rule of the cell of the frame table at a global position."""
        place = self._frames.cell_at(position)
        found = None if place is None else self._read(place[0].row.id)
        if place is None or found is None:
            return
        row, payload = found
        record = self._record(row)
        selected = self._selected_term(payload)
        every = (selected, *frame_terms(row, payload), *terms(row, (), place[1]))
        self._add(
            menu,
            [
                (term, rule_of_frame(row, payload, record, term))
                for term in dict.fromkeys(every)
                if term and not term.startswith(("frame ", "time ", "connection "))
            ],
            row.id,
        )

    def add_of_connection(self, menu: QMenu, record: ConnectionRecord | None) -> None:
        """Add the ways to make a rule for connections like this one."""
        if record is not None:
            self._add(
                menu, [(term, rule_of_connection(record, term)) for term in connection_terms(record)], None
            )

    def _add(self, menu: QMenu, offers: Sequence[tuple[str, Rule]], frame: int | None) -> None:
        if not offers:
            return
        submenu = menu.addMenu(QCoreApplication.translate("RuleMaking", "Make a rule: &when"))
        for term, rule in offers:
            action = submenu.addAction(menu_text(term))
            action.setToolTip(tooltip(rule.when.filter))
            action.triggered.connect(lambda _checked=False, rule=rule: self._rules.ask_new(rule, frame))

    def _add_to_text(self, menu: QMenu) -> None:
        menu.addSeparator()
        menu.addAction(self._action)

    def _selected_term(self, payload: bytes) -> str:
        """A condition for what is selected in the message: a text that is a part of it, or a value of JSON."""
        chosen = self._details.chosen_byte
        value = (
            value_term(payload, chosen)
            if chosen is not None and self._details.message.text.hasFocus()
            else ""
        )
        if value:
            return value
        selected = self._details.selected_text
        if 0 < len(selected) <= _SELECTED and selected.encode("utf-8", "surrogatepass") in payload:
            return f"payload contains {text_literal(selected)}"
        return ""

    def _read(self, frame: int) -> tuple[FrameRow, bytes] | None:
        """A frame's row, and the beginning of its message."""
        reader = self._desk.reader
        try:
            shown = None if reader is None else shown_frame(reader, frame)
            return None if shown is None else (shown.outline.row, shown.content.read(0, _LOOKED_AT))
        except (CaptureError, OSError):
            return None

    def _record(self, row: FrameRow) -> ConnectionRecord | None:
        reader = self._desk.reader
        try:
            return None if reader is None else reader.connection(row.connection)
        except CaptureError:
            return None
