"""A small read-only table of facts with wrapping cells. Its text is plain text, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from app.look.theme import Theme, ThemeRole
from app.views.parts.wrapped import lay_out

_PAD_X, _PAD_Y = 8, 4
_SWATCH = 11
_UNBOUNDED = 1 << 20
_LEAST_STRETCH, _GOOD_STRETCH = 120, 190


@dataclass(frozen=True, slots=True)
class Fact:
    """One row. `cells` are shown literally; make control characters visible before."""

    cells: tuple[str, ...]
    swatch: QColor | None = None
    """A colour before the first cell."""


@dataclass(frozen=True, slots=True)
class FactColumn:
    """The look of a column."""

    title: str
    mono: bool = False
    role: ThemeRole = ThemeRole.TEXT
    most: int = 240
    """Greatest width in pixels; the text wraps there."""
    spare: bool = False
    """Hidden if the stretching column would have too little room."""


class _FactDelegate(QStyledItemDelegate):
    """Draws wrapped plain text, and the swatch beside its first line."""

    def __init__(self, theme: Theme, columns: Sequence[FactColumn], parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._columns = columns

    def font(self, column: int) -> QFont:
        return self._theme.mono_font() if self._columns[column].mono else self._theme.ui_font()

    def indent(self, index: QModelIndex | QPersistentModelIndex) -> int:
        return 0 if index.data(Qt.ItemDataRole.DecorationRole) is None else _SWATCH + 7

    def size(self, index: QModelIndex | QPersistentModelIndex, width: int) -> QSize:
        """Size of the cell's content at a width of `width` pixels."""
        around = 2 * _PAD_X + self.indent(index)
        layout = lay_out(str(index.data()), self.font(index.column()), max(width - around, 20))
        return QSize(
            ceil(layout.maximumWidth()) + around + 1, ceil(layout.boundingRect().height()) + 2 * _PAD_Y
        )

    def sizeHint(self, _option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        table = self.parent()
        assert isinstance(table, QTableWidget)
        return self.size(index, table.columnWidth(index.column()))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected:
            active = bool(state & QStyle.StateFlag.State_Active)
            painter.fillRect(
                rect, self._theme.color(ThemeRole.SELECTION if active else ThemeRole.SELECTION_INACTIVE)
            )
        painter.setPen(self._theme.color(ThemeRole.GRID))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        font = self.font(index.column())
        swatch = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(swatch, QColor):
            height = QFontMetrics(font).height()
            top = rect.top() + _PAD_Y + (height - _SWATCH) // 2
            painter.setBrush(swatch)
            painter.setPen(QPen(self._theme.color(ThemeRole.DISABLED), 1))
            painter.drawRect(rect.left() + _PAD_X, top, _SWATCH, _SWATCH)
        painter.setPen(self._theme.color(self._columns[index.column()].role))
        indent = _PAD_X + self.indent(index)
        layout = lay_out(str(index.data()), font, max(rect.width() - indent - _PAD_X, 20))
        layout.draw(painter, QPointF(rect.left() + indent, rect.top() + _PAD_Y))
        painter.restore()


class FactTable(QTableWidget):
    """Columns of fixed meaning; `stretch` is the one that takes the remaining width and wraps."""

    def __init__(
        self, theme: Theme, columns: Sequence[FactColumn], stretch: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(0, len(columns), parent)
        self._columns = columns
        self._stretch = stretch
        self._grow_to_content = False
        self._delegate = _FactDelegate(theme, columns, self)
        self.setItemDelegate(self._delegate)
        self.setHorizontalHeaderLabels([column.title for column in columns])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(20)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        theme.changed.connect(self._fit)

    def grow_to_content(self) -> None:
        """Be as high as all rows together; the surrounding widget scrolls."""
        self._grow_to_content = True
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def set_facts(self, facts: Iterable[Fact]) -> None:
        """Show these rows."""
        rows = tuple(facts)
        self.clearSelection()
        self.setRowCount(len(rows))
        for row, fact in enumerate(rows):
            for column, text in enumerate(fact.cells):
                item = QTableWidgetItem(text)
                if column == 0 and fact.swatch is not None:
                    item.setData(Qt.ItemDataRole.DecorationRole, fact.swatch)
                self.setItem(row, column, item)
        self._fit()

    def text_of(self, row: int) -> tuple[str, ...]:
        """The cells of a row."""
        items = (self.item(row, column) for column in range(self.columnCount()))
        return tuple("" if item is None else item.text() for item in items)

    def _fit(self) -> None:
        """Make each column as wide as its text, within its limit; the stretching one gets the rest."""
        model, header = self.model(), self.horizontalHeader()
        others = [column for column in range(len(self._columns)) if column != self._stretch]
        widths = {column: self._wanted_width(column) for column in others}
        spares = {column for column in others if self._columns[column].spare}
        if self.viewport().width() - sum(widths.values()) >= _GOOD_STRETCH:
            spares = set()
        left = self.viewport().width()
        for column, width in widths.items():
            self.setColumnHidden(column, column in spares)
            self.setColumnWidth(column, width)
            left -= 0 if column in spares else width
        self.setColumnWidth(self._stretch, max(left, _LEAST_STRETCH))
        for row in range(self.rowCount()):
            heights = (
                self._delegate.size(model.index(row, column), self.columnWidth(column)).height()
                for column in range(len(self._columns))
                if column not in spares
            )
            self.setRowHeight(row, max(heights))
        if self._grow_to_content:
            self.setFixedHeight(self.verticalHeader().length() + header.sizeHint().height() + 2)

    def _wanted_width(self, column: int) -> int:
        model = self.model()
        cells = (self._delegate.size(model.index(row, column), _UNBOUNDED) for row in range(self.rowCount()))
        wanted = max((cell.width() for cell in cells), default=0)
        return min(max(wanted, self.horizontalHeader().sectionSizeHint(column)), self._columns[column].most)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()
