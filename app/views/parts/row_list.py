"""What the lists of our own rows at the side share."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtWidgets import QAbstractItemView, QListView

from app.views.parts.row_delegate import RowDelegate


class RowList(QListView):
    """Rows of one height, of which one is chosen, painted by a `RowDelegate`."""

    def _show_rows(self, model: QAbstractItemModel, delegate: RowDelegate) -> None:
        """Called once, by the constructor of a subclass: a delegate belongs to its list."""
        self.setModel(model)
        self.setItemDelegate(delegate)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
