"""The list of connections: a state mark, the path, and the state in words."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QFont, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.connections import ConnectionLine, ConnectionModel
from app.models.index import Index
from app.views.parts.connection_mark import GAP, SIZE, elided_path, paint_mark
from app.views.parts.row_delegate import RowDelegate
from app.views.parts.row_list import RowList
from app.views.sides.problem_list import SEVERITY_LOOKS
from core.capture.records import ConnectionRecord, ConnectionState
from core.protocol.violations import Severity

_MARGIN = 12
_MARK = 10
_TEXT_LEFT = 32
_ROW_PADDING = 8

_MARK_ROLES = {
    ConnectionState.CONNECTING: ThemeRole.NOTE,
    ConnectionState.OPEN: ThemeRole.SUCCESS,
    ConnectionState.CLOSING: ThemeRole.WARNING,
    ConnectionState.CLOSED: ThemeRole.MUTED,
    ConnectionState.REFUSED: ThemeRole.ERROR,
    ConnectionState.SERVED: ThemeRole.MUTED,
    ConnectionState.LOST: ThemeRole.WARNING,
    ConnectionState.EXCHANGED: ThemeRole.MUTED,
    ConnectionState.TUNNELLED: ThemeRole.MUTED,
}
_NO_WEBSOCKET = (ConnectionState.SERVED, ConnectionState.EXCHANGED, ConnectionState.TUNNELLED)


class ConnectionList(RowList):
    """Shows a `ConnectionModel`; the selected connection stays selected while others come and go."""

    chosen = Signal(object)
    """Id of the selected connection, or None for all."""
    picked = Signal(object)
    """Id of the connection that the person clicked, or pressed Enter on."""
    context_menu_requested = Signal(QPoint)

    def __init__(self, model: ConnectionModel, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._connections = model
        self._selected: int | None = None
        self._delegate = _ConnectionDelegate(model, look, self)
        self._show_rows(model, self._delegate)
        self.setAccessibleName(self.tr("Connections"))
        self.selectionModel().currentChanged.connect(self._current_changed)
        self.clicked.connect(self._pick)
        self.activated.connect(self._pick)
        model.modelReset.connect(self._was_reset)
        look.theme.changed.connect(self._look_changed)
        self._was_reset()

    @property
    def connection_model(self) -> ConnectionModel:
        """What it shows."""
        return self._connections

    def choose(self, connection_id: int | None) -> None:
        """Select a connection, and show it if it is left out; nothing happens if there is none."""
        if connection_id is not None:
            self._connections.reveal(connection_id)
        row = self._connections.row_of(connection_id)
        if row is not None:
            self.setCurrentIndex(self._connections.index(row))

    @property
    def chosen_connection(self) -> int | None:
        return self._connections.connection_id(self.currentIndex().row())

    @property
    def chosen_record(self) -> ConnectionRecord | None:
        """The list's record of the selected connection, without its raw bytes; None for all."""
        line = self._connections.line(self.currentIndex().row())
        return None if line is None else line.record

    def _current_changed(self, current: Index) -> None:
        if current.isValid():
            self._selected = self._connections.connection_id(current.row())
            self.chosen.emit(self._selected)

    def _pick(self, index: Index) -> None:
        connection = self._connections.connection_id(index.row())
        if connection is not None:
            self.picked.emit(connection)

    def rowsAboutToBeRemoved(self, parent: Index, start: int, end: int) -> None:
        if start <= self.currentIndex().row() <= end:
            # Qt would select the next one, which nobody chose.
            self.choose(None)
        super().rowsAboutToBeRemoved(parent, start, end)

    def _was_reset(self) -> None:
        """What was selected stays so, if it is still in the list."""
        self.setCurrentIndex(self._connections.index(self._connections.row_of(self._selected) or 0))

    def _look_changed(self) -> None:
        self._delegate.reload()
        self.viewport().update()

    def keyboardSearch(self, search: str) -> None:
        """Do nothing: single letters do not search here."""

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.context_menu_requested.emit(event.globalPos())


class _ConnectionDelegate(RowDelegate):
    weight = QFont.Weight.DemiBold

    def __init__(self, model: ConnectionModel, look: Look, parent: QWidget) -> None:
        super().__init__(look, parent)
        self._model = model

    @property
    def row_height(self) -> int:
        return self._metrics.height() + self._small_metrics.height() + 2 * _ROW_PADDING + 2

    def content(self, painter: QPainter, row: QRect, number: int) -> None:
        line = self._model.line(number)
        if line is None:
            top = row.top() + _ROW_PADDING + 1
            self._icon(painter, row.left() + _MARGIN - 3, top, IconName.CONNECTIONS, ThemeRole.MUTED, 16)
            self._texts(
                painter, row, self._model.all_title(), self._model.all_detail(), row.right() - _MARGIN
            )
        else:
            self._state_mark(painter, row, line.record.state)
            right = self._number(painter, row, line)
            role = ThemeRole.WARNING if self._model.queued(line.record.id) else ThemeRole.MUTED
            self._texts(painter, row, line.title, self._model.detail(line), right, role)

    def _state_mark(self, painter: QPainter, row: QRect, state: ConnectionState) -> None:
        """Paint the state: filled while open, hollow when closed, crossed if refused; not by colour alone."""
        colour: QColor = self._theme.color(_MARK_ROLES[state])
        top = row.top() + _ROW_PADDING + (self._metrics.height() - _MARK) / 2
        mark = QRectF(row.left() + _MARGIN, top, _MARK, _MARK)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour, 1.8))
        if state is ConnectionState.REFUSED:
            inner = mark.adjusted(1, 1, -1, -1)
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.topRight(), inner.bottomLeft())
            return
        if state in _NO_WEBSOCKET:
            painter.drawRect(mark.adjusted(1, 1, -1, -1))
            return
        filled = state in (ConnectionState.OPEN, ConnectionState.CLOSING)
        painter.setBrush(colour if filled else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(mark.adjusted(0.9, 0.9, -0.9, -0.9))

    def _number(self, painter: QPainter, row: QRect, line: ConnectionLine) -> int:
        """Paint mark, number and violations at the right edge; gives their left edge."""
        right = row.right() - _MARGIN
        text = f"#{line.record.id}"
        painter.setFont(self._small)
        painter.setPen(self._theme.color(ThemeRole.MUTED))
        width = self._small_metrics.horizontalAdvance(text)
        top = row.top() + _ROW_PADDING
        height = self._metrics.height()
        painter.drawText(QRect(right - width, top, width + 1, height), Qt.AlignmentFlag.AlignRight, text)
        left = right - width - GAP - SIZE
        paint_mark(painter, self._theme, line.record.id, left, top + (height - SIZE) // 2 + 1)
        if line.record.violation_count:
            left -= 20
            icon, role = SEVERITY_LOOKS[self._model.severity(line.record.id) or Severity.NOTE]
            self._icon(painter, left, top + (height - 14) // 2, icon, role, 14)
        return left - 6

    def _texts(
        self,
        painter: QPainter,
        row: QRect,
        title: str,
        detail: str,
        right: int,
        role: ThemeRole = ThemeRole.MUTED,
    ) -> None:
        left, top = row.left() + _TEXT_LEFT, row.top() + _ROW_PADDING
        painter.setFont(self._font)
        painter.setPen(self._theme.color(ThemeRole.TEXT))
        shown = elided_path(self._metrics, title, right - left)
        area = QRect(left, top, right - left, self._metrics.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft, shown)
        top += self._metrics.height() + 2
        self._small_line(painter, QRect(left, top, row.right() - _MARGIN - left, 0), detail, role)
