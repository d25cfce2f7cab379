"""What a filter can tell of many messages at once: which of them may match, from columns alone.

A sieve never loses a message that matches. What it keeps is asked one by one.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain

from core.capture.columns import Region
from core.capture.layout import RecordColumn
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import OPCODE
from core.query.expressions import And, Expression, Not, Or, Term
from core.query.operators import Several
from core.query.placements import InByte, InPayload
from core.query.search import FoldedSearch, LiteralSearch, PatternSearch, RarestSearch, Search

Indexes = Collection[int]
Among = Callable[["Joined"], Indexes]
Single = Callable[[bytes], bool]

_NOTHING: Indexes = frozenset()
_IN_RUNS: Mapping[str, Several] = {
    "compressed": 0, "truncated": 0, "message.frames": 1, "ratio": None,
    "violation": (), "severity": None, "close.code": None, "close.reason": None,
}  # fmt: skip
"""Fields that have one value in all runs: their frames are whole plain messages that break no rule."""
_BACKSLASH = LiteralSearch(b"\\")
_SIMPLE_PATH = re.compile(
    r"\$(?:\.(?P<dotted>[A-Za-z_][A-Za-z0-9_]*)|\[(?:\"(?P<double>[^\"\\]+)\"|'(?P<single>[^'\\]+)')\]|\[[0-9]{1,9}\])+"
)
_LAST_NAME = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[\"([^\"\\]+)\"\]|\['([^'\\]+)'\]")


class Joined:
    """A run of messages, with their payloads in one piece."""

    def __init__(self, run: FrameColumns) -> None:
        self.payloads = run.payloads
        self.heads = run.heads

    @cached_property
    def lengths(self) -> list[int]:
        return list(map(len, self.payloads))

    @cached_property
    def blob(self) -> bytes:
        return b"".join(self.payloads)

    @cached_property
    def starts(self) -> list[int]:
        """Where each payload begins in the blob, and at the end where the last one ends."""
        return list(accumulate(self.lengths, initial=0))

    def hits(self, search: Search) -> Indexes:
        """Messages in which something is found, and those that something found touches."""
        blob = self.blob
        searching = search.over(blob)
        first = searching.first(0, len(blob))
        if first is None:
            return _NOTHING
        starts, found = self.starts, set[int]()
        for start, end in chain((first,), searching.next(first[1], len(blob))):
            found.update(range(bisect_right(starts, start) - 1, bisect_left(starts, end)))
        found.discard(len(self.payloads))
        return found


@dataclass(frozen=True, slots=True)
class Sieve:
    """A cheap test that every message passes that matches."""

    among: Among
    """For messages that are each one plain frame."""
    single: Single
    """For the payload of one message, of whatever frames."""
    is_exact: bool = False
    """Whether `among` keeps nothing but what matches."""


def sieve_of(expression: Expression) -> Sieve | None:
    """The sieve of a filter; None if it can't tell anything."""
    match expression:
        case Term():
            return _of_term(expression)
        case And(parts=parts):
            return _all(each for each in map(sieve_of, parts) if each is not None)
        case Or(parts=parts):
            sieves = [sieve_of(each) for each in parts]
            known = [each for each in sieves if each is not None]
            return _any(known) if len(known) == len(sieves) else None
        case Not(part=part):
            sieve = sieve_of(part)
            return None if sieve is None or not sieve.is_exact else _others(sieve.among)


def _of_term(term: Term) -> Sieve | None:
    placement, matcher = term.access.placement, term.matcher
    if term.field.name in _IN_RUNS:
        matches = matcher.matches(_IN_RUNS[term.field.name])
        return _exactly(lambda run: range(len(run.payloads)) if matches else _NOTHING)
    if isinstance(placement, InPayload):
        if term.field.name == "json":
            return _of_json(term)
        if placement.values is None and placement.region is not Region.PAYLOAD:
            search = matcher.search or matcher.sieve
            if (
                search is None
                and term.operator.name == "=="
                and isinstance(term.operand, bytes)
                and term.operand
            ):
                search = LiteralSearch(term.operand)
            return None if search is None else _finding(search)
        return None
    if isinstance(placement, InByte) and placement.field is RecordColumn.HEAD:
        decode = placement.decode
        return _exactly(lambda run: _of_heads(run, lambda head: matcher.matches(decode(head))))
    one = matcher.one
    match term.field.name:
        case "message.length":
            return Sieve(
                lambda run: [index for index, length in enumerate(run.lengths) if one(length)],
                lambda payload: one(len(payload)),
            )
        case "length":
            return Sieve(
                lambda run: [index for index, length in enumerate(run.lengths) if one(length)], lambda _: True
            )
        case "message.opcode":
            return _exactly(lambda run: _of_heads(run, lambda head: one(head & OPCODE)))
    return None


def _exactly(among: Among) -> Sieve:
    """What is known of runs alone."""
    return Sieve(among, lambda _: True, is_exact=True)


def _others(among: Among) -> Sieve:
    return _exactly(lambda run: set(range(len(run.payloads))).difference(among(run)))


def _of_heads(run: Joined, matches: Callable[[int], bool]) -> Indexes:
    """Few different first bytes occur in a run, so each is asked about once."""
    wanted = {head for head in set(run.heads) if matches(head)}
    if not wanted:
        return _NOTHING
    return [index for index, head in enumerate(run.heads) if head in wanted]


def _finding(*searches: Search) -> Sieve:
    """Whatever has a hit of any of these."""
    if len(searches) == 1:
        search = searches[0]
        return Sieve(lambda run: run.hits(search), _single(search))
    return _any([_finding(each) for each in searches])


def _single(search: Search) -> Single:
    match search:
        case LiteralSearch(needle=needle):
            return lambda payload: needle in payload
        case FoldedSearch(needle=needle):
            return lambda payload: needle in payload.lower()
        case PatternSearch(pattern=pattern):
            return lambda payload: pattern.search(payload) is not None
        case RarestSearch(searches=searches):
            return _single(searches[0])
    return lambda _: True


def _of_json(term: Term) -> Sieve | None:
    """Names and texts stand in JSON as they are, unless something in it is escaped (RFC 8259 section 7)."""
    path, operand = term.argument or "", term.operand
    texts: tuple[object, ...] = operand if isinstance(operand, tuple) else (operand,)
    if term.operator.name in ("==", "in") and texts and all(isinstance(each, str) for each in texts):
        return _finding(_BACKSLASH, *(LiteralSearch(_in_quotes(str(each))) for each in texts))
    if _SIMPLE_PATH.fullmatch(path) is None:
        return None
    names = _LAST_NAME.findall(path)
    if not names:
        return None
    name = "".join(names[-1])
    return _finding(LiteralSearch(_in_quotes(name)), _BACKSLASH)


def _in_quotes(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")


def _all(sieves: Iterable[Sieve]) -> Sieve | None:
    parts: Sequence[Sieve] = tuple(sieves)
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]

    def among(run: Joined) -> Indexes:
        found: set[int] | None = None
        for part in parts:
            more = part.among(run)
            found = set(more) if found is None else found & set(more)
            if not found:
                return _NOTHING
        return found or _NOTHING

    return Sieve(among, lambda payload: all(part.single(payload) for part in parts))


def _any(parts: Sequence[Sieve]) -> Sieve:
    def among(run: Joined) -> Indexes:
        return set[int]().union(*(part.among(run) for part in parts))

    return Sieve(among, lambda payload: any(part.single(payload) for part in parts))
