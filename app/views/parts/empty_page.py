"""Painted where a table has no rows: a picture, a title and a sentence."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFont, QPainter

from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole

_PICTURE = 56
_LOW = 150
"""Height in pixels below which the picture is left out."""


def paint_empty(painter: QPainter, place: QRect, look: Look, title: str, text: str) -> None:
    """Paint in the middle of `place`, wrapped if it is narrow."""
    area = place.adjusted(32, 16, -32, -16)
    icon = look.icons.pixmap(
        IconName.MASK, ThemeRole.DISABLED, _PICTURE, painter.device().devicePixelRatioF()
    )
    title_font = look.theme.ui_font()
    title_font.setPointSizeF(title_font.pointSizeF() * 1.25)
    title_font.setWeight(QFont.Weight.DemiBold)
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
    if place.height() < _LOW:
        top = max(place.top(), area.center().y() - 30) - 66
    else:
        top = max(area.top(), area.center().y() - 80)
        painter.drawPixmap(area.center().x() - _PICTURE // 2, top, icon)
    painter.setFont(title_font)
    painter.setPen(look.theme.color(ThemeRole.TEXT))
    painter.drawText(QRect(area.left(), top + 66, area.width(), 30), flags, title)
    painter.setFont(look.theme.ui_font())
    painter.setPen(look.theme.color(ThemeRole.MUTED))
    painter.drawText(QRect(area.left(), top + 98, area.width(), 80), flags, text)
