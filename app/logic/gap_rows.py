"""Rows of a list that stand for missing frames, between those that stand for frames. No Qt here."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from core.capture.gaps import Gap, GapReason
from core.capture.reader import CaptureReader
from core.capture.records import View


class PlacedGap(NamedTuple):
    """A gap ahead of the frame at a position of a list."""

    position: int
    gap: Gap

    @property
    def key(self) -> tuple[int, GapReason]:
        """What makes a gap the same one: what a ring dropped moves."""
        dropped = self.gap.reason is GapReason.DROPPED
        return (0 if dropped else self.gap.before), self.gap.reason


class GapsOfView:
    """The gaps of a view, asked for anew only where they may have changed."""

    def __init__(self, reader: CaptureReader, view: View) -> None:
        self._reader = reader
        self._view = view
        self._noted: list[PlacedGap] = []

    def all(self, dropped: int) -> list[PlacedGap]:
        """In order of their places; in front what a ring dropped, which is so many frames of the view."""
        gaps = self._reader.gaps
        since = self._noted[-1].gap.before if self._noted else 0
        while self._noted and self._noted[-1].gap.before == since:
            # It may have grown.
            self._noted.pop()
        for gap in gaps.noted(self._view, since):
            self._noted.append(PlacedGap(self._reader.lanes.ahead(self._view, gap.before), gap))
        if not dropped:
            return self._noted.copy()
        front = gaps.of_ring(dropped)
        gone = bisect_left(self._noted, front.before, key=lambda placed: placed.gap.before)
        del self._noted[:gone]
        return [PlacedGap(dropped, front), *self._noted]


class GapRows:
    """Where among the frames of a list its gaps stand.

    A place counts frames and gaps alike: that of a frame is its position and the number of gaps ahead of it.
    """

    def __init__(self) -> None:
        self.all: list[PlacedGap] = []
        """In order; in front what a ring dropped, if it did."""

    @property
    def front(self) -> int:
        """1 where a ring has dropped frames, else 0: so many gaps stay in front whatever else goes."""
        return int(bool(self.all) and self.all[0].gap.reason is GapReason.DROPPED)

    def at(self, place: int) -> Gap | None:
        """The gap at a place; None where a frame is."""
        number = self._first_from(place)
        there = number < len(self.all) and self.place_of(number) == place
        return self.all[number].gap if there else None

    def position(self, place: int) -> int | None:
        """The position of the frame at a place; None where a gap is."""
        return None if self.at(place) is not None else place - self._first_from(place)

    def place(self, position: int) -> int:
        """Where the frame of a position stands."""
        return position + bisect_right(self.all, position, key=_position)

    def between(self, first: int, last: int) -> int:
        """How many gaps there are from place `first` to `last`."""
        return self._first_from(last + 1) - self._first_from(first)

    def leaving(self, wanted: Sequence[PlacedGap]) -> int:
        """How many, behind what a ring dropped, are none of `wanted` any more, up to the first that is."""
        kept = {placed.key for placed in wanted}
        rest = self.all[self.front :]
        return next((number for number, placed in enumerate(rest) if placed.key in kept), len(rest))

    def are_first_of(self, wanted: Sequence[PlacedGap]) -> bool:
        """Whether these gaps, perhaps grown since, are those with which `wanted` begins."""
        return [placed.key for placed in self.all] == [placed.key for placed in wanted[: len(self.all)]]

    def place_of(self, number: int) -> int:
        """Where a gap stands, by its number from 0."""
        return self.all[number].position + number

    def _first_from(self, place: int) -> int:
        """Number of the first gap at a place or behind it."""
        return bisect_left(range(len(self.all)), place, key=self.place_of)


def _position(placed: PlacedGap) -> int:
    return placed.position
