"""Work in many small steps, on other threads, a slice at a time; between two slices it rests and can be looked at."""

from __future__ import annotations

import time
from collections.abc import Generator

from PySide6.QtCore import QObject, QTimer, Signal

from app.runtime.jobs import Jobs

SLICE_SECONDS = 0.05
_AGAIN_MS = 100
_END = -1


class Stepper(QObject):
    """Goes through one iterator of numbers, which say how far it is. Starting another one drops the one before.

    The signals come while no step is under way: what the steps fill may then be read without a lock.
    """

    stepped = Signal()
    """`done` has grown."""
    ended = Signal()
    """All steps are done."""
    failed = Signal(object)
    """A step raised this exception; no more follow."""

    def __init__(self, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._steps: Generator[int] | None = None
        self._is_away = False
        """Whether a slice of them is under way."""
        self.done = 0
        """The number that the last step gave."""
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_AGAIN_MS)
        self._again.timeout.connect(self._go_on)

    @property
    def is_running(self) -> bool:
        return self._steps is not None

    def start(self, steps: Generator[int]) -> None:
        """Begin with the first step on another thread."""
        self.cancel()
        self._steps = steps
        self._go_on()

    def run_here(self, steps: Generator[int]) -> None:
        """Take all steps now, on this thread: for work that is known to be short."""
        self.cancel()
        self._steps = steps
        try:
            done = _slice(steps, float("inf"))
        except Exception as error:
            self._fail(steps, error)
        else:
            self._take(steps, done)

    def cancel(self) -> None:
        """Take no more steps; a slice that is under way ends unheard."""
        steps, self._steps = self._steps, None
        self.done = 0
        self._again.stop()
        if steps is not None and not self._is_away:
            steps.close()
        self._is_away = False

    def _go_on(self) -> None:
        steps = self._steps
        if steps is None:
            return
        accepted = self._jobs.run(
            lambda: _slice(steps, SLICE_SECONDS),
            lambda done: self._take(steps, done),
            lambda error: self._fail(steps, error),
        )
        self._is_away = accepted
        if not accepted:
            self._again.start()

    def _take(self, steps: Generator[int], done: int) -> None:
        if steps is not self._steps:
            steps.close()
            return
        self._is_away = False
        if done == _END:
            self._steps = None
            self.ended.emit()
            return
        self.done = done
        self.stepped.emit()
        self._go_on()

    def _fail(self, steps: Generator[int], error: Exception) -> None:
        if steps is self._steps:
            self._steps, self._is_away = None, False
            self.failed.emit(error)


def _slice(steps: Generator[int], seconds: float) -> int:
    """Where the work is after about `seconds`; _END when it is done."""
    end = time.monotonic() + seconds
    for done in steps:
        if time.monotonic() >= end:
            return done
        # Whoever waits for the interpreter gets it now, and not at the end of its switch interval.
        time.sleep(0)
    return _END
