"""The picture of RFC 6455 section 5.2, rows of 32 bits, drawn with the real values of one frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
)
from PySide6.QtWidgets import QToolTip, QWidget

from app.logic.text import count_bytes
from app.look.theme import Theme, ThemeRole
from app.views.parts.widgets import part_color
from core.protocol.anatomy import FrameField, Part
from core.protocol.frames import Frame, opcode_name

BITS = 32
_MARGIN = 10
_MIN_BIT, _MAX_BIT = 11, 26
_PAYLOAD_ROWS = 4
"""Rows of payload that are drawn; the rest is summed up in a row of its own."""

_STACKED = {Part.FIN: "FIN", Part.RSV1: "RSV1", Part.RSV2: "RSV2", Part.RSV3: "RSV3", Part.MASK: "MASK"}
_LABELS = {
    Part.OPCODE: "opcode",
    Part.LENGTH: "payload len",
    Part.EXTENDED_LENGTH: "extended payload length",
    Part.MASKING_KEY: "masking key",
}


@dataclass(frozen=True, slots=True)
class DiagramCell:
    """The part of a field that lies in one row."""

    field: FrameField
    row: int
    column: int
    bits: int
    continued: bool
    """Whether the field began in an earlier row."""


def layout_cells(fields: tuple[FrameField, ...], rows: int) -> Iterator[DiagramCell]:
    """Cut `fields` every 32 bits, up to row `rows`."""
    for field in fields:
        at, end = field.bit_offset, min(field.bit_offset + field.bit_length, rows * BITS)
        while at < end:
            row, column = divmod(at, BITS)
            bits = min(BITS - column, end - at)
            yield DiagramCell(field, row, column, bits, at != field.bit_offset)
            at += bits


class BitDiagram(QWidget):
    """Draws a frame bit by bit. The mouse points at a field; a click or the arrow keys choose one."""

    field_selected = Signal(object)
    """A `FrameField` that the person chose."""
    field_hovered = Signal(object)
    """The `FrameField` under the mouse, or None."""
    field_activated = Signal(object)
    """A `FrameField` that was double-clicked, or chosen and Enter pressed."""

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, has_bytes_tab: bool = True) -> None:
        """`has_bytes_tab`: what is left out of the payload can be seen in a tab beside it."""
        super().__init__(parent)
        self._theme = theme
        self._has_bytes_tab = has_bytes_tab
        self._frame: Frame | None = None
        self._fields: tuple[FrameField, ...] = ()
        self._cells: tuple[DiagramCell, ...] = ()
        self._head = b""
        self._rows = 0
        self._left_out = 0
        self._selected: Part | None = None
        self._hovered: Part | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(self.tr("Bits of the frame"))
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAutoFillBackground(True)
        theme.changed.connect(self._take_fonts)
        self._take_fonts()

    def set_frame(self, frame: Frame | None, fields: tuple[FrameField, ...]) -> None:
        """Draw `frame`, of which the beginning of the payload suffices, divided into `fields`."""
        self._frame, self._fields = frame, fields
        self._hovered = None
        if frame is None:
            self._cells, self._rows, self._left_out = (), 0, 0
        else:
            header = len(frame.header())
            header_rows = -(-header * 8 // BITS)
            shown = min(header + len(frame.payload), (header_rows + _PAYLOAD_ROWS) * 4)
            self._rows = -(-shown // 4)
            self._left_out = max((field.end_byte for field in fields), default=header) - shown
            self._head = (
                frame.header() + frame._replace(payload=frame.payload[: shown - header]).masked_payload()
            )
            self._cells = tuple(layout_cells(fields, self._rows))
        if self._selected not in {field.part for field in fields}:
            self._selected = None
        self.updateGeometry()
        self.update()

    def selected(self) -> FrameField | None:
        """The field that is chosen."""
        return next((field for field in self._fields if field.part is self._selected), None)

    def select(self, part: Part | None) -> None:
        """Mark a field without emitting a signal."""
        self._selected = part
        field = self.selected()
        self.setAccessibleDescription("" if field is None else f"{field.name}. {field.meaning}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(2 * _MARGIN + BITS * 16, self._height())

    def minimumSizeHint(self) -> QSize:
        return QSize(2 * _MARGIN + BITS * _MIN_BIT, self._height())

    def field_at(self, position: QPoint) -> FrameField | None:
        """The field drawn at `position`."""
        for cell in self._cells:
            if self._rect(cell).contains(QPointF(position)):
                return cell.field
        return None

    def center_of(self, part: Part) -> QPoint:
        """The middle of a field's first cell."""
        cell = next(cell for cell in self._cells if cell.field.part is part)
        return self._rect(cell).center().toPoint()

    # Geometry

    def _take_fonts(self) -> None:
        self._bit_font = self._theme.mono_font()
        self._label_font = self._theme.ui_font()
        self._label_font.setPointSizeF(self._label_font.pointSizeF() - 1)
        self._stack_font = self._theme.mono_font(delta=-2)
        self._stack_height = QFontMetricsF(self._stack_font).height() * 0.86
        self._bit_height = QFontMetricsF(self._bit_font).height() + 3
        self._label_height = QFontMetricsF(self._label_font).height() + 3
        self._ruler_height = 2 * QFontMetricsF(self._stack_font).height() * 0.9 + 4
        self.updateGeometry()
        self.update()

    def _bit_width(self) -> float:
        return max(float(_MIN_BIT), min((self.width() - 2 * _MARGIN) / BITS, float(_MAX_BIT)))

    def _row_top(self, row: int) -> float:
        top = _MARGIN / 2 + self._ruler_height
        return top if row == 0 else top + self._first_row_height() + (row - 1) * self._row_height()

    def _first_row_height(self) -> float:
        return 4 * self._stack_height + self._bit_height + 6

    def _row_height(self) -> float:
        return self._label_height + self._bit_height + 2

    def _height(self) -> int:
        more = self._label_height + 6 if self._left_out else 0
        return round(self._row_top(max(self._rows, 1)) + more + _MARGIN)

    def _rect(self, cell: DiagramCell) -> QRectF:
        width = self._bit_width()
        height = self._first_row_height() if cell.row == 0 else self._row_height()
        return QRectF(_MARGIN + cell.column * width, self._row_top(cell.row), cell.bits * width, height)

    # Painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._frame is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ruler(painter)
        for cell in self._cells:
            self._paint_cell(painter, cell)
        for cell in self._cells:
            if cell.field.part is self._selected:
                self._outline(painter, cell, self._theme.color(ThemeRole.ACCENT), 2)
        if self._left_out:
            self._paint_left_out(painter)
        if self.hasFocus():
            painter.setPen(self._theme.color(ThemeRole.ACCENT))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_ruler(self, painter: QPainter) -> None:
        painter.setFont(self._stack_font)
        painter.setPen(self._theme.color(ThemeRole.MUTED))
        width, half = self._bit_width(), (self._ruler_height - 4) / 2
        for bit in range(BITS):
            left = _MARGIN + bit * width
            if bit % 10 == 0:
                painter.drawText(QRectF(left, _MARGIN / 2, width, half), _CENTER, str(bit // 10))
            painter.drawText(QRectF(left, _MARGIN / 2 + half, width, half), _CENTER, str(bit % 10))

    def _paint_cell(self, painter: QPainter, cell: DiagramCell) -> None:
        rect = self._rect(cell)
        painter.fillRect(rect, part_color(self._theme, cell.field.part))
        if cell.field.part is self._hovered:
            painter.fillRect(rect, self._faded(ThemeRole.ACCENT, 40))
        self._paint_bits(painter, cell, rect)
        labels = rect.adjusted(2, 2, -2, -self._bit_height - 1)
        painter.setPen(self._theme.color(ThemeRole.TEXT))
        if cell.field.part in _STACKED:
            self._paint_stacked(painter, labels, _STACKED[cell.field.part])
        elif cell.field.part in (Part.PAYLOAD, Part.CLOSE_REASON, Part.CLOSE_CODE):
            self._paint_payload_bytes(painter, cell, labels)
        else:
            self._paint_lines(painter, labels, self._cell_lines(cell))
        self._outline(painter, cell, self._theme.color(ThemeRole.BORDER).darker(115), 1)

    def _paint_bits(self, painter: QPainter, cell: DiagramCell, rect: QRectF) -> None:
        painter.setFont(self._bit_font)
        width = self._bit_width()
        top = rect.bottom() - self._bit_height
        tick = QPen(self._faded(ThemeRole.MUTED, 60), 1)
        for index in range(cell.bits):
            bit = cell.row * BITS + cell.column + index
            left = rect.left() + index * width
            value = self._head[bit >> 3] >> (7 - (bit & 7)) & 1
            painter.setPen(self._theme.color(ThemeRole.TEXT if value else ThemeRole.MUTED))
            painter.drawText(QRectF(left, top, width, self._bit_height), _CENTER, "1" if value else "0")
            if index:
                painter.setPen(tick)
                painter.drawLine(
                    QPointF(left, rect.bottom() - (6 if bit % 8 == 0 else 3)), QPointF(left, rect.bottom())
                )

    def _paint_stacked(self, painter: QPainter, area: QRectF, letters: str) -> None:
        painter.setFont(self._stack_font)
        for index, letter in enumerate(letters):
            line = QRectF(
                area.left() - 2, area.top() + index * self._stack_height, area.width() + 4, self._stack_height
            )
            painter.drawText(line, _CENTER, letter)

    def _cell_lines(self, cell: DiagramCell) -> tuple[str, ...]:
        part, field = cell.field.part, cell.field
        if part is Part.OPCODE:
            assert self._frame is not None
            opcode = self._frame.opcode
            return (_LABELS[part], f"0x{opcode:X}", opcode_name(opcode).split()[0])
        if part is Part.LENGTH:
            return (_LABELS[part], f"({field.bit_length})", field.value)
        name = self.tr("{0}, continued").format(_LABELS[part]) if cell.continued else _LABELS[part]
        if part is Part.EXTENDED_LENGTH:
            value = self.tr("({0} bits) = {1}").format(field.bit_length, field.value)
            return (name,) if cell.continued else (name, value)
        first = (cell.row * BITS + cell.column) // 8
        return (name, self._head[first : first + cell.bits // 8].hex(" "))

    def _paint_lines(self, painter: QPainter, area: QRectF, lines: tuple[str, ...]) -> None:
        if area.height() < 2 * self._label_height:
            lines = ("  ".join(lines),)
        height = min(self._label_height, area.height() / len(lines))
        top = area.center().y() - height * len(lines) / 2
        for index, line in enumerate(lines):
            box = QRectF(area.left(), top + index * height, area.width(), height)
            painter.setFont(_fitting(self._label_font, line, box.width()))
            painter.drawText(box, _CENTER, line)

    def _paint_payload_bytes(self, painter: QPainter, cell: DiagramCell, area: QRectF) -> None:
        """Draw each byte as `wire ⊕ key = payload character`, or as it is if nothing is masked."""
        assert self._frame is not None
        start = len(self._frame.header())
        width = self._bit_width() * 8
        for index in range(cell.bits // 8):
            at = (cell.row * BITS + cell.column) // 8 + index
            value = self._frame.payload[at - start]
            text = f"{value:02x}"
            if self._frame.masking_key is not None:
                text = f"{self._head[at]:02x} ⊕ {self._frame.masking_key[(at - start) % 4]:02x} = {text}"
            if 0x21 <= value < 0x7F and cell.field.part is not Part.CLOSE_CODE:
                text += f"  {chr(value)}"
            box = QRectF(area.left() - 2 + index * width, area.top(), width, area.height())
            painter.setFont(_fitting(self._label_font, text, width - 4))
            painter.drawText(box, _CENTER, text)

    def _paint_left_out(self, painter: QPainter) -> None:
        top = self._row_top(self._rows)
        width = self._bit_width() * BITS
        painter.setFont(self._label_font)
        painter.setPen(self._theme.color(ThemeRole.MUTED))
        words = (
            self.tr("… payload goes on for {0}, all of it in the Bytes tab")
            if self._has_bytes_tab
            else self.tr("… payload goes on for {0}")
        )
        text = words.format(count_bytes(self._left_out))
        painter.drawText(QRectF(_MARGIN, top, width, self._label_height + 6), _CENTER, text)

    def _outline(self, painter: QPainter, cell: DiagramCell, colour: QColor, width: int) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, width))
        painter.drawRect(self._rect(cell))

    def _faded(self, role: ThemeRole, alpha: int) -> QColor:
        colour = self._theme.color(role)
        colour.setAlpha(alpha)
        return colour

    # Mouse and keyboard

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self.field_at(event.position().toPoint()))

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            field = self.field_at(event.pos())
            # Name and meaning are our own words; the value may be the peer's and is kept out of the tooltip.
            QToolTip.showText(event.globalPos(), f"{field.name}: {field.meaning}" if field else "", self)
            return True
        return super().event(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)
        super().leaveEvent(event)

    def _hover(self, field: FrameField | None) -> None:
        part = None if field is None else field.part
        if part is not self._hovered:
            self._hovered = part
            self.field_hovered.emit(field)
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        field = self.field_at(event.position().toPoint())
        if field is not None and event.button() is Qt.MouseButton.LeftButton:
            self._choose(field)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        field = self.field_at(event.position().toPoint())
        if field is not None:
            self.field_activated.emit(field)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _STEPS.get(Qt.Key(event.key()))
        field = self.selected()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and field is not None:
            self.field_activated.emit(field)
        elif step is not None and self._fields:
            self._step(step)
        else:
            super().keyPressEvent(event)

    def _step(self, step: int) -> None:
        parts = [field.part for field in self._fields]
        last = len(parts) - 1
        outside = -1 if step > 0 else last + 1
        at = parts.index(self._selected) if self._selected in parts else outside
        self._choose(self._fields[max(0, min(at + step, last))])

    def _choose(self, field: FrameField) -> None:
        self.select(field.part)
        self.field_selected.emit(field)


_CENTER = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextSingleLine
_FAR = 1 << 16
_STEPS = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_Home: -_FAR,
    Qt.Key.Key_End: _FAR,
}


def _fitting(font: QFont, text: str, width: float) -> QFont:
    """`font`, or a smaller one of at least 6 points in which `text` is no wider than `width`."""
    needed = QFontMetricsF(font).horizontalAdvance(text)
    if needed <= width or needed == 0:
        return font
    smaller = QFont(font)
    smaller.setPointSizeF(max(6.0, font.pointSizeF() * width / needed))
    return smaller
