"""A run of messages in one piece, in which texts are searched for once, however many rules ask."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable
from functools import cached_property
from itertools import accumulate, chain, compress, islice
from operator import itemgetter

from core.protocol.frame_runs import FrameColumns
from core.query.search import FoldedSearch, LiteralSearch, Search

Indexes = Collection[int]
NOTHING: Indexes = frozenset()

_FIRST = frozenset(b'\xef \t\r\n{["0123456789tfn-')
_LAST = frozenset(b' \t\r\n}]"0123456789el')
"""First and last bytes of JSON (RFC 8259 section 2), and of a byte-order mark before it."""
_IS_FIRST, _IS_LAST = (bytes(byte in some for byte in range(256)) for some in (_FIRST, _LAST))
_first_byte, _last_byte = itemgetter(0), itemgetter(-1)
_FEW = 4
"""If fewer than one message in this many is like JSON, these are searched one by one."""
_MOST_HITS = 4
"""Hits for each message until all messages count as hit."""


def may_be_json(payload: bytes) -> bool:
    """Whether a payload begins and ends as JSON does."""
    return bool(payload) and payload[0] in _FIRST and payload[-1] in _LAST


class Joined:
    """A run of messages, with their payloads in one piece."""

    def __init__(self, run: FrameColumns) -> None:
        self.payloads = run.payloads
        self.heads = run.heads
        self._found: dict[Search, Indexes] = {}
        self._in_json: dict[Search, Indexes] = {}

    @cached_property
    def lengths(self) -> list[int]:
        return list(map(len, self.payloads))

    @cached_property
    def extremes(self) -> tuple[int, int]:
        """The shortest and the greatest length."""
        return min(self.lengths, default=0), max(self.lengths, default=0)

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

    @cached_property
    def _like_json(self) -> list[int]:
        """Messages that begin and end as JSON does."""
        payloads = self.payloads
        if self.extremes[0] == 0:
            return [at for at, payload in enumerate(payloads) if may_be_json(payload)]
        begins = bytes(map(_first_byte, payloads)).translate(_IS_FIRST)
        ends = bytes(map(_last_byte, payloads)).translate(_IS_LAST)
        both = int.from_bytes(begins, "little") & int.from_bytes(ends, "little")
        return list(compress(range(len(payloads)), both.to_bytes(len(payloads), "little")))

    def hits(self, search: Search) -> Indexes:
        """Messages in which something is found, and those that something found touches."""
        found = self._found.get(search)
        if found is None:
            found = self._found[search] = self._search(search)
        return found

    def hits_lowered(self, search: Search) -> Indexes:
        """Messages in which something is found once A–Z are a–z."""
        return self._hits(search, self._lowered)

    def hits_in_json(self, search: Search) -> Indexes:
        """Those of the hits that may be JSON."""
        found = self._in_json.get(search)
        if found is None:
            found = self._in_json[search] = self._search_json(search)
        return found

    def _search_json(self, search: Search) -> Indexes:
        if not _is_in(search, self.blob):
            return NOTHING
        like_json, payloads = self._like_json, self.payloads
        if len(like_json) * _FEW < len(payloads):
            return [at for at in like_json if _is_in(search, payloads[at])]
        hits = self.hits(search)
        return set(hits).intersection(like_json) if hits else NOTHING

    def _search(self, search: Search) -> Indexes:
        if isinstance(search, FoldedSearch):
            return self._hits(LiteralSearch(search.needle), self._lowered)
        return self._hits(search, self.blob)

    def _hits(self, search: Search, blob: bytes) -> Indexes:
        searching = search.over(blob)
        first = searching.first(0, len(blob))
        if first is None:
            return NOTHING
        most = _MOST_HITS * len(self.payloads)
        hits = list(islice(searching.next(first[1], len(blob)), most))
        # So many are not worth being told apart.
        return range(len(self.payloads)) if len(hits) == most else self._touched(chain((first,), hits))

    def _touched(self, hits: Iterable[tuple[int, int]]) -> Indexes:
        starts, found = self._starts, set[int]()
        for start, end in hits:
            found.update(range(bisect_right(starts, start) - 1, bisect_left(starts, end)))
        found.discard(len(self.payloads))
        return found


def _is_in(search: Search, payload: bytes) -> bool:
    return search.over(payload).first(0, len(payload)) is not None
