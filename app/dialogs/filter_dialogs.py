"""Saved filters: a dialog that names a new one, and one that renames and removes them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.logic.text import one_line
from app.look.theme import Theme
from app.settings import SavedFilter

NAME_LENGTH = 80
_TEXT = Qt.ItemDataRole.UserRole
_SIZE = (620, 360)


class SaveFilterDialog(QDialog):
    """After `accept`, `name` is not empty; `taken` are the existing names, which would be replaced."""

    def __init__(self, text: str, taken: frozenset[str], theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._taken = taken
        self.setWindowTitle(self.tr("Save the filter"))
        self.setMinimumWidth(420)
        shown = QLabel(one_line(text))
        shown.setTextFormat(Qt.TextFormat.PlainText)
        shown.setFont(theme.mono_font())
        shown.setWordWrap(True)
        self.edit = QLineEdit()
        self.edit.setMaxLength(NAME_LENGTH)
        self.edit.setPlaceholderText(self.tr("Name"))
        self.edit.setAccessibleName(self.tr("Name of the filter"))
        self.hint = QLabel()
        self.hint.setProperty("look", "muted")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.keep = buttons.addButton(self.tr("&Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.keep.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        for widget in (shown, self.edit, self.hint, buttons):
            layout.addWidget(widget)
        self.edit.textChanged.connect(self._look)
        self._look()
        self.edit.setFocus()

    @property
    def name(self) -> str:
        return self.edit.text().strip()

    def _look(self) -> None:
        self.keep.setEnabled(bool(self.name))
        replaces = self.name in self._taken
        self.hint.setText(self.tr("A filter of this name is replaced.") if replaces else " ")


class SavedFiltersDialog(QDialog):
    """After `accept`, `filters` has the given ones, some of them renamed, changed or removed."""

    def __init__(self, filters: tuple[SavedFilter, ...], theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Saved filters"))
        self.resize(*_SIZE)
        self.table = QTableWidget(len(filters), 2)
        self.table.setHorizontalHeaderLabels([self.tr("Name"), self.tr("Filter")])
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.setColumnWidth(0, 190)
        for row, each in enumerate(filters):
            name = QTableWidgetItem(each.name)
            text = QTableWidgetItem(one_line(each.text))
            text.setData(_TEXT, each.text)
            text.setFont(theme.mono_font())
            text.setFlags(text.flags() & ~Qt.ItemFlag.ItemIsEditable)
            self.table.setItem(row, 0, name)
            self.table.setItem(row, 1, text)
        hint = QLabel(self.tr("A double click changes a name."))
        hint.setProperty("look", "muted")
        self.remove = QPushButton(self.tr("&Remove"))
        self.remove.clicked.connect(self._remove)
        self.table.itemSelectionChanged.connect(self._look)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.tr("&Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        below = QHBoxLayout()
        below.addWidget(self.remove)
        below.addStretch(1)
        below.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table, 1)
        layout.addWidget(hint)
        layout.addLayout(below)
        self._look()

    @property
    def filters(self) -> tuple[SavedFilter, ...]:
        """The filters; one whose name was emptied gets its text as name."""
        found = []
        for row in range(self.table.rowCount()):
            name, text = self.table.item(row, 0), self.table.item(row, 1)
            if name is not None and text is not None:
                whole = str(text.data(_TEXT))
                found.append(SavedFilter(name.text().strip()[:NAME_LENGTH] or whole[:NAME_LENGTH], whole))
        return tuple(found)

    def _remove(self) -> None:
        for row in sorted({index.row() for index in self.table.selectedIndexes()}, reverse=True):
            self.table.removeRow(row)

    def _look(self) -> None:
        self.remove.setEnabled(bool(self.table.selectedIndexes()))
