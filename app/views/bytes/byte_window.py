"""The visible part of a long payload, fetched on another thread."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.logic.shown_frame import is_at_hand
from app.runtime.jobs import Jobs
from core.decoders.source import Source

WINDOW = 256 * 1024
"""Bytes that are held at a time."""


class ByteWindow(QObject):
    """Holds the bytes around those last asked for."""

    loaded = Signal()
    """Bytes that `peek` lacked are available now."""
    failed = Signal(str)

    def __init__(self, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._source: Source | None = None
        self._first = 0
        self._data = b""
        self._wanted: int | None = None
        """Start of the window that is being fetched; None if none is."""
        self._is_fetching = False

    @property
    def is_settled(self) -> bool:
        """Whether nothing is being fetched."""
        return not self._is_fetching

    def set_source(self, source: Source | None) -> None:
        """Set another payload, or none."""
        self._source, self._wanted = source, None
        self._first, self._data = 0, b""
        if source is not None and is_at_hand(source):
            self._data = source.read(0, len(source))

    def peek(self, start: int, end: int) -> bytes | None:
        """A few bytes, `start`..`end`; None if they must be fetched first, which this starts."""
        if self._source is None:
            return b""
        if self._first <= start and end <= self._first + len(self._data):
            return self._data[start - self._first : end - self._first]
        if self._wanted is None or not self._wanted <= start <= end <= self._wanted + WINDOW:
            self._wanted = max(0, start - WINDOW // 2)
            self._fetch()
        return None

    def _fetch(self) -> None:
        source, first = self._source, self._wanted
        if self._is_fetching or source is None or first is None:
            return
        self._is_fetching = self._jobs.run(
            lambda: source.read(first, first + WINDOW),
            lambda data: self._take(source, first, data),
            lambda error: self._fail(source, error),
        )
        if not self._is_fetching:
            # The next peek asks again.
            self._wanted = None

    def _take(self, source: Source, first: int, data: bytes) -> None:
        self._is_fetching = False
        if source is self._source and first == self._wanted:
            self._first, self._data, self._wanted = first, data, None
            self.loaded.emit()
        else:
            self._fetch()

    def _fail(self, source: Source, error: Exception) -> None:
        self._is_fetching = False
        if source is self._source:
            # Stays marked as wanted, because each peek would fail again.
            self.failed.emit(self.tr("These bytes could not be read: {0}").format(error))
        else:
            self._fetch()
