"""The Marks list: every bookmark of the capture with its note, and the way to its frame."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from app.actions.registry import ActionId, Actions
from app.logic.text import one_line
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.marks import MarkModel
from app.views.parts.row_table import RowTable
from app.views.sides.entry_delegate import EntryDelegate, ListEntry

_BUTTONS = (ActionId.PREVIOUS_MARK, ActionId.NEXT_MARK, ActionId.EDIT_NOTE, ActionId.REMOVE_MARKS)


class MarkList(QWidget):
    """Shows a `MarkModel`."""

    chosen = Signal(int)
    """The row of a bookmark whose frame the person wants to see."""
    context_menu_requested = Signal(QPoint)
    """Emitted over a row that was just chosen, with the global position."""

    def __init__(self, model: MarkModel, actions: Actions, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        delegate = EntryDelegate(self._entry, look, self)
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

    def _entry(self, row: int) -> ListEntry | None:
        """The note; where there is none, what the frame carried."""
        found = self._model.line(row)
        if found is None:
            return None
        text, role = one_line(found.mark.note), ThemeRole.TEXT
        if not text and found.line is not None:
            text, role = found.line.payload, ThemeRole.MUTED
        return ListEntry(IconName.BOOKMARK, ThemeRole.ACCENT, text, role, above=self._model.place(found))
