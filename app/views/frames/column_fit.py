"""Makes columns as wide as their content, gives the payload the rest, and keeps it visible in a narrow table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QByteArray, QObject, QTimer
from PySide6.QtWidgets import QHeaderView

from app.logic.frame_column import FrameColumn

LEAST_PAYLOAD = 130
"""Least width of the payload, in pixels."""
_WIDEST = 4000
"""Greatest width accepted from settings, in pixels."""


@dataclass(frozen=True, slots=True)
class Room:
    """Widths of a column, in pixels."""

    first: int
    """Width while there is nothing to show."""
    least: int | None = None
    """Width, but at least that of the title, when the payload needs room; None means that it never shrinks."""
    most: int | None = None
    """Greatest width; None means as much as the content needs."""


class ColumnFit(QObject):
    """Sizes the columns of a header. A width that the person chose is kept, also until there is room for it again.

    The person chooses which columns are shown; but Δ is hidden when there is no room for it, and a column without
    meaning for the current rows (`set_needless`) while that lasts.
    """

    def __init__(self, header: QHeaderView, rooms: Mapping[FrameColumn, Room], parent: QObject) -> None:
        """`rooms` has every column except the payload, in the order in which they shrink, after Δ is hidden."""
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
        # Connected after the table's own slot, which takes a fitted width for a choice.
        header.sectionHandleDoubleClicked.connect(lambda section: self._size_by_itself(FrameColumn(section)))

    def fit(self, room: int) -> None:
        """Use `room` pixels, or more if the columns cannot become narrow enough."""
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
        """Note the pixels that visible content needs. Columns grow a moment later, and do not shrink again."""
        for column, width in needs.items():
            most = self._rooms[column].most
            wanted = width if most is None else min(width, most)
            if wanted > self._needs[column]:
                self._needs[column] = wanted
                self._grown.start()

    def forget_needs(self) -> None:
        """Forget the widths that earlier content needed."""
        self._needs = {column: room.first for column, room in self._rooms.items()}
        self.measure_titles()

    def measure_titles(self) -> None:
        """Take over how wide the titles are, which follows the style."""
        for column in self._rooms:
            self._titles[column] = self._header.sectionSizeFromContents(column).width()
            self._needs[column] = max(self._needs[column], self._titles[column])
        self._grown.start()

    def set_needless(self, columns: frozenset[FrameColumn]) -> None:
        """Set the columns that have no meaning for the current rows."""
        if columns != self._needless:
            self._needless = columns
            self.fit(self._room)

    def is_needless(self, column: FrameColumn) -> bool:
        return column in self._needless

    def is_wanted(self, column: FrameColumn) -> bool:
        """Whether the person wants to see a column, even if it is hidden at present."""
        return column not in self._unwanted

    def show_column(self, column: FrameColumn, *, shown: bool) -> None:
        """Show or hide a column, as the person wants."""
        if column is FrameColumn.DELTA:
            self._delta_stays = shown
        (self._unwanted.discard if shown else self._unwanted.add)(column)
        self.fit(self._room)

    def save(self) -> QByteArray:
        """The person's choices as JSON: for each column in order its name, whether it is shown, and its width if
        chosen.
        """
        order = sorted(FrameColumn, key=self._header.visualIndex)
        entries = [
            [column.name, column not in self._unwanted, self._chosen.get(column, 0)] for column in order
        ]
        return QByteArray(json.dumps(entries).encode())

    def restore(self, state: QByteArray) -> None:
        """Restore what `save` gave; what cannot be read changes nothing."""
        entries = _read(bytes(state.data()))
        self._fitting = True
        for place, (column, _, _) in enumerate(entries):
            self._header.moveSection(self._header.visualIndex(column), place)
        self._fitting = False
        self._unwanted = {column for column, shown, _ in entries if not shown}
        self._chosen = {column: width for column, _, width in entries if width}
        self.fit(self._room)

    def _widths(self, room: int) -> dict[FrameColumn, int]:
        """The widths of all visible columns except the payload; without Δ if it is hidden for lack of room."""
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
    """Parse what `save` wrote, as far as it is valid."""
    try:
        entries = json.loads(state)
        found = {
            FrameColumn[name]: (bool(shown), min(max(int(width), 0), _WIDEST))
            for name, shown, width in entries
        }
    except (ValueError, TypeError, KeyError):
        return []
    return [(column, shown, width) for column, (shown, width) in found.items()]
