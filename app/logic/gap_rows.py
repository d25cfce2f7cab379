"""Rows of a list that stand for missing frames, between the rows of frames. No Qt here."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from core.capture.gaps import Gap, GapReason
from core.capture.reader import CaptureReader
from core.capture.records import View


class PlacedGap(NamedTuple):
    """A gap before the frame at a position of a list."""

    position: int
    gap: Gap

    @property
    def key(self) -> tuple[int, GapReason]:
        """Identifies a gap; the one at the front, which a ring's drops extend, moves."""
        dropped = self.gap.reason is GapReason.DROPPED
        return (0 if dropped else self.gap.before), self.gap.reason


class GapsOfView:
    """The gaps of a view, read again only if they may have changed."""

    def __init__(self, reader: CaptureReader, view: View) -> None:
        self._reader = reader
        self._view = view
        self._noted: list[PlacedGap] = []

    def all(self, dropped: int) -> list[PlacedGap]:
        """All gaps in order; `dropped` frames of the view, which a ring dropped, form the first."""
        gaps = self._reader.gaps
        since = self._noted[-1].gap.before if self._noted else 0
        while self._noted and self._noted[-1].gap.before == since:
            # The gap may have grown.
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
    """Where the gaps are among the frames of a list.

    A place counts frames and gaps together: a frame's place is its position plus the number of gaps before it.
    """

    def __init__(self) -> None:
        self.all: list[PlacedGap] = []
        """In order; the first is that of the ring, if it dropped frames."""

    @property
    def front(self) -> int:
        """Number of gaps that always stay in front: 1 if a ring has dropped frames, else 0."""
        return int(bool(self.all) and self.all[0].gap.reason is GapReason.DROPPED)

    def at(self, place: int) -> Gap | None:
        """The gap at a place; None if there is a frame."""
        number = self._first_from(place)
        there = number < len(self.all) and self.place_of(number) == place
        return self.all[number].gap if there else None

    def position(self, place: int) -> int | None:
        """The position of the frame at a place; None if there is a gap."""
        return None if self.at(place) is not None else place - self._first_from(place)

    def place(self, position: int) -> int:
        """The place of the frame at a position."""
        return position + bisect_right(self.all, position, key=_position)

    def between(self, first: int, last: int) -> int:
        """Number of gaps from place `first` to `last`."""
        return self._first_from(last + 1) - self._first_from(first)

    def leaving(self, wanted: Sequence[PlacedGap]) -> int:
        """Number of gaps, after the ring's, that come before the first one still in `wanted`."""
        kept = {placed.key for placed in wanted}
        rest = self.all[self.front :]
        return next((number for number, placed in enumerate(rest) if placed.key in kept), len(rest))

    def are_first_of(self, wanted: Sequence[PlacedGap]) -> bool:
        """Whether `wanted` begins with these gaps, which may have grown since."""
        return [placed.key for placed in self.all] == [placed.key for placed in wanted[: len(self.all)]]

    def place_of(self, number: int) -> int:
        """The place of the gap with a number, from 0."""
        return self.all[number].position + number

    def _first_from(self, place: int) -> int:
        """Number of the first gap at a place or after it."""
        return bisect_left(range(len(self.all)), place, key=self.place_of)


def _position(placed: PlacedGap) -> int:
    return placed.position
