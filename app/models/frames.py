"""The frames of a view as a table model: it knows their number and holds only the pages used recently."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal

from app.logic.frame_column import FrameColumn
from app.logic.frame_lines import Line, TimeFormat, make_line
from app.logic.gap_rows import GapRows, PlacedGap
from app.logic.row_pages import RowPages
from app.logic.rows import RowsOf, RowSource, ViewRows, extent_of
from app.models.frame_columns import cell, explanation, gap_sentence, title
from app.models.index import NO_INDEX, Index
from core.capture.gaps import Gap, GapReason
from core.capture.reader import CaptureReader
from core.capture.records import FrameRow, View
from core.errors import CaptureError

MAX_ROWS = 60_000_000
"""More rows would overflow the pixel coordinates of a table."""


class FrameModel(QAbstractTableModel):
    """The rows of a `CaptureReader` under a `View`, or those of another source. Nothing changes until `refresh()`.

    A source has positions, the first of which may have been dropped; the others have rows. Where frames are missing
    that would have had rows, a separate row says so (`gap_at`); it stands for no frame and cannot be selected.
    """

    failed = Signal(str)
    """The capture cannot be read; a sentence. Emitted once for each reader."""
    counts_changed = Signal()
    """`rowCount`, `control_count` or `behind` has changed."""
    handled = Signal()
    """Something was decided of frames that may have been read before."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader: CaptureReader | None = None
        self._view = View()
        self._rows_of: RowsOf = ViewRows
        self._rows: RowSource | None = None
        self._gaps = GapRows()
        self._end = 0
        """The position after the last row."""
        self._view_count = 0
        self._control_count = 0
        self._behind = 0
        self._generation = 0
        self._handling_changes = 0
        self._frozen = False
        self._newest = 0
        """Id of the last frame that the list may show; fixed while frozen."""
        self._failed = False
        self._time_format = TimeFormat.ABSOLUTE
        self._start_ns: int | None = None
        self._pages = RowPages(self._fetch)
        self.connection_name: Callable[[int], str] = lambda _connection: ""
        """Gives the name of a connection, to be shown beside its number, by id."""

    # What is shown.

    @property
    def view(self) -> View:
        return self._view

    def set_view(self, view: View) -> None:
        """Show other frames; while frozen, only those that existed when it was frozen."""
        if view != self._view:
            self._view = view
            self._reset()

    def set_rows(self, rows_of: RowsOf) -> None:
        """Show the rows of such a source; `ViewRows` has every frame of the view."""
        self._rows_of = rows_of
        self._reset()

    def set_reader(self, reader: CaptureReader | None) -> None:
        """Show another capture. The caller owns the reader and closes it after setting another one or None."""
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
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, FrameColumn.TIME, FrameColumn.TIME)
        if self.rowCount():
            self.dataChanged.emit(
                self.index(0, FrameColumn.TIME), self.index(self.rowCount() - 1, FrameColumn.TIME)
            )

    @property
    def frozen(self) -> bool:
        return self._frozen

    def set_frozen(self, frozen: bool) -> None:
        """While frozen, `refresh()` shows no new frame, but counts them in `behind`."""
        self._frozen = frozen
        self.refresh()

    @property
    def newest(self) -> int:
        """Id of the last frame that the list may show, in this view or another; 0 if there is none."""
        return self._newest

    @property
    def behind(self) -> int:
        """Number of rows that came while frozen."""
        return self._behind

    @property
    def view_count(self) -> int:
        """Number of frames in the view, with or without a row."""
        return self._view_count

    @property
    def frame_count(self) -> int:
        """Number of frames with a row."""
        return self._end - self._pages.begin

    @property
    def control_count(self) -> int:
        """Number of control frames in the view, shown or hidden."""
        return self._control_count

    @property
    def first_row(self) -> int:
        """The first row that stands for a frame; the number of rows if there is none."""
        return self._row_at(self._pages.begin)

    @property
    def last_row(self) -> int:
        """The last row that stands for a frame; -1 if there is none."""
        return self._row_at(self._end - 1) if self.frame_count else -1

    def gap_at(self, row: int) -> Gap | None:
        """The gap in a row; None if the row stands for a frame."""
        return self._gaps.at(row + self._pages.begin)

    def frames_between(self, first: int, last: int) -> int:
        """Number of rows in this range that stand for frames."""
        begin = self._pages.begin
        return last - first + 1 - self._gaps.between(first + begin, last + begin)

    def ids_between(self, first: int, last: int) -> range:
        """Ids from the first to the last frame of these rows."""
        while first <= last and self.gap_at(first) is not None:
            first += 1
        while first <= last and self.gap_at(last) is not None:
            last -= 1
        lowest, highest = self.frame_id(first), self.frame_id(last)
        return range(0) if lowest is None or highest is None else range(lowest, highest + 1)

    # What there is.

    def refresh(self) -> None:
        """Insert what is new at the end in one go, and remove what was dropped from the front."""
        reader = self._reader
        if reader is None:
            return
        try:
            with reader.snapshot():
                totals = reader.totals()
                if totals.generation != self._generation:
                    reader.forget()
                    self._generation = totals.generation
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
                gaps = self._rows.gaps(extent)
        except CaptureError as error:
            self._fail(error)
            return
        self._view_count = of_view.held
        self._control_count = every.held - data.held
        self._drop(extent.dropped, gaps)
        count = min(extent.count, self._pages.begin + MAX_ROWS)
        end = self._frozen_end(count) if self._frozen else count
        self._behind = max(0, count - end)
        self._extend(end, self._shown(gaps, end))
        self.counts_changed.emit()
        if totals.handling_changes != self._handling_changes:
            self._handling_changes = totals.handling_changes
            self._read_anew()

    def _shown(self, gaps: list[PlacedGap], end: int) -> list[PlacedGap]:
        """The gaps that get rows in a list up to this position."""
        if self._frozen:
            held = {placed.key: placed for placed in self._gaps.all}
            gaps = [
                held.get(each.key, each)
                for each in gaps
                if each.key in held or each.gap.before <= self._newest
            ]
        return [each for each in gaps if self._pages.begin <= each.position <= end]

    def _frozen_end(self, count: int) -> int:
        """The position after the last frame that existed when the list was frozen."""
        come = range(self._end, count)
        # Usually none of the new frames is a control frame.
        if not come or self._id_at(come[0]) > self._newest:
            return self._end
        return come.start + bisect_right(come, self._newest, key=self._id_at)

    def _drop(self, gone: int, gaps: list[PlacedGap]) -> None:
        """Remove the positions up to `gone`, and all gaps but these."""
        front, begin = self._gaps.front, self._pages.begin
        going = max(0, min(gone, self._end) - begin)
        leaving = self._gaps.leaving(gaps)
        if going + leaving:
            self.beginRemoveRows(QModelIndex(), front, front + going + leaving - 1)
            del self._gaps.all[front : front + leaving]
            self._begin_at(begin + going)
            self.endRemoveRows()
        if gone > self._end:
            self._end = gone
            self._begin_at(gone)
        if not gaps or gaps[0].gap.reason is not GapReason.DROPPED:
            return
        if not front:
            self.beginInsertRows(QModelIndex(), 0, 0)
            self._gaps.all.insert(0, gaps[0])
            self.endInsertRows()
        elif self._gaps.all[0] != gaps[0]:
            self._gaps.all[0] = gaps[0]
            self._gap_changed(0)

    def _begin_at(self, position: int) -> None:
        self._pages.begin = position
        if self._gaps.front:
            self._gaps.all[0] = self._gaps.all[0]._replace(position=position)

    def _extend(self, end: int, gaps: list[PlacedGap]) -> None:
        """Append rows for frames up to a position, and for new gaps."""
        held = self._gaps.all
        if not self._gaps.are_first_of(gaps):
            # Almost never happens: the clock was set back, or the capture is forged.
            self.beginResetModel()
            self._gaps.all, self._end = gaps, max(end, self._end)
            self.endResetModel()
            return
        for number, (before, now) in enumerate(zip(held, gaps, strict=False)):
            if before.gap != now.gap:
                held[number] = now
                self._gap_changed(number)
        come = max(0, end - self._end) + len(gaps) - len(held)
        if come:
            rows = self.rowCount()
            self.beginInsertRows(QModelIndex(), rows, rows + come - 1)
            held += gaps[len(held) :]
            self._end = max(end, self._end)
            self.endInsertRows()

    def _read_anew(self) -> None:
        """The rows stay, and say something else."""
        self._pages.read_anew()
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, len(FrameColumn) - 1))
        self.handled.emit()

    def _gap_changed(self, number: int) -> None:
        row = self._gaps.place_of(number) - self._pages.begin
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(FrameColumn) - 1))

    def line(self, row: int) -> Line | None:
        """The cells of a row; None outside the view or if it cannot be read."""
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
        position = self._gaps.position(row + self._pages.begin)
        there = position is not None and self._pages.begin <= position < self._end
        return position if there else None

    def _row_at(self, position: int) -> int:
        return self._gaps.place(position) - self._pages.begin

    def row_from(self, frame_id: int) -> int | None:
        """The row of a frame, else that of the next frame with a row, else the last row; None without rows."""
        row = self.position(frame_id)
        positions = range(self._pages.begin, self._end)
        if row is None and positions:
            place = min(bisect_left(positions, frame_id, key=self._id_at), len(positions) - 1)
            row = self._row_at(positions[place])
        return row

    def _id_at(self, position: int) -> int:
        """Look a frame up without loading its page, since rows passed during a search are not shown."""
        rows = self._fetch(position, 1)
        return rows[0].id if rows else 0

    def position(self, frame_id: int) -> int | None:
        """The row of a frame; None if the view does not show it."""
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

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else self.frame_count + len(self._gaps.all)

    def columnCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(FrameColumn)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | int | None:
        """Used for accessibility and tests; the table paints from `line()`."""
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            if gap := self.gap_at(index.row()):
                return gap_sentence(gap) if index.column() == 0 else None
            line = self.line(index.row())
            if line is None:
                return None
            return cell(line, FrameColumn(index.column()), self.connection_name(line.row.connection))
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() in (
            FrameColumn.NUMBER,
            FrameColumn.LENGTH,
        ):
            return int((Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter).value)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if index.isValid() and self.gap_at(index.row()):
            return Qt.ItemFlag.ItemNeverHasChildren
        return super().flags(index)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | int | None:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(FrameColumn):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return title(FrameColumn(section), self._time_format)
        if role == Qt.ItemDataRole.ToolTipRole:
            return explanation(FrameColumn(section))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            right = section in (FrameColumn.NUMBER, FrameColumn.DELTA, FrameColumn.LENGTH)
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
        """Time of the first frame of the view, even if that frame has no row."""
        if self._start_ns is None and self._reader is not None:
            try:
                rows = self._reader.rows(self._view, self._reader.dropped(self._view), 1)
            except CaptureError as error:
                self._fail(error)
                return 0
            self._start_ns = rows[0].time_ns if rows else None
        return self._start_ns or 0

    def _reset(self) -> None:
        """Forget all rows and ask anew."""
        self._clear_rows()
        self.refresh()

    def _clear_rows(self) -> None:
        self.beginResetModel()
        self._rows = None
        self._pages.clear()
        self._end = 0
        self._gaps.all = []
        self._behind = 0
        self._start_ns = None
        self.endResetModel()

    def _fail(self, error: CaptureError) -> None:
        if not self._failed:
            self._failed = True
            self.failed.emit(str(error))
