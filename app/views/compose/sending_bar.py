"""How far a repeated sending has come, with a button that stops it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from app.logic.text import grouped
from core.decoders.visible import visible

_HEIGHT = 6


class SendingBar(QWidget):
    """Takes no room while nothing is sent repeatedly."""

    stop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = QLabel(self)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.gauge = QProgressBar(self)
        self.gauge.setTextVisible(False)
        self.gauge.setFixedHeight(_HEIGHT)
        self.stop = QPushButton(self.tr("Stop"), self)
        self.stop.setToolTip(self.tr("Send no more of it"))
        self.stop.clicked.connect(self.stop_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.words)
        row.addWidget(self.gauge, 1)
        row.addWidget(self.stop)
        self.hide()

    def show_progress(self, sent: int, total: int, to: str) -> None:
        """So many of so many messages are on their way."""
        words = self.tr("{sent} of {total} sent {to}").format(sent=grouped(sent), total=grouped(total), to=to)
        self.words.setText(visible(words))
        # The gauge counts in thousandths, as Qt's numbers end at 2³¹.
        self.gauge.setRange(0, 1000)
        self.gauge.setValue(sent * 1000 // max(1, total))
        self.show()
