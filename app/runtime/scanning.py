"""Runs one filter over a capture on its own thread: searches what is there, then follows the recording."""

from __future__ import annotations

from contextlib import closing
from threading import Condition

from PySide6.QtCore import QObject, QThread, Signal

from app.logic.scan_run import RunState, ScanRun
from core.errors import CaptureError
from core.query.child_scan import AnyScan, scan_of

_REST_SECONDS = 0.05
"""Pause between two looks at new frames, so that following a flood costs the window nothing."""


class ScanThread(QThread):
    """Works on one run at a time. Keep a reference until `stop` has returned."""

    found = Signal()
    """The run has new finds, or its state has changed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("unmask-filter")
        self._condition = Condition()
        self._wanted: ScanRun | None = None
        self._poked = False
        self._ending = False

    # Called by the window.

    def search(self, run: ScanRun | None) -> None:
        """Work on this run instead of the current one; None means on nothing. No effect after `stop`."""
        with self._condition:
            if self._ending:
                return
            self._wanted = run
            self._poked = True
            self._condition.notify()
        if run is not None and not self.isRunning():
            self.start()

    def poke(self) -> None:
        """There may be new frames."""
        with self._condition:
            self._poked = True
            self._condition.notify()

    def stop(self) -> None:
        """End the thread and wait for it, which takes as long as one block. Idempotent."""
        with self._condition:
            self._wanted = None
            self._ending = True
            self._condition.notify()
        self.wait()

    # On the thread.

    def run(self) -> None:
        while (run := self._next()) is not None:
            try:
                with closing(self._scan(run)) as scan:
                    self._work(run, scan)
            except CaptureError as error:
                if run.end(RunState.FAILED, str(error)):
                    self.found.emit()

    def _next(self) -> ScanRun | None:
        """The run to begin with; None at the end."""
        with self._condition:
            while not self._ending and (self._wanted is None or not self._may_go_on(self._wanted)):
                self._poked = False
                self._condition.wait()
            return None if self._ending else self._wanted

    def _scan(self, run: ScanRun) -> AnyScan:
        return scan_of(run.path, run.wanted, lambda: self._is_wanted(run))

    def _work(self, run: ScanRun, scan: AnyScan) -> None:
        while self._is_wanted(run):
            with self._condition:
                self._poked = False
            if not self._look(run, scan):
                return
            if run.end(RunState.COMPLETE):
                self.found.emit()
            with self._condition:
                self._condition.wait_for(lambda: self._wanted is not run, _REST_SECONDS)
                self._condition.wait_for(lambda: self._wanted is not run or self._poked)

    def _look(self, run: ScanRun, scan: AnyScan) -> bool:
        """Search once; True if the run has seen everything that is there."""
        for found in scan.run(run.progress.through):
            if run.add(found):
                self.found.emit()
            if not self._is_wanted(run):
                break
        return self._is_wanted(run)

    def _is_wanted(self, run: ScanRun) -> bool:
        return self._wanted is run and self._may_go_on(run)

    def _may_go_on(self, run: ScanRun) -> bool:
        return run.progress.state in (RunState.SEARCHING, RunState.COMPLETE)
