"""The frames that a filter found, and rows of a list: of no others, or of all, to mark them. No Qt here."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

from app.logic.gap_rows import PlacedGap
from app.logic.rows import Extent, RowSource
from app.logic.scan_run import Progress, ScanRun
from core.capture.reader import CaptureReader
from core.capture.records import FrameRow


class FoundFrames:
    """Ids in order, eight bytes each; grows by `pull`. Belongs to the window's thread."""

    def __init__(self, run: ScanRun) -> None:
        self.run = run
        self._ids = array("Q")
        self._gone = 0

    def __len__(self) -> int:
        """How many frames were found that are still kept."""
        return len(self._ids) - self._gone

    @property
    def progress(self) -> Progress:
        return self.run.progress

    def pull(self) -> int:
        """Takes over what was found meanwhile; how many frames that makes in all, with those that are gone."""
        self._ids.extend(self.run.take())
        return len(self._ids)

    def drop_before(self, frame_id: int) -> int:
        """Frames ahead of this one are gone; how many of the found frames that are."""
        self._gone = bisect_left(self._ids, frame_id, self._gone)
        return self._gone

    def ids(self, first: int, count: int) -> array[int]:
        """Of the found frames `first` to `first + count - 1`, counted from 0."""
        return self._ids[first : first + count]

    def place(self, frame_id: int) -> int | None:
        """Which of the found frames this is, counted from 0; None where it is none of them."""
        place = bisect_left(self._ids, frame_id, self._gone)
        return place if place < len(self._ids) and self._ids[place] == frame_id else None

    def number(self, frame_id: int) -> int | None:
        """Which of the found frames that are still kept this is, counted from 1; None where it is none of them."""
        place = self.place(frame_id)
        return None if place is None else place - self._gone + 1

    def next_after(self, frame_id: int) -> int | None:
        """The first one behind a frame."""
        place = bisect_right(self._ids, frame_id, self._gone)
        return self._ids[place] if place < len(self._ids) else None

    def last_before(self, frame_id: int) -> int | None:
        """The last one ahead of a frame."""
        place = bisect_left(self._ids, frame_id, self._gone)
        return self._ids[place - 1] if place > self._gone else None


class FoundRows:
    """A row for each found frame."""

    def __init__(self, reader: CaptureReader, found: FoundFrames) -> None:
        self._reader = reader
        self._found = found

    def extent(self, of_view: Extent) -> Extent:  # noqa: ARG002
        return Extent(self._found.pull(), self._found.drop_before(self._reader.first_frame_id()))

    def gaps(self, extent: Extent) -> list[PlacedGap]:  # noqa: ARG002
        """None: nobody knows how many of the frames that are missing would have matched."""
        return []

    def rows(self, first: int, count: int) -> list[FrameRow]:
        return self._reader.rows_of(self._found.ids(first, count))

    def position(self, frame_id: int) -> int | None:
        return self._found.place(frame_id)


class MarkedRows:
    """All rows of another source. What is found, and what of it is gone, is known as soon as the list is brought up to
    date: neither the marks nor their count ever speak of rows that went.
    """

    def __init__(self, reader: CaptureReader, found: FoundFrames, every: RowSource) -> None:
        self._reader = reader
        self._found = found
        self._every = every

    def extent(self, of_view: Extent) -> Extent:
        self._found.pull()
        self._found.drop_before(self._reader.first_frame_id())
        return self._every.extent(of_view)

    def gaps(self, extent: Extent) -> list[PlacedGap]:
        return self._every.gaps(extent)

    def rows(self, first: int, count: int) -> list[FrameRow]:
        return self._every.rows(first, count)

    def position(self, frame_id: int) -> int | None:
        return self._every.position(frame_id)
