"""The queue of what is held: direction, what it is, where, and how long it has waited."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QPainter
from PySide6.QtWidgets import QWidget

from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.held import HeldModel, Key
from app.models.index import Index
from app.views.parts.row_delegate import ARROWS, ICON, MARGIN, PAD_Y, TEXT_LEFT, RowDelegate
from app.views.parts.row_list import RowList

_GAP = 8


class HeldList(RowList):
    """Shows a `HeldModel`. What is chosen stays chosen until it goes; then the next one is."""

    chosen = Signal(object)
    """The key of what is chosen; None if nothing is held."""
    entered = Signal()
    """Enter was pressed on a row."""
    drop_wanted = Signal()
    context_menu_requested = Signal(QPoint)

    def __init__(self, model: HeldModel, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._held = model
        self._delegate = _HeldDelegate(model, look, self)
        self._show_rows(model, self._delegate)
        self.setAccessibleName(self.tr("Held"))
        self.setAccessibleDescription(self.tr("Enter goes to the editor, Delete drops what is chosen"))
        self.selectionModel().currentChanged.connect(self._current_changed)
        # The chosen row may not be in the editor, where something else was kept.
        self.clicked.connect(self._current_changed)
        model.rowsInserted.connect(self._choose_first)
        look.theme.changed.connect(self._look_changed)

    @property
    def held_model(self) -> HeldModel:
        """What it shows."""
        return self._held

    @property
    def chosen_key(self) -> Key | None:
        line = self._held.line(self.currentIndex().row())
        return None if line is None else line.key

    def step(self, rows: int) -> None:
        """Choose the one so many rows below."""
        row = self.currentIndex().row() + rows
        if 0 <= row < self._held.rowCount():
            self.setCurrentIndex(self._held.index(row))

    def _current_changed(self, current: Index) -> None:
        line = self._held.line(current.row())
        self.chosen.emit(None if line is None else line.key)

    def _choose_first(self) -> None:
        if not self.currentIndex().isValid():
            self.setCurrentIndex(self._held.index(0))

    def _look_changed(self) -> None:
        self._delegate.reload()
        self.viewport().update()

    def keyboardSearch(self, search: str) -> None:
        """Do nothing: single letters do not search here."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if plain and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        elif plain and event.key() == Qt.Key.Key_Delete:
            self.drop_wanted.emit()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.context_menu_requested.emit(event.globalPos())


class _HeldDelegate(RowDelegate):
    def __init__(self, model: HeldModel, look: Look, parent: QWidget) -> None:
        super().__init__(look, parent)
        self._model = model

    @property
    def row_height(self) -> int:
        return self._mono_metrics.height() + 2 * (self._small_metrics.height() + 2) + 2 * PAD_Y

    def content(self, painter: QPainter, row: QRect, number: int) -> None:
        line = self._model.line(number)
        if line is None:
            return
        icon, role = ARROWS[line.direction]
        self._icon(painter, row.left() + MARGIN, row.top() + PAD_Y, icon, role, ICON)
        area = row.adjusted(TEXT_LEFT, PAD_Y, -MARGIN, 0)
        age = self._model.age(line)
        painter.setFont(self._small)
        painter.setPen(self._theme.color(ThemeRole.WARNING))
        width = self._small_metrics.horizontalAdvance(age)
        top = QRect(area.right() - width, area.top(), width + 1, self._mono_metrics.height())
        painter.drawText(top, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, age)
        shown = self._model.data(self._model.index(number)) or ""
        room = area.width() - width - _GAP
        painter.setFont(self._mono)
        painter.setPen(self._theme.color(ThemeRole.TEXT))
        text = self._mono_metrics.elidedText(str(shown), Qt.TextElideMode.ElideRight, room)
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine, text)
        area.setTop(area.top() + self._mono_metrics.height() + 2)
        self._small_line(painter, area, self._model.where(line), role)
        area.setTop(area.top() + self._small_metrics.height() + 1)
        self._small_line(painter, area, self._model.how(line), ThemeRole.MUTED)
