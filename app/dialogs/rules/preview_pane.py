"""Which recorded frames a rule's condition matches, and what its actions would make of the chosen one."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QSplitter, QVBoxLayout, QWidget

from app.logic.text import grouped
from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.index import Index
from app.models.rule_matches import MatchModel
from app.views.parts.row_delegate import ARROWS, MARGIN, RowDelegate
from app.views.parts.row_table import RowTable

_PAD = 4


class PreviewPane(QWidget):
    """Shows a `MatchModel`, and an effect."""

    chosen = Signal(int)
    """The id of the frame whose effect the person wants to see."""

    def __init__(self, model: MatchModel, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._theme = look.theme
        title = QLabel(self.tr("What it would do"))
        title.setProperty("look", "title")
        self.summary = QLabel()
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        self.summary.setWordWrap(True)
        self.summary.setProperty("look", "muted")
        self.rows = RowTable(
            self.tr("Recorded frames that match"), model, _MatchDelegate(model, look, self), look.theme, self
        )
        self.effect = QPlainTextEdit()
        self.effect.setReadOnly(True)
        self.effect.setTabChangesFocus(True)
        self.effect.setAccessibleName(self.tr("What becomes of the chosen one"))
        self.effect.setPlaceholderText(self.tr("Choose one above to see what becomes of it."))
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self.rows)
        split.addWidget(self.effect)
        split.setSizes([240, 220])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(title)
        layout.addWidget(self.summary)
        layout.addWidget(split, 1)
        self.rows.selectionModel().currentChanged.connect(self._current_changed)
        self._theme.changed.connect(self._restyle)
        self._restyle()

    def say(self, sentence: str) -> None:
        """Show a sentence above the list."""
        self.summary.setText(sentence)

    def show_list(self, *, shown: bool) -> None:
        """Show the list, or the effect alone."""
        self.rows.setVisible(shown)

    def show_effect(self, text: str) -> None:
        """Show what becomes of the chosen frame; "" shows nothing."""
        self.effect.setPlainText(text)

    def choose_row(self, row: int) -> None:
        """Choose a row, if there is one."""
        if 0 <= row < self._model.rowCount():
            self.rows.setCurrentIndex(self._model.index(row))

    def _current_changed(self, current: Index) -> None:
        line = self._model.line(current.row())
        if line is not None:
            self.chosen.emit(line.row.id)

    def _restyle(self) -> None:
        self.effect.document().setDefaultFont(self._theme.mono_font())


class _MatchDelegate(RowDelegate):
    def __init__(self, model: MatchModel, look: Look, parent: QWidget) -> None:
        super().__init__(look, parent)
        self._model = model

    @property
    def row_height(self) -> int:
        return max(self._metrics.height(), self._mono_metrics.height()) + 2 * _PAD

    def content(self, painter: QPainter, row: QRect, number: int) -> None:
        line = self._model.line(number)
        if line is None:
            return
        area = row.adjusted(MARGIN, 0, -MARGIN, 0)
        centred = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        painter.setFont(self._small)
        painter.setPen(self._theme.color(ThemeRole.MUTED))
        name = grouped(line.row.id)
        width = max(
            self._small_metrics.horizontalAdvance(name), self._small_metrics.horizontalAdvance("00000")
        )
        painter.drawText(
            QRect(area.left(), area.top(), width, area.height()), centred | Qt.AlignmentFlag.AlignRight, name
        )
        icon, role = ARROWS[line.row.direction]
        self._icon(painter, area.left() + width + 8, area.top() + (area.height() - 14) // 2, icon, role, 14)
        area.setLeft(area.left() + width + 30)
        painter.setFont(self._mono)
        painter.setPen(self._theme.color(ThemeRole.TEXT))
        text = self._mono_metrics.elidedText(line.payload, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, centred, text)
