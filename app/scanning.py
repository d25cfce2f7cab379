"""One filter over a capture, on a thread of its own: finds what is there, then follows what comes."""

from __future__ import annotations

from array import array
from contextlib import closing
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path
from threading import Condition, Lock

from PySide6.QtCore import QObject, QThread, Signal

from core.errors import CaptureError
from core.query.child_scan import AnyScan, scan_of
from core.query.expressions import Filter
from core.query.scan import Found

FOUND_LIMIT = 10_000_000
"""Frames that one run finds at most: eight bytes each."""
_REST_SECONDS = 0.05
"""Between two looks at what came, so that following a flood costs the window nothing."""


class RunState(Enum):
    """Where a run stands."""

    SEARCHING = auto()
    PAUSED = auto()
    """The person stopped it."""
    COMPLETE = auto()
    """It has seen every frame there is, and follows those that come."""
    FULL = auto()
    """It found FOUND_LIMIT frames and goes no further."""
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come."""

    state: RunState
    through: int = 0
    """All frames up to this id have been looked at."""
    last: int = 0
    """Id of the last frame that is to be looked at."""
    problem: str = ""
    """A sentence, where it failed."""

    @property
    def share(self) -> float:
        """0 to 1."""
        return min(1.0, self.through / self.last) if self.last else 0.0


class ScanRun:
    """What one filter found in one capture so far: the thread puts it in, the window takes it out."""

    def __init__(self, path: Path, wanted: Filter, limit: int = FOUND_LIMIT) -> None:
        self.path = path
        self.wanted = wanted
        self.limit = limit
        self._lock = Lock()
        self._fresh = array("Q")
        self._count = 0
        self._progress = Progress(RunState.SEARCHING)
        self._told = False

    # The window.

    @property
    def progress(self) -> Progress:
        with self._lock:
            return self._progress

    def take(self) -> array[int]:
        """Ids of the frames found since the last time, in order."""
        with self._lock:
            fresh, self._fresh = self._fresh, array("Q")
            self._told = False
            return fresh

    def set_paused(self, paused: bool) -> None:
        """Has no effect on a run that has ended. Wake the thread afterwards."""
        before, after = RunState.SEARCHING, RunState.PAUSED
        if not paused:
            before, after = after, before
        with self._lock:
            if self._progress.state is before:
                self._progress = replace(self._progress, state=after)

    # The thread.

    def add(self, found: Found) -> bool:
        """Whether the window is to be told: not again before it has taken."""
        with self._lock:
            room = self.limit - self._count
            self._fresh.extend(found.frames[:room])
            self._count += min(room, len(found.frames))
            full = len(found.frames) > room
            state = RunState.FULL if full else self._progress.state
            self._progress = replace(self._progress, state=state, through=found.through, last=found.last)
            return self._tell()

    def end(self, state: RunState, problem: str = "") -> bool:
        """The same, of a run that has caught up or failed."""
        with self._lock:
            changed = self._progress.state is not state
            self._progress = replace(self._progress, state=state, problem=problem)
            return changed and self._tell()

    def _tell(self) -> bool:
        told, self._told = self._told, True
        return not told


class ScanThread(QThread):
    """Works on one run at a time. Keep a reference until `stop` has returned."""

    found = Signal()
    """The run has more to take, or stands otherwise."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("unmask-filter")
        self._condition = Condition()
        self._wanted: ScanRun | None = None
        self._poked = False
        self._ending = False

    # The window.

    def search(self, run: ScanRun | None) -> None:
        """Works on this run, in place of the one before; with None, or after `stop`, on nothing."""
        with self._condition:
            if self._ending:
                return
            self._wanted = run
            self._poked = True
            self._condition.notify()
        if run is not None and not self.isRunning():
            self.start()

    def poke(self) -> None:
        """There may be more to look at."""
        with self._condition:
            self._poked = True
            self._condition.notify()

    def stop(self) -> None:
        """Ends the thread and waits for it, which takes as long as one block. Idempotent."""
        with self._condition:
            self._wanted = None
            self._ending = True
            self._condition.notify()
        self.wait()

    # The thread.

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
        """Whether it has seen everything that is there."""
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
