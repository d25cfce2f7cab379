"""Keeps the payload in sight in a narrow frame table: other columns give way, and come back when there is room."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QByteArray, QObject
from PySide6.QtWidgets import QHeaderView

from app.models.frame_columns import Column

LEAST_PAYLOAD = 200
"""Pixels that the payload has at least."""


class ColumnFit(QObject):
    """Sizes the columns of a header. Widths that the person chose are kept for when there is room again."""

    def __init__(
        self, header: QHeaderView, wanted: Mapping[Column, int], least: Mapping[Column, int], parent: QObject
    ) -> None:
        """`wanted`: first widths; `least`: those of the columns that get narrower, in the order in which they do.

        Δ goes first, as a whole.
        """
        super().__init__(parent)
        self._header = header
        self._wanted = dict(wanted)
        self._least = dict(least)
        self._room = 0
        self._fitting = False
        self._delta_gave_way = False
        self._delta_stays = False
        for column, width in wanted.items():
            header.resizeSection(column, width)
        header.sectionResized.connect(self._was_resized)
        header.sectionMoved.connect(lambda: self.fit(self._room))

    def fit(self, room: int) -> None:
        """Use `room` pixels; more only where the columns cannot get narrow enough."""
        self._room = room
        payload_last = self._header.logicalIndex(self._header.count() - 1) == Column.PAYLOAD
        payload_last &= not self._header.isSectionHidden(Column.PAYLOAD)
        self._header.setStretchLastSection(not payload_last)
        if not payload_last or room <= 0:
            return
        self._set(self._widths(room - LEAST_PAYLOAD))
        self._give_payload_the_rest()

    def show_column(self, column: Column, *, shown: bool) -> None:
        """The person wants to see a column, or not."""
        if column is Column.DELTA:
            self._delta_stays, self._delta_gave_way = shown, False
        self._header.setSectionHidden(column, not shown)
        self.fit(self._room)

    def save(self) -> QByteArray:
        """The header's state as the person made it."""
        self._set(self._widths(1 << 20))
        state = self._header.saveState()
        self.fit(self._room)
        return state

    def restore(self, state: QByteArray) -> None:
        """Take back what `save` gave."""
        self._fitting = True
        self._header.restoreState(state)
        self._fitting = False
        for column in Column:
            if not self._header.isSectionHidden(column):
                self._wanted[column] = self._header.sectionSize(column)
        self._delta_gave_way = False
        self.fit(self._room)

    def _widths(self, room: int) -> dict[Column, int]:
        """The widths of all that is in sight but the payload; Δ is left out where it gives way."""
        header = self._header
        widths: dict[Column, int] = {
            column: self._wanted[column]
            for column in Column
            if column is not Column.PAYLOAD
            and (not header.isSectionHidden(column) or (column is Column.DELTA and self._delta_gave_way))
        }
        if sum(widths.values()) > room and not self._delta_stays:
            widths.pop(Column.DELTA, None)
        for column, least in self._least.items():
            too_much = sum(widths.values()) - room
            if too_much > 0 and column in widths:
                widths[column] = min(widths[column], max(least, widths[column] - too_much))
        return widths

    def _set(self, widths: dict[Column, int]) -> None:
        self._fitting = True
        if Column.DELTA in widths:
            self._header.setSectionHidden(Column.DELTA, False)
            self._delta_gave_way = False
        elif not self._header.isSectionHidden(Column.DELTA):
            self._header.setSectionHidden(Column.DELTA, True)
            self._delta_gave_way = True
        for column, width in widths.items():
            self._header.resizeSection(column, width)
        self._fitting = False

    def _give_payload_the_rest(self) -> None:
        others = (self._header.sectionSize(column) for column in Column if column is not Column.PAYLOAD)
        self._fitting = True
        self._header.resizeSection(Column.PAYLOAD, max(LEAST_PAYLOAD, self._room - sum(others)))
        self._fitting = False

    def _was_resized(self, section: int, _before: int, width: int) -> None:
        if self._fitting or width <= 0 or section == Column.PAYLOAD:
            return
        self._wanted[Column(section)] = width
        if not self._header.stretchLastSection():
            self._give_payload_the_rest()
