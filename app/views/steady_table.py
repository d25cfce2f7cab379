"""A table that stays where it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Signal
from PySide6.QtWidgets import QTableView, QWidget

_Index = QModelIndex | QPersistentModelIndex


class SteadyTable(QTableView):
    """Rows in sight stay in sight while others come or go in front of them."""

    front_changed = Signal(int)
    """So many rows came in front; where it is negative, went."""
    current_went = Signal()
    """The current row went; none is current now, instead of the next one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._moving = False
        """What changes is nothing that the person does."""

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        if model is not None:
            # After the view's own slots.
            model.rowsInserted.connect(self._came)
            model.rowsRemoved.connect(self._went)

    @contextmanager
    def _by_itself(self) -> Iterator[None]:
        """What changes within is nothing that the person does."""
        moving, self._moving = self._moving, True
        try:
            yield
        finally:
            self._moving = moving

    def rowsAboutToBeRemoved(self, parent: _Index, start: int, end: int) -> None:
        # Before the selection model, which would go on to the next row.
        if start <= self.currentIndex().row() <= end:
            with self._by_itself():
                self.selectionModel().clearCurrentIndex()
            self.current_went.emit()
        super().rowsAboutToBeRemoved(parent, start, end)

    def _came(self, _parent: _Index, first: int, last: int) -> None:
        if first == 0 and last + 1 < self.model().rowCount():
            self._shift(last + 1)
            self.front_changed.emit(last + 1)

    def _went(self, _parent: _Index, first: int, last: int) -> None:
        if first <= self.verticalScrollBar().value():
            self._shift(first - last - 1)
        self.front_changed.emit(first - last - 1)

    def _shift(self, rows: int) -> None:
        with self._by_itself():
            self.verticalScrollBar().setValue(self.verticalScrollBar().value() + rows)
