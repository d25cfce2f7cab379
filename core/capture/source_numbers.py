"""Numbers of sources in the capture being recorded: each capture counts them from 1."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from core.capture.records import SourceLabel
from core.capture.tables import SOURCE, SourceRow

UNKNOWN = 0
"""The number where no source is known."""


class SourceNumbers:
    """One writer's. Equal labels have one number, so that a source that is started again stays the same."""

    def __init__(self) -> None:
        self._numbers: dict[SourceLabel, int] = {}
        self._last = UNKNOWN
        self._unsaid: set[SourceLabel] = set()
        """Those that the file may not have."""

    def number(self, label: SourceLabel | None) -> int:
        """The number of a source, which the next `write` states if the file does not have it."""
        if label is None:
            return UNKNOWN
        number = self._numbers.get(label)
        if number is None:
            self._last = number = self._numbers[label] = self._last + 1
            self._unsaid.add(label)
        return number

    def write(self, db: sqlite3.Connection) -> None:
        """Write what the file may not have. A transaction of the caller's."""
        if self._unsaid:
            rows = [
                SourceRow(self._numbers[each], each.mode, each.name, each.address, each.target)
                for each in self._unsaid
            ]
            db.executemany(SOURCE.replace, rows)

    def keep(self) -> None:
        """All is in the file."""
        self._unsaid.clear()

    def restate(self, used: Iterable[SourceLabel | None]) -> None:
        """The file may have none of them any more; only those that are `used` are stated again."""
        labels = {label for label in used if label is not None}
        self._numbers = {label: number for label, number in self._numbers.items() if label in labels}
        self._unsaid = labels
