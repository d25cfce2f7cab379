"""The Frame tab: broken rules, then the bits of the frame beside a table that explains each field."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QSplitter, QVBoxLayout, QWidget

from app.logic.shown_frame import ShownFrame
from app.look.look import Look
from app.look.theme import ThemeRole
from app.views.parts.bit_diagram import BitDiagram
from app.views.parts.fact_table import Fact, FactColumn, FactTable
from app.views.parts.violation_list import ViolationList
from app.views.parts.widgets import part_color
from core.decoders.visible import visible
from core.protocol.anatomy import FrameField, Part, anatomy

_DEFAULT_RFC = "RFC 6455"


def _short_section(section: str) -> str:
    """The section without the RFC, which the column's title names."""
    return section.removeprefix(f"{_DEFAULT_RFC} ")


class FrameBits(QWidget):
    """One frame, field by field."""

    field_selected = Signal(object)
    """A `FrameField` that the person chose, in the diagram or in the table."""
    field_hovered = Signal(object)
    """The `FrameField` under the mouse, or None."""
    field_activated = Signal(object)
    """A `FrameField` whose bytes the person wants to see."""
    violation_chosen = Signal(object)
    """A `Violation` whose bytes the person wants to see."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = look.theme
        self._fields: tuple[FrameField, ...] = ()
        self.violations = ViolationList(look, 2, self)
        self.diagram = BitDiagram(look.theme, self)
        columns = (
            FactColumn(self.tr("Field"), most=150),
            FactColumn(self.tr("Value"), mono=True, most=180),
            FactColumn(self.tr("Meaning")),
            FactColumn(_DEFAULT_RFC, role=ThemeRole.MUTED, most=110, spare=True),
        )
        self.table = FactTable(look.theme, columns, stretch=2, parent=self)
        self.table.setAccessibleName(self.tr("Fields of the frame"))
        self._arrange()
        self.diagram.field_selected.connect(self._on_diagram)
        self.diagram.field_hovered.connect(self.field_hovered)
        self.diagram.field_activated.connect(self.field_activated)
        self.violations.violation_chosen.connect(self.violation_chosen)
        self.table.currentCellChanged.connect(self._on_table)
        self.table.cellDoubleClicked.connect(lambda row, _: self.field_activated.emit(self._fields[row]))
        look.theme.changed.connect(self._fill_table)

    def show_frame(self, shown: ShownFrame | None) -> None:
        """Show a frame, or nothing."""
        outline = None if shown is None else shown.outline
        self._fields = () if outline is None else anatomy(outline.frame, outline.row.captured_length)
        self.violations.set_violations(() if outline is None else outline.violations)
        self.diagram.set_frame(None if outline is None else outline.frame, self._fields)
        self._fill_table()

    def select(self, part: Part | None) -> None:
        """Mark a field in diagram and table without emitting a signal."""
        self.diagram.select(part)
        self._mark_row(part)

    def _arrange(self) -> None:
        scroll = QScrollArea(self)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.diagram)
        scroll.setAlignment(Qt.AlignmentFlag.AlignTop)
        bar = scroll.verticalScrollBar().sizeHint().width()
        scroll.setMinimumWidth(self.diagram.minimumSizeHint().width() + bar)
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.addWidget(scroll)
        splitter.addWidget(self.table)
        splitter.setStretchFactor(0, 1)
        splitter.setStretchFactor(1, 1)
        splitter.setChildrenCollapsible(False)
        splitter.setSizes([530, 570])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 4)
        layout.setSpacing(6)
        layout.addWidget(self.violations)
        layout.addWidget(splitter, 1)

    def _fill_table(self) -> None:
        self.table.blockSignals(True)
        self.table.set_facts(
            Fact(
                (field.name, visible(field.value), field.meaning, _short_section(field.section)),
                part_color(self._theme, field.part),
            )
            for field in self._fields
        )
        self.table.setCurrentCell(-1, -1)
        self.table.blockSignals(False)
        chosen = self.diagram.selected()
        self._mark_row(None if chosen is None else chosen.part)

    def _on_diagram(self, field: FrameField) -> None:
        self._mark_row(field.part)
        self.field_selected.emit(field)

    def _on_table(self, row: int) -> None:
        if 0 <= row < len(self._fields):
            self.diagram.select(self._fields[row].part)
            self.field_selected.emit(self._fields[row])

    def _mark_row(self, part: Part | None) -> None:
        row = next((at for at, field in enumerate(self._fields) if field.part is part), -1)
        self.table.blockSignals(True)
        if row < 0:
            self.table.clearSelection()
        else:
            self.table.setCurrentCell(row, 0)
        self.table.blockSignals(False)
