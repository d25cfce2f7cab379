"""Shows all actions with their keys."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.actions.registry import ActionId, Actions, plain_text


class ShortcutsDialog(QDialog):
    """Lists the registry's actions, and the keys that work inside the frame table."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.resize(760, 620)
        rows = [self._row(actions, identity) for identity in actions] + self._table_keys()
        table = QTableWidget(len(rows), 3)
        table.setHorizontalHeaderLabels([self.tr("Action"), self.tr("Keys"), self.tr("What it does")])
        for line, cells in enumerate(rows):
            for column, text in enumerate(cells):
                table.setItem(line, column, QTableWidgetItem(text))
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setShowGrid(False)
        table.setAlternatingRowColors(True)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(28)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 14)
        layout.setSpacing(12)
        layout.addWidget(table)
        layout.addWidget(buttons)
        self.table = table

    def _row(self, actions: Actions, identity: ActionId) -> tuple[str, str, str]:
        action = actions[identity]
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        return plain_text(action.text()), keys, action.whatsThis()

    def _table_keys(self) -> list[tuple[str, str, str]]:
        return [
            (self.tr("Move in a list"), "↑ ↓ PgUp PgDn", self.tr("Frame by frame, page by page")),
            (self.tr("Ends of the list"), "Home End", self.tr("First frame; last frame, following the tail")),
            (self.tr("Open a frame"), "Enter", self.tr("Go to the details of the selected frame")),
            (self.tr("Dismiss a message"), "Esc", self.tr("Close the message across the top of the window")),
        ]
