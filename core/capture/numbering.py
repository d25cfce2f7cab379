"""Numbers of connections in the capture being recorded: each capture counts them from 1.

A connection has one handle for the whole run of the program, and a number in each capture in which it occurs.
Connections that are open when a capture begins come first, oldest first; new ones follow.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Numbering:
    """Converts between handles and the numbers of one capture. Any thread."""

    kept: tuple[int, ...] = ()
    """Handles of the connections that were open when the capture began, in order."""
    last_before: int = 0
    """The last handle given out before it began."""

    def number(self, handle: int) -> int | None:
        """The number of a connection; None if it ended before the capture began."""
        if handle > self.last_before:
            return len(self.kept) + handle - self.last_before
        place = bisect_left(self.kept, handle)
        return place + 1 if place < len(self.kept) and self.kept[place] == handle else None

    def handle(self, number: int) -> int:
        """The handle of the connection that has, or will have, this number. Numbers count from 1."""
        if number <= len(self.kept):
            return self.kept[number - 1]
        return self.last_before + number - len(self.kept)
