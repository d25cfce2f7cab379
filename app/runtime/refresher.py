"""Turns any number of wake-ups into at most thirty refreshes per second."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Qt, QTimer, Signal

INTERVAL_MS = 33


class Refresher(QObject):
    """`poke` may come at any rate; `due` follows immediately after a pause, else when the interval has passed."""

    due = Signal()

    def __init__(self, parent: QObject | None = None, interval_ms: int = INTERVAL_MS) -> None:
        super().__init__(parent)
        self._interval_ms = interval_ms
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._fire)

    def poke(self) -> None:
        """There is something new."""
        if not self._timer.isActive():
            passed = (time.monotonic() - self._last) * 1000
            self._timer.start(max(0, round(self._interval_ms - passed)))

    def stop(self) -> None:
        """Cancel a pending refresh."""
        self._timer.stop()

    def _fire(self) -> None:
        self.due.emit()
        # Counted from the end of the refresh, so that a slow one leaves the window time for everything else.
        self._last = time.monotonic()
