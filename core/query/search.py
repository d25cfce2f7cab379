"""Finding bytes in many payloads at once: the search runs over a whole block, and each hit is given to its frame.

A hit across the border of two frames is none.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, repeat
from typing import Protocol

from core.capture.columns import BlockColumns, Region, Regions

_SAMPLE = 4096
_RARE = 256
"""Of so many bytes at most one may be the byte that is searched for, so that this is quicker than the whole needle."""
_FEW_HITS = 8
"""So many hits in a block are looked up without reading where all its regions are."""
_SPARSE = 8
"""Where more than one in so many frames is hit, each frame is searched by itself."""


class Searching(Protocol):
    """A search over certain bytes. Knows of no frames but in `each`."""

    def first(self, start: int, stop: int) -> tuple[int, int] | None:
        """The first hit within `start`..`stop`: where it begins and ends."""

    def each(self, starts: Sequence[int], ends: Sequence[int]) -> Iterable[bool]:
        """For each of these stretches, whether there is a hit in it."""


class Search(Protocol):
    """What is searched for."""

    def over(self, blob: bytes) -> Searching: ...


@dataclass(frozen=True, slots=True)
class LiteralSearch:
    """Certain bytes."""

    needle: bytes

    def over(self, blob: bytes) -> Searching:
        return _LiteralSearching(self.needle, blob, _rare_place(self.needle, blob))


@dataclass(frozen=True, slots=True)
class FoldedSearch:
    """Certain bytes, A–Z being the same as a–z."""

    needle: bytes
    """In small letters."""

    def over(self, blob: bytes) -> Searching:
        return LiteralSearch(self.needle).over(blob.lower())


@dataclass(frozen=True, slots=True)
class PatternSearch:
    """A pattern for which `is_local` holds."""

    pattern: re.Pattern[bytes]

    def over(self, blob: bytes) -> Searching:
        return _PatternSearching(self.pattern, blob)


@dataclass(frozen=True, slots=True)
class _LiteralSearching:
    needle: bytes
    blob: bytes
    rare: int | None

    def first(self, start: int, stop: int) -> tuple[int, int] | None:
        if self.rare is None:
            at = self.blob.find(self.needle, start, stop)
        else:
            at = _find_by(self.needle, self.rare, self.blob, start, stop)
        return None if at < 0 else (at, at + len(self.needle))

    def each(self, starts: Sequence[int], ends: Sequence[int]) -> Iterable[bool]:
        return map((-1).__ne__, map(self.blob.find, repeat(self.needle), starts, ends))


@dataclass(frozen=True, slots=True)
class _PatternSearching:
    pattern: re.Pattern[bytes]
    blob: bytes

    def first(self, start: int, stop: int) -> tuple[int, int] | None:
        found = self.pattern.search(self.blob, start, stop)
        return None if found is None else found.span()

    def each(self, starts: Sequence[int], ends: Sequence[int]) -> Iterable[bool]:
        return map(bool, map(self.pattern.search, repeat(self.blob), starts, ends))


_LOCAL = re.compile(
    r"""(?:\(\?[is]+\))?(?:
        [\w\s/@\#%&=:;<>,"'`~!-]                # itself
      | \\[.\\/\[\](){}+*?^$|dws-]           # itself, or a kind of character
      | \\x[0-9a-fA-F]{2}
      | \.
      | \((?:\?:|(?!\?)) | \) | \|
      | \[\^?(?:[\w\s/@\#%&=:;<>,"'`~!.+*?(){}|$-]|\\[.\\/\[\]dws^-])+\]
      | \{\d{1,2}(?:,\d{1,2})?\}(?![?+])
      | \?(?![?+])
    )*""",
    re.VERBOSE,
)


def is_local(pattern: str) -> bool:
    """Whether what the pattern matches is bounded in length and depends on nothing around it.

    A cautious answer from its text: no anchors, no look-around, no `*` and `+`, nothing possessive or lazy.
    """
    return _LOCAL.fullmatch(pattern) is not None


def hits(search: Search, columns: BlockColumns, region: Region) -> Iterator[int]:
    """Index in its block of each frame with a hit in its region. Reads no records before there is a hit."""
    blob = columns.payloads
    searching = search.over(blob)
    position = 0
    for _ in range(_FEW_HITS):
        found = searching.first(position, len(blob))
        if found is None:
            return
        start, end = found
        place = columns.place_at(region, start)
        if place is None:
            return
        if start < place.start:
            # Between two regions: on to the next.
            position = place.start
            continue
        position = place.end
        if end <= place.end or searching.first(start, place.end) is not None:
            yield place.frame
    places = columns.regions(region)
    rest = bisect_left(places.starts, position)
    if rest > _FEW_HITS * _SPARSE:
        yield from _hits_one_by_one(searching, places, position, len(blob))
        return
    yield from compress(places.frames[rest:], searching.each(places.starts[rest:], places.ends[rest:]))


def _hits_one_by_one(searching: Searching, places: Regions, position: int, stop: int) -> Iterator[int]:
    """The rest of `hits`, from `position` on."""
    starts, ends, frames, first = places.starts, places.ends, places.frames, searching.first
    while (found := first(position, stop)) is not None:
        start, end = found
        index = bisect_right(starts, start) - 1
        if index < 0 or start >= ends[index]:
            # Between two regions: on to the next.
            if index + 1 == len(starts):
                return
            position = starts[index + 1]
            continue
        position = ends[index]
        if end <= position or first(start, position) is not None:
            yield frames[index]


def _rare_place(needle: bytes, blob: bytes) -> int | None:
    """Place in the needle of a byte that hardly occurs in the blob; None where each occurs often."""
    if len(needle) < 2:
        return None
    middle = max(0, (len(blob) - _SAMPLE) // 2)
    sample = blob[middle : middle + _SAMPLE]
    times, place = min((sample.count(byte), place) for place, byte in enumerate(needle[:64]))
    return place if times * _RARE <= len(sample) else None


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
