"""The Marks list: every bookmark of the capture with its note, and the way to its frame."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Signal
from PySide6.QtGui import QContextMenuEvent, QPainter
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from app.actions.registry import ActionId, Actions
from app.logic.text import one_line
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import Role
from app.models.marks import MarkModel
from app.views.parts.row_delegate import ICON, MARGIN, PAD_Y, TEXT_LEFT, RowDelegate
from app.views.parts.row_table import RowTable

_LINES = 2
"""Of the note; what does not fit is in the tooltip."""
_BUTTONS = (ActionId.PREVIOUS_MARK, ActionId.NEXT_MARK, ActionId.EDIT_NOTE, ActionId.REMOVE_MARKS)


class MarkList(QWidget):
    """Shows a `MarkModel`."""

    chosen = Signal(int)
    """The row of a mark whose frame the person wants to see."""
    context_menu_requested = Signal(QPoint)
    """Over a row that was chosen just before; global position."""

    def __init__(self, model: MarkModel, actions: Actions, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        delegate = _MarkDelegate(model, look, self)
        self.rows = RowTable(self.tr("Bookmarks"), model, delegate, look.theme, self)
        keys = actions[ActionId.TOGGLE_MARK].shortcut().toString()
        text = self.tr("No frame is bookmarked.\n\nSelect one in the list and press {keys}.")
        self.rows.set_empty_text(text.format(keys=keys))
        bar = QHBoxLayout()
        bar.setContentsMargins(8, 5, 8, 5)
        bar.setSpacing(4)
        for identity in _BUTTONS:
            button = QToolButton(self)
            button.setDefaultAction(actions[identity])
            bar.addWidget(button)
        bar.insertStretch(2, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(bar)
        layout.addWidget(self.rows, 1)
        self.setFocusProxy(self.rows)
        self.rows.clicked.connect(lambda index: self.chosen.emit(index.row()))
        self.rows.entered_row.connect(self.chosen)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        index = self.rows.indexAt(self.rows.viewport().mapFromGlobal(event.globalPos()))
        if index.isValid():
            self.chosen.emit(index.row())
            self.context_menu_requested.emit(event.globalPos())


class _MarkDelegate(RowDelegate):
    def __init__(self, model: MarkModel, look: Look, parent: QWidget) -> None:
        super().__init__(look, parent)
        self._model = model

    @property
    def row_height(self) -> int:
        return self._height_of(_LINES)

    def content(self, painter: QPainter, row: QRect, number: int) -> None:
        found = self._model.line(number)
        if found is None:
            return
        self._icon(painter, row.left() + MARGIN, row.top() + PAD_Y, IconName.BOOKMARK, Role.ACCENT, ICON)
        area = row.adjusted(TEXT_LEFT, PAD_Y, -MARGIN, 0)
        self._small_line(painter, area, self._model.place(found), Role.MUTED)
        area.setTop(area.top() + self._small_metrics.height() + 2)
        note = one_line(found.mark.note)
        if note:
            self._text(painter, area, note, Role.TEXT, _LINES)
        elif found.line is not None:
            self._text(painter, area, found.line.payload, Role.MUTED, _LINES)
