"""Finding bytes in many payloads at once: the search runs over a whole block, and each hit is given to its frame.

A hit across the border of two frames is none.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, islice, repeat
from typing import Protocol

from core.capture.columns import BlockColumns, Region, Regions

Span = tuple[int, int]
"""Where in the searched bytes a hit begins and ends."""

_SAMPLE = 1024
"""A byte that is not among so many is rare: to search for it is quicker than for the whole needle."""
_FEW_HITS = 8
"""So many hits are searched one by one, and tell how many more there will be."""
_DENSE = 4
"""Where there is more than one hit to so many frames, each frame is searched by itself."""


class Searching(Protocol):
    """A search over certain bytes. Knows of no frames but in `each`."""

    def first(self, start: int, stop: int) -> Span | None:
        """The first hit within `start`..`stop`."""

    def next(self, start: int, most: int) -> Iterable[Span]:
        """Up to `most` hits from `start` on that don't overlap."""

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
        return _LiteralSearching(self.needle, blob, self.rare_place(_sample(blob)))

    def rare_place(self, sample: bytes) -> int | None:
        """Place in the needle of a byte that hardly occurs; None where each occurs often."""
        return _missing(self.needle, sample)


@dataclass(frozen=True, slots=True)
class FoldedSearch:
    """Certain bytes, A–Z being the same as a–z."""

    needle: bytes
    """In small letters."""

    def over(self, blob: bytes) -> Searching:
        return _FoldedSearching(self.needle, blob, self.rare_place(_sample(blob)))

    def rare_place(self, sample: bytes) -> int | None:
        """The same."""
        return _missing(self.needle, sample.lower())


@dataclass(frozen=True, slots=True)
class RarestSearch:
    """One of several: each finds something wherever there is anything to be found."""

    searches: tuple[LiteralSearch | FoldedSearch, ...]
    """At least one. The first is taken where none has a rare byte."""

    def over(self, blob: bytes) -> Searching:
        sample = _sample(blob)
        rare = (each for each in self.searches if each.rare_place(sample) is not None)
        return next(rare, self.searches[0]).over(blob)


@dataclass(frozen=True, slots=True)
class PatternSearch:
    """A pattern for which `is_local` holds and that does not match b""."""

    pattern: re.Pattern[bytes]

    def over(self, blob: bytes) -> Searching:
        return _PatternSearching(self.pattern, blob)


@dataclass(frozen=True, slots=True)
class _PatternSearching:
    pattern: re.Pattern[bytes]
    blob: bytes

    def first(self, start: int, stop: int) -> Span | None:
        found = self.pattern.search(self.blob, start, stop)
        return None if found is None else found.span()

    def next(self, start: int, most: int) -> Iterable[Span]:
        return map(re.Match.span, islice(self.pattern.finditer(self.blob, start), most))

    def each(self, starts: Sequence[int], ends: Sequence[int]) -> Iterable[bool]:
        return map(bool, map(self.pattern.search, repeat(self.blob), starts, ends))


@dataclass(frozen=True, slots=True)
class _LiteralSearching:
    needle: bytes
    blob: bytes
    rare: int | None
    """Place in the needle of a byte by which to find it."""

    def first(self, start: int, stop: int) -> Span | None:
        if self.rare is None:
            at = self.blob.find(self.needle, start, stop)
        else:
            at = _find_by(self.needle, self.rare, self.blob, start, stop)
        return None if at < 0 else (at, at + len(self.needle))

    def next(self, start: int, most: int) -> Iterable[Span]:
        return _PatternSearching(re.compile(re.escape(self.needle)), self.blob).next(start, most)

    def each(self, starts: Sequence[int], ends: Sequence[int]) -> Iterable[bool]:
        return map((-1).__ne__, map(self.blob.find, repeat(self.needle), starts, ends))


class _FoldedSearching:
    """Makes small letters of all bytes only where there is no rare byte to go by, or many hits."""

    def __init__(self, needle: bytes, blob: bytes, rare: int | None) -> None:
        self._needle = needle
        self._blob = blob
        self._rare = rare

    @cached_property
    def _lowered(self) -> _LiteralSearching:
        return _LiteralSearching(self._needle, self._blob.lower(), None)

    def first(self, start: int, stop: int) -> Span | None:
        at = None
        if self._rare is not None:
            at = _find_folded_by(self._needle, self._rare, self._blob, start, stop)
        if at is None:
            return self._lowered.first(start, stop)
        return None if at < 0 else (at, at + len(self._needle))

    def next(self, start: int, most: int) -> Iterable[Span]:
        return self._lowered.next(start, most)

    def each(self, starts: Sequence[int], ends: Sequence[int]) -> Iterable[bool]:
        return self._lowered.each(starts, ends)


def marks(search: Search, columns: BlockColumns, region: Region) -> bytes | bytearray:
    """A byte for each frame: 1 where there is a hit in its region. b"" where there is none, and no record was read."""
    blob = columns.payloads
    searching = search.over(blob)
    if searching.first(0, len(blob)) is None or not columns.records:
        return b""
    found = bytearray(columns.key.count)
    few = list(_first_hits(searching, len(blob)))
    end = few[-1][1]
    if len(few) < _FEW_HITS:
        _mark(found, few, searching, columns, region)
        return found
    if end * len(found) > _FEW_HITS * _DENSE * len(blob):
        most = len(found) // _DENSE
        many = list(searching.next(end, most))
        _mark(found, few + many, searching, columns, region)
        if len(many) < most:
            return found
        end = many[-1][1]
    else:
        _mark(found, few, searching, columns, region)
    _mark_rest(found, end, searching, columns.regions(region))
    return found


def _first_hits(searching: Searching, size: int) -> Iterator[Span]:
    """Up to _FEW_HITS of them."""
    end = 0
    for _ in range(_FEW_HITS):
        span = searching.first(end, size)
        if span is None:
            return
        yield span
        end = span[1]


def _mark(
    found: bytearray, spans: list[Span], searching: Searching, columns: BlockColumns, region: Region
) -> None:
    """Mark the frames that have one of the hits in their region, or one that these overlap."""
    offsets, whole = columns.offsets, columns.whole(region)
    tested: set[int] = set()
    behind_each = map(bisect_right, repeat(offsets), [start for start, _ in spans])
    for (_, end), behind in zip(spans, behind_each, strict=True):
        if end <= offsets[behind] and whole[behind - 1]:
            found[behind - 1] = 1
            continue
        # The hit is in two frames, or in one of which the region is not all: is another one in the regions?
        for frame in range(behind - 1, len(found)):
            if offsets[frame] >= end:
                break
            if frame not in tested:
                tested.add(frame)
                place = columns.place_of(region, frame)
                if place is not None and searching.first(*place) is not None:
                    found[frame] = 1


def _mark_rest(found: bytearray, start: int, searching: Searching, places: Regions) -> None:
    """Mark all frames whose regions begin at `start` or behind, each searched by itself."""
    rest = bisect_left(places.starts, start)
    hit = searching.each(places.starts[rest:], places.ends[rest:])
    if len(places.starts) == len(found):
        found[rest:] = bytes(hit)
    else:
        for frame in compress(places.frames[rest:], hit):
            found[frame] = 1


def _sample(blob: bytes) -> bytes:
    middle = max(0, (len(blob) - _SAMPLE) // 2)
    return blob[middle : middle + _SAMPLE]


def _missing(needle: bytes, sample: bytes) -> int | None:
    return next((place for place, byte in enumerate(needle) if byte not in sample), None)


def _find_by(needle: bytes, place: int, blob: bytes, start: int, stop: int) -> int:
    """Like `blob.find`, by the one byte of the needle at `place`: the system's search for a byte is quickest."""
    byte = needle[place]
    at, last = start + place, max(stop - len(needle) + place + 1, 0)
    for _ in range(_most_tries(start, stop)):
        at = blob.find(byte, at, last)
        if at < 0 or blob.startswith(needle, at - place):
            return at if at < 0 else at - place
        at += 1
    return blob.find(needle, at - place, stop)


def _find_folded_by(needle: bytes, place: int, blob: bytes, start: int, stop: int) -> int | None:
    """The same, of a needle in small letters, capitals being the same; None where the byte is not rare after all."""
    size, first = len(needle), -1
    letter = needle[place : place + 1]
    for byte in {letter, letter.upper()}:
        at = start + place
        for _ in range(_most_tries(start, stop)):
            at = blob.find(byte, at, max(stop - size + place + 1, 0))
            if at < 0:
                break
            begin = at - place
            if blob[begin : begin + size].lower() == needle:
                # The other spelling may only come before.
                first, stop = begin, begin + size - 1
                break
            at += 1
        else:
            return None
    return first


def _most_tries(start: int, stop: int) -> int:
    """Finds of a rare byte before it is taken for a frequent one."""
    return 1000 + (stop - start) // _SAMPLE
