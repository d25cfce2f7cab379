"""The bookmarked frames as a list model: it knows all their ids and holds only the notes used recently."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt, Signal

from app.logic.frame_lines import Line, TimeFormat, make_line
from app.logic.text import grouped, one_line, tooltip
from app.models.index import NO_INDEX, Index
from core.capture.marks import Mark
from core.capture.reader import CaptureReader
from core.errors import CaptureError

PAGE_ROWS = 32
CACHED_PAGES = 32
_TOOLTIP_LINES = 30
_COMPARED = 4096
"""Frames compared as one block of memory."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """A bookmark, and its frame as the frame table shows it; None if the frame cannot be read."""

    mark: Mark
    line: Line | None


class _MarkPages(Generic[_T]):
    """Items for PAGE_ROWS frames each, by frame id; keeps the pages used recently."""

    def __init__(self, load: Callable[[int], dict[int, _T]]) -> None:
        self._load = load
        self._pages: OrderedDict[int, dict[int, _T]] = OrderedDict()

    def at(self, row: int) -> dict[int, _T]:
        """The page of a row."""
        number = row // PAGE_ROWS
        page = self._pages.get(number)
        if page is None:
            page = self._pages[number] = self._load(number)
            if len(self._pages) > CACHED_PAGES:
                self._pages.popitem(last=False)
        self._pages.move_to_end(number)
        return page

    def clear(self) -> None:
        self._pages.clear()


class MarkModel(QAbstractListModel):
    """The bookmarks of a `CaptureReader`, in frame order. Nothing changes until `refresh()`."""

    failed = Signal(str)
    """The capture cannot be read; a sentence. Emitted once for each reader."""
    changed = Signal()
    """Bookmarks or notes have changed, or another capture is shown."""
    edited = Signal()
    """The bookmarks of the same capture have changed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader: CaptureReader | None = None
        self._failed = False
        self._seen: tuple[int, int] | None = None
        """The totals that show whether anything is new."""
        self._frames = array("q")
        self._notes = _MarkPages(self._load_notes)
        self._lines = _MarkPages(self._load_lines)

    def set_reader(self, reader: CaptureReader | None) -> None:
        """Show another capture. The caller owns the reader and closes it after setting another one or None."""
        self.beginResetModel()
        self._reader = reader
        self._failed = False
        self._seen = None
        self._set(array("q"))
        self.endResetModel()
        self.changed.emit()
        self.refresh()

    def refresh(self) -> None:
        """Take over the current bookmarks if they have changed."""
        if self._reader is None:
            return
        try:
            totals = self._reader.totals()
            seen = (totals.generation, totals.mark_changes)
            if seen == self._seen:
                return
            frames = self._reader.marks.frames()
        except CaptureError as error:
            self._fail(error)
            return
        edited, self._seen = self._seen is not None, seen
        self._take(frames)
        if edited:
            self.edited.emit()

    # Reading.

    def note(self, frame_id: int) -> str | None:
        """The note on a frame; None if it is not bookmarked."""
        row = self.row_of(frame_id)
        return None if row is None else self._note_at(row)

    def row_of(self, frame_id: int) -> int | None:
        """The row of a frame; None if it is not bookmarked."""
        row = bisect_left(self._frames, frame_id)
        return row if row < len(self._frames) and self._frames[row] == frame_id else None

    def line(self, row: int) -> MarkedLine | None:
        """The content of a row; None if it does not exist."""
        if not 0 <= row < len(self._frames):
            return None
        frame_id = self._frames[row]
        return MarkedLine(Mark(frame_id, self._note_at(row)), self._lines.at(row).get(frame_id))

    def frames_after(self, frame_id: int) -> Iterator[int]:
        """The bookmarked frames after a frame, nearest first."""
        return (self._frames[row] for row in range(bisect_right(self._frames, frame_id), len(self._frames)))

    def frames_before(self, frame_id: int) -> Iterator[int]:
        """The bookmarked frames before a frame, nearest first."""
        return (self._frames[row] for row in range(bisect_left(self._frames, frame_id) - 1, -1, -1))

    def place(self, found: MarkedLine) -> str:
        """The place of a bookmark: number, opcode, time."""
        number = self.tr("frame {number}").format(number=grouped(found.mark.frame))
        return number if found.line is None else f"{number} · {found.line.opcode} · {found.line.time}"

    # QAbstractListModel.

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._frames)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        found = self.line(index.row()) if index.isValid() else None
        if found is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return one_line(found.mark.note) or self.place(found)
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return self.place(found)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(self.place(found), *note_lines(found.mark.note))
        return None

    # Pages.

    def _note_at(self, row: int) -> str:
        return self._notes.at(row).get(self._frames[row], "")

    def _load_notes(self, page: int) -> dict[int, str]:
        assert self._reader is not None
        try:
            found = self._reader.marks.some(self._frames[page * PAGE_ROWS], PAGE_ROWS)
        except CaptureError as error:
            self._fail(error)
            return {}
        return {mark.frame: mark.note for mark in found}

    def _load_lines(self, page: int) -> dict[int, Line]:
        assert self._reader is not None
        try:
            rows = self._reader.rows_of(self._frames[page * PAGE_ROWS : (page + 1) * PAGE_ROWS])
        except CaptureError as error:
            self._fail(error)
            return {}
        return {
            row.id: make_line(row, previous_ns=None, start_ns=0, time_format=TimeFormat.ABSOLUTE)
            for row in rows
        }

    # Changes.

    def _take(self, frames: array[int]) -> None:
        """Take new frames; rows that stay are not touched, so that selection and scroll position stay too."""
        before = self._frames
        same = _common_start(before, frames)
        end = min(_common_end(before, frames), len(before) - same, len(frames) - same)
        gone, new = len(before) - same - end, len(frames) - same - end
        if gone:
            self.beginRemoveRows(QModelIndex(), same, same + gone - 1)
            self._set(before[:same] + before[same + gone :])
            self.endRemoveRows()
        if new:
            self.beginInsertRows(QModelIndex(), same, same + new - 1)
            self._set(frames)
            self.endInsertRows()
        # The notes may have changed too.
        self._set(frames)
        if len(frames):
            self.dataChanged.emit(self.index(0), self.index(len(frames) - 1))
        self.changed.emit()

    def _set(self, frames: array[int]) -> None:
        self._frames = frames
        self._notes.clear()
        self._lines.clear()

    def _fail(self, error: CaptureError) -> None:
        if not self._failed:
            self._failed = True
            self.failed.emit(str(error))


def note_lines(note: str) -> list[str]:
    """The lines of a note that fit in a tooltip."""
    lines = note.splitlines()
    return lines if len(lines) <= _TOOLTIP_LINES else [*lines[: _TOOLTIP_LINES - 1], "…"]


def _common_start(one: array[int], other: array[int]) -> int:
    """Number of equal items at the start."""
    shorter = min(len(one), len(other))
    for first in range(0, shorter, _COMPARED):
        ours, theirs = one[first : first + _COMPARED], other[first : first + _COMPARED]
        if ours.tobytes() != theirs.tobytes():
            pairs = enumerate(zip(ours, theirs, strict=False), first)
            return next((row for row, (our, their) in pairs if our != their), shorter)
    return shorter


def _common_end(one: array[int], other: array[int]) -> int:
    """Number of equal items at the end."""
    return _common_start(one[::-1], other[::-1])
