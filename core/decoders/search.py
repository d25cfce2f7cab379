"""Finds text in a whole payload, in steps."""

from __future__ import annotations

import re
from array import array
from collections.abc import Generator
from enum import Enum, auto
from typing import NamedTuple

from core.decoders.source import Source, pieces

KEPT = 1_000_000
"""Hits whose places are kept; all hits are counted."""
_STEP = 32 * 1024


class Case(Enum):
    """Whether upper and lower case count as equal."""

    EITHER = auto()
    EXACT = auto()


class SearchPattern(NamedTuple):
    """What is looked for."""

    pattern: re.Pattern[bytes]
    """Never matches the empty string."""
    longest: int
    """Greatest length of a match, in bytes."""


class Hit(NamedTuple):
    """Bytes `first`..`end` of the payload."""

    first: int
    end: int


def text_needle(wanted: str, case: Case = Case.EITHER) -> SearchPattern:
    """`wanted` as UTF-8."""
    return needle(text_pattern(wanted, case))


def needle(pattern: bytes, room: int = 0) -> SearchPattern:
    """`room` is how many bytes longer a match can be than the pattern."""
    return SearchPattern(re.compile(pattern), len(pattern) + room)


def text_pattern(wanted: str, case: Case = Case.EITHER) -> bytes:
    """A pattern for `wanted` in UTF-8."""
    if case is Case.EXACT:
        return re.escape(_encoded(wanted))
    return b"".join(map(_either_case, wanted))


def _either_case(letter: str) -> bytes:
    forms = dict.fromkeys((letter, letter.lower(), letter.upper()))
    encoded = [re.escape(_encoded(form)) for form in forms]
    return encoded[0] if len(encoded) == 1 else b"(?:" + b"|".join(encoded) + b")"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


class PayloadSearch:
    """Goes through a payload once. `count`, `done` and the hits grow with every step."""

    def __init__(self, source: Source, wanted: SearchPattern, start: int = 0) -> None:
        """Hits that begin before byte `start` are left out."""
        self._source = source
        self._start = start
        self._needle = wanted
        self._firsts = array("Q")
        self._ends = array("Q")
        self.count = 0
        """Hits found so far; they do not overlap."""

    @property
    def kept(self) -> int:
        """Number of hits that `hit` knows."""
        return len(self._firsts)

    def hit(self, number: int) -> Hit:
        """Hit number `number`, counted from 0 in order of place."""
        return Hit(self._firsts[number], self._ends[number])

    def first_from(self, offset: int) -> int:
        """Number of the first kept hit at `offset` or later; `kept` if there is none."""
        low, high = 0, self.kept
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._firsts[middle] < offset else (low, middle)
        return low

    def steps(self) -> Generator[int]:
        """Yields the offset up to which the payload has been searched."""
        tail, free = b"", self._start
        length = len(self._source)
        for first, data in pieces(self._source, _STEP, self._start):
            start, joined = first - len(tail), tail + data
            done = first + len(data)
            # A hit that begins this late may be cut or turn out longer; the next piece finds it.
            late = len(joined) if done == length else max(len(joined) - self._needle.longest, 0)
            free = self._look(joined, start, max(free - start, 0), late)
            keep = max(min(late, len(joined)), free - start)
            tail = joined[keep:]
            yield done

    def _look(self, data: bytes, start: int, at: int, late: int) -> int:
        """Record the hits in `data`, which lies at `start`, that begin between `at` and `late`.

        Gives the payload offset before which no more hits can begin.
        """
        for match in self._needle.pattern.finditer(data, at):
            if match.start() >= late:
                break
            at = match.end()
            self.count += 1
            if len(self._firsts) < KEPT:
                self._firsts.append(start + match.start())
                self._ends.append(start + at)
        return start + at
