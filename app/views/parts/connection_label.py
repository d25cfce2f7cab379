"""Names the connection that something belongs to: its mark, its number and as much of its path as fits."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.logic.text import one_line, tooltip
from app.look.theme import Theme, ThemeRole
from app.views.parts.connection_mark import GAP, SIZE, elided_path, paint_mark
from core.capture.records import ConnectionRecord

_MARGIN = 10
_WIDEST = 260
_AS_TABS = 15
"""Pixels above and below the text of a tab."""


class ConnectionLabel(QWidget):
    """Hidden while there is no connection."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._connection = 0
        self._path = ""
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.hide()
        theme.changed.connect(self.update)

    @property
    def text(self) -> str:
        """The whole text, cut or not."""
        return f"{self._number} {self._path}".rstrip() if self._connection else ""

    def show_connection(self, record: ConnectionRecord | None) -> None:
        """Set the connection; None for none."""
        self._connection = 0 if record is None else record.id
        self._path = "" if record is None else one_line(record.path)
        self.setVisible(record is not None)
        self.setToolTip(tooltip(self.text) if record is not None else "")
        self.setAccessibleName(self.text)
        self.updateGeometry()
        self.update()

    @property
    def _number(self) -> str:
        return f"#{self._connection}"

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        width = metrics.horizontalAdvance(self.text) + SIZE + GAP + 2 * _MARGIN
        return QSize(min(width, _WIDEST), metrics.height() + _AS_TABS)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        metrics = self.fontMetrics()
        paint_mark(painter, self._theme, self._connection, _MARGIN, (self.height() - SIZE) // 2)
        left = _MARGIN + SIZE + GAP
        area = QRect(left, 0, self.width() - left - _MARGIN, self.height())
        number = self._number
        room = area.width() - metrics.horizontalAdvance(f"{number} ")
        painter.setPen(self._theme.color(ThemeRole.TEXT))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        painter.drawText(area, flags, f"{number} {elided_path(metrics, self._path, room)}")
