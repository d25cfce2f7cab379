"""How long each step of opening a connection took, as bars on one scale."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.logic.leg_timings import Step, Timing
from app.logic.text import duration
from app.look.theme import Theme, ThemeRole
from core.protocol.state import Role

_PAD = 4
_BAR = 8
_GAP = 14
_LEAST_BAR = 3
_ROLES = {Role.CLIENT: ThemeRole.CLIENT, Role.SERVER: ThemeRole.SERVER}


class TimeBars(QWidget):
    """One line a step: what was done, when within the whole, and how long it took."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._timings: tuple[Timing, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_timings(self, timings: tuple[Timing, ...]) -> None:
        """Show these."""
        self._timings = timings
        self.setAccessibleName(self.tr("Timings: {0}").format("; ".join(self.lines())))
        self.updateGeometry()
        self.update()

    def lines(self) -> list[str]:
        """What is shown, in words."""
        return [f"{self._label(each)} {duration(each.took_ns)}" for each in self._timings]

    def sizeHint(self) -> QSize:
        return QSize(320, len(self._timings) * self._line_height)

    @property
    def _line_height(self) -> int:
        return self.fontMetrics().height() + 2 * _PAD

    def _label(self, timing: Timing) -> str:
        of_client = timing.side is Role.CLIENT
        return {
            Step.CONNECT: self.tr("Finding and reaching the server"),
            Step.TLS: self.tr("TLS with the client") if of_client else self.tr("TLS with the server"),
            Step.HANDSHAKE: self.tr("Request and answer"),
            Step.FIRST_MESSAGE: (
                self.tr("Until the client's first message")
                if of_client
                else self.tr("Until the server's first message")
            ),
        }[timing.step]

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = self.fontMetrics()
        names = [self._label(each) for each in self._timings]
        times = [duration(each.took_ns) for each in self._timings]
        left = max(map(metrics.horizontalAdvance, names), default=0) + _GAP
        # Times stand in front of the bars, so that they can be read down.
        bars = left + max(map(metrics.horizontalAdvance, times), default=0) + _GAP
        room = max(self.width() - bars - 2, 0)
        for number, timing in enumerate(self._timings):
            line = QRect(0, number * self._line_height, self.width(), self._line_height)
            flags = Qt.AlignmentFlag.AlignVCenter
            painter.setPen(self._theme.color(ThemeRole.MUTED))
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | flags, names[number])
            painter.setPen(self._theme.color(ThemeRole.TEXT))
            of_time = QRect(left, line.top(), bars - _GAP - left, line.height())
            painter.drawText(of_time, Qt.AlignmentFlag.AlignRight | flags, times[number])
            self._bar(painter, QRect(bars, line.top(), room, line.height()), timing)

    def _bar(self, painter: QPainter, area: QRect, timing: Timing) -> None:
        """Within the time that opening took; what came later has none."""
        opening = [each for each in self._timings if each.step is not Step.FIRST_MESSAGE]
        first = min((each.began_ns for each in opening), default=0)
        last = max((each.ended_ns for each in opening), default=0)
        if timing.step is Step.FIRST_MESSAGE or last <= first:
            return
        per_ns = area.width() / (last - first)
        begun = area.left() + (timing.began_ns - first) * per_ns
        width = max(timing.took_ns * per_ns, _LEAST_BAR)
        bar = QRectF(min(begun, area.right() - width), area.top() + (area.height() - _BAR) / 2, width, _BAR)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color(ThemeRole.HOVER))
        painter.drawRoundedRect(QRectF(area.left(), bar.top(), area.width(), _BAR), 3, 3)
        painter.setBrush(self._theme.color(_ROLES[timing.side]))
        painter.drawRoundedRect(bar, 3, 3)
