"""Many rules at once: which of many messages any of them may apply to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from core.query.search import LiteralSearch, PatternSearch, Search
from core.rules.joined import Joined, may_be_json
from core.rules.sieve import OTHERWISE, Among, Sieve, single_of

_PREFIX = 16
"""Bytes of each text that one search for all of them looks at."""
_MANY = 3
"""From this many texts on, one search for all is faster than one for each."""

_Tree = dict[int, "_Tree"]
"""Texts by their bytes, one after the other."""


class Sifting:
    """What the sieves of several rules together let through."""

    def __init__(self, sieves: Iterable[Sieve]) -> None:
        known = tuple(sieves)
        needles = [each.needle for each in known if each.needle is not None]
        self._plain = _searches({each.data for each in needles if not (each.spelling or each.is_folded)})
        self._folded = _searches({each.data for each in needles if each.is_folded})
        self._in_json = _searches({each.data for each in needles if each.spelling})
        spellings = {each.spelling for each in needles}
        self._in_json += tuple(search for spelling, search in OTHERWISE.items() if spelling in spellings)
        self._singles = tuple(each.single for each in known if each.needle is not None)
        """Tests that one of those messages passes that are let through because of a needle."""
        self._plain_singles = tuple(map(single_of, self._plain))
        self._folded_singles = tuple(map(single_of, self._folded))
        self._json_singles = tuple(map(single_of, self._in_json))
        self._others: tuple[Among, ...] = tuple(each.among for each in known if each.needle is None)

    def among(self, run: Joined) -> Collection[int]:
        """Every message that passes a sieve, in no order."""
        found: set[int] = set()
        for search in self._plain:
            found.update(run.hits(search))
        for search in self._folded:
            found.update(run.hits_lowered(search))
        for search in self._in_json:
            found.update(run.hits_in_json(search))
        if found:
            payloads = run.payloads
            found = {at for at in found if self._passes(payloads[at])}
        for among in self._others:
            found.update(among(run))
        return found

    def may(self, payload: bytes) -> bool:
        """Whether a payload has anything that is looked for; about what looks for nothing it tells nothing."""
        if any(single(payload) for single in self._plain_singles):
            return True
        if self._folded_singles:
            lowered = payload.lower()
            if any(single(lowered) for single in self._folded_singles):
                return True
        return may_be_json(payload) and any(single(payload) for single in self._json_singles)

    def _passes(self, payload: bytes) -> bool:
        return any(single is None or single(payload) for single in self._singles)


def _searches(texts: Collection[bytes]) -> tuple[Search, ...]:
    if len(texts) < _MANY:
        return tuple(map(LiteralSearch, sorted(texts)))
    return (PatternSearch(pattern_of(texts)),)


def pattern_of(texts: Iterable[bytes]) -> re.Pattern[bytes]:
    """A pattern that finds where any of these texts begins: what they begin with in common is compared once."""
    root: _Tree = {}
    before: bytes | None = None
    for text in sorted(text[:_PREFIX] for text in texts):
        if before is not None and text.startswith(before):
            # It is found wherever the shorter one is.
            continue
        node, before = root, text
        for byte in text:
            node = node.setdefault(byte, {})
    return re.compile(_written(root), re.DOTALL)


def _written(node: _Tree) -> bytes:
    parts = [re.escape(bytes((byte,))) + _written(below) for byte, below in node.items()]
    return parts[0] if len(parts) == 1 else b"(?:" + b"|".join(parts) + b")" if parts else b""
