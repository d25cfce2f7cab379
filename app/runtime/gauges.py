"""Measures the window itself on request: its event loop and its table of frames."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer

from app.logic.sampling import WindowGauges
from core.capture.records import FrameRow
from core.capture.timings import Timings

TICK_MS = 2


class LoopGauge(QObject):
    """How late the event loop comes to a timer of `TICK_MS`."""

    def __init__(self, gap: Timings, parent: QObject) -> None:
        super().__init__(parent)
        self._gap = gap
        self._last = 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        self._last = time.perf_counter_ns()
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def _tick(self) -> None:
        now = time.perf_counter_ns()
        self._gap.add(max(0, now - self._last - TICK_MS * 1_000_000))
        self._last = now


class PaintGauge:
    """Measures how long the table of frames takes to paint, and the age of the newest row at its first paint."""

    def __init__(self, gauges: WindowGauges, clock: Callable[[], int]) -> None:
        """`clock` is the one that stamps frames."""
        self._gauges = gauges
        self._clock = clock
        self._newest = 0
        self._since = clock()

    def restart(self) -> None:
        """Ignore the age of earlier frames, which could not be painted when they came."""
        self._since = self._clock()
        self._newest = 0

    def painted(self, nanoseconds: int, newest: FrameRow | None) -> None:
        """Note a paint of that duration; `newest` is the last row of the list, None if it is out of sight."""
        self._gauges.paint.add(nanoseconds)
        if newest is not None and newest.id > self._newest:
            self._newest = newest.id
            if newest.time_ns >= self._since:
                self._gauges.latency.add(max(0, self._clock() - newest.time_ns))
