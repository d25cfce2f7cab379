"""Payloads of a block that are much larger than their wire bytes are stored compressed.

Two megabytes of deflate bombs inflate to two gigabytes, which need not take up the disk. The payloads are cut into
chunks that are compressed separately, so that reading a piece costs only the chunks it touches.

Source: zlib format, RFC 1950.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

CHUNK_BYTES = 512 * 1024
PACKED_FROM = 64 * 1024
"""Least payload size in bytes,"""
PACKED_RATIO = 16
"""and least ratio to the wire bytes, from which on compression is worth it."""
MOST_UNPACKED = 1_000_000_000
"""Bytes that SQLite could store in one value uncompressed."""
_LEVEL = 1
_ENTRY = struct.Struct("<III")
_CHUNK_FLAG = 1 << 31
_MOST_ENTRIES = -(-MOST_UNPACKED // CHUNK_BYTES)


class StoredBytes(Protocol):
    """A value of SQLite, open for reading."""

    def seek(self, offset: int, /) -> object: ...

    def read(self, length: int, /) -> bytes: ...


def pack(payloads: Iterable[bytes]) -> tuple[bytes, bytes]:
    """The description that `Chunks` needs, and the bytes to store for all `payloads`."""
    entries, packed = [], []
    offset = 0
    for chunk in _chunks(payloads):
        stored = zlib.compress(chunk, _LEVEL)
        entries.append(_ENTRY.pack(offset, len(chunk) | _CHUNK_FLAG, len(stored)))
        packed.append(stored)
        offset += len(chunk)
    return b"".join(entries), b"".join(packed)


def to_store(payloads: Sequence[bytes], size: int, wire_bytes: int) -> tuple[bytes, bytes]:
    """Pack payloads of `size` bytes if that is worth it; else gives b"" and the payloads unchanged."""
    if size >= PACKED_FROM and size >= PACKED_RATIO * wire_bytes:
        return pack(payloads)
    return b"", b"".join(payloads)


def _chunks(payloads: Iterable[bytes]) -> Iterator[bytes]:
    """All payloads joined, in pieces of CHUNK_BYTES; the last may be shorter."""
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
    """Split the column `repeats` of a block into its parts about repeats and chunks; raises ValueError for nonsense."""
    if not isinstance(column, bytes) or len(column) % _ENTRY.size:
        raise ValueError("what a block says of its payloads cannot be read")
    lengths = (length for _, length, _ in _ENTRY.iter_unpack(column))
    repeats = next((number for number, length in enumerate(lengths) if length & _CHUNK_FLAG), None)
    if repeats is None:
        return column, b""
    return column[: repeats * _ENTRY.size], column[repeats * _ENTRY.size :]


class Chunks:
    """The compressed chunks of a block. Offsets count uncompressed bytes."""

    __slots__ = ("_held", "_lengths", "_starts", "size", "surplus")

    def __init__(self, entries: bytes) -> None:
        """Parse what `split` gave; raises ValueError for what no writer writes."""
        self._starts = [0]
        """Offset of each chunk among the stored bytes, and finally the end."""
        self._lengths: list[int] = []
        self._held: tuple[int, bytes] | None = None
        """Number and content of the last chunk read: rows of a list often lie in the same one."""
        self.size = 0
        """Uncompressed bytes in total."""
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
        """Bytes saved."""

    def __bool__(self) -> bool:
        return bool(self._lengths)

    def unpacked(self, stored: bytes) -> bytes:
        """All bytes. Raises ValueError if they are not what was packed."""
        if not self._lengths:
            return stored
        places = range(len(self._lengths))
        return b"".join(
            self._inflated(number, stored[self._starts[number] : self._starts[number + 1]])
            for number in places
        )

    def read(self, source: StoredBytes, offset: int, length: int) -> bytes:
        """Bytes from `offset` on, fewer at the end; reads only the chunks that contain them."""
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
