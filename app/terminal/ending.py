"""Ends the console on Ctrl+C, SIGTERM or SIGHUP, even if nobody reads its output."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from app.logic.ending_signals import ending_signals

LAST_SECONDS = 3.0
"""Time for the last lines after the program was told to end."""
_HURRIED_SECONDS = 0.5
"""Time for a single line after a second signal."""
_LOOK_SECONDS = 0.5
_PATIENCE = 3
"""The number of the signal that ends the process immediately."""


class OutputStuck(Exception):
    """The program was told to end, and nobody reads its output. Raised within `Ending.writing`."""


class Writing:
    """Keeps the time since which something is being written."""

    def __init__(self) -> None:
        self.began: float | None = None

    def __enter__(self) -> None:
        self.began = time.monotonic()

    def __exit__(self, *_error: object) -> None:
        self.began = None


class Ending:
    """Within this context signals ask the program to end instead of ending the process. Main thread only.

    A signal that comes before `call` is kept until then. One signal is enough even if the output is stuck: then
    `OutputStuck` is raised within `writing`.
    """

    def __init__(self) -> None:
        self.writing = Writing()
        """To be entered around each piece that is written."""
        self._asked = 0
        self._stop: Callable[[], None] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Ending:
        self._before = {number: signal.signal(number, self._on_signal) for number in ending_signals()}
        if hasattr(signal, "SIGALRM"):
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._on_alarm)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def call(self, stop: Callable[[], None]) -> None:
        """Call `stop` for every signal from now on, and at once if one has already come."""
        self._stop = stop
        for _ in range(self._asked):
            stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked += 1
        if self._stop is not None:
            self._stop()
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS, _LOOK_SECONDS)
        if self._asked == _PATIENCE:
            for number in ending_signals():
                signal.signal(number, signal.SIG_DFL)
        self._look()

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        self._look()

    def _look(self) -> None:
        began = self.writing.began
        patience = LAST_SECONDS if self._asked == 1 else _HURRIED_SECONDS
        if began is not None and time.monotonic() - began > patience:
            raise OutputStuck
