"""Finding text in a whole payload, in steps."""

from __future__ import annotations

import re
from array import array
from collections.abc import Generator
from enum import Enum, auto
from typing import NamedTuple

from core.decoders.source import Source, pieces

KEPT = 1_000_000
"""Hits whose places are remembered; all are counted."""
_STEP = 32 * 1024


class Case(Enum):
    """Whether capital letters are the same as small ones."""

    EITHER = auto()
    EXACT = auto()


class Needle(NamedTuple):
    """What is looked for."""

    pattern: re.Pattern[bytes]
    """Never matches nothing."""
    longest: int
    """Bytes that a match has at most."""


class Hit(NamedTuple):
    """Bytes `first`..`end` of the payload."""

    first: int
    end: int


def text_needle(wanted: str, case: Case = Case.EITHER) -> Needle:
    """`wanted` as UTF-8."""
    return needle(text_pattern(wanted, case))


def needle(pattern: bytes, room: int = 0) -> Needle:
    """`room` is how much longer a match may get than the pattern is."""
    return Needle(re.compile(pattern), len(pattern) + room)


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


class Search:
    """Goes once through a payload. `count`, `done` and the hits grow with every step."""

    def __init__(self, source: Source, wanted: Needle, start: int = 0) -> None:
        """What begins before byte `start` is left out."""
        self._source = source
        self._start = start
        self._needle = wanted
        self._firsts = array("Q")
        self._ends = array("Q")
        self.count = 0
        """Hits found so far; they do not overlap."""

    @property
    def kept(self) -> int:
        """How many of them `hit` knows."""
        return len(self._firsts)

    def hit(self, number: int) -> Hit:
        """Number `number`, from 0, in order of their places."""
        return Hit(self._firsts[number], self._ends[number])

    def first_from(self, offset: int) -> int:
        """Number of the first kept hit at `offset` or behind it; `kept` where there is none."""
        low, high = 0, self.kept
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._firsts[middle] < offset else (low, middle)
        return low

    def steps(self) -> Generator[int]:
        """Gives up to which byte it has been."""
        tail, free = b"", self._start
        length = len(self._source)
        for first, data in pieces(self._source, _STEP, self._start):
            start, joined = first - len(tail), tail + data
            done = first + len(data)
            # A hit that begins so late might be longer, or be cut, and is found with the next piece.
            late = len(joined) if done == length else max(len(joined) - self._needle.longest, 0)
            free = self._look(joined, start, max(free - start, 0), late)
            keep = max(min(late, len(joined)), free - start)
            tail = joined[keep:]
            yield done

    def _look(self, data: bytes, start: int, at: int, late: int) -> int:
        """Take the hits of `data`, which stands at `start`, that begin at `at` or later, but before `late`.

        Gives the byte of the payload before which nothing is to be found any more.
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
