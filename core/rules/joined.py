"""A run of messages in one piece, in which texts are searched for once, however many rules ask."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from functools import cached_property
from itertools import accumulate, chain

from core.protocol.frame_runs import FrameColumns
from core.query.search import FoldedSearch, LiteralSearch, Search

Indexes = Collection[int]
NOTHING: Indexes = frozenset()


class Joined:
    """A run of messages, with their payloads in one piece."""

    def __init__(self, run: FrameColumns) -> None:
        self.payloads = run.payloads
        self.heads = run.heads
        self._found: dict[Search, Indexes] = {}

    @cached_property
    def lengths(self) -> list[int]:
        return list(map(len, self.payloads))

    @cached_property
    def blob(self) -> bytes:
        return b"".join(self.payloads)

    @cached_property
    def _lowered(self) -> bytes:
        return self.blob.lower()

    @cached_property
    def _starts(self) -> list[int]:
        """Where each payload begins in the blob, and at the end where the last one ends."""
        return list(accumulate(self.lengths, initial=0))

    def hits(self, search: Search) -> Indexes:
        """Messages in which something is found, and those that something found touches."""
        found = self._found.get(search)
        if found is None:
            found = self._found[search] = self._search(search)
        return found

    def _search(self, search: Search) -> Indexes:
        if isinstance(search, FoldedSearch):
            blob, search = self._lowered, LiteralSearch(search.needle)
        else:
            blob = self.blob
        searching = search.over(blob)
        first = searching.first(0, len(blob))
        if first is None:
            return NOTHING
        starts, found = self._starts, set[int]()
        for start, end in chain((first,), searching.next(first[1], len(blob))):
            found.update(range(bisect_right(starts, start) - 1, bisect_left(starts, end)))
        found.discard(len(self.payloads))
        return found
