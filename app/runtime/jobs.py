"""Long work on a few threads; the result comes back on the window's thread."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

THREADS = 2
WAITING = 16
"""Jobs that may run or wait for a thread."""


class Jobs(QObject):
    """A bounded pool. `failed` is required, because exceptions of the work would be lost without it."""

    _finished = Signal(int, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(THREADS)
        self._ids = itertools.count(1)
        self._waiting: dict[int, tuple[Callable[[Any], None], Callable[[Exception], None]]] = {}
        self._finished.connect(self._deliver)

    def run(
        self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> bool:
        """Run `work` on another thread, then `done` or `failed` on this one; False if too many jobs are waiting."""
        if len(self._waiting) >= WAITING:
            return False
        identity = next(self._ids)
        self._waiting[identity] = (done, failed)
        self._pool.start(_Job(identity, work, self._finished.emit))
        return True

    def refusal(self) -> str:
        """The sentence for work that was not accepted."""
        return self.tr("Too much is being done at once. Try again in a moment.")

    def stop(self) -> None:
        """Drop waiting jobs and wait for running ones; their results are not delivered."""
        self._waiting.clear()
        self._pool.clear()
        self._pool.waitForDone()

    def _deliver(self, identity: int, result: object, error: object) -> None:
        waiting = self._waiting.pop(identity, None)
        if waiting is None:
            return
        done, failed = waiting
        if isinstance(error, Exception):
            failed(error)
        else:
            done(result)


class _Job(QRunnable):
    def __init__(
        self, identity: int, work: Callable[[], Any], report: Callable[[int, object, object], None]
    ) -> None:
        super().__init__()
        self._identity = identity
        self._work: Callable[[], Any] | None = work
        self._report = report

    def run(self) -> None:
        result: object = None
        failure: Exception | None = None
        # Qt keeps the job object for a while, so release what its work holds now.
        work, self._work = self._work, None
        assert work is not None, "a job runs once"
        try:
            result = work()
        except Exception as error:
            failure = error
        self._report(self._identity, result, failure)
