"""The rules that may apply on one connection to what one side sends, and how to find out quickly which of them do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from core.protocol.frame_runs import FrameColumns
from core.query.expressions import Expression
from core.query.predicate import Predicate, predicate
from core.rules.joined import Joined, may_be_json
from core.rules.moment import Moment
from core.rules.ready import ReadyRule
from core.rules.sieve import Sieve, may_have_otherwise, sieve_of
from core.rules.sifting import Sifting

_MANY = 4
"""From so many rules on that look for something, one search tells whether a message has any of it."""
_MOST_SHARED = 100
_WHOLE = "whole"
"""Stands for a filter of which nothing is settled."""
_CHANGING = frozenset({"replace", "replace-pattern", "set-json"})
"""Actions after which a message may match what it did not match before."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that may apply."""

    ready: ReadyRule
    matches: Predicate | None
    """None matches everything."""
    sieve: Sieve | None

    @property
    def is_echo(self) -> bool:
        """Whether it sends every message back."""
        return self.ready.is_echo and self.matches is None

    @property
    def changes(self) -> bool:
        return any(each.name in _CHANGING for each in self.ready.rule.then)


def candidate_of(ready: ReadyRule, left: Expression | bool) -> Candidate | None:
    """The rule, with what is left of its filter once the connection is known; None if it can't apply."""
    if isinstance(left, bool):
        return Candidate(ready, None, None) if left else None
    return Candidate(ready, predicate(left), sieve_of(left))


class Lone:
    """The payload of one message, about which many rules ask the same."""

    __slots__ = ("_is_json", "_lowered", "_otherwise", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self._lowered: bytes | None = None
        self._is_json: bool | None = None
        self._otherwise: tuple[bool, bool, bool, bool] | None = None

    def may(self, sieve: Sieve) -> bool:
        """Whether a message with this payload may pass what the sieve is of."""
        needle, single, payload = sieve.needle, sieve.single, self.payload
        if needle is None:
            return single is None or single(payload)
        if needle.is_folded:
            if self._lowered is None:
                self._lowered = payload.lower()
            return needle.data in self._lowered
        if needle.spelling:
            if self._is_json is None:
                self._is_json = may_be_json(payload)
            if not self._is_json:
                return False
        if needle.data in payload:
            return True
        if not needle.spelling:
            return False
        if self._otherwise is None:
            self._otherwise = may_have_otherwise(payload)
        return self._otherwise[needle.spelling]


class Docket:
    """Rules in order."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.candidates = tuple(candidates)
        self.echoes = tuple(each.ready.rule for each in candidates if each.is_echo)
        """Rules that send every message back."""
        self.redacts = any(action.name == "redact" for each in candidates for action in each.ready.rule.then)
        looking = [each for each in candidates if each.sieve is not None and each.sieve.needle is not None]
        others = tuple(each for each in candidates if each.sieve is None or each.sieve.needle is None)
        self._others = others
        self._search: Sifting | None = None
        if len(looking) >= _MANY and not any(each.changes for each in others):
            self._search = Sifting(each.sieve for each in looking if each.sieve is not None)

    def __bool__(self) -> bool:
        return bool(self.candidates)

    def of_message(self, payload: bytes) -> Sequence[Candidate]:
        """Those that are worth being asked about a message, in order."""
        search = self._search
        return self.candidates if search is None or search.may(payload) else self._others

    def sift(self, run: FrameColumns) -> Sequence[int] | None:
        """Which messages of a run have to be asked about, in order; None: none. Echoes do not count."""
        if len(self.echoes) == len(self.candidates):
            return None
        sifting = self._sifting
        if sifting is None:
            return range(len(run.payloads))
        return sorted(sifting.among(Joined(run))) or None

    @cached_property
    def _sifting(self) -> Sifting | None:
        """None if a rule may apply to any message."""
        asked = [each for each in self.candidates if not each.is_echo]
        sieves = [each.sieve for each in asked if each.sieve is not None]
        return None if len(sieves) < len(asked) else Sifting(sieves)


class SharedDockets:
    """The dockets of one book, for all connections of which its filters can tell the same."""

    def __init__(self) -> None:
        self._dockets: dict[tuple[object, ...], Docket] = {}

    def of(self, moment: Moment, rules: Sequence[tuple[ReadyRule, Expression | bool]]) -> Docket:
        """The docket of all rules of a moment, each with what is left of its filter."""
        key = (moment, *(left if isinstance(left, bool) else _WHOLE for _, left in rules))
        if any(not isinstance(left, bool) and left is not ready.expression for ready, left in rules):
            return _docket(rules)
        found = self._dockets.get(key)
        if found is None:
            if len(self._dockets) >= _MOST_SHARED:
                self._dockets.clear()
            found = self._dockets[key] = _docket(rules)
        return found


def _docket(rules: Sequence[tuple[ReadyRule, Expression | bool]]) -> Docket:
    some = [candidate_of(ready, left) for ready, left in rules]
    return Docket([each for each in some if each is not None])
