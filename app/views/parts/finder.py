"""Searches a whole payload, on another thread if it is long, and goes from hit to hit."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.logic.shown_frame import is_at_hand
from app.logic.text import grouped
from app.runtime.jobs import Jobs
from app.runtime.stepping import Stepper
from core.decoders.search import Hit, PayloadSearch, SearchPattern
from core.decoders.source import Source


class Finder(QObject):
    """One search at a time in one payload."""

    found = Signal(object)
    """The `Hit` to show."""
    changed = Signal()
    """`summary`, or the hits to mark, have changed."""

    def __init__(self, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._source: Source | None = None
        self._needle: SearchPattern | None = None
        self._search: PayloadSearch | None = None
        self._before = 0
        """Hits before the place where the search began."""
        self._current: int | None = None
        """Number of the shown hit among those of the search."""
        self._origin: int | None = None
        """The byte from which a hit is still to be shown."""
        self._backward = False
        self._is_stopped = False
        self._failure = ""
        self._reached = 0
        """Bytes searched so far."""
        self._stepper = Stepper(jobs, self)
        self._stepper.stepped.connect(self._look)
        self._stepper.ended.connect(self._look)
        self._stepper.failed.connect(self._fail)

    @property
    def is_running(self) -> bool:
        return self._stepper.is_running

    @property
    def has_hits(self) -> bool:
        return self._search is not None and self._search.count > 0

    @property
    def reached(self) -> int:
        """All hits that begin before this byte are known."""
        search, source = self._search, self._source
        if search is None or source is None:
            return 0
        return self._reached if self.is_running or self._is_stopped else len(source)

    def clear(self) -> None:
        """Forget the hits, because the payload or its decoder has changed."""
        self._stepper.cancel()
        self._source, self._search, self._current, self._origin = None, None, None, None
        self._failure = ""
        self.changed.emit()

    def find(self, source: Source, needle: SearchPattern, origin: int, *, backward: bool) -> None:
        """Go to the next hit of `needle`; for a new search, to the first from byte `origin` on."""
        if self._search is None or self._source is not source or needle != self._needle:
            self._begin(source, needle, origin, backward=backward)
            return
        if self._current is None:
            self._backward, self._origin = backward, origin
            self._look()
            return
        here, is_last = self._search.hit(self._current), self._current + 1 == self._search.kept
        if not backward and is_last and self._search.count > self._search.kept:
            # Only some places are kept: continue with the next ones, or return to the first.
            before = self._before + self._search.kept
            self._begin(source, needle, here.end, backward=False, before=before)
        elif backward and not self._current and self._before:
            self._begin(source, needle, here.first, backward=True)
        else:
            self._backward, self._origin = backward, here.first if backward else here.end
            self._look()

    def stop(self) -> None:
        """Stop searching; the hits stay."""
        if self.is_running:
            self._stepper.cancel()
            self._is_stopped = True
            self._look()

    def hits(self, first: int, end: int, most: int) -> list[Hit]:
        """Up to `most` hits that begin in the bytes `first`..`end`."""
        if self._search is None:
            return []
        number = self._search.first_from(first)
        last = min(self._search.kept, number + most)
        found = (self._search.hit(each) for each in range(number, last))
        return [hit for hit in found if hit.first < end]

    def summary(self) -> str:
        """The state of the search, in a few words."""
        search = self._search
        if self._failure or search is None or self._source is None:
            return self._failure
        if not search.count and not self.is_running and not self._is_stopped:
            return self.tr("Not found")
        count = grouped(self._before + search.count)
        if self._current is not None:
            count = self.tr("{0} of {1}").format(grouped(self._before + self._current + 1), count)
        if self.is_running or self._is_stopped:
            share = 100 * self._reached // max(len(self._source), 1)
            so_far = self.tr("{0} so far, {1} %") if self.is_running else self.tr("{0}, stopped at {1} %")
            return so_far.format(count, share)
        if search.count > search.kept:
            return self.tr("{0}; {1} of them are marked").format(count, grouped(search.kept))
        return count

    def _begin(
        self, source: Source, needle: SearchPattern, origin: int, *, backward: bool, before: int = 0
    ) -> None:
        """Start a search of everything, or of what follows the first `before` hits."""
        self._source, self._needle, self._before = source, needle, before
        self._search = PayloadSearch(source, needle, origin if before else 0)
        self._current, self._origin, self._backward = None, origin, backward
        self._is_stopped, self._failure, self._reached = False, "", 0
        if is_at_hand(source):
            self._stepper.run_here(self._search.steps())
        else:
            self._stepper.start(self._search.steps())
            self.changed.emit()

    def _look(self) -> None:
        """Show the hit that is due, if it is known by now."""
        search = self._search
        assert search is not None
        if self.is_running:
            self._reached = self._stepper.done
        if self._origin is not None and search.kept:
            number = self._due(search, self._origin)
            if number is not None:
                self._current, self._origin = number, None
                self.found.emit(search.hit(number))
        elif not self.is_running:
            self._origin = None
        self.changed.emit()

    def _due(self, search: PayloadSearch, origin: int) -> int | None:
        """The hit before or after `origin`, wrapping around only when that is known to be right."""
        number = search.first_from(origin)
        if self._backward:
            if number > 0 and (number < search.kept or not self.is_running):
                return number - 1
            return None if self.is_running else search.kept - 1
        if number < search.kept:
            return number
        return None if self.is_running else 0

    def _fail(self, error: Exception) -> None:
        self._failure = self.tr("The search has failed: {0}").format(error)
        self.changed.emit()
