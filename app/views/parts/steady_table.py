"""A table of rows of equal height whose visible rows stay in place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QAbstractItemModel, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from app.models.index import Index


class SteadyTable(QTableView):
    """Visible rows stay visible while others come or go before them."""

    front_changed = Signal(int)
    """Number of rows added at the front; negative if removed."""
    current_went = Signal()
    """The current row was removed; no row is current now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._moving = False
        """Whether a current change was not made by the person."""
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setCornerButtonEnabled(False)
        rows = self.verticalHeader()
        rows.setVisible(False)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setMinimumSectionSize(1)

    def keyboardSearch(self, search: str) -> None:
        """Do nothing: the default would walk through every row of the model."""

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        if model is not None:
            # Connected after the view's own slots.
            model.rowsInserted.connect(self._came)
            model.rowsRemoved.connect(self._went)

    def selected_spans(self, first_row: int = 0) -> list[tuple[int, int]]:
        """First and last row of each stretch of selected rows from `first_row` on, in order."""
        selection = self.selectionModel().selection()
        spans = (selection.at(index) for index in range(selection.count()))
        rows = sorted((max(span.top(), first_row), span.bottom()) for span in spans)
        return [(top, bottom) for top, bottom in rows if top <= bottom]

    @contextmanager
    def _by_itself(self) -> Iterator[None]:
        """Mark changes within this context as not made by the person."""
        moving, self._moving = self._moving, True
        try:
            yield
        finally:
            self._moving = moving

    def rowsAboutToBeRemoved(self, parent: Index, start: int, end: int) -> None:
        # Before the selection model, which would go to the next row.
        if start <= self.currentIndex().row() <= end:
            with self._by_itself():
                self.selectionModel().clearCurrentIndex()
            self.current_went.emit()
        super().rowsAboutToBeRemoved(parent, start, end)

    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        super().scrollTo(index, hint)
        # A leading row that cannot be selected scrolls into view with the first that can.
        front = self.model().index(0, 0)
        if index.row() == 1 and hint is QAbstractItemView.ScrollHint.EnsureVisible and not _is_enabled(front):
            super().scrollTo(front, hint)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_PageUp) and self.currentIndex().row() == 1:
            self.scrollTo(self.currentIndex())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Ignore clicks on a row that cannot be selected, so that the selection stays."""
        index = self.indexAt(event.position().toPoint())
        if not index.isValid() or _is_enabled(index):
            super().mousePressEvent(event)

    def _visible_rows(self) -> tuple[int, int]:
        """First and last visible row; (0, -1) if there is none."""
        count = self.model().rowCount()
        first = self.rowAt(0)
        if first < 0 or not count:
            return 0, -1
        fit = self.viewport().height() // max(1, self.rowHeight(first)) + 1
        return first, min(count - 1, first + fit)

    def _came(self, _parent: Index, first: int, last: int) -> None:
        if first == 0 and last + 1 < self.model().rowCount():
            self._shift(last + 1)
            self.front_changed.emit(last + 1)

    def _went(self, _parent: Index, first: int, last: int) -> None:
        if first <= self.verticalScrollBar().value():
            self._shift(first - last - 1)
        self.front_changed.emit(first - last - 1)

    def _shift(self, rows: int) -> None:
        with self._by_itself():
            self.verticalScrollBar().setValue(self.verticalScrollBar().value() + rows)


def _is_enabled(index: Index) -> bool:
    return bool(index.flags() & Qt.ItemFlag.ItemIsEnabled)
