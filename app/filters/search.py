"""A scan of the capture on display, on a thread of its own, and what it has found."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.captures.workplace import Workplace
from app.logic.found import FoundFrames
from app.logic.scan_run import RunState, ScanRun
from app.logic.text import grouped
from app.runtime.scanning import ScanThread
from core.capture.reader import CaptureReader
from core.query.expressions import Filter


class Search(QObject):
    """One scan at a time, which follows the recording once it has seen everything."""

    problem = Signal(str)
    """The capture cannot be searched; a sentence, emitted once for each run."""
    note = Signal(str)
    """A sentence that is not about a problem."""
    stood_otherwise = Signal()
    """The state of the scan has changed."""

    def __init__(self, work: Workplace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = work.desk
        self._found: FoundFrames | None = None
        self._told: RunState | None = None
        self.scanner = ScanThread(self)
        self.scanner.found.connect(work.refresher.poke)

    @property
    def found(self) -> FoundFrames | None:
        """What it has found so far; None if nothing is searched."""
        return self._found

    def begin(self, reader: CaptureReader, wanted: Filter) -> FoundFrames:
        """Search anew, and forget what was found before."""
        self._told = None
        run = ScanRun(reader.path, wanted)
        self.scanner.search(run)
        self._found = FoundFrames(run)
        return self._found

    def end(self) -> None:
        """Search nothing, and forget what was found."""
        if self._found is not None:
            self._found = None
            self.scanner.search(None)

    def follow(self) -> None:
        """Look at what was recorded since, and take over what was found; tell if that is all."""
        found = self._found
        if found is None:
            return
        if self._desk.shows_live:
            self.scanner.poke()
        found.pull()
        self._tell(found)

    def halt(self) -> None:
        """Stop it, or go on where it was stopped."""
        found = self._found
        if found is None:
            return
        found.run.set_paused(found.progress.state is RunState.SEARCHING)
        self.scanner.poke()
        self._tell(found)

    def stop(self) -> None:
        """End the thread, at the end of the window."""
        self.scanner.stop()

    def _tell(self, found: FoundFrames) -> None:
        state = found.progress.state
        if state is self._told:
            return
        self._told = state
        self.stood_otherwise.emit()
        if state is RunState.FAILED:
            self.problem.emit(found.progress.problem)
        elif state is RunState.FULL:
            text = self.tr("The filter found {count} frames and looks no further. Narrow it to find others.")
            self.note.emit(text.format(count=grouped(len(found))))
