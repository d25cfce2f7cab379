"""Conditions of rules: which fields a moment has, what of a filter a connection decides once, what a pattern found."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator

from core.query.expressions import And, Expression, Not, Or, Term, all_of, any_of, negation
from core.query.fields import Field, Subject
from core.query.operators import UNSETTLED, Several
from core.query.placements import InConnection, InConnectionId
from core.query.values import FieldKind, Value
from core.rules.moment import Moment
from core.rules.occasion import Groups, Match

_LATER = frozenset(
    {
        *("frame", "number", "time.relative", "delta", "marked", "note"),
        *("fate", "edited", "injected", "held", "decided_by", "rule", "redacted"),
    }
)
"""Fields that a frame has once it is recorded."""
_OF_CLOSE = frozenset({"close.code", "close.reason"})
_OF_TIME = frozenset({"time"})
_WHAT = {
    Moment.REQUEST: "a request",
    Moment.RESPONSE: "a response",
    Moment.OPEN: "the opening of a connection",
    Moment.CLOSE: "the end of a connection",
    Moment.TIMER: "a timer",
}


def refusal(moment: Moment) -> Callable[[Field], str | None]:
    """Tells why a field can't be had at a moment; None: it can."""

    def refuse(field: Field) -> str | None:
        if field.name in _LATER:
            return f"“{field.name}” is known once a frame is recorded; a rule decides before that."
        if moment in (Moment.MESSAGE, Moment.FRAME) or field.name in _OF_TIME or is_of_connection(field):
            return None
        if moment is Moment.CLOSE and field.name in _OF_CLOSE:
            return None
        return (
            f"“{field.name}” is of a frame, and {_WHAT[moment]} has none: such as path or header are there."
        )

    return refuse


def is_of_connection(field: Field) -> bool:
    """Whether all frames of a connection have the same value."""
    access = field.access
    if callable(access):
        return field.name == "header"
    return isinstance(access.placement, InConnection | InConnectionId)


def terms(expression: Expression) -> Iterator[Term]:
    """All terms of a filter, in order."""
    match expression:
        case Term():
            yield expression
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from terms(part)
        case Not(part=part):
            yield from terms(part)


def has_time_of_day(expression: Expression) -> bool:
    """Whether it depends on a capture's days what the filter means."""
    return any(each.matcher is UNSETTLED for each in terms(expression))


def settled(expression: Expression, subject: Subject) -> Expression | bool:
    """What is left of a filter for frames of one connection and one side, of which `subject` is one; the very same
    expression if nothing in it can be told of these.
    """
    match expression:
        case Term(field=field, matcher=matcher, access=access):
            if is_of_connection(field) or field.name == "direction":
                return matcher.matches(access.values(subject))
            return expression
        case And(parts=parts):
            kept = _kept(parts, subject, decides=False)
            return kept if isinstance(kept, bool) else expression if _are(kept, parts) else all_of(kept)
        case Or(parts=parts):
            kept = _kept(parts, subject, decides=True)
            return kept if isinstance(kept, bool) else expression if _are(kept, parts) else any_of(kept)
        case Not(part=part):
            left = settled(part, subject)
            if left is part:
                return expression
            return not left if isinstance(left, bool) else negation(left)


def _are(kept: list[Expression], parts: tuple[Expression, ...]) -> bool:
    """Whether nothing was settled: the very same parts are left."""
    return len(kept) == len(parts) and all(one is other for one, other in zip(kept, parts, strict=True))


def _kept(parts: tuple[Expression, ...], subject: Subject, *, decides: bool) -> list[Expression] | bool:
    """The parts that are not settled; a bool where that settles all. `decides`: the value of one part that does."""
    kept: list[Expression] = []
    for part in parts:
        left = settled(part, subject)
        if left is decides:
            return decides
        if not isinstance(left, bool):
            kept.append(left)
    return kept or not decides


def groups_of(expression: Expression | None) -> Groups:
    """Finds what the first pattern of a filter matched."""
    found = _positive(expression) if expression is not None else None
    if found is None:
        return lambda _: None
    kind, values, text = found.field.kind, found.access.values, str(found.operand)
    if kind is FieldKind.BYTES:
        in_bytes = re.compile(text.encode()).search
        return lambda subject: _first(
            in_bytes(each) for each in _listed(values(subject)) if isinstance(each, bytes)
        )
    in_text = re.compile(text).search
    return lambda subject: _first(in_text(each) for each in _listed(values(subject)) if isinstance(each, str))


def _first(found: Iterator[Match | None]) -> Match | None:
    return next((each for each in found if each is not None), None)


def _positive(expression: Expression) -> Term | None:
    match expression:
        case Term(operator=operator):
            return expression if operator.name == "matches" else None
        case And(parts=parts) | Or(parts=parts):
            return next(filter(None, map(_positive, parts)), None)
        case Not():
            return None


def _listed(several: Several) -> Iterator[Value]:
    if isinstance(several, tuple | Generator):
        yield from several
    elif several is not None:
        yield several
