"""The Problems list: every broken rule of the capture, the way to its frame or handshake, and a filter by severity."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.icons import IconName, Icons
from app.models.problems import ProblemModel
from app.text import grouped
from app.theme import Role, Theme
from app.views.wrapped import lay_out
from core.capture.records import Problem
from core.protocol.violations import Severity

SEVERITY_LOOKS = {
    Severity.ERROR: (IconName.ERROR, Role.ERROR),
    Severity.WARNING: (IconName.WARNING, Role.WARNING),
    Severity.NOTE: (IconName.NOTE, Role.NOTE),
}
_MARGIN = 10
_ICON = 16
_TEXT_LEFT = 34
_PAD_Y = 7
_LINES = 2
"""Of the sentence; what does not fit is in the tooltip."""

_Index = QModelIndex | QPersistentModelIndex


class ProblemList(QWidget):
    """Shows a `ProblemModel`."""

    chosen = Signal(object)
    """A `Problem` that the person wants to see where it happened."""

    def __init__(
        self, model: ProblemModel, theme: Theme, icons: Icons, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._icons = icons
        self.rows = _Rows(model, theme, icons, self)
        self.filters = {severity: QToolButton(self) for severity in reversed(Severity)}
        bar = QHBoxLayout()
        bar.setContentsMargins(8, 5, 8, 5)
        bar.setSpacing(4)
        for severity, button in self.filters.items():
            button.setCheckable(True)
            button.setChecked(True)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setProperty("words", True)
            button.setAccessibleName(model.severity_name(severity))
            button.toggled.connect(self._filter)
            bar.addWidget(button)
        bar.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(bar)
        layout.addWidget(self.rows, 1)
        self.setFocusProxy(self.rows)
        self.rows.clicked.connect(lambda index: self._choose(index.row()))
        self.rows.entered_row.connect(self._choose)
        model.counts_changed.connect(self._show_counts)
        theme.changed.connect(self._tint)
        self._tint()
        self._show_counts()

    def _choose(self, row: int) -> None:
        problem = self._model.problem(row)
        if problem is not None:
            self.chosen.emit(problem)

    def _filter(self) -> None:
        self._model.set_severities(
            frozenset(severity for severity, button in self.filters.items() if button.isChecked())
        )

    def _show_counts(self) -> None:
        names = {
            Severity.ERROR: self.tr("Show what fails a connection in strict mode ({count})"),
            Severity.WARNING: self.tr("Show warnings ({count})"),
            Severity.NOTE: self.tr("Show notes ({count})"),
        }
        for severity, button in self.filters.items():
            count = grouped(self._model.count(severity))
            button.setText(count)
            button.setToolTip(names[severity].format(count=count))
        self.rows.viewport().update()

    def _tint(self) -> None:
        for severity, button in self.filters.items():
            icon, role = SEVERITY_LOOKS[severity]
            button.setIcon(self._icons.icon(icon, Role.DISABLED, on=role))


class _Rows(QTableView):
    """A table of one column: with a fixed row height it costs nothing however many rows there are."""

    entered_row = Signal(int)
    """Enter was pressed on it."""

    def __init__(self, model: ProblemModel, theme: Theme, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._problems = model
        self._theme = theme
        self._delegate = _ProblemDelegate(model, theme, icons, self)
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setAccessibleName(self.tr("Problems"))
        self.viewport().setMouseTracking(True)
        self.horizontalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self._delegate.row_height)
        theme.changed.connect(self._look_changed)

    def keyboardSearch(self, search: str) -> None:
        """Nothing: the default would walk through every row."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            if self.currentIndex().isValid():
                self.entered_row.emit(self.currentIndex().row())
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._problems.rowCount():
            super().paintEvent(event)
            return
        every = len(self._problems.severities) == len(Severity)
        text = self.tr("No rule has been broken.") if every else self.tr("Nothing that is shown here.")
        painter = QPainter(self.viewport())
        painter.setPen(self._theme.color(Role.MUTED))
        area = self.viewport().rect().adjusted(16, 0, -16, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)

    def _look_changed(self) -> None:
        self._delegate.reload()
        self.verticalHeader().setDefaultSectionSize(self._delegate.row_height)
        self.viewport().update()


class _ProblemDelegate(QStyledItemDelegate):
    def __init__(self, model: ProblemModel, theme: Theme, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._theme = theme
        self._icons = icons
        self.reload()

    def reload(self) -> None:
        """Takes over the theme's present fonts."""
        self._font = QFont(self._theme.ui_font())
        self._small = QFont(self._font)
        self._small.setPointSizeF(self._font.pointSizeF() * 0.9)
        self._metrics, self._small_metrics = QFontMetrics(self._font), QFontMetrics(self._small)

    @property
    def row_height(self) -> int:
        return _LINES * self._metrics.height() + self._small_metrics.height() + 2 * _PAD_Y + 3

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        row: QRect = option.rect
        painter.save()
        self._ground(painter, row, option.state)
        problem = self._model.problem(index.row())
        if problem is not None:
            self._content(painter, row, problem)
        painter.restore()

    def _ground(self, painter: QPainter, row: QRect, state: QStyle.StateFlag) -> None:
        role = Role.SURFACE
        if state & QStyle.StateFlag.State_Selected:
            role = Role.SELECTION if state & QStyle.StateFlag.State_HasFocus else Role.SELECTION_INACTIVE
        elif state & QStyle.StateFlag.State_MouseOver:
            role = Role.HOVER
        painter.fillRect(row, self._theme.color(role))
        painter.fillRect(row.left(), row.bottom(), row.width(), 1, self._theme.color(Role.GRID))

    def _content(self, painter: QPainter, row: QRect, problem: Problem) -> None:
        icon, role = SEVERITY_LOOKS[problem.violation.rule.severity]
        ratio = painter.device().devicePixelRatioF()
        pixmap = self._icons.pixmap(icon, role, _ICON, ratio)
        painter.drawPixmap(row.left() + _MARGIN, row.top() + _PAD_Y, pixmap)
        left, width = row.left() + _TEXT_LEFT, row.width() - _TEXT_LEFT - _MARGIN
        painter.setPen(self._theme.color(Role.TEXT))
        top = row.top() + _PAD_Y
        layout = lay_out(self._shortened(self._model.sentence(problem), width), self._font, width)
        layout.draw(painter, QPointF(left, top))
        top += min(layout.lineCount(), _LINES) * self._metrics.height() + 2
        painter.setFont(self._small)
        painter.setPen(self._theme.color(Role.MUTED))
        place = self._small_metrics.elidedText(self._model.place(problem), Qt.TextElideMode.ElideRight, width)
        line = QRect(left, top, width, self._small_metrics.height())
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine, place)

    def _shortened(self, text: str, width: int) -> str:
        """`text` without what does not fit in the lines that there are."""
        layout = lay_out(text[: width * _LINES], self._font, width)
        if layout.lineCount() <= _LINES:
            return text
        last = layout.lineAt(_LINES - 1)
        # QTextLayout counts in UTF-16 units.
        units = text.encode("utf-16-le", "surrogatepass")
        start = 2 * last.textStart()
        head = units[:start].decode("utf-16-le", "replace")
        rest = units[start : start + 2 * width].decode("utf-16-le", "replace")
        return head + self._metrics.elidedText(rest, Qt.TextElideMode.ElideRight, width)
