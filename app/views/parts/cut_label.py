"""A line of plain text that is cut if there is no room for all of it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget


class CutLabel(QLabel):
    """Takes the width of its text if possible; otherwise it ends in an ellipsis."""

    def __init__(self, step: int, parent: QWidget | None = None) -> None:
        """The width grows in steps of `step` pixels, so that growing numbers do not move their neighbours."""
        super().__init__(parent)
        self._step = step
        self.setTextFormat(Qt.TextFormat.PlainText)

    def sizeHint(self) -> QSize:
        return QSize(-(-super().sizeHint().width() // self._step) * self._step, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        room = self.contentsRect()
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        self.style().drawItemText(
            QPainter(self),
            room,
            self.alignment(),
            self.palette(),
            self.isEnabled(),
            shown,
            self.foregroundRole(),
        )
