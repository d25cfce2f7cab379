"""Finding bytes in many payloads at once: the search runs over a whole block, and each hit is given to its frame.

A hit across the border of two frames is none.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from core.capture.columns import Regions

Find = Callable[[int, int], tuple[int, int] | None]
"""The first hit that begins at or after the first place and ends at or before the second: where it does both."""

_SAMPLE = 1 << 16
_RARE = 256
"""Of so many bytes at most one may be the byte that is searched for, so that this is quicker than the whole needle."""


class Search(Protocol):
    """A search that knows no borders."""

    def over(self, blob: bytes) -> Find: ...


@dataclass(frozen=True, slots=True)
class LiteralSearch:
    """Certain bytes."""

    needle: bytes

    def over(self, blob: bytes) -> Find:
        needle, size = self.needle, len(self.needle)
        rare = _rare_place(needle, blob)

        def find(start: int, stop: int) -> tuple[int, int] | None:
            at = blob.find(needle, start, stop) if rare is None else _find_by(needle, rare, blob, start, stop)
            return None if at < 0 else (at, at + size)

        return find


@dataclass(frozen=True, slots=True)
class FoldedSearch:
    """Certain bytes, A–Z being the same as a–z."""

    needle: bytes
    """In small letters."""

    def over(self, blob: bytes) -> Find:
        return LiteralSearch(self.needle).over(blob.lower())


@dataclass(frozen=True, slots=True)
class PatternSearch:
    """A pattern for which `is_local` holds."""

    pattern: re.Pattern[bytes]

    def over(self, blob: bytes) -> Find:
        search = self.pattern.search

        def find(start: int, stop: int) -> tuple[int, int] | None:
            found = search(blob, start, stop)
            return None if found is None else found.span()

        return find


_LOCAL = re.compile(
    r"(?:\(\?[is]+\))?(?:[\w\s/@#%&=:;<>,\"'`~!-]|\\[.\\/\[\](){}+*?^$|dws-]|\\x[0-9a-fA-F]{2}|\.|\((?:\?:)?|\)|\|"
    r"|\[(?:[\w\s/@#%&=:;<>,\"'`~!.+*?(){}|$-]|\\[.\\/\[\]dws^-])+\]|\{\d{1,2}(?:,\d{1,2})?\}|\?(?![?+]))*"
)


def is_local(pattern: str) -> bool:
    """Whether what the pattern matches is bounded in length and depends on nothing around it.

    A cautious answer from its text: no anchors, no look-around, no `*` and `+`, nothing possessive or lazy.
    """
    return _LOCAL.fullmatch(pattern) is not None


def hits(search: Search, blob: bytes, regions: Callable[[], Regions]) -> Iterator[int]:
    """Index in its block of each frame with a hit in its region; `regions` is asked only once there is a hit."""
    find = search.over(blob)
    found = find(0, len(blob))
    if found is None:
        return
    places = regions()
    starts, ends, frames = places.starts, places.ends, places.frames
    while found is not None:
        start, end = found
        index = bisect_right(starts, start) - 1
        if index >= 0 and start < ends[index]:
            limit = ends[index]
            if end <= limit or find(start, limit) is not None:
                yield frames[index]
            start = limit
        else:
            # Between two regions: on to the next.
            index += 1
            if index >= len(starts):
                return
            start = starts[index]
        found = find(start, len(blob))


def _rare_place(needle: bytes, blob: bytes) -> int | None:
    """Place in the needle of a byte that hardly occurs in the blob; None where each occurs often."""
    if len(needle) < 2:
        return None
    middle = max(0, (len(blob) - _SAMPLE) // 2)
    sample = blob[middle : middle + _SAMPLE]
    count, place = min((sample.count(byte), place) for place, byte in enumerate(needle[:64]))
    return place if count * _RARE <= len(sample) else None


def _find_by(needle: bytes, place: int, blob: bytes, start: int, stop: int) -> int:
    """Like `blob.find`, by the one byte of the needle at `place`: the system's search for a byte is quickest."""
    byte = needle[place]
    at, last = start + place, max(stop - len(needle) + place + 1, 0)
    for _ in range(1000 + (stop - start) // _RARE):
        at = blob.find(byte, at, last)
        if at < 0 or blob.startswith(needle, at - place):
            return at if at < 0 else at - place
        at += 1
    return blob.find(needle, at - place, stop)
