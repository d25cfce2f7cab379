"""The bytes of a payload, wherever they are stored, read a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

WINDOW = 1024 * 1024
"""Bytes to read at once when going through a whole payload."""


class Source(Protocol):
    """A payload. It does not change."""

    @property
    def is_held(self) -> bool:
        """Whether the payload is in memory, so that reading never waits."""

    def __len__(self) -> int:
        """Length in bytes."""

    def read(self, start: int, end: int) -> bytes:
        """Bytes `start`..`end`; fewer at the end. May wait for a disk; raises UnmaskError if they cannot be read."""


class Held:
    """A payload, or a part of one, in memory."""

    is_held = True

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def read(self, start: int, end: int) -> bytes:
        return self._data[max(start, 0) : max(end, 0)]


class Rest:
    """Everything after the first bytes of another source."""

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
    """Some bytes of a source, and their offset in it."""

    first: int
    data: bytes


def pieces(source: Source, size: int, start: int = 0) -> Iterator[Piece]:
    """All of `source` from `start` on, in order, in pieces of `size` bytes; the last may be shorter.

    It reads large windows and yields small pieces, so that no single step on them blocks other threads for long.
    """
    for first in range(start, len(source), WINDOW):
        window = source.read(first, min(first + WINDOW, len(source)))
        for at in range(0, len(window), size):
            yield Piece(first + at, window[at : at + size])


def ends(source: Source, each: int = 4096) -> bytes:
    """A short source as a whole, or both ends of a long one joined."""
    length = len(source)
    if length <= 2 * each:
        return source.read(0, length)
    return source.read(0, each) + source.read(length - each, length)
