"""The payloads of a block that are much more than what came over the wire are stored compressed.

Two megabytes of deflate bombs inflate to two gigabytes; they need not take these on the disk. What is stored is cut
into chunks that are compressed each for itself, so that a piece of a payload costs no more than the chunks it lies in.

Source: zlib format, RFC 1950.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

CHUNK_BYTES = 512 * 1024
PACKED_FROM = 64 * 1024
"""Bytes of payloads that are worth it,"""
PACKED_RATIO = 16
"""and how many times the bytes on the wire they must be."""
MOST_UNPACKED = 1_000_000_000
"""Bytes that SQLite would store in one value, as they are."""
_LEVEL = 1
_ENTRY = struct.Struct("<III")
_CHUNK_FLAG = 1 << 31
_MOST_ENTRIES = -(-MOST_UNPACKED // CHUNK_BYTES)


class StoredBytes(Protocol):
    """The stored bytes: a value of SQLite, open for reading."""

    def seek(self, offset: int, /) -> object: ...

    def read(self, length: int, /) -> bytes: ...


def pack(payloads: Iterable[bytes]) -> tuple[bytes, bytes]:
    """What `Chunks` needs to know, and the bytes to store for all `payloads`."""
    entries, packed = [], []
    offset = 0
    for chunk in _chunks(payloads):
        stored = zlib.compress(chunk, _LEVEL)
        entries.append(_ENTRY.pack(offset, len(chunk) | _CHUNK_FLAG, len(stored)))
        packed.append(stored)
        offset += len(chunk)
    return b"".join(entries), b"".join(packed)


def _chunks(payloads: Iterable[bytes]) -> Iterator[bytes]:
    """All payloads one behind the other, in pieces of CHUNK_BYTES; the last may be shorter."""
    held = bytearray()
    for payload in payloads:
        with memoryview(payload) as view:
            at = 0
            while len(held) + len(view) - at >= CHUNK_BYTES:
                stop = at + CHUNK_BYTES - len(held)
                held += view[at:stop]
                yield bytes(held)
                held.clear()
                at = stop
            held += view[at:]
    if held:
        yield bytes(held)


def split(column: object) -> tuple[bytes, bytes]:
    """What `repeats` of a block says of payloads that come again, and what of chunks; ValueError for nonsense."""
    if not isinstance(column, bytes) or len(column) % _ENTRY.size:
        raise ValueError("what a block says of its payloads cannot be read")
    lengths = (length for _, length, _ in _ENTRY.iter_unpack(column))
    repeats = next((number for number, length in enumerate(lengths) if length & _CHUNK_FLAG), None)
    if repeats is None:
        return column, b""
    return column[: repeats * _ENTRY.size], column[repeats * _ENTRY.size :]


class Chunks:
    """The compressed chunks of a block. Offsets count bytes as if they were not compressed."""

    __slots__ = ("_held", "_lengths", "_starts", "size", "surplus")

    def __init__(self, entries: bytes) -> None:
        """From what `split` gave; ValueError where that is what no writer writes."""
        self._starts = [0]
        """Where each begins among the stored bytes, and where the last ends."""
        self._lengths: list[int] = []
        self._held: tuple[int, bytes] | None = None
        """The chunk that was read last, and its number: rows of a list often lie in the same one."""
        self.size = 0
        """Bytes of all, not compressed."""
        count = len(entries) // _ENTRY.size
        if count > _MOST_ENTRIES:
            raise ValueError(f"a block says of itself that it has {count} chunks")
        for number, (offset, flagged, stored) in enumerate(_ENTRY.iter_unpack(entries), 1):
            length = flagged ^ _CHUNK_FLAG
            is_whole = length == CHUNK_BYTES or (number == count and 0 < length < CHUNK_BYTES)
            if offset != self.size or not is_whole:
                raise ValueError(f"a block says of chunk {number} that it has {length} bytes at {offset}")
            self.size += length
            self._lengths.append(length)
            self._starts.append(self._starts[-1] + stored)
        self.surplus = self.size - self._starts[-1]
        """Bytes that are not stored."""

    def __bool__(self) -> bool:
        return bool(self._lengths)

    def unpacked(self, stored: bytes) -> bytes:
        """All bytes. ValueError where they are not those that were packed."""
        if not self._lengths:
            return stored
        places = range(len(self._lengths))
        return b"".join(
            self._inflated(number, stored[self._starts[number] : self._starts[number + 1]])
            for number in places
        )

    def read(self, source: StoredBytes, offset: int, length: int) -> bytes:
        """Bytes from `offset` on, fewer where they end; only the chunks in which they lie are read."""
        if not self._lengths:
            source.seek(offset)
            return source.read(length)
        first, last = offset // CHUNK_BYTES, (offset + length - 1) // CHUNK_BYTES
        pieces = [self._chunk(source, number) for number in range(first, min(last + 1, len(self._lengths)))]
        start = offset - first * CHUNK_BYTES
        with memoryview(b"".join(pieces) if len(pieces) > 1 else pieces[0] if pieces else b"") as view:
            return bytes(view[start : start + length])

    def _chunk(self, source: StoredBytes, number: int) -> bytes:
        if self._held is None or self._held[0] != number:
            start, end = self._starts[number : number + 2]
            source.seek(start)
            self._held = number, self._inflated(number, source.read(end - start))
        return self._held[1]

    def _inflated(self, number: int, stored: bytes) -> bytes:
        length = self._lengths[number]
        stream = zlib.decompressobj()
        try:
            chunk = stream.decompress(stored, length + 1)
        except zlib.error as error:
            raise ValueError(f"chunk {number + 1} of a block does not inflate: {error}") from error
        if len(chunk) != length or not stream.eof:
            raise ValueError(f"chunk {number + 1} of a block does not inflate to {length} bytes")
        return chunk
