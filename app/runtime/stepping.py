"""Runs work made of many small steps on other threads, a slice at a time; between slices its state can be read."""

from __future__ import annotations

import time
from collections.abc import Generator

from PySide6.QtCore import QObject, QTimer, Signal

from app.runtime.jobs import Jobs

SLICE_SECONDS = 0.05
_AGAIN_MS = 100
_END = -1


class Stepper(QObject):
    """Runs one iterator of numbers, which give its progress; starting another one drops it.

    Signals are emitted while no step is running, so that what the steps fill can be read without a lock.
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
        """Whether a slice is running on another thread."""
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
        """Run all steps now on this thread, for work known to be short."""
        self.cancel()
        self._steps = steps
        try:
            done = _slice(steps, float("inf"))
        except Exception as error:
            self._fail(steps, error)
        else:
            self._take(steps, done)

    def cancel(self) -> None:
        """Run no more steps; the result of a running slice is ignored."""
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
    """Run steps for about `seconds`; gives the last number, or _END when all are done."""
    end = time.monotonic() + seconds
    for done in steps:
        if time.monotonic() >= end:
            return done
        # Let threads that wait for the interpreter have it now, rather than at the end of its switch interval.
        time.sleep(0)
    return _END
