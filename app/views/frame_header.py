"""The head of the frame table: how wide each column is, and which are shown."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QByteArray, QPoint, Qt
from PySide6.QtWidgets import QHeaderView, QMenu, QTableView

from app.models.frame_columns import Column
from app.views.column_fit import ColumnFit
from app.views.frame_painter import Cell

# In digits.
_FIRST_WIDTHS = {
    Column.NUMBER: 7,
    Column.TIME: 12,
    Column.DELTA: 8,
    Column.DIRECTION: 8,
    Column.OPCODE: 12,
    Column.LENGTH: 11,
    Column.FLAGS: 22,
    Column.PAYLOAD: 40,
}

# In the order in which they get narrower where the payload would have no room.
_LEAST_WIDTHS = {Column.DIRECTION: 3, Column.FLAGS: 14, Column.LENGTH: 7, Column.OPCODE: 8}


class FrameHeader(QHeaderView):
    """Takes its place over `table`, which has its model already."""

    def __init__(self, table: QTableView, width_of: Callable[[int], int]) -> None:
        """`width_of`: pixels of a column for so many digits."""
        super().__init__(Qt.Orientation.Horizontal, table)
        table.setHorizontalHeader(self)
        self.setSectionsClickable(True)
        self.setSectionsMovable(True)
        self.setHighlightSections(False)
        self.setMinimumSectionSize(28)
        self.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        widths, least = (
            {column: width_of(digits) for column, digits in digits_of.items()}
            for digits_of in (_FIRST_WIDTHS, _LEAST_WIDTHS)
        )
        self._columns = ColumnFit(self, widths, least, self)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._show_menu)

    def fit(self, room: int) -> None:
        """Uses `room` pixels."""
        self._columns.fit(room)

    def cells(self, width: int) -> list[Cell]:
        """Where the columns lie that can be seen in so many pixels."""
        cells = []
        for column in Column:
            cell = Cell(column, self.sectionViewportPosition(column), self.sectionSize(column))
            if not self.isSectionHidden(column) and cell.x < width and cell.x + cell.width > 0:
                cells.append(cell)
        return cells

    def fill_menu(self, menu: QMenu) -> None:
        """One switch for each column."""
        for column in Column:
            title = str(self.model().headerData(column, Qt.Orientation.Horizontal))
            action = menu.addAction(title)
            action.setCheckable(True)
            hidden = self.isSectionHidden(column)
            action.setChecked(not hidden)
            last_one = not hidden and self.hiddenSectionCount() == len(Column) - 1
            action.setEnabled(not last_one)
            action.toggled.connect(
                lambda shown, column=column: self._columns.show_column(column, shown=shown)
            )

    def save(self) -> QByteArray:
        """Which columns are shown, in which order and how wide."""
        return self._columns.save()

    def restore(self, state: QByteArray) -> None:
        """Take back what `save` gave."""
        self._columns.restore(state)

    def _show_menu(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.fill_menu(menu)
        menu.popup(self.mapToGlobal(position))
