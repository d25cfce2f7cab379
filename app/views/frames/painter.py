"""Draws lines of the frame table. No item delegate and no `data()`: a paint of fifty rows stays a few milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Flag, auto
from itertools import accumulate
from math import ceil

from PySide6.QtCore import QCoreApplication, QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QFontMetricsF, QPainter, QPixmap

from app.logic.frame_column import FrameColumn
from app.logic.frame_lines import Badge, HeldFor, Label, Line, PayloadKind
from app.logic.text import one_line, tooltip
from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole
from app.models.frame_columns import connection_cell, gap_sentence
from app.models.handling_texts import handling_sentences
from app.models.label_texts import LabelTexts
from app.models.marks import note_lines
from app.views.frames.needle_marks import NeedleMarks
from app.views.parts.connection_mark import GAP, SIZE, connection_role, elided_path
from core.capture.gaps import Gap, GapReason
from core.capture.records import Direction
from core.protocol.handling import Fate
from core.protocol.violations import Severity
from core.query.needles import Needle

PADDING = 8
_ICON = 15
_STRIPE = 3
_PILL_GAP = 5
_PILL_PADDING = 12
_RECOGNIZED = 2
"""Characters of a cut label, its ellipsis included, that say too little."""
_BOOKMARK = 12
_BITS_GAP = 8
"""Between the flags and the labels after them."""
_ONLY_DOTS = str.maketrans("F123M", "     ")
_ONLY_LETTERS = str.maketrans("·", " ")
_MOST_NAMES = 4096
_NOTE_SHARE = 0.4
"""Greatest share of the payload's width that a note takes."""
_NOTE_CHARS = 200
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
_CENTRE = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextSingleLine


class RowState(Flag):
    """The highlights of a row."""

    NONE = 0
    SELECTED = auto()
    CURRENT = auto()
    HOVERED = auto()
    FOCUSED = auto()
    """The table has the keyboard focus."""
    HIT = auto()
    """A search has found the row."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The place of a column in the viewport."""

    column: FrameColumn
    x: int
    width: int


_SEVERITIES = {
    Severity.ERROR: (IconName.ERROR, ThemeRole.ERROR, ThemeRole.ERROR_TINT),
    Severity.WARNING: (IconName.WARNING, ThemeRole.WARNING, ThemeRole.WARNING_TINT),
    Severity.NOTE: (IconName.NOTE, ThemeRole.NOTE, ThemeRole.NOTE_TINT),
}

_BADGE_ROLES = {
    Badge.FRAGMENT_FIRST: (ThemeRole.NOTE, ThemeRole.NOTE_TINT),
    Badge.FRAGMENT_MIDDLE: (ThemeRole.NOTE, ThemeRole.NOTE_TINT),
    Badge.FRAGMENT_LAST: (ThemeRole.NOTE, ThemeRole.NOTE_TINT),
    Badge.COMPRESSED: (ThemeRole.SUCCESS, ThemeRole.SUCCESS_TINT),
    Badge.TRUNCATED: (ThemeRole.WARNING, ThemeRole.WARNING_TINT),
    Badge.HELD: (ThemeRole.WARNING, ThemeRole.WARNING_TINT),
    Badge.NEVER_PASSED: (ThemeRole.ERROR, ThemeRole.ERROR_TINT),
    Badge.DROPPED: (ThemeRole.ERROR, ThemeRole.ERROR_TINT),
    Badge.REPLACED: (ThemeRole.NOTE, ThemeRole.NOTE_TINT),
    Badge.EDITED: (ThemeRole.NOTE, ThemeRole.NOTE_TINT),
    Badge.INJECTED: (ThemeRole.WARNING, ThemeRole.WARNING_TINT),
    Badge.REDACTED: (ThemeRole.WARNING, ThemeRole.WARNING_TINT),
}
_QUIET = (ThemeRole.MUTED, ThemeRole.HOVER)


class FramePainter:
    """Holds fonts, colours and pictures of a theme; `reload()` fetches them anew."""

    def __init__(self, look: Look) -> None:
        self._theme = look.theme
        self._icons = look.icons
        self._pixel_ratio = 1.0
        self._needles = NeedleMarks(())
        self._names: dict[tuple[int, str, int], str] = {}
        """Cached cells of the connection column, by id, name and room in pixels."""
        self.name_of: Callable[[int], str] = lambda _connection: ""
        """Gives the name of a connection by id."""
        self.note_of: Callable[[int], str | None] = lambda _frame: None
        """Gives the note on a frame by id; None if it is not bookmarked."""
        self.reload()

    def reload(self) -> None:
        """Take over the theme's current colours and fonts."""
        self._colours: dict[ThemeRole, QColor] = {role: self._theme.color(role) for role in ThemeRole}
        self._mono = self._theme.mono_font()
        self._ui = self._theme.ui_font()
        self._struck = QFont(self._mono)
        self._struck.setStrikeOut(True)
        self._small = QFont(self._ui)
        self._small.setPointSizeF(self._ui.pointSizeF() * 0.86)
        self._mono_metrics = QFontMetrics(self._mono)
        self._char_width = max(1.0, QFontMetricsF(self._mono).horizontalAdvance("0" * 64) / 64)
        self._small_metrics = QFontMetrics(self._small)
        self._labels = LabelTexts()
        self._names.clear()
        self._empty = QCoreApplication.translate("FramePainter", "empty")
        self._sides = {
            Direction.CLIENT_TO_SERVER: (
                IconName.TO_SERVER,
                ThemeRole.CLIENT,
                ThemeRole.CLIENT_TINT,
                QCoreApplication.translate("FramePainter", "server"),
            ),
            Direction.SERVER_TO_CLIENT: (
                IconName.TO_CLIENT,
                ThemeRole.SERVER,
                ThemeRole.SERVER_TINT,
                QCoreApplication.translate("FramePainter", "client"),
            ),
        }

    @property
    def row_height(self) -> int:
        return self._mono_metrics.height() + 10

    def width_of(self, characters: int) -> int:
        """Width of a column for a number of digits."""
        return ceil(self._char_width * characters) + 2 * PADDING + 1

    def needs(self, lines: Sequence[Line]) -> dict[FrameColumn, int]:
        """The widths that the columns, except the payload, need for these lines; at least one line."""
        widest = {
            FrameColumn.NUMBER: max((line.number for line in lines), key=len),
            FrameColumn.TIME: max((line.time for line in lines), key=len),
            FrameColumn.DELTA: max((line.delta for line in lines), key=len),
            FrameColumn.OPCODE: max((line.opcode for line in lines), key=len),
            FrameColumn.LENGTH: max((line.length for line in lines), key=len),
        }
        needs = {column: self._width_of(text) for column, text in widest.items()}
        names = (
            connection_cell(each, self.name_of(each)) for each in {line.row.connection for line in lines}
        )
        needs[FrameColumn.CONNECTION] = self._width_of(max(names, key=len)) + SIZE + GAP
        needs[FrameColumn.FLAGS] = self._width_of("F123M") + max(
            self._labels_width(*each)
            for each in {(line.badges, line.row.severity, line.row.violation_count > 1) for line in lines}
        )
        return needs

    def _width_of(self, text: str) -> int:
        if text.isascii():
            return self.width_of(len(text))
        return self._mono_metrics.horizontalAdvance(text) + 2 * PADDING + 1

    def _labels_width(self, badges: tuple[Label, ...], severity: int, several: bool) -> int:
        widths = [self._pill_width(self._labels.of(badge)) for badge in badges]
        if severity:
            widths.append(self._pill_width("99" if several else "") + _ICON)
        return _BITS_GAP + sum(widths) + _PILL_GAP * (len(widths) - 1) if widths else 0

    def set_needles(self, needles: Sequence[Needle]) -> None:
        """Set what to mark in payloads."""
        self._needles = NeedleMarks(needles)

    def set_pixel_ratio(self, ratio: float) -> None:
        """Set the device pixels per logical pixel."""
        self._pixel_ratio = ratio

    def background(self, painter: QPainter, line: Line | None, row: QRect, state: RowState) -> None:
        """Paint tint, selection, hairline and the stripe of a violation over the whole row."""
        painter.fillRect(row, self._colours[self._ground(line, state)])
        painter.fillRect(row.left(), row.bottom(), row.width(), 1, self._colours[ThemeRole.GRID])
        if line is not None and line.row.severity:
            role = _SEVERITIES[Severity(line.row.severity)][1]
            painter.fillRect(row.left(), row.top(), _STRIPE, row.height() - 1, self._colours[role])
        if RowState.CURRENT in state and (RowState.FOCUSED | RowState.HIT) & state:
            painter.setPen(self._colours[ThemeRole.ACCENT])
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(row.adjusted(0, 0, -1, -1))

    def gap(self, painter: QPainter, gap: Gap, row: QRect) -> None:
        """Paint the row of a gap, on another background so that it is not mistaken for a frame."""
        painter.fillRect(row, self._colours[ThemeRole.RAISED])
        painter.fillRect(row.left(), row.bottom(), row.width(), 1, self._colours[ThemeRole.BORDER])
        painter.setFont(self._ui)
        painter.setPen(self._colours[ThemeRole.MUTED])
        if gap.reason is GapReason.NOT_WRITTEN:
            painter.fillRect(row.left(), row.top(), _STRIPE, row.height() - 1, self._colours[ThemeRole.ERROR])
        place = row.adjusted(PADDING, 0, -PADDING, -1)
        text = painter.fontMetrics().elidedText(gap_sentence(gap), Qt.TextElideMode.ElideRight, place.width())
        painter.drawText(place, _CENTRE, text)

    def cells(self, painter: QPainter, line: Line, row: QRect, cells: list[Cell]) -> None:
        """Paint the cells of a line; `row` gives the vertical place."""
        painter.setFont(self._mono)
        muted = line.row.head & 0x08 != 0
        note = self.note_of(line.row.id)
        for cell in cells:
            rect = QRect(cell.x + PADDING, row.top(), cell.width - 2 * PADDING, row.height() - 1)
            if rect.width() <= 0:
                continue
            if cell.column is FrameColumn.PAYLOAD:
                if note:
                    rect.setRight(self._note(painter, rect, note))
                self._payload(painter, line, rect, muted=muted)
            elif cell.column is FrameColumn.NUMBER:
                if note is not None:
                    self._bookmark(painter, cell.x, rect)
                self._text(
                    painter, rect, line.number, ThemeRole.MUTED if note is None else ThemeRole.TEXT, _RIGHT
                )
            elif cell.column is FrameColumn.TIME:
                self._text(painter, rect, line.time, ThemeRole.TEXT, _LEFT)
            elif cell.column is FrameColumn.DELTA:
                self._text(painter, rect, line.delta, ThemeRole.MUTED, _RIGHT)
            elif cell.column is FrameColumn.LENGTH:
                self._text(painter, rect, line.length, ThemeRole.TEXT, _RIGHT)
            elif cell.column is FrameColumn.OPCODE:
                self._text(painter, rect, line.opcode, ThemeRole.MUTED if muted else ThemeRole.TEXT, _LEFT)
            elif cell.column is FrameColumn.CONNECTION:
                self._connection(painter, line.row.connection, rect)
            elif cell.column is FrameColumn.DIRECTION:
                self._direction(painter, line, rect)
            else:
                self._flags(painter, line, rect)

    def _ground(self, line: Line | None, state: RowState) -> ThemeRole:
        if RowState.SELECTED in state:
            return ThemeRole.SELECTION if RowState.FOCUSED in state else ThemeRole.SELECTION_INACTIVE
        if RowState.HOVERED in state:
            return ThemeRole.HOVER
        if RowState.HIT in state:
            return ThemeRole.HIT
        return ThemeRole.SURFACE if line is None else self._sides[line.row.direction][2]

    def _text(self, painter: QPainter, rect: QRect, text: str, role: ThemeRole, flags: int) -> None:
        painter.setPen(self._colours[role])
        painter.drawText(rect, flags, self._fit(text, rect.width()))

    def _fit(self, text: str, width: int) -> str:
        """`text` elided to `width`; measures no more than could fit."""
        capacity = int(width / self._char_width)
        if text.isascii():
            return text if len(text) <= capacity else text[: max(0, capacity - 1)] + "…"
        return self._mono_metrics.elidedText(text[: capacity + 1], Qt.TextElideMode.ElideRight, width)

    def _payload(self, painter: QPainter, line: Line, rect: QRect, *, muted: bool) -> None:
        kind = line.payload_kind
        is_gone = line.row.fate in (Fate.DROPPED, Fate.REPLACED)
        if is_gone:
            painter.setFont(self._struck)
            muted = True
        # Marks in the cut-off part go to the ellipsis.
        last = rect.width() - ceil(self._char_width)
        for start, end in self._needles.spans(line):
            left, right = (self._mono_metrics.horizontalAdvance(line.payload[:at]) for at in (start, end))
            left, right = max(0, min(left, last)), min(right, rect.width())
            mark = QRect(rect.left() + left - 1, rect.top() + 3, right - left + 2, rect.height() - 6)
            painter.fillRect(mark, self._colours[ThemeRole.HIGHLIGHT])
        if kind is PayloadKind.EMPTY:
            self._text(painter, rect, self._empty, ThemeRole.DISABLED, _LEFT)
        elif kind is PayloadKind.BYTES:
            self._text(
                painter, rect, line.payload, ThemeRole.MUTED if muted else ThemeRole.JSON_NUMBER, _LEFT
            )
        else:
            quiet = muted and kind is not PayloadKind.CLOSE
            self._text(painter, rect, line.payload, ThemeRole.MUTED if quiet else ThemeRole.TEXT, _LEFT)
        if is_gone:
            painter.setFont(self._mono)

    def _bookmark(self, painter: QPainter, x: int, rect: QRect) -> None:
        pixmap = self._pixmap(IconName.BOOKMARK_ON, ThemeRole.ACCENT, _BOOKMARK)
        painter.drawPixmap(x + _STRIPE, rect.top() + (rect.height() - _BOOKMARK) // 2, pixmap)

    def _note(self, painter: QPainter, rect: QRect, note: str) -> int:
        """Paint the beginning of a note at the right end of `rect`; gives the right edge of the room for the
        payload.
        """
        room = round(rect.width() * _NOTE_SHARE) - _PILL_PADDING
        text = one_line(note[:_NOTE_CHARS])
        text = self._small_metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
        x = rect.right() + 1 - self._pill_width(text)
        painter.save()
        painter.setFont(self._small)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._pill(painter, x, rect, text, ThemeRole.TEXT, ThemeRole.HIGHLIGHT, None)
        painter.restore()
        return x - PADDING

    def _connection(self, painter: QPainter, connection: int, rect: QRect) -> None:
        top = rect.top() + (rect.height() - SIZE) // 2
        painter.fillRect(rect.left(), top, SIZE, SIZE, self._colours[connection_role(connection)])
        rect.setLeft(rect.left() + SIZE + GAP)
        name = self.name_of(connection)
        key = (connection, name, rect.width())
        text = self._names.get(key)
        if text is None:
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            room = rect.width() - ceil(self._char_width * len(f"#{connection} "))
            # A single letter between two ellipses says nothing.
            short = elided_path(self._mono_metrics, name, room) if room >= 4 * self._char_width else ""
            text = self._names[key] = connection_cell(connection, short)
        painter.setPen(self._colours[ThemeRole.TEXT])
        painter.drawText(rect, _LEFT, text)

    def _direction(self, painter: QPainter, line: Line, rect: QRect) -> None:
        icon, role, _, word = self._sides[line.row.direction]
        top = rect.top() + (rect.height() - _ICON) // 2
        painter.drawPixmap(rect.left(), top, self._pixmap(icon, role))
        if rect.width() >= _ICON + 6 + self._char_width * 4:
            painter.setFont(self._small)
            painter.setPen(self._colours[role])
            painter.drawText(rect.adjusted(_ICON + 6, 0, 0, 0), _LEFT, word)
            painter.setFont(self._mono)

    def _flags(self, painter: QPainter, line: Line, rect: QRect) -> None:
        bits = line.bits
        width = round(self._char_width * len(bits))
        fits = width <= rect.width()
        if not fits:
            painter.save()
            painter.setClipRect(rect)
        painter.setPen(self._colours[ThemeRole.DISABLED])
        painter.drawText(rect, _LEFT, bits.translate(_ONLY_DOTS))
        painter.setPen(self._colours[ThemeRole.TEXT])
        painter.drawText(rect, _LEFT, bits.translate(_ONLY_LETTERS))
        if not fits:
            painter.restore()
        elif line.row.severity or line.badges:
            self._badges(painter, line, rect, rect.left() + width + _BITS_GAP)

    def _badges(self, painter: QPainter, line: Line, rect: QRect, x: int) -> None:
        """Paint the badges from `x` on."""
        painter.save()
        painter.setClipRect(rect)
        painter.setFont(self._small)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if line.row.severity:
            icon, role, tint = _SEVERITIES[Severity(line.row.severity)]
            count = line.row.violation_count
            x = self._pill(painter, x, rect, str(count) if count > 1 else "", role, tint, icon)
        shown = self.fitting_badges(line.badges, rect.right() + 1 - x)
        for badge in line.badges[:shown]:
            role, tint = _QUIET if isinstance(badge, HeldFor) else _BADGE_ROLES.get(badge, _QUIET)
            x = self._pill(painter, x, rect, self._labels.of(badge), role, tint, None)
        left = len(line.badges) - shown
        if left == 1 and (text := self._cut_label(line.badges[-1], rect.right() + 1 - x)):
            self._pill(painter, x, rect, text, *_QUIET, None)
        elif left:
            self._pill(painter, x, rect, f"+{left}", *_QUIET, None)
        painter.restore()

    def fitting_badges(self, badges: tuple[Label, ...], room: int) -> int:
        """Number of badges that fit whole, with room for `+1` if that is not all of them."""
        ends = list(accumulate(self._pill_width(self._labels.of(badge)) + _PILL_GAP for badge in badges))
        if not ends or ends[-1] - _PILL_GAP <= room:
            return len(ends)
        more = self._pill_width(f"+{len(badges)}")
        return sum(end + more <= room for end in ends)

    def _cut_label(self, badge: Label, room: int) -> str:
        """The beginning of a label, if there is room for enough of it to be recognized."""
        cut = self._small_metrics.elidedText(
            self._labels.of(badge), Qt.TextElideMode.ElideRight, room - _PILL_PADDING
        )
        return cut if len(cut) > _RECOGNIZED else ""

    def badge_words(self, line: Line) -> str:
        """All badges of a line in words."""
        return ", ".join(self._labels.of(badge) for badge in line.badges)

    def explained(self, line: Line, column: int) -> str:
        """The tooltip of a cell: the badges in words, the whole path, or the note."""
        if column == FrameColumn.FLAGS:
            words = self.badge_words(line)
            said = handling_sentences(line.row)
            return tooltip(words, *said) if said else words
        if column == FrameColumn.CONNECTION:
            connection = line.row.connection
            return tooltip(connection_cell(connection, self.name_of(connection)))
        note = self.note_of(line.row.id)
        return tooltip(*note_lines(note)) if note else ""

    def _pill_width(self, text: str) -> int:
        return self._small_metrics.horizontalAdvance(text) + _PILL_PADDING if text else 8

    def _pill(
        self,
        painter: QPainter,
        x: int,
        row: QRect,
        text: str,
        role: ThemeRole,
        tint: ThemeRole,
        icon: IconName | None,
    ) -> int:
        """Paint a small label at `x`; gives the place of the next one."""
        width = self._pill_width(text)
        if icon is not None:
            width += _ICON
        height = self._small_metrics.height() + 2
        rect = QRect(x, row.top() + (row.height() - height) // 2, width, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._colours[tint])
        painter.drawRoundedRect(rect, 4, 4)
        if icon is not None:
            painter.drawPixmap(rect.left() + 4, rect.top() + (height - _ICON) // 2, self._pixmap(icon, role))
            rect.setLeft(rect.left() + _ICON + 2)
        painter.setPen(self._colours[role])
        painter.drawText(rect, _CENTRE, text)
        return x + width + _PILL_GAP

    def _pixmap(self, icon: IconName, role: ThemeRole, size: int = _ICON) -> QPixmap:
        return self._icons.pixmap(icon, role, size, self._pixel_ratio)
