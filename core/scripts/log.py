"""What a script has said and what became of it: the last entries, for any thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from core.scripts.records import Utterance

MOST_ENTRIES = 1000
_LARGEST = 4 * 1024 * 1024
"""Characters of all entries together."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a script's log."""

    number: int
    """Counts from 1. A repeated entry gets a new one."""
    time_ns: int
    """When it was said last, in ns since the epoch."""
    kind: Utterance
    text: str
    line: int
    """Where in the script, from 1; 0 if that is not known."""
    detail: str
    """A traceback, or ""."""
    times: int
    """How often it was said in a row."""

    @property
    def size(self) -> int:
        return len(self.text) + len(self.detail)


class ScriptLog:
    """The newest entries; what is said again and again takes one."""

    def __init__(self, clock: Callable[[], int]) -> None:
        """`clock` gives ns since the epoch."""
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: deque[LogEntry] = deque()
        self._size = 0
        self._last = 0

    def add(self, kind: Utterance, text: str, line: int = 0, detail: str = "") -> None:
        """Take an entry, which pushes out the oldest if there are too many."""
        with self._lock:
            entries = self._entries
            self._last += 1
            before = entries[-1] if entries else None
            if before is not None and (before.kind, before.text, before.line) == (kind, text, line):
                entries[-1] = replace(
                    before, number=self._last, time_ns=self._clock(), times=before.times + 1
                )
                return
            entry = LogEntry(self._last, self._clock(), kind, text, line, detail, 1)
            entries.append(entry)
            self._size += entry.size
            while len(entries) > MOST_ENTRIES or self._size > _LARGEST:
                self._size -= entries.popleft().size

    def after(self, number: int = 0) -> tuple[LogEntry, ...]:
        """The entries that came or were repeated after the one with this number, the oldest first."""
        with self._lock:
            return tuple(entry for entry in self._entries if entry.number > number)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._size = 0
