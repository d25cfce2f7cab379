"""The frames that a filter found, and row sources made of them: only these, or all rows with these marked. No
Qt here.
"""

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
        """Number of found frames that are still in the capture."""
        return len(self._ids) - self._gone

    @property
    def progress(self) -> Progress:
        return self.run.progress

    def pull(self) -> int:
        """Take over new finds; gives the total ever found, including dropped frames."""
        self._ids.extend(self.run.take())
        return len(self._ids)

    def drop_before(self, frame_id: int) -> int:
        """Forget frames before this one; gives the number of found frames that this removes."""
        self._gone = bisect_left(self._ids, frame_id, self._gone)
        return self._gone

    def ids(self, first: int, count: int) -> array[int]:
        """Ids of the found frames `first` to `first + count - 1`, counted from 0."""
        return self._ids[first : first + count]

    def place(self, frame_id: int) -> int | None:
        """Index of a frame among the found ones, from 0; None if it is not one."""
        place = bisect_left(self._ids, frame_id, self._gone)
        return place if place < len(self._ids) and self._ids[place] == frame_id else None

    def number(self, frame_id: int) -> int | None:
        """Number of a frame among the found ones still in the capture, from 1; None if it is not one."""
        place = self.place(frame_id)
        return None if place is None else place - self._gone + 1

    def next_after(self, frame_id: int) -> int | None:
        """The first found frame after a frame."""
        place = bisect_right(self._ids, frame_id, self._gone)
        return self._ids[place] if place < len(self._ids) else None

    def last_before(self, frame_id: int) -> int | None:
        """The last found frame before a frame."""
        place = bisect_left(self._ids, frame_id, self._gone)
        return self._ids[place - 1] if place > self._gone else None


class FoundRows:
    """One row for each found frame."""

    def __init__(self, reader: CaptureReader, found: FoundFrames) -> None:
        self._reader = reader
        self._found = found

    def extent(self, of_view: Extent) -> Extent:  # noqa: ARG002
        return Extent(self._found.pull(), self._found.drop_before(self._reader.first_frame_id()))

    def gaps(self, extent: Extent) -> list[PlacedGap]:  # noqa: ARG002
        """No gaps: it is unknown how many of the missing frames would have matched."""
        return []

    def rows(self, first: int, count: int) -> list[FrameRow]:
        return self._reader.rows_of(self._found.ids(first, count))

    def position(self, frame_id: int) -> int | None:
        return self._found.place(frame_id)


class MarkedRows:
    """All rows of another source.

    Finds are taken over, and dropped frames forgotten, when the list is refreshed, so neither the marks nor their
    number ever include rows that are gone.
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
