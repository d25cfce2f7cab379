"""A long payload that occurs again in its block, such as an echo, is stored once.

Offsets in records count as if every payload were stored, uncompressed; `Layout` gives readers that view.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from itertools import accumulate
from operator import le
from typing import NamedTuple

from core.capture.packing import Chunks, StoredBytes, split

REPEATED_FROM = 4096
"""Least size of a payload that is worth it, in bytes."""
MOST_REPEATED = 16 * 1024 * 1024
"""Limit of the bytes saved in a block."""

_REPEAT = struct.Struct("<III")
_MOST_PACKED = MOST_REPEATED // REPEATED_FROM * _REPEAT.size


class Repeat(NamedTuple):
    """Bytes that are not stored again. Offsets are those of records."""

    offset: int
    length: int
    source: int
    """Earlier offset at which the same bytes are stored."""

    def pack(self) -> bytes:
        return _REPEAT.pack(*self)


def moved(packed: bytes, by: int) -> bytes:
    """`Repeat.pack` of several, where the payloads stand `by` bytes further on."""
    if not (packed and by):
        return packed
    repeats = map(Repeat._make, _REPEAT.iter_unpack(packed))
    return b"".join(Repeat(offset + by, length, source + by).pack() for offset, length, source in repeats)


class Repeats:
    """All repeats of a block."""

    __slots__ = ("_ahead", "_offsets", "_repeats", "size")

    def __init__(self, packed: object) -> None:
        """Parse joined `Repeat.pack`s; raises ValueError for what no writer writes."""
        if not isinstance(packed, bytes) or len(packed) % _REPEAT.size or len(packed) > _MOST_PACKED:
            raise ValueError("what a block says of payloads that come again cannot be read")
        repeats = tuple(map(Repeat._make, _REPEAT.iter_unpack(packed)))
        offsets = [each.offset for each in repeats]
        ends = [each.offset + each.length for each in repeats]
        self._repeats, self._offsets = repeats, offsets
        self._ahead = list(accumulate((each.length for each in repeats), initial=0))
        """Total length of the repeats before each one, and finally of all."""
        self.size = self._ahead[-1]
        """Bytes that are not stored again."""
        in_order = all(map(le, ends, offsets[1:]))
        of_stored = all(
            source + length <= offset and bisect_left(offsets, source + length) == bisect_right(ends, source)
            for offset, length, source in repeats
        )
        if not (in_order and of_stored and self.size <= MOST_REPEATED):
            raise ValueError(f"a block says of {self.size} bytes that they come again where they cannot")

    def place(self, offset: int) -> int:
        """Stored offset of what records have at `offset`."""
        ahead = bisect_right(self._offsets, offset)
        if ahead:
            repeat = self._repeats[ahead - 1]
            if offset < repeat.offset + repeat.length:
                return self.place(offset + repeat.source - repeat.offset)
        return offset - self._ahead[ahead]

    def complete(self, stored: bytes) -> bytes:
        """All payloads of the block."""
        if not self._repeats:
            return stored
        pieces, view, at = [], memoryview(stored), 0
        for repeat, ahead in zip(self._repeats, self._ahead, strict=False):
            end, source = repeat.offset - ahead, self.place(repeat.source)
            pieces += [view[at:end], view[source : source + repeat.length]]
            at = end
        pieces.append(view[at:])
        return b"".join(pieces)


class Layout:
    """How the payloads of a block are stored, according to its column `repeats`."""

    __slots__ = ("_chunks", "_repeats", "surplus")

    def __init__(self, column: object) -> None:
        """Raises ValueError for what no writer writes."""
        repeats, chunks = split(column)
        self._repeats, self._chunks = Repeats(repeats), Chunks(chunks)
        self.surplus = self._repeats.size + self._chunks.surplus
        """Bytes saved."""

    @property
    def is_packed(self) -> bool:
        """Whether what is stored is compressed."""
        return bool(self._chunks)

    def complete(self, stored: bytes) -> bytes:
        """All payloads of the block; raises ValueError if they are damaged."""
        return self._repeats.complete(self._chunks.unpacked(stored))

    def place(self, offset: int) -> int:
        """Offset, among uncompressed stored bytes, of what records have at `offset`."""
        return self._repeats.place(offset)

    def read(self, source: StoredBytes, place: int, length: int) -> bytes:
        """Bytes from `place` on, out of the stored ones; fewer at the end."""
        return self._chunks.read(source, place, length)
