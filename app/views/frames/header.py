"""The header of the frame table: how wide each column is, and which are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QByteArray, QEvent, QPoint, Qt
from PySide6.QtWidgets import QHeaderView, QMenu, QTableView

from app.logic.frame_column import FrameColumn
from app.views.frames.column_fit import ColumnFit, Room
from app.views.frames.painter import Cell

# In digits for each column: initial, least, greatest. They shrink in this order.
_DIGITS: dict[FrameColumn, tuple[int, int | None, int | None]] = {
    FrameColumn.NUMBER: (5, None, None),
    FrameColumn.TIME: (12, None, None),
    FrameColumn.DELTA: (7, None, None),
    FrameColumn.DIRECTION: (8, 3, None),
    FrameColumn.FLAGS: (7, 11, 26),
    FrameColumn.OPCODE: (6, 8, None),
    FrameColumn.CONNECTION: (8, 8, 26),
    FrameColumn.LENGTH: (6, None, None),
}


class FrameHeader(QHeaderView):
    """Replaces the header of `table`, which must have its model already."""

    def __init__(self, table: QTableView, width_of: Callable[[int], int]) -> None:
        """`width_of` gives the pixels of a column for a number of digits."""
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

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        # The style comes once the window is complete; before, there are no columns to measure.
        if event.type() is QEvent.Type.StyleChange and hasattr(self, "_columns"):
            self._columns.measure_titles()

    def fit(self, room: int) -> None:
        """Use `room` pixels."""
        self._columns.fit(room)

    def need(self, needs: Mapping[FrameColumn, int]) -> None:
        """Note the pixels that visible content needs."""
        self._columns.need(needs)

    def forget_needs(self) -> None:
        """Forget the widths that earlier content needed."""
        self._columns.forget_needs()

    def show_whose(self, *, shown: bool) -> None:
        """Set whether the rows belong to several connections, so that the connection column has a meaning."""
        self._columns.set_needless(frozenset() if shown else frozenset({FrameColumn.CONNECTION}))

    def cells(self, width: int) -> list[Cell]:
        """The places of the columns visible in so many pixels."""
        cells = []
        for column in FrameColumn:
            cell = Cell(column, self.sectionViewportPosition(column), self.sectionSize(column))
            if not self.isSectionHidden(column) and cell.x < width and cell.x + cell.width > 0:
                cells.append(cell)
        return cells

    def fill_menu(self, menu: QMenu) -> None:
        """Add a switch for each column."""
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
        """Show or hide a column, as the person wants."""
        self._columns.show_column(column, shown=shown)

    def save(self) -> QByteArray:
        """Which columns are shown, in which order and how wide."""
        return self._columns.save()

    def restore(self, state: QByteArray) -> None:
        """Restore what `save` gave."""
        self._columns.restore(state)

    def _show_menu(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.fill_menu(menu)
        menu.popup(self.mapToGlobal(position))
