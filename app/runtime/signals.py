"""Handles Ctrl+C, SIGTERM and SIGHUP in Qt's event loop, where Python's signal handlers do not run."""

from __future__ import annotations

import signal
import socket
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier, Signal

from app.logic.ending_signals import ending_signals

_READ_BYTES = 64


class QuitSignals(QObject):
    """Emits a Qt signal for signals that ask to end, until `close`. One instance at a time; on the main thread."""

    asked = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reading, self._writing = socket.socketpair()
        self._reading.setblocking(False)
        self._writing.setblocking(False)
        self._notifier = QSocketNotifier(self._reading.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._arrived)
        # Python writes the number of each signal to this socket immediately, whatever its threads are doing.
        self._previous_fd = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        self._previous = {number: signal.signal(number, _wait_for_qt) for number in ending_signals()}

    def close(self) -> None:
        """Restore the signal handlers. Idempotent."""
        if self._previous:
            for number, handler in self._previous.items():
                signal.signal(number, handler)
            self._previous.clear()
            signal.set_wakeup_fd(self._previous_fd)
            self._notifier.setEnabled(False)
            self._reading.close()
            self._writing.close()

    def _arrived(self) -> None:
        numbers = self._reading.recv(_READ_BYTES)
        if any(number in self._previous for number in numbers):
            self.asked.emit()


def _wait_for_qt(_number: int, _frame: FrameType | None) -> None:
    """Python's handler: does nothing, because the socket has informed Qt."""
