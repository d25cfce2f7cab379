"""A small picture of who talks to whom, and where Unmask stands among them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.look.icons import IconName
from app.look.look import Look
from app.look.theme import ThemeRole

_HEIGHT = 40
_GAP = 46
_WIDEST = 104
_ICON = 18
_HEAD = 4.0


class Sketch(QWidget):
    """Boxes in a row with an arrow for each direction between them. "" stands for Unmask itself."""

    def __init__(self, names: Sequence[str], look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names = tuple(names)
        self._theme = look.theme
        self._icons = look.icons
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(" ⇄ ".join(name or "Unmask" for name in self._names))
        look.theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        count = len(self._names)
        return QSize(count * _WIDEST + (count - 1) * _GAP, _HEIGHT + 4)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, _HEIGHT + 4)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        count = len(self._names)
        gap = min(_GAP, self.width() // (3 * count))
        width = min(_WIDEST, (self.width() - (count - 1) * gap - 2) / count)
        for number, name in enumerate(self._names):
            left = 1 + number * (width + gap)
            box = QRectF(left, 2, width, _HEIGHT)
            self._box(painter, box, name)
            if number:
                self._arrows(painter, left - gap + 5, left - 5, box.center().y())

    def _box(self, painter: QPainter, box: QRectF, name: str) -> None:
        colour = self._theme.color
        painter.setPen(QPen(colour(ThemeRole.BORDER if name else ThemeRole.ACCENT), 1.2))
        painter.setBrush(colour(ThemeRole.RAISED if name else ThemeRole.ACCENT))
        painter.drawRoundedRect(box, 7, 7)
        painter.setPen(colour(ThemeRole.TEXT if name else ThemeRole.ON_ACCENT))
        if name:
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, name)
            return
        metrics = painter.fontMetrics()
        words = "Unmask"
        whole = _ICON + 6 + metrics.horizontalAdvance(words)
        left = box.center().x() - whole / 2
        icon = self._icons.pixmap(IconName.MASK, ThemeRole.ON_ACCENT, _ICON, self.devicePixelRatioF())
        if whole > box.width():
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
            return
        painter.drawPixmap(QPointF(left, box.center().y() - _ICON / 2), icon)
        painter.drawText(
            box.adjusted(left - box.left() + _ICON + 6, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words
        )

    def _arrows(self, painter: QPainter, left: float, right: float, middle: float) -> None:
        for from_x, to_x, y, role in (
            (left, right, middle - 5, ThemeRole.CLIENT),
            (right, left, middle + 5, ThemeRole.SERVER),
        ):
            self._arrow(painter, QLineF(from_x, y, to_x, y), self._theme.color(role))

    @staticmethod
    def _arrow(painter: QPainter, line: QLineF, colour: QColor) -> None:
        painter.setPen(QPen(colour, 1.6))
        painter.drawLine(line)
        back = _HEAD if line.x2() < line.x1() else -_HEAD
        tip = line.p2()
        head = QPolygonF([tip, tip + QPointF(back * 1.4, -_HEAD), tip + QPointF(back * 1.4, _HEAD)])
        painter.setBrush(colour)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawPolygon(head)
