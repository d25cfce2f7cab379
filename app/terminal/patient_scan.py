"""Finds the frames of a story under a filter, and leaves out those over which the filter takes too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.capture.reader import CaptureReader
from core.errors import SearchError
from core.query.child_scan import AnyScan, scan_of
from core.query.expressions import Filter
from core.query.scan import Found

PATIENCE_SECONDS = 5.0
"""Time that a filter may take over a few blocks."""


class PatientScan:
    """Belongs to one thread; must be closed."""

    def __init__(
        self,
        reader: CaptureReader,
        wanted: Filter,
        is_wanted: Callable[[], bool],
        say: Callable[[str], None],
        patience_s: float = PATIENCE_SECONDS,
    ) -> None:
        """`say` gets a sentence when frames are left out; `is_wanted` is asked while the filter takes its time."""
        self._reader = reader
        self._wanted = wanted
        self._is_wanted = is_wanted
        self._say = say
        self._patience_s = patience_s
        self._scan: AnyScan | None = None

    def close(self) -> None:
        """End the scan; the next `find` begins anew."""
        if self._scan is not None:
            self._scan.close()
            self._scan = None

    def go_on_with(self, reader: CaptureReader) -> None:
        """Continue with the same capture at another path."""
        self.close()
        self._reader = reader

    def find(self, after: int) -> Iterator[Found]:
        """Do what `Scan.run` does. Raises CaptureError if the capture cannot be read."""
        through = after
        try:
            if self._scan is None:
                self._scan = scan_of(self._reader.path, self._wanted, self._is_wanted, self._patience_s)
            for found in self._scan.run(after):
                through = found.through
                yield found
        except SearchError as error:
            self.close()
            self._say(
                f"{error} From frame {through + 1} on, frames were left out that match it or not; all are in "
                f"{self._reader.path}."
            )
            last = max(through, self._reader.last_frame_id())
            yield Found((), last, last)
