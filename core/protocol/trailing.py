"""Bytes outside of frames: what follows the last one."""

from __future__ import annotations


class Trailing:
    """Keeps the first `limit` bytes, and the total number."""

    __slots__ = ("_kept", "_limit", "length")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self.length = 0
        """Bytes that arrived, kept or not."""

    @property
    def kept(self) -> bytes:
        return bytes(self._kept)

    @property
    def held_bytes(self) -> int:
        return len(self._kept)

    def miss(self, length: int) -> None:
        """Count `length` bytes that arrived and were not kept."""
        self.length += length

    def add(self, data: bytes) -> None:
        """Add bytes."""
        self._kept += data[: max(self._limit - len(self._kept), 0)]
        self.length += len(data)
