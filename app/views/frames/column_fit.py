"""Makes columns as wide as what they show, gives the payload the rest, and keeps it in sight in a narrow table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QByteArray, QObject, QTimer
from PySide6.QtWidgets import QHeaderView

from app.logic.frame_column import FrameColumn

LEAST_PAYLOAD = 130
"""Pixels that the payload has at least."""
_WIDEST = 4000
"""Pixels that a width from settings may have."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a column takes, in pixels."""

    first: int
    """While there is nothing to show."""
    least: int | None = None
    """Where the payload would have no room, but not less than its title; None: it does not give way."""
    most: int | None = None
    """Whatever it shows; None: as much as that needs."""


class ColumnFit(QObject):
    """Sizes the columns of a header. A width that the person chose is kept, also for when there is room again.

    Which columns are shown is the person's choice; but Δ goes where there is no room for it, and a column that says
    nothing about what is shown (`set_needless`) goes until it does.
    """

    def __init__(self, header: QHeaderView, rooms: Mapping[FrameColumn, Room], parent: QObject) -> None:
        """`rooms`: of every column but the payload; in this order they give way, after Δ, which goes as a whole."""
        super().__init__(parent)
        self._header = header
        self._rooms = dict(rooms)
        self._titles: dict[FrameColumn, int] = {}
        self._needs: dict[FrameColumn, int] = {}
        self._chosen: dict[FrameColumn, int] = {}
        self._unwanted: set[FrameColumn] = set()
        self._needless: frozenset[FrameColumn] = frozenset()
        self._room = 0
        self._fitting = False
        self._delta_stays = False
        self._grown = QTimer(self, singleShot=True, interval=0)
        self._grown.timeout.connect(lambda: self.fit(self._room))
        self.forget_needs()
        header.sectionResized.connect(self._was_resized)
        header.sectionMoved.connect(lambda: self.fit(self._room))
        # After the table's own slot, which takes the width of its contents for a choice.
        header.sectionHandleDoubleClicked.connect(lambda section: self._size_by_itself(FrameColumn(section)))

    def fit(self, room: int) -> None:
        """Use `room` pixels; more only where the columns cannot get narrow enough."""
        self._room = room
        header = self._header
        self._fitting = True
        payload_last = header.logicalIndex(header.count() - 1) == FrameColumn.PAYLOAD
        payload_last &= FrameColumn.PAYLOAD not in self._unwanted
        header.setStretchLastSection(not payload_last)
        widths = self._widths(
            room - LEAST_PAYLOAD if payload_last and room > 0 else _WIDEST * len(FrameColumn)
        )
        for column in FrameColumn:
            shown = column in widths or (column is FrameColumn.PAYLOAD and column not in self._unwanted)
            if shown == header.isSectionHidden(column):
                header.setSectionHidden(column, not shown)
        for column, width in widths.items():
            header.resizeSection(column, width)
        if payload_last:
            header.resizeSection(FrameColumn.PAYLOAD, max(LEAST_PAYLOAD, room - sum(widths.values())))
        self._fitting = False

    def need(self, needs: Mapping[FrameColumn, int]) -> None:
        """What is in sight takes so many pixels. Columns grow a moment later, and do not shrink again."""
        for column, width in needs.items():
            most = self._rooms[column].most
            wanted = width if most is None else min(width, most)
            if wanted > self._needs[column]:
                self._needs[column] = wanted
                self._grown.start()

    def forget_needs(self) -> None:
        """What was in sight is not any more."""
        titles = {column: self._header.sectionSizeFromContents(column).width() for column in self._rooms}
        self._titles = titles
        self._needs = {column: max(room.first, titles[column]) for column, room in self._rooms.items()}
        self._grown.start()

    def set_needless(self, columns: frozenset[FrameColumn]) -> None:
        """These columns say nothing about what is shown."""
        if columns != self._needless:
            self._needless = columns
            self.fit(self._room)

    def is_needless(self, column: FrameColumn) -> bool:
        return column in self._needless

    def is_wanted(self, column: FrameColumn) -> bool:
        """Whether the person wants to see it, whether or not it can be seen at present."""
        return column not in self._unwanted

    def show_column(self, column: FrameColumn, *, shown: bool) -> None:
        """The person wants to see a column, or not."""
        if column is FrameColumn.DELTA:
            self._delta_stays = shown
        (self._unwanted.discard if shown else self._unwanted.add)(column)
        self.fit(self._room)

    def save(self) -> QByteArray:
        """The columns as the person made them: JSON, in their order, of each its name, whether it is shown, and its
        width where that was chosen.
        """
        order = sorted(FrameColumn, key=self._header.visualIndex)
        entries = [
            [column.name, column not in self._unwanted, self._chosen.get(column, 0)] for column in order
        ]
        return QByteArray(json.dumps(entries).encode())

    def restore(self, state: QByteArray) -> None:
        """Take back what `save` gave; what cannot be read changes nothing."""
        entries = _read(bytes(state.data()))
        self._fitting = True
        for place, (column, _, _) in enumerate(entries):
            self._header.moveSection(self._header.visualIndex(column), place)
        self._fitting = False
        self._unwanted = {column for column, shown, _ in entries if not shown}
        self._chosen = {column: width for column, _, width in entries if width}
        self.fit(self._room)

    def _widths(self, room: int) -> dict[FrameColumn, int]:
        """The widths of all that is in sight but the payload; Δ is left out where it gives way."""
        widths = {
            column: self._chosen.get(column, self._needs[column])
            for column in self._rooms
            if column not in self._unwanted | self._needless
        }
        if sum(widths.values()) > room and not self._delta_stays:
            widths.pop(FrameColumn.DELTA, None)
        for column, width in widths.items():
            least, too_much = self._rooms[column].least, sum(widths.values()) - room
            if least is not None and too_much > 0:
                widths[column] = min(width, max(least, self._titles[column], width - too_much))
        return widths

    def _size_by_itself(self, column: FrameColumn) -> None:
        self._chosen.pop(column, None)
        self.fit(self._room)

    def _was_resized(self, section: int, _before: int, width: int) -> None:
        if self._fitting or width <= 0 or section == FrameColumn.PAYLOAD:
            return
        self._chosen[FrameColumn(section)] = width
        if not self._header.stretchLastSection():
            others = (self._header.sectionSize(column) for column in self._rooms)
            self._fitting = True
            self._header.resizeSection(FrameColumn.PAYLOAD, max(LEAST_PAYLOAD, self._room - sum(others)))
            self._fitting = False


def _read(state: bytes) -> list[tuple[FrameColumn, bool, int]]:
    """What `save` wrote, as far as it is that."""
    try:
        entries = json.loads(state)
        found = {
            FrameColumn[name]: (bool(shown), min(max(int(width), 0), _WIDEST))
            for name, shown, width in entries
        }
    except (ValueError, TypeError, KeyError):
        return []
    return [(column, shown, width) for column, (shown, width) in found.items()]
