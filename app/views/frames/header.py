"""The head of the frame table: how wide each column is, and which are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QByteArray, QPoint, Qt
from PySide6.QtWidgets import QHeaderView, QMenu, QTableView

from app.logic.frame_column import FrameColumn
from app.views.frames.column_fit import ColumnFit, Room
from app.views.frames.painter import Cell

# In digits, of each column: at first, at least, at most. In this order they get narrower.
_DIGITS: dict[FrameColumn, tuple[int, int | None, int | None]] = {
    FrameColumn.NUMBER: (5, None, None),
    FrameColumn.TIME: (12, None, None),
    FrameColumn.DELTA: (7, None, None),
    FrameColumn.DIRECTION: (8, 3, None),
    FrameColumn.FLAGS: (7, 9, 26),
    FrameColumn.OPCODE: (6, 8, None),
    FrameColumn.CONNECTION: (8, 8, 26),
    FrameColumn.LENGTH: (6, None, None),
}


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
        self.ensurePolished()
        self.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        rooms = {
            column: Room(
                width_of(first),
                None if least is None else width_of(least),
                None if most is None else width_of(most),
            )
            for column, (first, least, most) in _DIGITS.items()
        }
        self._columns = ColumnFit(self, rooms, self)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._show_menu)

    def fit(self, room: int) -> None:
        """Uses `room` pixels."""
        self._columns.fit(room)

    def need(self, needs: Mapping[FrameColumn, int]) -> None:
        """What is in sight takes so many pixels."""
        self._columns.need(needs)

    def forget_needs(self) -> None:
        """What was in sight is not any more."""
        self._columns.forget_needs()

    def show_whose(self, *, shown: bool) -> None:
        """Whether the rows are of several connections, so that it is of use to say of which."""
        self._columns.set_needless(frozenset() if shown else frozenset({FrameColumn.CONNECTION}))

    def cells(self, width: int) -> list[Cell]:
        """Where the columns lie that can be seen in so many pixels."""
        cells = []
        for column in FrameColumn:
            cell = Cell(column, self.sectionViewportPosition(column), self.sectionSize(column))
            if not self.isSectionHidden(column) and cell.x < width and cell.x + cell.width > 0:
                cells.append(cell)
        return cells

    def fill_menu(self, menu: QMenu) -> None:
        """One switch for each column."""
        for column in FrameColumn:
            title = str(self.model().headerData(column, Qt.Orientation.Horizontal))
            action = menu.addAction(title)
            action.setCheckable(True)
            hidden = self.isSectionHidden(column)
            needless = self._columns.is_needless(column)
            action.setChecked(self._columns.is_wanted(column) if needless else not hidden)
            last_one = not hidden and self.hiddenSectionCount() == len(FrameColumn) - 1
            action.setEnabled(not last_one and not needless)
            action.toggled.connect(lambda shown, column=column: self.show_column(column, shown=shown))

    def show_column(self, column: FrameColumn, *, shown: bool) -> None:
        """The person wants to see a column, or not."""
        self._columns.show_column(column, shown=shown)

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
