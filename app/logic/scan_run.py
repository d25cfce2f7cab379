"""What one filter has found in one capture so far; the search thread fills it, the window empties it. No Qt here."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path
from threading import Lock

from core.query.expressions import Filter
from core.query.scan import Found

FOUND_LIMIT = 10_000_000
"""Frames that one run can find; each takes eight bytes."""


class RunState(Enum):
    """The state of a run."""

    SEARCHING = auto()
    PAUSED = auto()
    """The person stopped it."""
    COMPLETE = auto()
    """It has seen every frame there is, and follows new ones."""
    FULL = auto()
    """It found FOUND_LIMIT frames and stops."""
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a run."""

    state: RunState
    through: int = 0
    """All frames up to this id have been tested."""
    last: int = 0
    """Id of the last frame to be tested."""
    problem: str = ""
    """A sentence if the run failed, else ""."""

    @property
    def share(self) -> float:
        """0 to 1."""
        return min(1.0, self.through / self.last) if self.last else 0.0


class ScanRun:
    """The finds of one filter in one capture; the search thread adds, the window takes."""

    def __init__(self, path: Path, wanted: Filter, limit: int = FOUND_LIMIT) -> None:
        self.path = path
        self.wanted = wanted
        self.limit = limit
        self._lock = Lock()
        self._fresh = array("Q")
        self._count = 0
        self._progress = Progress(RunState.SEARCHING)
        self._told = False

    # For the window.

    @property
    def progress(self) -> Progress:
        with self._lock:
            return self._progress

    def take(self) -> array[int]:
        """Ids of the frames found since the last call, in order."""
        with self._lock:
            fresh, self._fresh = self._fresh, array("Q")
            self._told = False
            return fresh

    def set_paused(self, paused: bool) -> None:
        """Pause or resume; no effect on a run that has ended. Wake the thread afterwards."""
        before, after = RunState.SEARCHING, RunState.PAUSED
        if not paused:
            before, after = after, before
        with self._lock:
            if self._progress.state is before:
                self._progress = replace(self._progress, state=after)

    # For the thread.

    def add(self, found: Found) -> bool:
        """Add finds; True if the window must be told, which happens only once until it has taken them."""
        with self._lock:
            room = self.limit - self._count
            self._fresh.extend(found.frames[:room])
            self._count += min(room, len(found.frames))
            full = len(found.frames) > room
            state = RunState.FULL if full else self._progress.state
            self._progress = replace(self._progress, state=state, through=found.through, last=found.last)
            return self._tell()

    def end(self, state: RunState, problem: str = "") -> bool:
        """Note that the run has caught up or failed; True if the window must be told."""
        with self._lock:
            changed = self._progress.state is not state
            self._progress = replace(self._progress, state=state, problem=problem)
            return changed and self._tell()

    def _tell(self) -> bool:
        told, self._told = self._told, True
        return not told
