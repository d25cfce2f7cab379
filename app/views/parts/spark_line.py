"""The recent course of one figure as a small line without axes."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.look.theme import Theme, ThemeRole

POINTS = 60
_LINE = 1.5


class SparkLine(QWidget):
    """The last `POINTS` values, the newest at the right; zero at the bottom, the largest at the top."""

    def __init__(self, theme: Theme, role: ThemeRole, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._role = role
        self._values: deque[float] = deque(maxlen=POINTS)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def add(self, value: float) -> None:
        self._values.append(value)
        self.update()

    def clear(self) -> None:
        self._values.clear()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 26)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(1, 2, -1, -1)
        painter.setPen(QPen(self._theme.color(ThemeRole.GRID), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        line = self._line(area)
        if len(line) < 2:
            return
        colour = self._theme.color(self._role)
        ground = QColor(colour)
        ground.setAlpha(36)
        below = [QPointF(line[0].x(), area.bottom()), *line, QPointF(line[-1].x(), area.bottom())]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawPolygon(QPolygonF(below))
        painter.setPen(QPen(colour, _LINE))
        painter.drawPolyline(QPolygonF(line))

    def _line(self, area: QRectF) -> list[QPointF]:
        largest = max(self._values, default=0.0) or 1.0
        step = area.width() / (POINTS - 1)
        right = len(self._values) - 1
        return [
            QPointF(area.right() - (right - place) * step, area.bottom() - area.height() * value / largest)
            for place, value in enumerate(self._values)
        ]
