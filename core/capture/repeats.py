"""A long payload that comes again in its block, as an echo does, is stored once.

The offsets of records count the payloads of a block as if each of them were stored, as it is: what reads a block needs
no more than `Layout` to have them so.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from itertools import accumulate
from operator import le
from typing import NamedTuple

from core.capture.packing import Chunks, StoredBytes, split

REPEATED_FROM = 4096
"""Bytes of a payload that is worth it."""
MOST_REPEATED = 16 * 1024 * 1024
"""Bytes by which a block's payloads are more than what is stored of them."""

_REPEAT = struct.Struct("<III")
_MOST_PACKED = MOST_REPEATED // REPEATED_FROM * _REPEAT.size


class Repeat(NamedTuple):
    """Bytes that are not stored. Offsets as in records."""

    offset: int
    length: int
    source: int
    """Where the same bytes stand ahead of it, stored."""

    def pack(self) -> bytes:
        return _REPEAT.pack(*self)


class Repeats:
    """All of a block."""

    __slots__ = ("_ahead", "_offsets", "_repeats", "size")

    def __init__(self, packed: object) -> None:
        """From one `Repeat.pack` behind the other; ValueError where that is what no writer writes."""
        if not isinstance(packed, bytes) or len(packed) % _REPEAT.size or len(packed) > _MOST_PACKED:
            raise ValueError("what a block says of payloads that come again cannot be read")
        repeats = tuple(map(Repeat._make, _REPEAT.iter_unpack(packed)))
        offsets = [each.offset for each in repeats]
        ends = [each.offset + each.length for each in repeats]
        self._repeats, self._offsets = repeats, offsets
        self._ahead = list(accumulate((each.length for each in repeats), initial=0))
        """Bytes of the repeats ahead of each, and at last of all."""
        self.size = self._ahead[-1]
        """Bytes that are not stored."""
        in_order = all(map(le, ends, offsets[1:]))
        of_stored = all(
            source + length <= offset and bisect_left(offsets, source + length) == bisect_right(ends, source)
            for offset, length, source in repeats
        )
        if not (in_order and of_stored and self.size <= MOST_REPEATED):
            raise ValueError(f"a block says of {self.size} bytes that they come again where they cannot")

    def place(self, offset: int) -> int:
        """Where what records have at `offset` is stored."""
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
    """How the payloads of a block are stored: what its column `repeats` says."""

    __slots__ = ("_chunks", "_repeats", "surplus")

    def __init__(self, column: object) -> None:
        """ValueError for what no writer writes."""
        repeats, chunks = split(column)
        self._repeats, self._chunks = Repeats(repeats), Chunks(chunks)
        self.surplus = self._repeats.size + self._chunks.surplus
        """Bytes by which the payloads are more than what is stored of them."""

    def complete(self, stored: bytes) -> bytes:
        """All payloads of the block; ValueError where they are damaged."""
        return self._repeats.complete(self._chunks.unpacked(stored))

    def place(self, offset: int) -> int:
        """Where what records have at `offset` stands among what is stored, were it not compressed."""
        return self._repeats.place(offset)

    def read(self, source: StoredBytes, place: int, length: int) -> bytes:
        """Bytes from `place` on, out of the stored ones; fewer where they end."""
        return self._chunks.read(source, place, length)
