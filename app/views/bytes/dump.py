"""A hex dump that draws only the visible lines: wire bytes, unmasked bytes beside them, the key above."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from app.look.theme import Theme, ThemeRole
from app.views.bytes.wire_bytes import WireBytes
from app.views.parts.widgets import part_color
from core.protocol.anatomy import FrameField
from core.protocol.violations import Severity, Violation

_PAD = 10
_WIDE, _NARROW = 16, 8
_CENTER = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextSingleLine
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
_SEVERITY_ROLES = {
    Severity.ERROR: ThemeRole.ERROR,
    Severity.WARNING: ThemeRole.WARNING,
    Severity.NOTE: ThemeRole.NOTE,
}


class Pane(Enum):
    """The parts of a line."""

    WIRE = "wire"
    PLAIN = "plain"
    ASCII = "ascii"


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the panes of a line begin, in pixels from the left edge of the content."""

    per_line: int
    wire: float
    plain: float
    ascii: float
    width: float


class ByteDump(QAbstractScrollArea):
    """Shows the bytes of one frame; mouse and keyboard select a range."""

    selection_changed = Signal()
    copy_pressed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._bytes: WireBytes | None = None
        self._fields: tuple[FrameField, ...] = ()
        self._violations: tuple[Violation, ...] = ()
        self._anchor: int | None = None
        self._caret = 0
        self._marked = range(0)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Bytes of the frame"))
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        theme.changed.connect(self._take_font)
        self._take_font()

    def show_bytes(
        self, wire: WireBytes | None, fields: tuple[FrameField, ...], violations: tuple[Violation, ...]
    ) -> None:
        """Show these bytes from their beginning."""
        self._bytes, self._fields, self._violations = wire, fields, violations
        self._anchor, self._caret, self._marked = None, 0, range(0)
        self.verticalScrollBar().setValue(0)
        self._fit()

    def selection(self) -> range:
        """The selected offsets."""
        if self._anchor is None:
            return range(0)
        return range(min(self._anchor, self._caret), max(self._anchor, self._caret) + 1)

    def select(self, chosen: range) -> None:
        """Select these offsets, as the mouse would."""
        if len(chosen):
            self._anchor, self._caret = chosen.start, chosen.stop - 1
            self._selected()

    def mark(self, marked: range) -> None:
        """Highlight these offsets and scroll to the first."""
        self._marked = marked
        if len(marked):
            self._bring_into_sight(marked.start)
        self.viewport().update()

    def first_in_sight(self) -> int:
        """Offset of the caret if it is visible, else of the first visible byte."""
        bar, per_line = self.verticalScrollBar(), self._layout.per_line
        first, end = bar.value() * per_line, (bar.value() + bar.pageStep()) * per_line
        return self._caret if self._anchor is not None and first <= self._caret < end else first

    # Geometry

    def _take_font(self) -> None:
        self._font = self._theme.mono_font()
        metrics = QFontMetricsF(self._font)
        self._char = metrics.horizontalAdvance("0")
        self._line = metrics.height() + 3
        self._fit()

    def _columns(self, per_line: int) -> _Columns:
        digits = max(4, len(f"{len(self._bytes or ()):x}"))
        hex_width = self._byte_left(per_line)
        wire = _PAD + (digits + 2) * self._char
        masked = self._bytes is not None and self._bytes.masked
        plain = wire + hex_width + 3 * self._char if masked else wire
        letters = plain + hex_width + 2 * self._char
        return _Columns(per_line, wire, plain, letters, letters + per_line * self._char + _PAD)

    def _byte_left(self, column: int) -> float:
        """Where byte `column` of a hex pane begins; there is a gap after every eighth."""
        return (3 * column + (column // 8 if column < _WIDE else column // 8 - 1)) * self._char

    def _fit(self) -> None:
        wide = self._columns(_WIDE)
        self._layout = wide if wide.width <= self.viewport().width() else self._columns(_NARROW)
        shown = max(1, int((self.viewport().height() - self._top()) // self._line))
        vertical, horizontal = self.verticalScrollBar(), self.horizontalScrollBar()
        vertical.setPageStep(shown)
        vertical.setRange(0, max(0, self._line_count() - shown))
        horizontal.setPageStep(self.viewport().width())
        horizontal.setSingleStep(round(self._char))
        horizontal.setRange(0, max(0, round(self._layout.width) - self.viewport().width()))
        self.viewport().update()

    def _top(self) -> float:
        masked = self._bytes is not None and self._bytes.masked
        return (3 if masked else 2) * self._line + 4

    def _line_count(self) -> int:
        return -(-len(self._bytes or ()) // self._layout.per_line)

    def resizeEvent(self, event: QResizeEvent) -> None:
        first = self.verticalScrollBar().value() * self._layout.per_line
        super().resizeEvent(event)
        self._fit()
        self.verticalScrollBar().setValue(first // self._layout.per_line)

    def byte_at(self, position: QPoint) -> int | None:
        """The offset drawn at `position`, in any pane."""
        if self._bytes is None or position.y() < self._top():
            return None
        line = int((position.y() - self._top()) // self._line) + self.verticalScrollBar().value()
        x = position.x() + self.horizontalScrollBar().value()
        column = self._column_at(x)
        offset = line * self._layout.per_line + max(0, column)
        return offset if column >= 0 and offset < len(self._bytes) else None

    def _column_at(self, x: float) -> int:
        layout = self._layout
        if x >= layout.ascii - self._char:
            return min(int(max(0.0, x - layout.ascii) // self._char), layout.per_line - 1)
        start = layout.plain if x >= layout.plain - self._char else layout.wire
        if x < start - self._char:
            return -1
        inside = [column for column in range(layout.per_line) if self._byte_left(column) <= x - start]
        return inside[-1] if inside else 0

    def rect_of(self, offset: int, pane: Pane) -> QRectF:
        """Where a byte is drawn, visible or not."""
        line, column = divmod(offset, self._layout.per_line)
        top = self._top() + (line - self.verticalScrollBar().value()) * self._line
        shift = -self.horizontalScrollBar().value()
        if pane is Pane.ASCII:
            return QRectF(self._layout.ascii + column * self._char + shift, top, self._char, self._line)
        start = self._layout.wire if pane is Pane.WIRE else self._layout.plain
        left, right = self._byte_left(column), self._byte_left(column + 1)
        return QRectF(start + left + shift, top, right - left, self._line)

    # Painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._bytes is None:
            return
        painter = QPainter(self.viewport())
        painter.setFont(self._font)
        first = self.verticalScrollBar().value()
        last = min(self._line_count(), first + int(self.viewport().height() // self._line) + 1)
        for line in range(first, last):
            self._paint_line(painter, line)
        self._paint_violations(painter, first, last)
        self._paint_head(painter)

    def _paint_line(self, painter: QPainter, line: int) -> None:
        assert self._bytes is not None
        start = line * self._layout.per_line
        end = min(start + self._layout.per_line, len(self._bytes))
        left = self.rect_of(start, Pane.WIRE)
        painter.setPen(self._theme.color(ThemeRole.MUTED))
        digits = max(4, len(f"{len(self._bytes):x}"))
        offset_box = QRectF(
            _PAD - self.horizontalScrollBar().value(), left.top(), 16 * self._char, self._line
        )
        painter.drawText(offset_box, _LEFT, f"{start:0{digits}x}")
        self._paint_backgrounds(painter, start, end)
        wire, plain = self._bytes.wire(start, end), self._bytes.plain(start, end)
        if wire is None or plain is None:
            painter.drawText(QRectF(left.left(), left.top(), 16 * self._char, self._line), _LEFT, "…")
            return
        text, faint = self._theme.color(ThemeRole.TEXT), self._theme.color(ThemeRole.DISABLED)
        masked, header = self._bytes.masked, self._bytes.header_length
        for offset in range(start, end):
            at = offset - start
            painter.setPen(text)
            painter.drawText(self._digits(self.rect_of(offset, Pane.WIRE)), _CENTER, f"{wire[at]:02x}")
            if masked:
                unmasked = offset >= header
                painter.setPen(text if unmasked else faint)
                shown = f"{plain[at]:02x}" if unmasked else "··"
                painter.drawText(self._digits(self.rect_of(offset, Pane.PLAIN)), _CENTER, shown)
            letter = chr(plain[at]) if 0x20 <= plain[at] < 0x7F and offset >= header else "·"
            painter.setPen(faint if letter == "·" else text)
            painter.drawText(self.rect_of(offset, Pane.ASCII), _CENTER, letter)

    def _digits(self, cell: QRectF) -> QRectF:
        """The cell without the gap that follows every eighth byte."""
        return QRectF(cell.left(), cell.top(), 3 * self._char, cell.height())

    def _paint_backgrounds(self, painter: QPainter, start: int, end: int) -> None:
        selected = self.selection()
        assert self._bytes is not None
        header = self._bytes.header_length
        for field in self._fields:
            for offset in range(max(start, field.first_byte), min(end, field.end_byte)):
                self._tint(painter, field, offset)
        for chosen, role in ((self._marked, ThemeRole.HIGHLIGHT), (selected, ThemeRole.SELECTION)):
            for offset in range(max(start, chosen.start), min(end, chosen.stop)):
                for pane in Pane if offset >= header else (Pane.WIRE,):
                    painter.fillRect(self.rect_of(offset, pane), self._theme.color(role))

    def _tint(self, painter: QPainter, field: FrameField, offset: int) -> None:
        """Colour the share of a byte's cell that corresponds to the field's bits."""
        first = max(field.bit_offset - 8 * offset, 0)
        last = min(field.bit_offset + field.bit_length - 8 * offset, 8)
        colour = part_color(self._theme, field.part)
        cell = self.rect_of(offset, Pane.WIRE)
        share = QRectF(
            cell.left() + cell.width() * first / 8,
            cell.top(),
            cell.width() * (last - first) / 8,
            cell.height(),
        )
        painter.fillRect(share, colour)
        if self._bytes is not None and self._bytes.masked and offset >= self._bytes.header_length:
            painter.fillRect(self.rect_of(offset, Pane.PLAIN), colour)

    def _paint_violations(self, painter: QPainter, first: int, last: int) -> None:
        start, end = first * self._layout.per_line, min(last * self._layout.per_line, len(self._bytes or ()))
        for violation in self._violations:
            painter.setPen(QPen(self._theme.color(_SEVERITY_ROLES[violation.rule.severity]), 2))
            stop = min(end, violation.offset + violation.length)
            for offset in range(max(start, violation.offset), stop):
                cell = self.rect_of(offset, Pane.WIRE)
                bottom = cell.bottom() - 1
                painter.drawLine(QPointF(cell.left(), bottom), QPointF(cell.right() - 1, bottom))

    def _paint_head(self, painter: QPainter) -> None:
        """Titles, column numbers and the repeating key; fixed while the lines scroll."""
        assert self._bytes is not None
        shift, layout = -self.horizontalScrollBar().value(), self._layout
        width = self.viewport().width()
        painter.fillRect(QRectF(0, 0, width, self._top() - 2), self._theme.color(ThemeRole.RAISED))
        painter.setPen(self._theme.color(ThemeRole.ACCENT if self.hasFocus() else ThemeRole.BORDER))
        painter.drawLine(QPointF(0, self._top() - 2), QPointF(width, self._top() - 2))
        masked = self._bytes.masked
        self._title(painter, layout.wire + shift, self.tr("On the wire"))
        if masked:
            self._title(painter, layout.plain + shift, self.tr("Unmasked"))
        # A hex column begins with half a gap, a character does not.
        self._title(painter, layout.ascii - self._char / 2 + shift, self.tr("ASCII"))
        panes = (layout.wire, layout.plain) if masked else (layout.wire,)
        for start in panes:
            for column in range(layout.per_line):
                left = start + self._byte_left(column) + shift
                painter.setPen(self._theme.color(ThemeRole.MUTED))
                box = QRectF(left, self._line, 3 * self._char, self._line)
                painter.drawText(box, _CENTER, f"{column:02x}")
                if masked:
                    painter.setPen(self._theme.color(ThemeRole.MASK))
                    painter.drawText(
                        box.translated(0, self._line), _CENTER, f"{self._bytes.key_byte(column):02x}"
                    )
        if masked:
            painter.setPen(self._theme.color(ThemeRole.MASK))
            painter.drawText(
                QRectF(_PAD + shift, 2 * self._line, 8 * self._char, self._line), _LEFT, self.tr("key")
            )

    def _title(self, painter: QPainter, left: float, text: str) -> None:
        painter.setPen(self._theme.color(ThemeRole.TEXT))
        font = self._theme.ui_font()
        font.setBold(True)
        painter.setFont(font)
        painter.drawText(QRectF(left + self._char / 2, 1, 40 * self._char, self._line), _LEFT, text)
        painter.setFont(self._font)

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    # Selection

    def mousePressEvent(self, event: QMouseEvent) -> None:
        offset = self.byte_at(event.position().toPoint())
        if offset is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        self._caret = offset
        if self._anchor is None or not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._anchor = offset
        self._selected()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        offset = self.byte_at(event.position().toPoint())
        if offset is not None and event.buttons() & Qt.MouseButton.LeftButton and offset != self._caret:
            self._caret = offset
            self._selected()

    def event(self, event: QEvent) -> bool:
        # Claim these keys before a window shortcut with the same keys takes them.
        if (
            event.type() is QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._is_ours(event)
        ):
            event.accept()
            return True
        return super().event(event)

    def _is_ours(self, event: QKeyEvent) -> bool:
        standard = (QKeySequence.StandardKey.Copy, QKeySequence.StandardKey.SelectAll)
        return any(map(event.matches, standard)) or self._key_target(event) is not None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_pressed.emit()
            return
        if event.matches(QKeySequence.StandardKey.SelectAll):
            self.select(range(len(self._bytes or ())))
            return
        target = self._key_target(event)
        if target is None or self._bytes is None or not len(self._bytes):
            super().keyPressEvent(event)
            return
        self._caret = max(0, min(target, len(self._bytes) - 1))
        if self._anchor is None or not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._anchor = self._caret
        self._bring_into_sight(self._caret)
        self._selected()

    def _key_target(self, event: QKeyEvent) -> int | None:
        """Where a key moves the caret; None for any other key."""
        per_line, here = self._layout.per_line, self._caret
        page = self.verticalScrollBar().pageStep() * per_line
        whole = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        line = here - here % per_line
        targets = {
            Qt.Key.Key_Left: here - 1,
            Qt.Key.Key_Right: here + 1 if self._anchor is not None else here,
            Qt.Key.Key_Up: here - per_line,
            Qt.Key.Key_Down: here + per_line,
            Qt.Key.Key_PageUp: here - page,
            Qt.Key.Key_PageDown: here + page,
            Qt.Key.Key_Home: 0 if whole else line,
            Qt.Key.Key_End: len(self._bytes or ()) - 1 if whole else line + per_line - 1,
        }
        return targets.get(Qt.Key(event.key()))

    def _bring_into_sight(self, offset: int) -> None:
        line, bar = offset // self._layout.per_line, self.verticalScrollBar()
        if line < bar.value():
            bar.setValue(line)
        elif line >= bar.value() + bar.pageStep():
            bar.setValue(line - bar.pageStep() + 1)

    def _selected(self) -> None:
        self.viewport().update()
        self.selection_changed.emit()
