"""Which frames a list has, in which order. No Qt here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.logic.gap_rows import GapsOfView, PlacedGap
from core.capture.reader import CaptureReader
from core.capture.records import FrameRow, View


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the positions of a list go."""

    count: int
    """How many there are by now, with those in front that are gone."""
    dropped: int
    """How many in front are gone."""

    @property
    def held(self) -> int:
        """How many are there; 0 where a damaged capture says more to be gone than there were."""
        return max(0, self.count - self.dropped)


def extent_of(reader: CaptureReader, view: View) -> Extent:
    """Of all frames of a view."""
    dropped = reader.dropped(view)
    return Extent(reader.count(view), dropped)


class RowSource(Protocol):
    """Rows at positions that count from 0. New ones come at the end and old ones go in front, where their positions
    stay with them; whatever else is to change takes another source.

    Belongs to the window's thread. Each method answers within a few milliseconds, or raises a CaptureError.
    """

    def extent(self, of_view: Extent) -> Extent:
        """How far it goes by now; `of_view` is how far all frames of the view do."""

    def gaps(self, extent: Extent) -> list[PlacedGap]:
        """The gaps that are to have rows of their own, in order; `extent` is how far the list goes by now."""

    def rows(self, first: int, count: int) -> list[FrameRow]:
        """Rows at `first` to `first + count - 1`; fewer where the list ends, none where `first` is gone."""

    def position(self, frame_id: int) -> int | None:
        """Where a frame stands, or None where the list has it not."""


RowsOf = Callable[[CaptureReader, View], RowSource]
"""Makes the source of a capture and a view; asked again whenever one of both is another, or the capture was cleared."""


class ViewRows:
    """Every frame of a view."""

    def __init__(self, reader: CaptureReader, view: View) -> None:
        self._reader = reader
        self._view = view
        self._gaps = GapsOfView(reader, view)

    def extent(self, of_view: Extent) -> Extent:
        return of_view

    def gaps(self, extent: Extent) -> list[PlacedGap]:
        return self._gaps.all(extent.dropped)

    def rows(self, first: int, count: int) -> list[FrameRow]:
        return self._reader.rows(self._view, first, count)

    def position(self, frame_id: int) -> int | None:
        return self._reader.position(self._view, frame_id)
