"""The list of open connections from which the person chooses where to send, filtered by typing."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QObject,
    QPoint,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QListView, QVBoxLayout, QWidget

from app.logic.text import counted, grouped, tooltip
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.connections import ConnectionLine
from app.models.index import NO_INDEX, Index
from app.views.parts.connection_mark import GAP, SIZE, elided_path, paint_mark
from app.views.parts.row_delegate import ICON, MARGIN, PAD_Y, RowDelegate

_WIDTH = 420
_ROWS = 9
"""Visible rows."""
_PASSED_ON = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class TargetPopup(QFrame):
    """Shows the connections that were open when it opened, so that nothing moves under the pointer."""

    picked = Signal(object)
    """The chosen ConnectionLine; None for all open connections."""

    def __init__(self, look: Look, parent: QWidget | None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("look", "popup")
        self._lines: Sequence[ConnectionLine] = ()
        self._model = _TargetModel(self)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search by number, path or address"))
        self.search.setAccessibleName(self.tr("Search the open connections"))
        self.search.setClearButtonEnabled(True)
        self.list = QListView()
        self.list.setModel(self._model)
        self._delegate = _TargetDelegate(self._model, look, self.list)
        self.list.setItemDelegate(self._delegate)
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName(self.tr("Open connections"))
        self.hint = QLabel()
        self.hint.setTextFormat(Qt.TextFormat.PlainText)
        self.hint.setProperty("look", "muted")
        layout = self._layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        for widget in (self.search, self.list, self.hint):
            layout.addWidget(widget)
        self.search.textChanged.connect(self._look)
        self.search.installEventFilter(self)
        self.list.clicked.connect(lambda index: self._pick(index.row()))
        look.theme.changed.connect(self._delegate.reload)

    def open_at(self, box: QWidget, lines: Sequence[ConnectionLine], chosen: int | None) -> None:
        """Show these lines above or below `box`, the one of the id `chosen` first."""
        self._lines = lines
        self.search.clear()
        self._look()
        row = self._model.row_of(chosen)
        if row is not None:
            self.list.setCurrentIndex(self._model.index(row))
        rows = min(max(self._model.rowCount(), 3), _ROWS)
        self.list.setFixedHeight(rows * self._delegate.row_height + 2 * self.list.frameWidth() + 2)
        self.ensurePolished()
        self._layout.activate()
        self.resize(max(_WIDTH, box.width()), self.sizeHint().height())
        place = box.mapToGlobal(QPoint(0, -self.height() - 2))
        if place.y() < box.screen().availableGeometry().top():
            place = box.mapToGlobal(QPoint(0, box.height() + 2))
        self.move(place)
        self.show()
        self.search.setFocus()

    def rows(self) -> list[str]:
        """The texts of the rows."""
        return [str(self._model.data(self._model.index(row))) for row in range(self._model.rowCount())]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.search and event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in _PASSED_ON:
                self.list.keyPressEvent(event)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._pick(self.list.currentIndex().row())
                return True
        return super().eventFilter(watched, event)

    def _look(self) -> None:
        wanted = self.search.text().strip().lower()
        found = [line for line in self._lines if wanted in _searched(line)]
        # A typed number means that connection.
        found.sort(key=lambda line: str(line.record.id) != wanted.removeprefix("#"))
        self._model.set_lines(found, None if wanted else len(self._lines))
        if self._model.rowCount():
            self.list.setCurrentIndex(self._model.index(0 if wanted or not found else 1))
        self.hint.setText(self._counted(len(found), wanted))

    def _counted(self, found: int, wanted: str) -> str:
        count = len(self._lines)
        if not count:
            return self.tr("No connection is open.")
        if not wanted:
            return counted(count, self.tr("1 open connection"), self.tr("{count} open connections"))
        return self.tr("{found} of {count} open connections").format(
            found=grouped(found), count=grouped(count)
        )

    def _pick(self, row: int) -> None:
        if 0 <= row < self._model.rowCount():
            line = self._model.line(row)
            self.hide()
            self.picked.emit(line)


def _searched(line: ConnectionLine) -> str:
    record = line.record
    return f"#{record.id} {line.title} {record.peer} {record.origin or ''}".lower()


class _TargetModel(QAbstractListModel):
    """The matching connections, after a row for all of them if that is offered."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._lines: list[ConnectionLine] = []
        self.all_count: int | None = None
        """Number of all connections; None if they are not offered."""

    def set_lines(self, lines: list[ConnectionLine], all_count: int | None) -> None:
        self.beginResetModel()
        self._lines = lines
        self.all_count = all_count or None
        self.endResetModel()

    def line(self, row: int) -> ConnectionLine | None:
        """The connection of a row; None for the row of all."""
        place = row - (self.all_count is not None)
        return self._lines[place] if 0 <= place < len(self._lines) else None

    def row_of(self, connection: int | None) -> int | None:
        rows = range(self.rowCount())
        return next(
            (row for row in rows if (line := self.line(row)) is not None and line.record.id == connection),
            None,
        )

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._lines) + (self.all_count is not None)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        line = self.line(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return self.all_words() if line is None else f"#{line.record.id} {line.title}"
        if role == Qt.ItemDataRole.ToolTipRole and line is not None:
            return tooltip(f"#{line.record.id} {line.title}", line.record.peer)
        return None

    def all_words(self) -> str:
        return self.tr("All open connections ({0})").format(grouped(self.all_count or 0))


class _TargetDelegate(RowDelegate):
    def __init__(self, model: _TargetModel, look: Look, parent: QWidget) -> None:
        super().__init__(look, parent)
        self._model = model

    @property
    def row_height(self) -> int:
        return self._metrics.height() + 2 * PAD_Y

    def content(self, painter: QPainter, row: QRect, number: int) -> None:
        line = self._model.line(number)
        left, right = row.left() + MARGIN, row.right() - MARGIN
        text_left = left + ICON + GAP
        if line is None:
            top = row.top() + (row.height() - ICON) // 2
            self._icon(painter, left, top, IconName.CONNECTIONS, ThemeRole.MUTED, ICON)
            words = self._model.all_words()
        else:
            mark_left = left + (ICON - SIZE) // 2
            paint_mark(
                painter, self._theme, line.record.id, mark_left, row.top() + (row.height() - SIZE) // 2
            )
            width = self._small_metrics.horizontalAdvance(line.record.peer)
            area = QRect(right - width, row.top() + PAD_Y + 1, width + 1, 0)
            self._small_line(painter, area, line.record.peer, ThemeRole.MUTED)
            right -= width + MARGIN
            number_words = f"#{line.record.id} "
            room = right - text_left - self._metrics.horizontalAdvance(number_words)
            words = number_words + elided_path(self._metrics, line.title, room)
        painter.setFont(self._font)
        painter.setPen(self._theme.color(ThemeRole.TEXT))
        area = QRect(text_left, row.top(), right - text_left, row.height())
        painter.drawText(
            area,
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine,
            words,
        )
