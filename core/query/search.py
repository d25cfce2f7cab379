"""Searches many payloads at once: runs over a whole block and assigns each hit to its frame.

A hit across the border of two frames does not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from itertools import compress, islice, repeat
from operator import contains
from typing import Protocol

from core.capture.columns import BlockColumns, Region

Occurrence = tuple[int, int]
"""Start and end of a hit in the searched bytes."""

_SAMPLE = 1024
"""Size of a sample; a byte missing from it is rare, and searching for that byte is faster than for the whole needle."""
_FEW_HITS = 8
"""Hits that are searched one by one to estimate how many there will be."""
_DENSE = 6
"""If there is more than one hit per this many frames, each frame is searched by itself."""
_LONG = 256
"""Longer payloads are not copied for the search."""


class Searching(Protocol):
    """A search over certain bytes. It knows about frames only in `each` and `pieces`."""

    def first(self, start: int, stop: int) -> Occurrence | None:
        """The first hit within `start`..`stop`."""

    def next(self, start: int, most: int) -> Iterable[Occurrence]:
        """Up to `most` hits from `start` on that do not overlap."""

    def each(self, starts: Sequence[int], ends: Sequence[int]) -> Iterable[bool]:
        """For each of these stretches, whether it has a hit."""

    def pieces(self, lengths: Iterable[int]) -> Iterable[bool]:
        """For each piece of these lengths, of which the bytes consist, whether it has a hit. Faster than `each` for
        short pieces.
        """


class Search(Protocol):
    """What is searched for."""

    def over(self, blob: bytes) -> Searching: ...


@dataclass(frozen=True, slots=True)
class LiteralSearch:
    """Searches for exact bytes."""

    needle: bytes

    def over(self, blob: bytes) -> Searching:
        return _LiteralSearching(self.needle, blob, self.rare_place(_sample(blob)))

    def rare_place(self, sample: bytes) -> int | None:
        """Index in the needle of a byte that is rare in the sample; None if there is none."""
        return _missing(self.needle, sample)


@dataclass(frozen=True, slots=True)
class FoldedSearch:
    """Searches for bytes with A–Z equal to a–z."""

    needle: bytes
    """In lower case."""

    def over(self, blob: bytes) -> Searching:
        return _FoldedSearching(self.needle, blob, self.rare_place(_sample(blob)))

    def rare_place(self, sample: bytes) -> int | None:
        """Index in the needle of a byte that is rare in the sample, in either case; None if there is none."""
        return _missing(self.needle, sample.lower())


@dataclass(frozen=True, slots=True)
class RarestSearch:
    """Chooses one of several searches; each of them finds something wherever there is something to find."""

    searches: tuple[LiteralSearch | FoldedSearch, ...]
    """At least one. The first is used if none has a rare byte."""

    def over(self, blob: bytes) -> Searching:
        sample = _sample(blob)
        rare = (each for each in self.searches if each.rare_place(sample) is not None)
        return next(rare, self.searches[0]).over(blob)


@dataclass(frozen=True, slots=True)
class PatternSearch:
    """Searches for a pattern for which `is_local` holds and that does not match b""."""

    pattern: re.Pattern[bytes]

    def over(self, blob: bytes) -> Searching:
        return _PatternSearching(self.pattern, blob)


@dataclass(frozen=True, slots=True)
class _PatternSearching:
    pattern: re.Pattern[bytes]
    blob: bytes

    def first(self, start: int, stop: int) -> Occurrence | None:
        found = self.pattern.search(self.blob, start, stop)
        return None if found is None else found.span()

    def next(self, start: int, most: int) -> Iterable[Occurrence]:
        return map(re.Match.span, islice(self.pattern.finditer(self.blob, start), most))

    def each(self, starts: Sequence[int], ends: Sequence[int]) -> Iterable[bool]:
        return map(bool, map(self.pattern.search, repeat(self.blob), starts, ends))

    def pieces(self, lengths: Iterable[int]) -> Iterable[bool]:
        return map(bool, map(self.pattern.search, map(BytesIO(self.blob).read, lengths)))


@dataclass(frozen=True, slots=True)
class _LiteralSearching:
    needle: bytes
    blob: bytes
    rare: int | None
    """Index in the needle of a byte by which to find it."""

    def first(self, start: int, stop: int) -> Occurrence | None:
        if self.rare is None:
            at = self.blob.find(self.needle, start, stop)
        else:
            at = _find_by(self.needle, self.rare, self.blob, start, stop)
        return None if at < 0 else (at, at + len(self.needle))

    def next(self, start: int, most: int) -> Iterable[Occurrence]:
        return _PatternSearching(re.compile(re.escape(self.needle)), self.blob).next(start, most)

    def each(self, starts: Sequence[int], ends: Sequence[int]) -> Iterable[bool]:
        return map((-1).__ne__, map(self.blob.find, repeat(self.needle), starts, ends))

    def pieces(self, lengths: Iterable[int]) -> Iterable[bool]:
        if len(self.needle) == 1:
            return map(contains, map(BytesIO(self.blob).read, lengths), repeat(self.needle[0]))
        # Bytes answer such a test much more slowly than text, so each byte becomes a character here.
        needle, text, start = self.needle.decode("latin-1"), self.blob.decode("latin-1"), 0
        return [needle in text[start : (start := start + length)] for length in lengths]


class _FoldedSearching:
    """Converts all bytes to lower case only if there is no rare byte, or if there are many hits."""

    def __init__(self, needle: bytes, blob: bytes, rare: int | None) -> None:
        self._needle = needle
        self._blob = blob
        self._rare = rare

    @cached_property
    def _lowered(self) -> _LiteralSearching:
        return _LiteralSearching(self._needle, self._blob.lower(), None)

    def first(self, start: int, stop: int) -> Occurrence | None:
        at = None
        if self._rare is not None:
            at = _find_folded_by(self._needle, self._rare, self._blob, start, stop)
        if at is None:
            return self._lowered.first(start, stop)
        return None if at < 0 else (at, at + len(self._needle))

    def next(self, start: int, most: int) -> Iterable[Occurrence]:
        return self._lowered.next(start, most)

    def each(self, starts: Sequence[int], ends: Sequence[int]) -> Iterable[bool]:
        return self._lowered.each(starts, ends)

    def pieces(self, lengths: Iterable[int]) -> Iterable[bool]:
        return self._lowered.pieces(lengths)


def marks(search: Search, columns: BlockColumns, region: Region) -> bytes | bytearray:
    """One byte per frame, 1 for a hit in its region. b"" if there is no hit; then no record was read."""
    blob = columns.payloads
    searching = search.over(blob)
    if searching.first(0, len(blob)) is None or not columns.records:
        return b""
    count, spans = columns.key.count, list(_first_hits(searching, len(blob)))
    if len(spans) == _FEW_HITS:
        end, most = spans[-1][1], count // _DENSE
        sparse = end * count > _FEW_HITS * _DENSE * len(blob)
        if sparse:
            spans += searching.next(end, most)
        if not sparse or len(spans) == _FEW_HITS + most:
            return _marks_of_each(searching, columns, region)
    return _marks_of(spans, searching, columns, region)


def _first_hits(searching: Searching, size: int) -> Iterator[Occurrence]:
    """Up to _FEW_HITS hits."""
    end = 0
    for _ in range(_FEW_HITS):
        span = searching.first(end, size)
        if span is None:
            return
        yield span
        end = span[1]


def _marks_of(
    spans: list[Occurrence], searching: Searching, columns: BlockColumns, region: Region
) -> bytearray:
    """Marks for the frames that have one of the hits, or one that these overlap, in their region."""
    found = bytearray(columns.key.count)
    offsets, whole = columns.offsets, columns.whole(region)
    tested: set[int] = set()
    behind_each = columns.behind([start for start, _ in spans])
    for (_, end), behind in zip(spans, behind_each, strict=True):
        if end <= offsets[behind] and whole[behind - 1]:
            found[behind - 1] = 1
            continue
        # The hit touches two frames, or leaves a frame's region: search these regions for another hit.
        for frame in range(behind - 1, len(found)):
            if offsets[frame] >= end:
                break
            if frame not in tested:
                tested.add(frame)
                place = columns.place_of(region, frame)
                if place is not None and searching.first(*place) is not None:
                    found[frame] = 1
    return found


def _marks_of_each(searching: Searching, columns: BlockColumns, region: Region) -> bytes | bytearray:
    """Marks for all frames with a hit, each searched by itself."""
    count = columns.key.count
    if len(columns.payloads) < count * _LONG:
        lengths = columns.lengths(region)
        if lengths is not None:
            return bytes(searching.pieces(lengths))
    places = columns.regions(region)
    found = bytearray(count)
    for frame in compress(places.frames, searching.each(places.starts, places.ends)):
        found[frame] = 1
    return found


def _sample(blob: bytes) -> bytes:
    middle = max(0, (len(blob) - _SAMPLE) // 2)
    return blob[middle : middle + _SAMPLE]


def _missing(needle: bytes, sample: bytes) -> int | None:
    return next((place for place, byte in enumerate(needle) if byte not in sample), None)


def _find_by(needle: bytes, place: int, blob: bytes, start: int, stop: int) -> int:
    """Find the needle as `blob.find` does, by its byte at `place`: the system's search for one byte is fastest."""
    byte = needle[place]
    at, last = start + place, max(stop - len(needle) + place + 1, 0)
    for _ in range(_most_tries(start, stop)):
        at = blob.find(byte, at, last)
        if at < 0 or blob.startswith(needle, at - place):
            return at if at < 0 else at - place
        at += 1
    return blob.find(needle, at - place, stop)


def _find_folded_by(needle: bytes, place: int, blob: bytes, start: int, stop: int) -> int | None:
    """Find a lower-case needle in any case, by its byte at `place`; None if that byte turns out not to be rare."""
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
                # The upper-case spelling may come earlier.
                first, stop = begin, begin + size - 1
                break
            at += 1
        else:
            return None
    return first


def _most_tries(start: int, stop: int) -> int:
    """How often a rare byte may be found before it counts as frequent."""
    return 1000 + (stop - start) // _SAMPLE
