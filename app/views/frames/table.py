"""The table of frames: paints its rows itself, follows the tail on request, never moves the person's selection."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QPoint,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QToolTip, QWidget

from app.logic.found import FoundFrames
from app.logic.frame_column import FrameColumn
from app.logic.frame_lines import Line
from app.logic.rows import RowsOf
from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.frames import FrameModel
from app.models.index import Index
from app.models.marks import MarkModel
from app.runtime.gauges import PaintGauge
from app.views.frames.header import FrameHeader
from app.views.frames.painter import PADDING, FramePainter, RowState
from app.views.parts.empty_page import paint_empty
from app.views.parts.steady_table import SteadyTable
from core.capture.records import View
from core.query.needles import Needle


class FrameTable(SteadyTable):
    """Shows a `FrameModel`. The selected frame is kept by id and survives a change of the view."""

    current_frame_changed = Signal(object)
    """Id of the frame that the person went to, or None."""
    following_changed = Signal(bool)
    newer_changed = Signal()
    """`newer` or `following` may have changed."""
    opened = Signal()
    """The person wants the details (Enter or double click)."""
    connection_opened = Signal(object)
    """The id of a connection that the person wants to see alone (double click on it)."""
    context_menu_requested = Signal(QPoint)
    """Emitted over a row, with the global position."""

    def __init__(self, model: FrameModel, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frames = model
        self._look = look
        self._painter = FramePainter(look)
        self.gauge: PaintGauge | None = None
        """Gets the time of every paint, if set."""
        self._following = True
        self._count_when_stopped = 0
        self._hovered = -1
        self._current_id: int | None = None
        self._sought: int | None = None
        """The frame to select as soon as it has a row."""
        self._hits: FoundFrames | None = None
        self._old_up_to = 0
        self._empty_title = ""
        self._empty_text = ""
        self._set_up()
        self.setModel(model)
        self.header = FrameHeader(self, self._painter.width_of)
        self.selectionModel().currentRowChanged.connect(self._current_changed)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        model.rowsInserted.connect(self._rows_came)
        self.front_changed.connect(self._front_changed)
        self.current_went.connect(lambda: self.current_frame_changed.emit(None))
        model.modelReset.connect(self._was_reset)
        model.modelReset.connect(self.header.forget_needs)
        look.theme.changed.connect(self._look_changed)

    # Called by others.

    @property
    def frame_model(self) -> FrameModel:
        """What it shows."""
        return self._frames

    @property
    def following(self) -> bool:
        """Whether the newest row is kept visible."""
        return self._following

    def set_following(self, following: bool) -> None:
        if following:
            self._to_tail()
        if following != self._following:
            self._following = following
            self._count_when_stopped = self._frames.rowCount()
            self.following_changed.emit(following)
        self.newer_changed.emit()

    @property
    def newer(self) -> int:
        """Number of rows that came since the table stopped following; 0 while it follows."""
        # Rows that came and were dropped again are no longer new.
        new = self._frames.rowCount() - max(self._count_when_stopped, self._frames.first_row)
        return 0 if self._following else max(new, 0)

    @property
    def current_frame(self) -> int | None:
        """Id of the selected frame."""
        return self._current_id

    def set_view(self, view: View) -> None:
        """Show other frames; selection and scroll position stay if possible."""
        if view == self._frames.view:
            return
        chosen = self._current_id
        self.header.show_whose(shown=view.connection is None)
        self._show_other(lambda: self._frames.set_view(view))
        if self._current_id != chosen:
            self.current_frame_changed.emit(self._current_id)

    def set_rows(self, rows_of: RowsOf) -> None:
        """Show other rows. The current frame stays current, and is selected once it has a row."""
        chosen, following = self._current_id, self._following
        self._show_other(lambda: self._frames.set_rows(rows_of))
        self._current_id = chosen
        if not following:
            self.set_following(False)

    def set_marks(self, marks: MarkModel) -> None:
        """Show bookmarks and notes in the rows."""
        self._painter.note_of = marks.note
        marks.changed.connect(self.viewport().update)

    def set_names(self, name_of: Callable[[int], str]) -> None:
        """Set the function that names connections."""
        self._painter.name_of = self._frames.connection_name = name_of

    def set_hits(self, hits: FoundFrames | None, needles: Sequence[Needle]) -> None:
        """Mark the rows of these frames, current and future, and the needles in all rows."""
        self._hits = hits
        self._painter.set_needles(needles)
        self.viewport().update()

    def set_old(self, *, up_to: int) -> None:
        """Treat frames up to this id as old: their rows come only because they were found now."""
        self._old_up_to = up_to

    def _show_other(self, change: Callable[[], None]) -> None:
        chosen = self._current_id
        seen = [] if self._following else self._visible_ids()
        with self._by_itself():
            change()
            self._restore(chosen, seen)
        self._sought = chosen if self._current_id is None else None
        self._count_when_stopped = self._frames.rowCount()
        self.newer_changed.emit()

    def selected_frames(self, limit: int) -> list[int]:
        """Ids of the selected frames in table order, at most `limit`."""
        rows = (
            row
            for top, bottom in self.selected_spans(self._frames.first_row)
            for row in range(top, bottom + 1)
        )
        frames = (found for row in rows if (found := self._frames.frame_id(row)) is not None)
        return list(islice(frames, limit))

    def selected_ids(self) -> tuple[range, ...]:
        """For each stretch of selected rows, the ids from its first to its last frame."""
        spans = self.selected_spans(self._frames.first_row)
        return tuple(filter(None, (self._frames.ids_between(top, bottom) for top, bottom in spans)))

    def selected_count(self) -> int:
        spans = self.selected_spans(self._frames.first_row)
        return sum(self._frames.frames_between(top, bottom) for top, bottom in spans)

    def cell_at(self, position: QPoint) -> tuple[Line, FrameColumn] | None:
        """The line and the column at a global position; right of all columns, the payload."""
        place = self.viewport().mapFromGlobal(position)
        line, column = self._frames.line(self.rowAt(place.y())), self.columnAt(place.x())
        return None if line is None else (line, FrameColumn(column) if column >= 0 else FrameColumn.PAYLOAD)

    def go_to_row(self, row: int) -> None:
        """Select the frame of a row and scroll it to the middle. The table stays there."""
        if self._frames.frame_id(row) is not None:
            # Qt's own PositionAtCenter leaves a row up to one and a half rows above the middle.
            above = self.viewport().height() // self._painter.row_height // 2
            top = self._frames.index(max(row - above, 0), 0)
            with self._by_itself():
                self.scrollTo(top, QAbstractItemView.ScrollHint.PositionAtTop)
            self.setCurrentIndex(self._frames.index(row, 0))
            self.set_following(False)

    def go_to_frame(self, frame_id: int) -> bool:
        """Select a frame, even one that came after the last refresh; False if the view does not show it."""
        row = self._frames.position(frame_id)
        if row is None:
            self._frames.refresh()
            row = self._frames.position(frame_id)
        if row is None:
            return False
        self.go_to_row(row)
        return True

    def go_to_first(self) -> None:
        self.go_to_row(self._frames.first_row)

    def go_to_last(self) -> None:
        """Select the last row and follow the tail."""
        self.go_to_row(self._frames.last_row)
        self.set_following(True)

    @property
    def empty_text(self) -> tuple[str, str]:
        """Title and sentence that are shown while there are no rows."""
        return self._empty_title, self._empty_text

    def set_empty_text(self, title: str, text: str) -> None:
        """Set what is shown while there are no rows."""
        self._empty_title, self._empty_text = title, text
        self.viewport().update()

    # Set-up.

    def _set_up(self) -> None:
        self.viewport().setMouseTracking(True)
        self.doubleClicked.connect(self._double_clicked)
        self.setAccessibleName(self.tr("Frames"))
        self.verticalHeader().setDefaultSectionSize(self._painter.row_height)

    # Following the tail.

    def _rows_came(self) -> None:
        if self._sought is not None and self._frames.position(self._sought) is not None:
            self._find_again(self._sought)
        count = self._frames.rowCount()
        if (
            self._old_up_to
            and not self._following
            and (self._frames.frame_id(count - 1) or 0) <= self._old_up_to
        ):
            self._count_when_stopped = count
        if self._following:
            self._to_tail()
        self.newer_changed.emit()

    def _front_changed(self, rows: int) -> None:
        self._hovered = -1
        self._count_when_stopped += rows

    def _find_again(self, frame_id: int) -> None:
        known, self._current_id = self._current_id, None
        with self._by_itself():
            self._restore(frame_id, [] if self._following else [frame_id])
        self._sought = None
        if known != frame_id:
            self.current_frame_changed.emit(frame_id)

    def _to_tail(self) -> None:
        with self._by_itself():
            self.scrollToBottom()

    def _scrolled(self, value: int) -> None:
        self._hovered = -1
        if not self._moving:
            self.set_following(value == self.verticalScrollBar().maximum())

    def _current_changed(self, current: Index) -> None:
        chosen = self._frames.frame_id(current.row()) if current.isValid() else None
        self._current_id = chosen
        # Qt repaints only the two cells; the outline surrounds the whole rows.
        self.viewport().update()
        if not self._moving:
            self._sought = None
            self.set_following(False)
            self.current_frame_changed.emit(chosen)

    def _double_clicked(self, index: Index) -> None:
        line = self._frames.line(index.row())
        if line is not None and index.column() == FrameColumn.CONNECTION:
            self.connection_opened.emit(line.row.connection)
        else:
            self.opened.emit()

    def _was_reset(self) -> None:
        # A reset outside set_view means another capture, or a cleared one.
        self._hovered = -1
        self._count_when_stopped = 0
        self._sought = None
        if not self._moving and self._current_id is not None:
            self._current_id = None
            self.current_frame_changed.emit(None)
        if not self._moving:
            self.set_following(True)

    def _restore(self, chosen: int | None, seen: list[int]) -> None:
        row = None if chosen is None else self._frames.position(chosen)
        self._current_id = None
        if row is not None:
            self._current_id = chosen
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.selectionModel().setCurrentIndex(self._frames.index(row, 0), flags)
        if self._following:
            self._to_tail()
            return
        for frame_id in seen:
            top = self._frames.position(frame_id)
            if top is not None:
                self.scrollTo(self._frames.index(top, 0), QAbstractItemView.ScrollHint.PositionAtTop)
                break
        else:
            self.set_following(True)

    def _visible_ids(self) -> list[int]:
        first, last = self._visible_rows()
        return [found for row in range(first, last + 1) if (found := self._frames.frame_id(row)) is not None]

    # Events.

    def _look_changed(self) -> None:
        self._painter.reload()
        self.verticalHeader().setDefaultSectionSize(self._painter.row_height)
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        key = Qt.Key(event.key())
        if plain and key == Qt.Key.Key_Home:
            self.go_to_first()
        elif plain and key == Qt.Key.Key_End:
            self.go_to_last()
        elif plain and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event)
        bar = self.verticalScrollBar()
        if event.angleDelta().y() < 0 and bar.value() == bar.maximum():
            self.set_following(True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self._hover(self.rowAt(event.position().toPoint().y()))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(-1)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._tooltip(event.pos()), self)
            return True
        return super().viewportEvent(event)

    def _tooltip(self, place: QPoint) -> str:
        """The painter's tooltip."""
        line = self._frames.line(self.rowAt(place.y()))
        return "" if line is None else self._painter.explained(line, self.columnAt(place.x()))

    def _hover(self, row: int) -> None:
        before, self._hovered = self._hovered, row
        if before != row:
            for changed in (before, row):
                self._repaint_row(changed)

    def _repaint_row(self, row: int) -> None:
        if row >= 0:
            width, height = self.viewport().width(), self.rowHeight(row)
            self.viewport().update(0, self.rowViewportPosition(row), width, height)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if not self.selectionModel().hasSelection():
            return
        position = event.globalPos()
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            cell = self.visualRect(self.currentIndex().siblingAtColumn(FrameColumn.PAYLOAD))
            position = self.viewport().mapToGlobal(cell.topLeft() + QPoint(PADDING, cell.height() // 2))
        self.context_menu_requested.emit(position)

    def resizeEvent(self, event: QResizeEvent) -> None:
        moving, self._moving = self._moving, True
        self.header.fit(self.viewport().width())
        super().resizeEvent(event)
        self._moving = moving
        if self._following:
            self._to_tail()

    # Painting.

    def paintEvent(self, event: QPaintEvent) -> None:
        began = time.perf_counter_ns()
        self._paint(event)
        if self.gauge is not None:
            newest = self._frames.line(self._frames.last_row) if self._following else None
            self.gauge.painted(time.perf_counter_ns() - began, None if newest is None else newest.row)

    def _paint(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), self._look.theme.color(ThemeRole.SURFACE))
        first, last = self._visible_rows()
        if last < first:
            paint_empty(painter, self.viewport().rect(), self._look, *self.empty_text)
            return
        self._painter.set_pixel_ratio(self.devicePixelRatioF())
        width = self.viewport().width()
        cells = self.header.cells(width)
        selected = self.selected_spans(self._frames.first_row)
        height = self.rowHeight(first)
        current = self.currentIndex().row()
        focus = RowState.FOCUSED if self.hasFocus() else RowState.NONE
        lines = []
        for row in range(first, last + 1):
            rect = QRect(0, self.rowViewportPosition(row), width, height)
            if not rect.intersects(event.rect()):
                continue
            state = focus
            if any(top <= row <= bottom for top, bottom in selected):
                state |= RowState.SELECTED
            if row == current:
                state |= RowState.CURRENT
            if row == self._hovered:
                state |= RowState.HOVERED
            if gap := self._frames.gap_at(row):
                self._painter.gap(painter, gap, rect)
                continue
            line = self._frames.line(row)
            if self._hits is not None and line is not None and self._hits.place(line.row.id) is not None:
                state |= RowState.HIT
            self._painter.background(painter, line, rect, state)
            if line is not None:
                self._painter.cells(painter, line, rect, cells)
                lines.append(line)
        if lines:
            self.header.need(self._painter.needs(lines))
