"""The frames of a view as a table model: knows how many there are, holds only the pages lately looked at."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from app.models.frame_columns import Column, cell, explanation, title
from app.models.frame_lines import Line, TimeFormat, make_line
from app.models.rows import RowsOf, RowSource, ViewRows
from core.capture.reader import CaptureReader
from core.capture.records import FrameRow, View
from core.errors import CaptureError

PAGE_ROWS = 256
CACHED_PAGES = 16
MAX_ROWS = 60_000_000
"""More rows than this overflow the pixel coordinates of a table."""

_Index = QModelIndex | QPersistentModelIndex
_NO_INDEX = QModelIndex()


class _Page:
    """Up to PAGE_ROWS rows of a view; the last page of a view may grow."""

    __slots__ = ("before_ns", "lines", "rows")

    def __init__(self, before_ns: int | None, rows: list[FrameRow]) -> None:
        self.before_ns = before_ns
        self.rows = rows
        self.lines: dict[int, Line] = {}


class FrameModel(QAbstractTableModel):
    """Rows of a `CaptureReader` under a `View`: all, or those of another source. Nothing moves until `refresh()`."""

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
        self._count = 0
        self._view_count = 0
        self._control_count = 0
        self._behind = 0
        self._generation = 0
        self._frozen = False
        self._failed = False
        self._time_format = TimeFormat.ABSOLUTE
        self._start_ns: int | None = None
        self._pages: OrderedDict[int, _Page] = OrderedDict()

    # What is shown.

    @property
    def view(self) -> View:
        return self._view

    def set_view(self, view: View) -> None:
        """Shows other frames, also while frozen."""
        if view != self._view:
            self._view = view
            self._reset()

    def set_rows(self, rows_of: RowsOf) -> None:
        """Shows the rows of such a source, also while frozen; `ViewRows` stands for every frame of the view."""
        self._rows_of = rows_of
        self._reset()

    def set_reader(self, reader: CaptureReader | None) -> None:
        """Shows another capture. The reader stays the caller's, who closes it after giving another one or None."""
        self._reader = reader
        self._failed = False
        self._reset()

    @property
    def time_format(self) -> TimeFormat:
        return self._time_format

    def set_time_format(self, time_format: TimeFormat) -> None:
        self._time_format = time_format
        for page in self._pages.values():
            page.lines.clear()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, Column.TIME, Column.TIME)
        if self._count:
            self.dataChanged.emit(self.index(0, Column.TIME), self.index(self._count - 1, Column.TIME))

    @property
    def frozen(self) -> bool:
        return self._frozen

    def set_frozen(self, frozen: bool) -> None:
        """Frozen, `refresh()` only counts what it does not show (`behind`)."""
        self._frozen = frozen
        self.refresh()

    @property
    def behind(self) -> int:
        """How many rows came while frozen."""
        return self._behind

    @property
    def view_count(self) -> int:
        """How many frames the view has, whether they have rows or not."""
        return self._view_count

    @property
    def control_count(self) -> int:
        """How many control frames the view has, shown or hidden."""
        return self._control_count

    # What there is.

    def refresh(self) -> None:
        """Asks the capture what is new and inserts it at the end in one go."""
        reader = self._reader
        if reader is None:
            return
        try:
            generation = reader.totals().generation
            if generation != self._generation:
                reader.forget()
                self._generation = generation
                self._clear_rows()
            if self._rows is None:
                self._rows = self._rows_of(reader, self._view)
            every = reader.count(View(self._view.connection, control=True))
            data = reader.count(View(self._view.connection, control=False))
            count = min(self._rows.count(), MAX_ROWS)
        except CaptureError as error:
            self._fail(error)
            return
        self._view_count = every if self._view.control else data
        self._control_count = every - data
        self._behind = count - self._count if self._frozen else 0
        if count > self._count and not self._frozen:
            self.beginInsertRows(QModelIndex(), self._count, count - 1)
            self._count = count
            self.endInsertRows()
        self.counts_changed.emit()

    def line(self, row: int) -> Line | None:
        """The cells of a row; None outside the view or when it cannot be read."""
        page = self._page(row)
        offset = row % PAGE_ROWS
        if page is None or offset >= len(page.rows):
            return None
        line = page.lines.get(offset)
        if line is None:
            line = make_line(
                page.rows[offset],
                previous_ns=page.rows[offset - 1].time_ns if offset else page.before_ns,
                start_ns=self._start(),
                time_format=self._time_format,
            )
            page.lines[offset] = line
        return line

    def frame_id(self, row: int) -> int | None:
        """The id of the frame in a row."""
        page = self._page(row)
        offset = row % PAGE_ROWS
        return None if page is None or offset >= len(page.rows) else page.rows[offset].id

    def row_from(self, frame_id: int) -> int | None:
        """The row of a frame, or of the next one that has a row, or the last row; None where there are no rows."""
        row = self.position(frame_id)
        if row is None and self._count:
            row = min(bisect_left(range(self._count), frame_id, key=self._id_at), self._count - 1)
        return row

    def _id_at(self, row: int) -> int:
        """Without the pages: rows that are looked up on the way are not looked at."""
        rows = self._fetch(row, 1)
        return rows[0].id if rows else 0

    def position(self, frame_id: int) -> int | None:
        """The row of a frame, or None where the view does not show it."""
        if self._rows is None:
            return None
        try:
            row = self._rows.position(frame_id)
        except CaptureError as error:
            self._fail(error)
            return None
        return row if row is not None and row < self._count else None

    # QAbstractTableModel.

    def rowCount(self, parent: _Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else self._count

    def columnCount(self, parent: _Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(Column)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | int | None:
        """For accessibility and tests; the table paints from `line()`."""
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            line = self.line(index.row())
            return None if line is None else cell(line, Column(index.column()))
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() in (Column.NUMBER, Column.LENGTH):
            return int((Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter).value)
        return None

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

    # Pages.

    def _page(self, row: int) -> _Page | None:
        if not 0 <= row < self._count:
            return None
        number, offset = divmod(row, PAGE_ROWS)
        page = self._pages.get(number)
        if page is None:
            page = self._load(number)
        elif offset >= len(page.rows):
            self._extend(page, number)
        if page is not None:
            self._pages[number] = page
            self._pages.move_to_end(number)
            while len(self._pages) > CACHED_PAGES:
                self._pages.popitem(last=False)
        return page

    def _load(self, number: int) -> _Page | None:
        first = number * PAGE_ROWS
        # One row more in front: the first row's Δ counts from it.
        lead = 1 if first else 0
        rows = self._fetch(first - lead, PAGE_ROWS + lead)
        if not rows:
            return None
        return _Page(rows[0].time_ns if lead else None, rows[lead:])

    def _extend(self, page: _Page, number: int) -> None:
        have = len(page.rows)
        page.rows += self._fetch(number * PAGE_ROWS + have, PAGE_ROWS - have)

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
                rows = self._reader.rows(self._view, 0, 1)
            except CaptureError as error:
                self._fail(error)
                return 0
            self._start_ns = rows[0].time_ns if rows else None
        return self._start_ns or 0

    def _reset(self) -> None:
        """Forgets every row and asks anew; views see one reset."""
        frozen, self._frozen = self._frozen, True
        self._clear_rows()
        self._frozen = False
        self.refresh()
        self._frozen = frozen

    def _clear_rows(self) -> None:
        self.beginResetModel()
        self._rows = None
        self._pages.clear()
        self._count = 0
        self._behind = 0
        self._start_ns = None
        self.endResetModel()

    def _fail(self, error: CaptureError) -> None:
        if not self._failed:
            self._failed = True
            self.failed.emit(str(error))
