"""Headers of a request, as a table or as text."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
)

from app.dialogs.sources.fields import Check, Field
from app.logic.connect_draft import parse_headers
from core.errors import UnmaskError

_ROWS = 4


class HeadersField(Field):
    """A table with a row for each header and an empty one below; or the same headers as lines of text."""

    def __init__(self, title: str, headers: tuple[tuple[str, str], ...], note: str, check: Check) -> None:
        self.table = _HeaderTable()
        self.table.setAccessibleName(title)
        self.raw = QPlainTextEdit()
        self.raw.setAccessibleName(title)
        self.raw.setTabChangesFocus(True)
        self.raw.setPlaceholderText("X-Api-Key: 123")
        self._pages = QStackedWidget()
        self._pages.addWidget(self.table)
        self._pages.addWidget(self.raw)
        super().__init__(title, self._pages, note, check)
        height = self.table.horizontalHeader().sizeHint().height()
        self._pages.setFixedHeight(height + _ROWS * self.table.verticalHeader().defaultSectionSize() + 2)
        self.as_text = QToolButton()
        self.as_text.setText(self.tr("As text"))
        self.as_text.setToolTip(self.tr("Write the headers as lines, such as to paste many at once"))
        self.as_text.setCheckable(True)
        self.as_text.toggled.connect(self._switch)
        self.as_text.setProperty("look", "anchor")
        head = QHBoxLayout()
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertLayout(0, head)
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.as_text)
        self.table.show_headers(headers)
        self.table.cellChanged.connect(lambda: self._changed_cell())
        self.raw.textChanged.connect(self._edited)
        self.setFocusProxy(self.table)

    @property
    def text(self) -> str:
        return self.raw.toPlainText() if self.as_text.isChecked() else _lines(self.table.headers())

    def set_headers(self, headers: tuple[tuple[str, str], ...]) -> None:
        self.table.show_headers(headers)
        self.raw.setPlainText(_lines(headers))
        self._edited()

    def _switch(self, as_text: bool) -> None:
        """Show the other form. What no table can show stays text."""
        if as_text:
            self.raw.setPlainText(_lines(self.table.headers()))
        else:
            try:
                self.table.show_headers(parse_headers(self.raw.toPlainText()))
            except UnmaskError:
                with QSignalBlocker(self.as_text):
                    self.as_text.setChecked(True)
                self.insist()
                return
        self._pages.setCurrentIndex(int(as_text))
        self.setFocusProxy(self.raw if as_text else self.table)

    def _changed_cell(self) -> None:
        self.table.keep_empty_row()
        self._edited()


class _HeaderTable(QTableWidget):
    """Names and values; Delete removes the chosen rows."""

    def __init__(self) -> None:
        super().__init__(0, 2)
        self.setHorizontalHeaderLabels([self.tr("Name"), self.tr("Value")])
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setDefaultAlignment(
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        )
        self.setColumnWidth(0, 190)
        self.verticalHeader().hide()
        self.setTabKeyNavigation(False)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.CurrentChanged
            | QAbstractItemView.EditTrigger.SelectedClicked
            | QAbstractItemView.EditTrigger.AnyKeyPressed
            | QAbstractItemView.EditTrigger.DoubleClicked
        )

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Rows that are not empty."""
        rows = ((self._cell(row, 0), self._cell(row, 1)) for row in range(self.rowCount()))
        return tuple((name, value) for name, value in rows if name or value)

    def show_headers(self, headers: tuple[tuple[str, str], ...]) -> None:
        with QSignalBlocker(self):
            self.setRowCount(0)
            for pair in (*headers, ("", "")):
                self._add(pair)

    def keep_empty_row(self) -> None:
        """There is always a row to write the next header in."""
        last = self.rowCount() - 1
        if last < 0 or self._cell(last, 0) or self._cell(last, 1):
            with QSignalBlocker(self):
                self._add(("", ""))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.state() != QAbstractItemView.State.EditingState:
            for row in sorted({index.row() for index in self.selectedIndexes()}, reverse=True):
                self.removeRow(row)
            self.keep_empty_row()
            self.cellChanged.emit(0, 0)
            return
        super().keyPressEvent(event)

    def _add(self, pair: tuple[str, str]) -> None:
        row = self.rowCount()
        self.insertRow(row)
        for column, text in enumerate(pair):
            self.setItem(row, column, QTableWidgetItem(text))

    def _cell(self, row: int, column: int) -> str:
        item = self.item(row, column)
        return "" if item is None else item.text().strip()


def _lines(headers: tuple[tuple[str, str], ...]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)
