"""Asks where to go, and shows the meaning of the text as it is typed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.logic.text import grouped
from core.errors import CallerError, CaptureError
from core.query.places import Destination

_WIDTH = 480


class GoToDialog(QDialog):
    """Emits `chosen` once, with a `Destination`."""

    chosen = Signal(object)

    def __init__(self, find: Callable[[str], Destination], parent: QWidget | None = None) -> None:
        """`find` gives the destination of a text, or raises CallerError or CaptureError."""
        super().__init__(parent)
        self._find = find
        self._found: Destination | None = None
        self.setWindowTitle(self.tr("Go to"))
        self.setMinimumWidth(_WIDTH)
        self.input = QLineEdit(self)
        self.input.setMaxLength(100)
        self.input.setClearButtonEnabled(True)
        self.input.setPlaceholderText(self.tr("A frame's number, a time, a duration, a share"))
        self.answer = QLabel(" ", self)
        self.answer.setTextFormat(Qt.TextFormat.PlainText)
        self.answer.setWordWrap(True)
        self.answer.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        self.answer.setAlignment(Qt.AlignmentFlag.AlignTop)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.go = QPushButton(self.tr("&Go"))
        self.go.setDefault(True)
        buttons.addButton(self.go, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._choose)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addWidget(self.input)
        layout.addWidget(self.answer)
        layout.addLayout(self._hints())
        layout.addStretch(1)
        layout.addWidget(buttons)
        self.input.textChanged.connect(self._look)
        self._look()

    def _hints(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        for row, (example, meaning) in enumerate(
            (
                ("12345", self.tr("the frame of that number")),
                ("+100   -100", self.tr("so many frames after or before the selected one")),
                ("50%", self.tr("so far into the capture")),
                ("14:03:59.123", self.tr("the first frame at or after that time of day")),
                ("2026-01-31 14:03", self.tr("the same on a certain day")),
                ("90s   1.5h", self.tr("so long after the first frame (ms, s, m, h, d)")),
                ("+1.5s   -2m", self.tr("so long after or before the selected frame")),
            )
        ):
            for column, text in enumerate((example, meaning)):
                label = QLabel(text, self)
                label.setTextFormat(Qt.TextFormat.PlainText)
                label.setProperty("look", "muted" if column else "code")
                grid.addWidget(label, row, column)
        return grid

    def _look(self) -> None:
        text = self.input.text().strip()
        self._found = None
        sentence, look = "", "muted"
        if text:
            try:
                self._found = self._find(text)
                sentence = self._words(self._found)
            except (CallerError, CaptureError) as error:
                sentence, look = str(error), "warning"
        self.answer.setText(sentence)
        self.answer.setProperty("look", look)
        self.answer.style().unpolish(self.answer)
        self.answer.style().polish(self.answer)
        self.go.setEnabled(self._found is not None)

    def _words(self, found: Destination) -> str:
        words = self.tr("Frame {number} at {time}.").format(
            number=grouped(found.frame), time=moment(found.time_ns)
        )
        if found.outside:
            words += " " + self.tr("The capture does not reach further.")
        return words

    def _choose(self) -> None:
        if self._found is not None:
            self.accept()
            self.chosen.emit(self._found)


def moment(time_ns: int) -> str:
    """`2026-01-31 14:03:59.123` in local time."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    try:
        day = f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{time_ns} ns"
    return f"{day}.{rest // 1_000_000:03}"
