"""Shows live how Unmask itself is doing: what it records, what that costs, and how fast the window responds."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from app.logic.sampling import Sample
from app.logic.text import counted, duration, grouped
from app.look.theme import Theme, ThemeRole
from app.runtime.gauges import TICK_MS
from app.views.parts.spark_line import SparkLine
from core.capture.timings import RECENT_SECONDS, Spread
from core.sizes import byte_size

_CARD_COLUMNS = 3
_TIME_COLUMNS = (2, 3, 4, 6, 7, 8)
"""Columns of the grid; the columns between them separate the halves."""
_NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Figure:
    """The content of a card."""

    value: str
    note: str
    height: float
    """Height of its line."""


@dataclass(frozen=True, slots=True)
class TimingRow:
    """The content of a row of the table."""

    recent: Spread | None
    since_start: Spread | None


class _Card(QFrame):
    """One figure with its recent course."""

    def __init__(self, title: str, tooltip: str, theme: Theme) -> None:
        super().__init__()
        self.setProperty("look", "card")
        self.setToolTip(tooltip)
        self.title = title
        self.value = _label("title")
        font = self.value.font()
        font.setPointSizeF(font.pointSizeF() * 1.35)
        self.value.setFont(font)
        self.note = _label("muted")
        self.spark = SparkLine(theme, ThemeRole.ACCENT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 10)
        layout.setSpacing(3)
        for widget in (_label("muted", title), self.value, self.spark, self.note):
            layout.addWidget(widget)

    def show_figure(self, figure: Figure) -> None:
        self.value.setText(figure.value)
        self.note.setText(figure.note)
        self.spark.add(figure.height)


class _Times:
    """One row of the table of times, in its owner's grid."""

    def __init__(self, title: str, explanation: str, theme: Theme, grid: QGridLayout, row: int) -> None:
        self.title = title
        self.spark = SparkLine(theme, ThemeRole.CLIENT)
        names = QVBoxLayout()
        names.setSpacing(0)
        for text, look in ((title, "title"), (explanation, "muted")):
            names.addWidget(_label(look, text))
        grid.addLayout(names, row, 0)
        grid.addWidget(self.spark, row, 1)
        self.cells = [_label("") for _ in range(6)]
        for column, cell in enumerate(self.cells):
            cell.setFont(theme.mono_font())
            cell.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            cell.setMinimumWidth(QFontMetrics(cell.font()).horizontalAdvance("888.8 ms"))
            grid.addWidget(cell, row, _TIME_COLUMNS[column])

    def show_times(self, times: TimingRow) -> None:
        self.spark.add(0 if times.recent is None else times.recent.p99)
        for cell, text in zip(self.cells, (*_texts(times.recent), *_texts(times.since_start)), strict=True):
            cell.setText(text)


class DiagnosticsDialog(QDialog):
    """Shows samples; not modal, so that the window can be used meanwhile."""

    reset_wanted = Signal()
    """The person wants times to be counted from now on."""
    copy_wanted = Signal(str)
    """The person wants this text."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Diagnostics"))
        self.setMinimumWidth(900)
        self._rate = _Card(self.tr("Recording"), self.tr("Frames that stand in the capture"), theme)
        self._backlog = _Card(
            self.tr("Backlog"), self.tr("What was received and waits in memory to be written"), theme
        )
        self._memory = _Card(self.tr("Memory"), self.tr("What this process has in RAM"), theme)
        self._connections = _Card(self.tr("Connections"), self.tr("TCP connections that are open"), theme)
        self._capture = _Card(
            self.tr("Capture"), self.tr("The file, with what the database keeps beside it"), theme
        )
        self._disk = _Card(self.tr("Disk"), self.tr("Room on the disk that the capture is on"), theme)
        self._cards = (
            self._rate, self._backlog, self._memory, self._connections, self._capture, self._disk
        )  # fmt: skip
        cards = QGridLayout()
        cards.setSpacing(10)
        for place, card in enumerate(self._cards):
            cards.addWidget(card, place // _CARD_COLUMNS, place % _CARD_COLUMNS)
        table = QFrame()
        table.setProperty("look", "card")
        self._times = self._make_times(table, theme)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton(self.tr("&Copy as text"), QDialogButtonBox.ButtonRole.ActionRole)
        reset = buttons.addButton(self.tr("&Reset"), QDialogButtonBox.ButtonRole.ResetRole)
        reset.setToolTip(self.tr("Count the times of the right half, and draw the lines, from now on"))
        for button in (copy, reset):
            button.setAutoDefault(False)
        copy.clicked.connect(lambda: self.copy_wanted.emit(self.text()))
        reset.clicked.connect(self._reset)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 14)
        layout.setSpacing(12)
        layout.addLayout(cards)
        layout.addWidget(table)
        layout.addWidget(buttons)

    def show_sample(self, sample: Sample, since_start: tuple[Spread | None, ...]) -> None:
        """Show a sample. `since_start` has the spreads of commit, gap, paint and latency, if measured."""
        window = sample.window
        recent = (sample.commit, *((window.gap, window.paint, window.latency) if window else (None,) * 3))
        for times, now, since in zip(self._times, recent, since_start, strict=True):
            times.show_times(TimingRow(now, since))
        for card, figure in zip(self._cards, self._figures(sample), strict=True):
            card.show_figure(figure)

    def text(self) -> str:
        """Everything shown, as lines of text."""
        lines = [f"{card.title}: {card.value.text()} ({card.note.text()})" for card in self._cards]
        heads = (*self._heads(), *self._heads())
        lines.append(", ".join((self.tr("Times"), *self._spans())))
        for times in self._times:
            pairs = [f"{head} {cell.text()}" for head, cell in zip(heads, times.cells, strict=True)]
            lines.append(f"{times.title}: {', '.join(pairs[:3])}; {', '.join(pairs[3:])}")
        return "\n".join(lines) + "\n"

    def _figures(self, sample: Sample) -> tuple[Figure, ...]:
        lost = counted(sample.lost_frames, self.tr("1 lost"), self.tr("{count} lost"))
        frames = counted(sample.frames, self.tr("1 frame"), self.tr("{count} frames"))
        rate = round(sample.frames_per_second)
        behind = self.tr("to be written") if sample.backlog_bytes else self.tr("all is written")
        return (
            Figure(
                self.tr("{count}/s").format(count=grouped(rate)),
                f"{frames}, {lost}" if sample.lost_frames else frames,
                rate,
            ),
            Figure(byte_size(sample.backlog_bytes), behind, sample.backlog_bytes),
            _size(sample.memory_bytes, self.tr("in RAM")),
            Figure(grouped(sample.open_connections), self.tr("open"), sample.open_connections),
            _size(sample.capture_bytes, self.tr("on disk")),
            _size(sample.free_bytes, self.tr("free")),
        )

    def _make_times(self, table: QFrame, theme: Theme) -> tuple[_Times, ...]:
        grid = QGridLayout(table)
        grid.setContentsMargins(14, 12, 14, 12)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        grid.setColumnMinimumWidth(5, 12)
        right = Qt.AlignmentFlag.AlignRight
        grid.addWidget(_label("muted", self.tr("99 % ≤, last minute")), 1, 1, right)
        for column, span in zip(_TIME_COLUMNS[::3], self._spans(), strict=True):
            grid.addWidget(_label("title", span), 0, column, 1, 3, right)
        for column, head in zip(_TIME_COLUMNS, (*self._heads(), *self._heads()), strict=True):
            grid.addWidget(_label("muted", head), 1, column, right)
        rows = (
            (self.tr("Commit"), self.tr("writing what came to the capture")),
            (
                self.tr("Event loop"),
                self.tr("how late it comes to a timer of {count} ms").format(count=TICK_MS),
            ),
            (self.tr("Paint"), self.tr("drawing the frames in sight")),
            (self.tr("Socket to pixel"), self.tr("from reading a frame to showing it")),
        )
        return tuple(
            _Times(title, explanation, theme, grid, 2 + row) for row, (title, explanation) in enumerate(rows)
        )

    def _spans(self) -> tuple[str, str]:
        return (
            self.tr("Last {count} s").format(count=round(RECENT_SECONDS)),
            self.tr("Since opened or reset"),
        )

    def _heads(self) -> tuple[str, str, str]:
        return self.tr("half ≤"), self.tr("99 % ≤"), self.tr("longest")

    def _reset(self) -> None:
        for spark in (*(card.spark for card in self._cards), *(times.spark for times in self._times)):
            spark.clear()
        self.reset_wanted.emit()


def _size(size: int | None, note: str) -> Figure:
    return Figure(_NOTHING if size is None else byte_size(size), note, size or 0)


def _texts(spread: Spread | None) -> tuple[str, str, str]:
    if spread is None:
        return _NOTHING, _NOTHING, _NOTHING
    return duration(spread.p50), duration(spread.p99), duration(spread.longest)


def _label(look: str, text: str = "") -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    label.setProperty("look", look)
    return label
