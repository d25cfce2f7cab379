"""A line that shows current work and its progress, and cancels it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from app.views.parts.payload_carrier import PayloadCarrier

_PARTS = 1000


class WorkBar(QWidget):
    """Hidden while there is no work."""

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._carrier: PayloadCarrier | None = None
        self.words = QLabel(self)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setProperty("look", "muted")
        self.progress = QProgressBar(self)
        self.progress.setRange(0, _PARTS)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.cancel = QPushButton(self.tr("Cancel"), self)
        self.cancel.setProperty("look", "quiet")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 2, 8, 2)
        layout.addWidget(self.words)
        layout.addWidget(self.progress, 1)
        layout.addWidget(self.cancel)
        self.cancel.clicked.connect(self.cancelled)
        self.hide()

    def follow(self, carrier: PayloadCarrier) -> None:
        """Show the work of a carrier while there is some, and cancel it on request."""
        self._carrier = carrier
        self.cancelled.connect(carrier.cancel)
        carrier.changed.connect(self._look)

    def _look(self) -> None:
        carrier = self._carrier
        if carrier is not None and carrier.is_running:
            self.show_work(carrier.words, carrier.done, carrier.total)
        else:
            self.hide()

    def show_work(self, words: str, done: int, total: int) -> None:
        """Show that `done` of `total` is finished."""
        self.words.setText(words)
        self.progress.setValue(_PARTS * done // max(total, 1))
        self.show()
