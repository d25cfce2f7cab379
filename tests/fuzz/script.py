"""Bytes read as instructions, so that whatever mutates them mutates what a target does."""

from __future__ import annotations

from zlib import crc32

_WIDTHS = (1, 1, 1, 2, 3, 5, 8, 13, 40, 200)


class Script:
    """Reads bytes from the front; past the end every byte is 0."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def more(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        at = self._at
        self._at = at + 1
        return self._data[at] if at < len(self._data) else 0

    def number(self) -> int:
        """Two bytes, big-endian."""
        return self.byte() << 8 | self.byte()

    def take(self, count: int) -> bytes:
        """The next `count` bytes, fewer at the end."""
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken

    def rest(self) -> bytes:
        return self.take(max(len(self._data) - self._at, 0))


def one_in(count: int, data: bytes) -> bool:
    """True for one of `count` inputs, always the same ones: for checks too dear to make of every input.

    By a checksum, as a bit of the input would be set in nearly all that guidance keeps.
    """
    return crc32(data) % count == 0


def pieces(data: bytes, seed: int) -> list[bytes]:
    """`data` cut in a way that `seed` decides; 0: into single bytes."""
    if seed == 0:
        return [data[at : at + 1] for at in range(len(data))]
    cut: list[bytes] = []
    at = 0
    while at < len(data):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        width = _WIDTHS[(seed >> 16) % len(_WIDTHS)]
        cut.append(data[at : at + width])
        at += width
    return cut
