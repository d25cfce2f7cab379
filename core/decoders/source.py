"""The bytes of a payload, wherever they lie, read a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

WINDOW = 1024 * 1024
"""Bytes that are read at once by whoever goes through a whole payload."""


class Source(Protocol):
    """A payload. It does not change."""

    @property
    def is_held(self) -> bool:
        """Whether it is in memory: reading it waits for nothing."""

    def __len__(self) -> int:
        """Bytes."""

    def read(self, start: int, end: int) -> bytes:
        """Bytes `start`..`end`; fewer where it ends. May wait for a disk; UnmaskError where it cannot be read."""


class Held:
    """A payload, or a part of one, that is in memory."""

    is_held = True

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def read(self, start: int, end: int) -> bytes:
        return self._data[max(start, 0) : max(end, 0)]


class Rest:
    """What follows the first bytes of another source."""

    def __init__(self, source: Source, skipped: int) -> None:
        self._source = source
        self._skipped = min(skipped, len(source))

    @property
    def is_held(self) -> bool:
        return self._source.is_held

    def __len__(self) -> int:
        return len(self._source) - self._skipped

    def read(self, start: int, end: int) -> bytes:
        return self._source.read(max(start, 0) + self._skipped, max(end, 0) + self._skipped)


class Piece(NamedTuple):
    """Some bytes of a source, and where they stand in it."""

    first: int
    data: bytes


def pieces(source: Source, size: int, start: int = 0) -> Iterator[Piece]:
    """All of `source` from `start` on, in order, in pieces of `size` bytes, the last one shorter.

    It is read in large windows and handed out in small pieces: no single step on them holds other threads up.
    """
    for first in range(start, len(source), WINDOW):
        window = source.read(first, min(first + WINDOW, len(source)))
        for at in range(0, len(window), size):
            yield Piece(first + at, window[at : at + size])


def ends(source: Source, each: int = 4096) -> bytes:
    """The whole of a short source, the two ends of a long one put together."""
    length = len(source)
    if length <= 2 * each:
        return source.read(0, length)
    return source.read(0, each) + source.read(length - each, length)
