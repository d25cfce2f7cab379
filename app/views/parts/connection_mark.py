"""The mark that distinguishes connections: a square in one of eight colours beside the number."""

from __future__ import annotations

from bisect import bisect_left

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetrics, QIcon, QPainter, QPen, QPixmap

from app.logic.text import cut_path
from app.look.theme import Theme, ThemeRole

SIZE = 9
"""Size of a mark, in pixels."""
ICON = 16
GAP = 6
"""Pixels between a mark and its neighbour."""
_ROLES = (
    ThemeRole.CONNECTION_1, ThemeRole.CONNECTION_2, ThemeRole.CONNECTION_3, ThemeRole.CONNECTION_4,
    ThemeRole.CONNECTION_5, ThemeRole.CONNECTION_6, ThemeRole.CONNECTION_7, ThemeRole.CONNECTION_8,
)  # fmt: skip


def connection_role(connection: int) -> ThemeRole:
    """The colour of a connection by its id; the ninth shares that of the first."""
    return _ROLES[(connection - 1) % len(_ROLES)]


def paint_mark(
    painter: QPainter, theme: Theme, connection: int, x: int, y: int, *, hollow: bool = False
) -> None:
    """Paint the mark of a connection with its top left corner there; hollow if the connection is closed."""
    colour = theme.color(connection_role(connection))
    if hollow:
        painter.setPen(QPen(colour, 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(x + 1, y + 1, SIZE - 2, SIZE - 2))
    else:
        painter.fillRect(x, y, SIZE, SIZE, colour)


def mark_icon(theme: Theme, connection: int, ratio: float, *, hollow: bool = False) -> QIcon:
    """The mark of a connection centred in an icon for a button or a box."""
    pixmap = QPixmap(round(ICON * ratio), round(ICON * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    middle = (ICON - SIZE) // 2
    paint_mark(painter, theme, connection, middle, middle, hollow=hollow)
    painter.end()
    return QIcon(pixmap)


def elided_path(metrics: QFontMetrics, path: str, width: int) -> str:
    """`path` cut to so many pixels, in the way of `cut_path`."""
    if metrics.horizontalAdvance(path) <= width:
        return path
    rooms = range(1, len(path))
    too_wide = bisect_left(
        rooms, True, key=lambda room: metrics.horizontalAdvance(cut_path(path, room)) > width
    )
    return cut_path(path, max(1, too_wide))
