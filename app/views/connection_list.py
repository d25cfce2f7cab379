"""The list of connections: a state mark, the path, and what became of it."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.icons import IconName, Icons
from app.models.connections import ConnectionLine, ConnectionModel
from app.theme import Role, Theme
from core.capture.records import ConnectionRecord, ConnectionState

_MARGIN = 12
_MARK = 10
_TEXT_LEFT = 32
_ROW_PADDING = 8

_MARK_ROLES = {
    ConnectionState.CONNECTING: Role.NOTE,
    ConnectionState.OPEN: Role.SUCCESS,
    ConnectionState.CLOSING: Role.WARNING,
    ConnectionState.CLOSED: Role.MUTED,
    ConnectionState.REFUSED: Role.ERROR,
    ConnectionState.SERVED: Role.MUTED,
    ConnectionState.LOST: Role.WARNING,
}

_Index = QModelIndex | QPersistentModelIndex


class ConnectionList(QListView):
    """Shows a `ConnectionModel`; the chosen connection stays chosen while others come and go."""

    chosen = Signal(object)
    """Id of the connection that is selected now, or None for all."""
    context_menu_requested = Signal(QPoint)

    def __init__(
        self, model: ConnectionModel, theme: Theme, icons: Icons, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._connections = model
        self._delegate = _ConnectionDelegate(model, theme, icons, self)
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(self.tr("Connections"))
        self.selectionModel().currentChanged.connect(self._current_changed)
        model.modelReset.connect(self._was_reset)
        theme.changed.connect(self._look_changed)
        self._was_reset()

    def choose(self, connection_id: int | None) -> None:
        """Selects a connection; nothing happens when the list has none of that id."""
        row = self._connections.row_of(connection_id)
        if row is not None:
            self.setCurrentIndex(self._connections.index(row))

    @property
    def only_open(self) -> ConnectionRecord | None:
        """The connection that is open, where there is exactly one."""
        return self._connections.only_open

    @property
    def chosen_connection(self) -> int | None:
        return self._connections.connection_id(self.currentIndex().row())

    def _current_changed(self, current: _Index) -> None:
        self.chosen.emit(self._connections.connection_id(current.row()))

    def _was_reset(self) -> None:
        self.setCurrentIndex(self._connections.index(0))

    def _look_changed(self) -> None:
        self._delegate.reload()
        self.viewport().update()

    def keyboardSearch(self, search: str) -> None:
        """Nothing: single letters are no search here."""

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.context_menu_requested.emit(event.globalPos())


class _ConnectionDelegate(QStyledItemDelegate):
    def __init__(self, model: ConnectionModel, theme: Theme, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._theme = theme
        self._icons = icons
        self.reload()

    def reload(self) -> None:
        """Takes over the theme's present colours and fonts."""
        self._title_font = QFont(self._theme.ui_font())
        self._title_font.setWeight(QFont.Weight.DemiBold)
        self._detail_font = QFont(self._theme.ui_font())
        self._detail_font.setPointSizeF(self._detail_font.pointSizeF() * 0.9)
        self._title_metrics = QFontMetrics(self._title_font)
        self._detail_metrics = QFontMetrics(self._detail_font)

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        del option, index
        return QSize(120, self._title_metrics.height() + self._detail_metrics.height() + 2 * _ROW_PADDING + 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        row: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        self._ground(painter, row, state)
        line = self._model.line(index.row())
        if line is None:
            self._icon_mark(painter, row)
            self._texts(
                painter, row, self._model.all_title(), self._model.all_detail(), row.right() - _MARGIN
            )
        else:
            self._state_mark(painter, row, line.record.state)
            right = self._number(painter, row, line)
            role = Role.WARNING if self._model.queued(line.record.id) else Role.MUTED
            self._texts(painter, row, line.title, self._model.detail(line), right, role)
        painter.restore()

    def _ground(self, painter: QPainter, row: QRect, state: QStyle.StateFlag) -> None:
        role = Role.SURFACE
        if state & QStyle.StateFlag.State_Selected:
            role = Role.SELECTION if state & QStyle.StateFlag.State_HasFocus else Role.SELECTION_INACTIVE
        elif state & QStyle.StateFlag.State_MouseOver:
            role = Role.HOVER
        painter.fillRect(row, self._theme.color(role))
        painter.fillRect(row.left(), row.bottom(), row.width(), 1, self._theme.color(Role.GRID))
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(row.left(), row.top(), 3, row.height() - 1, self._theme.color(Role.ACCENT))

    def _icon_mark(self, painter: QPainter, row: QRect) -> None:
        ratio = painter.device().devicePixelRatioF()
        pixmap = self._icons.pixmap(IconName.CONNECTIONS, Role.MUTED, 16, ratio)
        painter.drawPixmap(row.left() + _MARGIN - 3, row.top() + _ROW_PADDING + 1, pixmap)

    def _state_mark(self, painter: QPainter, row: QRect, state: ConnectionState) -> None:
        """Filled while open, hollow after, crossed where it never came to a WebSocket: not by colour alone."""
        colour: QColor = self._theme.color(_MARK_ROLES[state])
        top = row.top() + _ROW_PADDING + (self._title_metrics.height() - _MARK) / 2
        mark = QRectF(row.left() + _MARGIN, top, _MARK, _MARK)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour, 1.8))
        if state is ConnectionState.REFUSED:
            inner = mark.adjusted(1, 1, -1, -1)
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.topRight(), inner.bottomLeft())
            return
        if state is ConnectionState.SERVED:
            painter.drawRect(mark.adjusted(1, 1, -1, -1))
            return
        filled = state in (ConnectionState.OPEN, ConnectionState.CLOSING)
        painter.setBrush(colour if filled else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(mark.adjusted(0.9, 0.9, -0.9, -0.9))

    def _number(self, painter: QPainter, row: QRect, line: ConnectionLine) -> int:
        """The connection's number and its violations at the right edge; returns where they begin."""
        right = row.right() - _MARGIN
        text = f"#{line.record.id}"
        painter.setFont(self._detail_font)
        painter.setPen(self._theme.color(Role.MUTED))
        width = self._detail_metrics.horizontalAdvance(text)
        top = row.top() + _ROW_PADDING
        height = self._title_metrics.height()
        painter.drawText(QRect(right - width, top, width + 1, height), Qt.AlignmentFlag.AlignRight, text)
        left = right - width
        if line.record.violation_count:
            ratio = painter.device().devicePixelRatioF()
            left -= 20
            icon = self._icons.pixmap(IconName.WARNING, Role.ERROR, 14, ratio)
            painter.drawPixmap(left, top + (height - 14) // 2, icon)
        return left - 6

    def _texts(
        self, painter: QPainter, row: QRect, title: str, detail: str, right: int, role: Role = Role.MUTED
    ) -> None:
        left = row.left() + _TEXT_LEFT
        top = row.top() + _ROW_PADDING
        painter.setFont(self._title_font)
        painter.setPen(self._theme.color(Role.TEXT))
        shown = self._title_metrics.elidedText(title, Qt.TextElideMode.ElideMiddle, right - left)
        painter.drawText(
            QRect(left, top, right - left, self._title_metrics.height()), Qt.AlignmentFlag.AlignLeft, shown
        )
        width = row.right() - _MARGIN - left
        painter.setFont(self._detail_font)
        painter.setPen(self._theme.color(role))
        top += self._title_metrics.height() + 2
        shown = self._detail_metrics.elidedText(detail, Qt.TextElideMode.ElideRight, width)
        painter.drawText(
            QRect(left, top, width, self._detail_metrics.height()), Qt.AlignmentFlag.AlignLeft, shown
        )
