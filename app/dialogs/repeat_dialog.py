"""Asks how often and how fast something is sent: one message many times, or a sequence in its rhythm."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.logic.repeating import LONGEST_SECONDS, MOST_ROUNDS, Series, in_rhythm, repeated
from app.logic.resending import Sequence
from app.logic.text import counted, rough_time
from core.protocol.outgoing import Outgoing

_TIMES, _INTERVAL_MS = 10, 1000
_FASTEST = 1000
"""Messages a second."""


class _Unit(Enum):
    MILLISECONDS = "ms"
    A_SECOND = "a second"


class _Dialog(QDialog):
    """Boxes above, what they come to below."""

    def __init__(self, title: str, intro: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.intro = QLabel(intro, self)
        self.intro.setTextFormat(Qt.TextFormat.PlainText)
        self.intro.setWordWrap(True)
        self.form = QFormLayout()
        self.form.setHorizontalSpacing(12)
        self.summary = QLabel(self)
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        self.summary.setProperty("look", "muted")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.send = QPushButton(self.tr("&Send"), self)
        self.send.setDefault(True)
        buttons.addButton(self.send, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 14)
        layout.setSpacing(12)
        layout.addWidget(self.intro)
        layout.addLayout(self.form)
        layout.addWidget(self.summary)
        layout.addWidget(buttons)
        self.setMinimumWidth(380)

    def _spin(self, name: str, least: int, most: int, value: int, suffix: str = "") -> QSpinBox:
        spin = QSpinBox(self)
        spin.setRange(least, most)
        spin.setValue(value)
        spin.setSuffix(suffix)
        spin.setAccessibleName(name)
        # A style sheet's padding does not apply to the editor inside.
        spin.lineEdit().setTextMargins(6, 0, 0, 0)
        return spin

    def _say_duration(self, seconds: float, total: int) -> None:
        words = counted(total, self.tr("1 message"), self.tr("{count} messages"))
        self.summary.setText(self.tr("{0}, in {1}").format(words, rough_time(seconds)) if seconds else words)


class RepeatDialog(_Dialog):
    """After `accept`, `series` is what to send."""

    def __init__(self, to: str, parent: QWidget | None = None) -> None:
        """`to` says who gets it."""
        super().__init__(
            "", "", parent
        )  # fmt: skip
        self.setWindowTitle(self.tr("Send repeatedly"))
        self.intro.setText(self.tr("What stands in the composer is sent {0} again and again.").format(to))
        self.times = self._spin(self.tr("Times"), 1, MOST_ROUNDS, _TIMES, self.tr(" ×"))
        self.amount = self._spin(self.tr("Interval or rate"), 0, int(LONGEST_SECONDS * 1000), _INTERVAL_MS)
        self.unit = QComboBox(self)
        self.unit.setAccessibleName(self.tr("Unit"))
        self.unit.addItem(self.tr("ms apart"), _Unit.MILLISECONDS)
        self.unit.addItem(self.tr("a second"), _Unit.A_SECOND)
        pace = QHBoxLayout()
        pace.addWidget(self.amount, 1)
        pace.addWidget(self.unit)
        self.form.addRow(self.tr("How often"), self.times)
        self.form.addRow(self.tr("How fast"), pace)
        self.unit.currentIndexChanged.connect(self._on_unit)
        for changed in (self.times.valueChanged, self.amount.valueChanged):
            changed.connect(self._show)
        self._show()

    @property
    def interval_seconds(self) -> float:
        """Time between two messages."""
        amount = self.amount.value()
        return amount / 1000 if self.unit.currentData() is _Unit.MILLISECONDS else 1 / max(1, amount)

    def series(self, outgoing: Outgoing) -> Series:
        """The message, as often and as fast as the boxes say. Raises PayloadError."""
        return repeated(outgoing, self.times.value(), self.interval_seconds)

    def _on_unit(self) -> None:
        is_rate = self.unit.currentData() is _Unit.A_SECOND
        seconds = self.amount.value() / 1000 if is_rate else 1 / max(1, self.amount.value())
        self.amount.setRange(1 if is_rate else 0, _FASTEST if is_rate else int(LONGEST_SECONDS * 1000))
        self.amount.setValue(round(1 / seconds) if is_rate and seconds else round(seconds * 1000))
        self._show()

    def _show(self) -> None:
        times = self.times.value()
        self._say_duration((times - 1) * self.interval_seconds, times)


class SequenceDialog(_Dialog):
    """After `accept`, `series` is what to send."""

    def __init__(self, sequence: Sequence, to: str, parent: QWidget | None = None) -> None:
        """`to` says who gets it."""
        super().__init__("", "", parent)
        self._sequence = sequence
        self.setWindowTitle(self.tr("Send as a sequence"))
        count = len(sequence.steps)
        words = counted(
            count, self.tr("1 message is sent {to}"), self.tr("{count} messages are sent {to}"), to=to
        )
        if sequence.seconds:
            words += self.tr(", which took {0} when they were seen").format(rough_time(sequence.seconds))
        if sequence.left_out:
            words += self.tr("; {0} frames that are no end of a message are left out").format(
                sequence.left_out
            )
        self.intro.setText(f"{words}.")
        self.speed = QComboBox(self)
        self.speed.setAccessibleName(self.tr("Speed"))
        for factor in (1.0, 0.1, 0.25, 0.5, 2.0, 4.0, 10.0, 100.0):
            text = self.tr("As they came") if factor == 1.0 else self.tr("{0:g} times as fast").format(factor)
            self.speed.addItem(text, factor)
        self.speed.addItem(self.tr("All at once"), 0.0)
        self.times = self._spin(self.tr("Times"), 1, MOST_ROUNDS, 1, self.tr(" ×"))
        self.pause = self._spin(
            self.tr("Pause between two rounds"), 0, int(LONGEST_SECONDS * 1000), _INTERVAL_MS, self.tr(" ms")
        )
        self.form.addRow(self.tr("Speed"), self.speed)
        self.form.addRow(self.tr("How often"), self.times)
        self.form.addRow(self.tr("Pause"), self.pause)
        self.speed.currentIndexChanged.connect(self._show)
        for changed in (self.times.valueChanged, self.pause.valueChanged):
            changed.connect(self._show)
        self._show()

    def series(self) -> Series:
        """The sequence, as fast and as often as the boxes say. Raises PayloadError."""
        return in_rhythm(
            self._sequence.steps, self.speed.currentData(), self.times.value(), self.pause.value() / 1000
        )

    def _show(self) -> None:
        rounds, speed = self.times.value(), float(self.speed.currentData())
        once = self._sequence.seconds / speed if speed else 0.0
        seconds = once * rounds + (rounds - 1) * self.pause.value() / 1000
        self.pause.setEnabled(rounds > 1)
        self._say_duration(seconds, rounds * len(self._sequence.steps))
