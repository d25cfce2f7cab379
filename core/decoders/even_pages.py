"""Pages of equal size, so that their places follow from the payload's length alone."""

from __future__ import annotations

from collections.abc import Generator

from core.decoders.source import Source


class EvenPages:
    """Everything that `Pages` asks for, except showing a page."""

    def __init__(self, source: Source, size: int) -> None:
        """`size` is the size of a page in bytes."""
        self._source = source
        self._size = size

    @property
    def count(self) -> int:
        return max(1, -(-len(self._source) // self._size))

    @property
    def known(self) -> int:
        return len(self._source)

    def steps(self) -> Generator[int]:
        yield len(self._source)
