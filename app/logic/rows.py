"""Which frames a list has, and in which order. No Qt here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.logic.gap_rows import GapsOfView, PlacedGap
from core.capture.reader import CaptureReader
from core.capture.records import FrameRow, View

BEHIND_ALL_FRAMES = 2**62
"""Greater than the id of any frame."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The range of a list's positions."""

    count: int
    """Number of positions, including those that are gone from the front."""
    dropped: int
    """Number of positions that are gone from the front."""

    @property
    def held(self) -> int:
        """Number of positions that still exist; 0 if a damaged capture claims that more are gone than existed."""
        return max(0, self.count - self.dropped)


def extent_of(reader: CaptureReader, view: View) -> Extent:
    """The extent of all frames of a view."""
    dropped = reader.dropped(view)
    return Extent(reader.count(view), dropped)


class RowSource(Protocol):
    """Rows at positions that count from 0.

    New rows come at the end and old ones go from the front; positions never shift. Any other change takes another
    source. Belongs to the window's thread. Each method answers within a few milliseconds, or raises a CaptureError.
    """

    def extent(self, of_view: Extent) -> Extent:
        """The current extent; `of_view` is that of all frames of the view."""

    def gaps(self, extent: Extent) -> list[PlacedGap]:
        """The gaps that get rows of their own, in order; `extent` is the current one."""

    def rows(self, first: int, count: int) -> list[FrameRow]:
        """Rows `first` to `first + count - 1`; fewer at the end of the list, none if `first` is gone."""

    def position(self, frame_id: int) -> int | None:
        """The position of a frame; None if it is not in the list."""


RowsOf = Callable[[CaptureReader, View], RowSource]
"""Makes the source for a capture and a view; called again when either changes, or the capture was cleared."""


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
