"""The frames of a view as a table model: knows how many there are, holds only the pages lately looked at."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from app.models.frame_columns import Column, cell, explanation, gap_sentence, title
from app.models.frame_lines import Line, TimeFormat, make_line
from app.models.row_pages import RowPages
from app.models.rows import RowsOf, RowSource, ViewRows, extent_of
from core.capture.reader import CaptureReader
from core.capture.records import FrameRow, View
from core.errors import CaptureError

MAX_ROWS = 60_000_000
"""More rows than this overflow the pixel coordinates of a table."""

_Index = QModelIndex | QPersistentModelIndex
_NO_INDEX = QModelIndex()


class FrameModel(QAbstractTableModel):
    """Rows of a `CaptureReader` under a `View`: all, or those of another source. Nothing moves until `refresh()`.

    A source has positions, of which those in front may be gone; a row is a position that is not. Where frames are gone
    that would have rows, a first row says how many (`gap_at`); it stands for no frame and cannot be chosen.
    """

    failed = Signal(str)
    """The capture cannot be read; a sentence. Once for each reader."""
    counts_changed = Signal()
    """`rowCount`, `control_count` or `behind` are others than before."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader: CaptureReader | None = None
        self._view = View()
        self._rows_of: RowsOf = ViewRows
        self._rows: RowSource | None = None
        self._gap = 0
        """How many frames the first row says to be gone; 0: there is no such row."""
        self._end = 0
        """The position behind the last row."""
        self._view_count = 0
        self._control_count = 0
        self._behind = 0
        self._generation = 0
        self._frozen = False
        self._newest = 0
        """Id of the last frame that the list may show; stands still while frozen."""
        self._failed = False
        self._time_format = TimeFormat.ABSOLUTE
        self._start_ns: int | None = None
        self._pages = RowPages(self._fetch)
        self.connection_name: Callable[[int], str] = lambda _connection: ""
        """What a connection is called beside its number, by its id."""

    # What is shown.

    @property
    def view(self) -> View:
        return self._view

    def set_view(self, view: View) -> None:
        """Shows other frames; while frozen, those that were there by then."""
        if view != self._view:
            self._view = view
            self._reset()

    def set_rows(self, rows_of: RowsOf) -> None:
        """Shows the rows of such a source; `ViewRows` stands for every frame of the view."""
        self._rows_of = rows_of
        self._reset()

    def set_reader(self, reader: CaptureReader | None) -> None:
        """Shows another capture. The reader stays the caller's, who closes it after giving another one or None."""
        self._reader = reader
        self._failed = False
        frozen, self._frozen = self._frozen, False
        self._reset()
        self._frozen = frozen

    @property
    def time_format(self) -> TimeFormat:
        return self._time_format

    def set_time_format(self, time_format: TimeFormat) -> None:
        self._time_format = time_format
        self._pages.forget_lines()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, Column.TIME, Column.TIME)
        if self.rowCount():
            self.dataChanged.emit(self.index(0, Column.TIME), self.index(self.rowCount() - 1, Column.TIME))

    @property
    def frozen(self) -> bool:
        return self._frozen

    def set_frozen(self, frozen: bool) -> None:
        """Frozen, `refresh()` shows no frame that came later, but counts them (`behind`)."""
        self._frozen = frozen
        self.refresh()

    @property
    def newest(self) -> int:
        """Id of the last frame that the list may show, in this view or another; 0 where there is none."""
        return self._newest

    @property
    def behind(self) -> int:
        """How many rows came while frozen."""
        return self._behind

    @property
    def view_count(self) -> int:
        """How many frames the view has, whether they have rows or not."""
        return self._view_count

    @property
    def frame_count(self) -> int:
        """How many frames have rows."""
        return self._end - self._pages.begin

    @property
    def control_count(self) -> int:
        """How many control frames the view has, shown or hidden."""
        return self._control_count

    @property
    def first_row(self) -> int:
        """The first row that stands for a frame."""
        return 1 if self._gap else 0

    def gap_at(self, row: int) -> int:
        """How many frames are gone, where the row says that; 0 where it stands for a frame."""
        return self._gap if row == 0 else 0

    # What there is.

    def refresh(self) -> None:
        """Asks the capture what is new and inserts it at the end in one go, and takes away what is gone in front."""
        reader = self._reader
        if reader is None:
            return
        try:
            with reader.snapshot():
                generation = reader.totals().generation
                if generation != self._generation:
                    reader.forget()
                    self._generation = generation
                    self._newest = 0
                    self._clear_rows()
                if not self._frozen:
                    self._newest = reader.last_frame_id()
                if self._rows is None:
                    self._rows = self._rows_of(reader, self._view)
                every = extent_of(reader, View(self._view.connection, control=True))
                data = extent_of(reader, View(self._view.connection, control=False))
                of_view = every if self._view.control else data
                extent = self._rows.extent(of_view)
        except CaptureError as error:
            self._fail(error)
            return
        self._view_count = of_view.held
        self._control_count = every.held - data.held
        self._drop(extent.dropped, extent.gap)
        count = min(extent.count, self._pages.begin + MAX_ROWS)
        end = self._frozen_end(count) if self._frozen else count
        self._behind = max(0, count - end)
        if end > self._end:
            rows = self.rowCount()
            self.beginInsertRows(QModelIndex(), rows, rows + end - self._end - 1)
            self._end = end
            self.endInsertRows()
        self.counts_changed.emit()

    def _frozen_end(self, count: int) -> int:
        """The position behind the last frame that was there when the list was frozen."""
        come = range(self._end, count)
        # Mostly there is none of them among those that came.
        if not come or self._id_at(come[0]) > self._newest:
            return self._end
        return come.start + bisect_right(come, self._newest, key=self._id_at)

    def _drop(self, gone: int, gap: int) -> None:
        """Positions up to `gone` are gone, of which the first row is to count `gap`."""
        first, begin = self.first_row, self._pages.begin
        going = min(gone, self._end) - begin
        if going > 0:
            self.beginRemoveRows(QModelIndex(), first, first + going - 1)
            self._pages.begin = begin + going
            self.endRemoveRows()
        if gone > self._end:
            self._pages.begin = self._end = gone
        if gap and not first:
            self.beginInsertRows(QModelIndex(), 0, 0)
            self._gap = gap
            self.endInsertRows()
        elif gap != self._gap:
            self._gap = gap
            self.dataChanged.emit(self.index(0, 0), self.index(0, len(Column) - 1))

    def line(self, row: int) -> Line | None:
        """The cells of a row; None outside the view or when it cannot be read."""
        position = self._position_at(row)
        return None if position is None else self._pages.line(position, self._make_line)

    def frame_id(self, row: int) -> int | None:
        """The id of the frame in a row."""
        position = self._position_at(row)
        found = None if position is None else self._pages.row(position)
        return None if found is None else found.id

    def _make_line(self, row: FrameRow, previous_ns: int | None) -> Line:
        return make_line(row, previous_ns=previous_ns, start_ns=self._start(), time_format=self._time_format)

    def _position_at(self, row: int) -> int | None:
        position = row - self.first_row + self._pages.begin
        return position if self._pages.begin <= position < self._end else None

    def _row_at(self, position: int) -> int:
        return position - self._pages.begin + self.first_row

    def row_from(self, frame_id: int) -> int | None:
        """The row of a frame, or of the next one that has a row, or the last row; None where there are no rows."""
        row = self.position(frame_id)
        positions = range(self._pages.begin, self._end)
        if row is None and positions:
            place = min(bisect_left(positions, frame_id, key=self._id_at), len(positions) - 1)
            row = self._row_at(positions[place])
        return row

    def _id_at(self, position: int) -> int:
        """Without the pages: rows that are looked up on the way are not looked at."""
        rows = self._fetch(position, 1)
        return rows[0].id if rows else 0

    def position(self, frame_id: int) -> int | None:
        """The row of a frame, or None where the view does not show it."""
        if self._rows is None:
            return None
        try:
            position = self._rows.position(frame_id)
        except CaptureError as error:
            self._fail(error)
            return None
        there = position is not None and self._pages.begin <= position < self._end
        return self._row_at(position) if there and position is not None else None

    # QAbstractTableModel.

    def rowCount(self, parent: _Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else self._end - self._pages.begin + self.first_row

    def columnCount(self, parent: _Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(Column)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | int | None:
        """For accessibility and tests; the table paints from `line()`."""
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            if gap := self.gap_at(index.row()):
                return gap_sentence(gap) if index.column() == 0 else None
            line = self.line(index.row())
            if line is None:
                return None
            return cell(line, Column(index.column()), self.connection_name(line.row.connection))
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() in (Column.NUMBER, Column.LENGTH):
            return int((Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter).value)
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        if index.isValid() and self.gap_at(index.row()):
            return Qt.ItemFlag.ItemNeverHasChildren
        return super().flags(index)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | int | None:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return title(Column(section), self._time_format)
        if role == Qt.ItemDataRole.ToolTipRole:
            return explanation(Column(section))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            right = section in (Column.NUMBER, Column.DELTA, Column.LENGTH)
            side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
            return int((side | Qt.AlignmentFlag.AlignVCenter).value)
        return None

    # Rows.

    def _fetch(self, first: int, count: int) -> list[FrameRow]:
        if self._rows is None:
            return []
        try:
            return self._rows.rows(first, count)
        except CaptureError as error:
            self._fail(error)
            return []

    def _start(self) -> int:
        """Time of the first frame of the view, also where that frame is none of the rows."""
        if self._start_ns is None and self._reader is not None:
            try:
                rows = self._reader.rows(self._view, self._reader.dropped(self._view), 1)
            except CaptureError as error:
                self._fail(error)
                return 0
            self._start_ns = rows[0].time_ns if rows else None
        return self._start_ns or 0

    def _reset(self) -> None:
        """Forgets every row and asks anew."""
        self._clear_rows()
        self.refresh()

    def _clear_rows(self) -> None:
        self.beginResetModel()
        self._rows = None
        self._pages.clear()
        self._end = self._gap = 0
        self._behind = 0
        self._start_ns = None
        self.endResetModel()

    def _fail(self, error: CaptureError) -> None:
        if not self._failed:
            self._failed = True
            self.failed.emit(str(error))
