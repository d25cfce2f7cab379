"""What a filter can tell at little cost: which of many messages may match, from columns alone; whether one may.

A sieve never loses a message that matches. What it keeps is asked one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from core.capture.columns import Region
from core.capture.layout import RecordColumn
from core.protocol.frames import OPCODE
from core.query.expressions import And, Expression, Not, Or, Term
from core.query.operators import Matcher, Several
from core.query.placements import InByte, InPayload
from core.query.search import FoldedSearch, LiteralSearch, PatternSearch, RarestSearch, Search
from core.query.values import JsonWord
from core.rules.joined import NOTHING, Indexes, Joined, may_be_json

Among = Callable[[Joined], Indexes]
Single = Callable[[bytes], bool]

_IN_RUNS: Mapping[str, Several] = {
    "compressed": 0, "truncated": 0, "message.frames": 1, "ratio": None,
    "violation": (), "severity": None, "close.code": None, "close.reason": None,
}  # fmt: skip
"""Fields that have one value in all runs: their frames are whole plain messages that break no rule."""
_MOST_EXACT = 10**9
"""Up to this size, a fraction that a double rounds to a whole number has six nines behind its point."""
_LAST_NAME = r"(?:\.([A-Za-z_][A-Za-z0-9_]*)|\[\"([^\"\\]+)\"\]|\['([^'\\]+)'\])"
_SIMPLE_PATH = re.compile(rf"\$(?:{_LAST_NAME}|\[[0-9]{{1,9}}\])*{_LAST_NAME}(?:\[[0-9]{{1,9}}\])*")


class Spelling(IntEnum):
    """How else a payload can have in it what a needle says."""

    ONLY = 0
    """In no other way."""
    JSON = 1
    """In no other way, but only a payload that is JSON has it."""
    TEXT = 2
    """In JSON, where any character of a text may be escaped (RFC 8259 section 7)."""
    NUMBER = 3
    """In JSON, where a number may have an exponent, or a fraction that is rounded (RFC 8259 section 6)."""


OTHERWISE: Mapping[Spelling, Search] = {
    Spelling.TEXT: LiteralSearch(b"\\"),
    Spelling.NUMBER: PatternSearch(re.compile(rb"[0-9][eE]|\.9{6}")),
}


def may_have_otherwise(payload: bytes) -> tuple[bool, bool, bool, bool]:
    """By `Spelling`, whether a payload of JSON may have something in another way than a needle says."""
    return False, False, b"\\" in payload, single_of(OTHERWISE[Spelling.NUMBER])(payload)


@dataclass(frozen=True, slots=True)
class Needle:
    """Bytes that every payload has that matches, unless they can be spelt otherwise."""

    data: bytes
    spelling: Spelling = Spelling.ONLY
    is_folded: bool = False
    """Whether small letters stand in it for capital ones too; then its spelling is ONLY."""


@dataclass(frozen=True, slots=True)
class Sieve:
    """A cheap test that every message passes that matches."""

    among: Among
    """For messages that are each one plain frame."""
    single: Single | None = None
    """For the payload of one message, of whatever frames; None: it passes."""
    needle: Needle | None = None
    """A quicker test, which more may pass."""
    is_exact: bool = False
    """Whether `among` keeps nothing but what matches."""
    is_of_length: bool = False
    """Whether it first asks for lengths, which is quicker than any search."""


def sieve_of(expression: Expression) -> Sieve | None:
    """The sieve of a filter; None if it can't tell anything."""
    match expression:
        case Term():
            return _of_term(expression)
        case And(parts=parts):
            known = [each for each in map(sieve_of, parts) if each is not None]
            # What can't be told denies more than what is known does.
            return (
                _all(known)
                if len(known) == len(parts)
                else _all([replace(each, is_exact=False) for each in known])
            )
        case Or(parts=parts):
            return _any([sieve_of(each) for each in parts])
        case Not(part=part):
            sieve = sieve_of(part)
            return None if sieve is None or not sieve.is_exact else _others(sieve.among)


def _of_term(term: Term) -> Sieve | None:
    placement, matcher = term.access.placement, term.matcher
    if term.field.name in _IN_RUNS:
        matches = matcher.matches(_IN_RUNS[term.field.name])
        return _exactly(lambda run: range(len(run.payloads)) if matches else NOTHING)
    if isinstance(placement, InPayload):
        return _of_payload(term, placement)
    if isinstance(placement, InByte) and placement.field is RecordColumn.HEAD:
        decode = placement.decode
        return _exactly(lambda run: _of_heads(run, lambda head: matcher.matches(decode(head))))
    one = matcher.one
    match term.field.name:
        case "message.length" | "length":
            # A compressed frame is shorter than its message.
            single = None if term.field.name == "length" else lambda payload: one(len(payload))
            return Sieve(lambda run: _of_lengths(run, matcher), single, is_of_length=True)
        case "message.opcode":
            return _exactly(lambda run: _of_heads(run, lambda head: one(head & OPCODE)))
    return None


def _of_payload(term: Term, placement: InPayload) -> Sieve | None:
    if term.field.name == "json":
        return _of_json(term)
    if placement.values is not None or placement.region is Region.PAYLOAD:
        return None
    search, operand = term.matcher.search or term.matcher.sieve, term.operand
    if search is None and term.operator.name == "==" and isinstance(operand, bytes) and operand:
        search = LiteralSearch(operand)
    match search:
        case None:
            return None
        case LiteralSearch(needle=needle) | RarestSearch(searches=(LiteralSearch(needle=needle), *_)):
            return _having(Needle(needle))
        case FoldedSearch(needle=needle) | RarestSearch(searches=(FoldedSearch(needle=needle), *_)):
            folded = FoldedSearch(needle)
            return Sieve(lambda run: run.hits(folded), single_of(folded), Needle(needle, is_folded=True))
    return Sieve(lambda run: run.hits(search), single_of(search))


def _of_json(term: Term) -> Sieve | None:
    """Names and values stand in JSON as they are, but for escapes."""
    operand = term.operand
    if term.operator.name in ("==", "in"):
        values = operand if isinstance(operand, tuple) else (operand,)
        found = [_value_needle(each) for each in values]
        needles = [each for each in found if each is not None]
        if needles and len(needles) == len(found):
            return _any([_having(each) for each in needles])
    path = _SIMPLE_PATH.fullmatch(term.argument or "")
    if path is None:
        return None
    name = next(filter(None, reversed(path.groups())), "")
    return _having(Needle(_in_quotes(name), Spelling.TEXT))


def _value_needle(value: object) -> Needle | None:
    """What a document has that has this value in it."""
    if isinstance(value, str):
        return Needle(_in_quotes(value), Spelling.TEXT)
    if isinstance(value, JsonWord):
        return Needle(value.value.encode(), Spelling.JSON)
    if isinstance(value, int) and abs(value) <= _MOST_EXACT:
        return Needle(str(abs(value)).encode(), Spelling.NUMBER)
    return None


def _in_quotes(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")


def _having(needle: Needle) -> Sieve:
    search = LiteralSearch(needle.data)
    if needle.spelling is Spelling.ONLY:
        return Sieve(lambda run: run.hits(search), lambda payload: needle.data in payload, needle)
    otherwise = OTHERWISE.get(needle.spelling)

    def among(run: Joined) -> Indexes:
        found = run.hits_in_json(search)
        others = NOTHING if otherwise is None else run.hits_in_json(otherwise)
        return {*found, *others} if others else found

    return Sieve(among, lambda payload: _may_have(needle, payload), needle)


def _may_have(needle: Needle, payload: bytes) -> bool:
    """Whether a payload may be JSON that has what the needle says."""
    if not may_be_json(payload):
        return False
    return needle.data in payload or may_have_otherwise(payload)[needle.spelling]


def _exactly(among: Among) -> Sieve:
    """What is known of runs alone."""
    return Sieve(among, is_exact=True)


def _others(among: Among) -> Sieve:
    return _exactly(lambda run: set(range(len(run.payloads))).difference(among(run)))


def _of_heads(run: Joined, matches: Callable[[int], bool]) -> Indexes:
    """Few different first bytes occur in a run, so each is asked about once."""
    wanted = {head for head in set(run.heads) if matches(head)}
    if not wanted:
        return NOTHING
    return [at for at, head in enumerate(run.heads) if head in wanted]


def _of_lengths(run: Joined, matcher: Matcher) -> Indexes:
    shortest, longest = run.extremes
    if (matcher.low is not None and longest < matcher.low) or (
        matcher.high is not None and shortest > matcher.high
    ):
        return NOTHING
    return [at for at, length in enumerate(run.lengths) if matcher.one(length)]


def single_of(search: Search) -> Single:
    """The test whether something is found in one payload."""
    match search:
        case LiteralSearch(needle=needle):
            return lambda payload: needle in payload
        case FoldedSearch(needle=needle):
            return lambda payload: needle in payload.lower()
        case PatternSearch(pattern=pattern):
            return lambda payload: pattern.search(payload) is not None
        case RarestSearch(searches=searches):
            return single_of(searches[0])
    return lambda _: True


def _all(parts: Sequence[Sieve]) -> Sieve | None:
    """What passes all parts."""
    if len(parts) < 2:
        return parts[0] if parts else None
    parts = sorted(parts, key=lambda part: not part.is_of_length)
    is_of_length = parts[0].is_of_length

    def among(run: Joined) -> Indexes:
        found: Indexes | None = None
        for part in parts:
            more = part.among(run)
            found = more if found is None else set(found).intersection(more)
            if not found:
                return NOTHING
        return found or NOTHING

    singles = [each.single for each in parts if each.single is not None]
    needles = [each.needle for each in parts if each.needle is not None]
    longest = None if is_of_length else max(needles, key=lambda needle: len(needle.data), default=None)
    return Sieve(
        among, lambda payload: all(single(payload) for single in singles), longest, is_of_length=is_of_length
    )


def _any(sieves: Iterable[Sieve | None]) -> Sieve | None:
    """What passes one part; None where one of them can't tell anything."""
    parts = list(sieves)
    known = [each for each in parts if each is not None]
    if len(known) < len(parts) or len(known) < 2:
        return known[0] if len(known) == len(parts) == 1 else None

    def among(run: Joined) -> Indexes:
        return set[int]().union(*(part.among(run) for part in known))

    singles = [each.single for each in known]
    return Sieve(among, lambda payload: any(single is None or single(payload) for single in singles))
