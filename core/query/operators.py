"""The operators: small plug-ins, each with its own help.

An operator turns its operand into a `Matcher`, which decides whether one value of a field matches. Both back-ends use
it: the predicate on the values of one frame, the scan on those of a whole block.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from functools import partial
from itertools import chain
from types import GeneratorType
from typing import Any

from core.query.patterns import is_local, required
from core.query.search import FoldedSearch, LiteralSearch, PatternSearch, RarestSearch, Search
from core.query.values import ORDERED, TEXTUAL, FieldKind, Value

PATTERN_LIMIT = 1000
"""Characters in a pattern. Python's engine backtracks, so a pattern can be slow; a short one is less so."""
SET_LIMIT = 10_000


Several = Value | tuple[Value, ...] | Generator[Value] | None
"""A frame's values of one field. A generator, which can be used once, stands for what may be very many values."""


class Takes(Enum):
    """What stands to the right of an operator."""

    NOTHING = "nothing"
    VALUE = "a value"
    TEXT = "a text"
    PATTERN = "a pattern"
    SET = "a set"


@dataclass(frozen=True, slots=True)
class Range:
    """A range of values, both ends included."""

    low: Value
    high: Value


Operand = Value | Range | re.Pattern[str] | tuple[Value | Range, ...] | None


class OperandError(Exception):
    """The operand is not usable. The message continues the sentence “expected …”."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """What an operator made of its operand."""

    one: Callable[[Any], bool]
    """Whether a value matches; it has the field's kind and is never None."""
    every: bool = False
    """Whether all values of a field must match, rather than any, if a frame has several."""
    search: Search | None = None
    """A faster way to look through many payloads at once."""
    sieve: Search | None = None
    """If there is no `search`: finds something in every payload that matches, and rarely in others."""
    low: float | int | None = None
    """No smaller value matches."""
    high: float | int | None = None
    """No greater value matches."""

    def matches(self, value: Several) -> bool:
        """Whether any value (with `every`: each) matches. None or no values at all never match."""
        if value is None:
            return False
        if not isinstance(value, tuple | GeneratorType):
            return self.one(value)
        matched = False
        for each in value:
            matched = self.one(each)
            if matched is not self.every:
                break
        return matched


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator: its name, its help, and how it builds a matcher."""

    name: str
    kinds: frozenset[FieldKind]
    """Kinds of field that it applies to."""
    takes: Takes
    help: str
    example: str
    build: Callable[[FieldKind, Operand], Matcher]
    """Makes the matcher; raises OperandError."""
    aliases: tuple[str, ...] = ()


class Operators:
    """Operators by name, in order."""

    def __init__(self, operators: tuple[Operator, ...]) -> None:
        self._operators = operators
        self._by_name = {name: each for each in operators for name in (each.name, *each.aliases)}

    def __iter__(self) -> Iterator[Operator]:
        return iter(self._operators)

    def get(self, name: str) -> Operator:
        """The operator with that name or alias; raises KeyError."""
        return self._by_name[name.lower()]

    def names(self) -> tuple[str, ...]:
        """All names and aliases."""
        return tuple(self._by_name)


def _dayless(_value: object) -> bool:
    raise AssertionError("A time of day is compared before it is known of which day.")


UNSETTLED = Matcher(_dayless)
"""Stands for an operand with times of day while the capture is unknown."""


def _equals(_kind: FieldKind, operand: Operand) -> Matcher:
    bound = operand if isinstance(operand, int | float) else None
    return Matcher(partial(operator.eq, operand), low=bound, high=bound)


def _differs(_kind: FieldKind, operand: Operand) -> Matcher:
    return Matcher(partial(operator.ne, operand), every=True)


def _ordering(compare: Callable[[Any, Any], bool], *, up: bool) -> Callable[[FieldKind, Operand], Matcher]:
    """`compare` takes the operand on its left; `up` means that greater values match."""

    def build(kind: FieldKind, operand: Operand) -> Matcher:
        test = partial(compare, operand)
        if kind is FieldKind.JSON:
            if not isinstance(operand, int | float | str):
                raise OperandError("a number or a text: there is no order among the others")
            return Matcher(lambda value: _same_sort(operand, value) and test(value))
        assert isinstance(operand, int | float)
        return Matcher(test, low=operand) if up else Matcher(test, high=operand)

    return build


def _same_sort(one: Value, other: Value) -> bool:
    return (isinstance(one, str) and isinstance(other, str)) or (_is_number(one) and _is_number(other))


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, Enum)


def _contains(kind: FieldKind, operand: Operand) -> Matcher:
    _must_not_be_empty(operand)
    search = LiteralSearch(operand) if isinstance(operand, bytes) else None
    return Matcher(lambda value: _has_type(kind, value) and operand in value, search=search)


def _contains_folded(kind: FieldKind, operand: Operand) -> Matcher:
    _must_not_be_empty(operand)
    if isinstance(operand, bytes):
        small = operand.lower()
        return Matcher(lambda value: small in value.lower(), search=FoldedSearch(small))
    assert isinstance(operand, str)
    folded = operand.casefold()
    return Matcher(lambda value: _has_type(kind, value) and folded in value.casefold())


def _has_type(kind: FieldKind, value: object) -> bool:
    return kind is not FieldKind.JSON or isinstance(value, str)


def _must_not_be_empty(operand: Operand) -> None:
    if not operand:
        raise OperandError("at least one character: nothing is contained in everything")


def _matches(kind: FieldKind, operand: Operand) -> Matcher:
    assert isinstance(operand, str)
    if len(operand) > PATTERN_LIMIT:
        raise OperandError(f"a pattern of at most {PATTERN_LIMIT} characters")
    try:
        if kind is not FieldKind.BYTES:
            search = re.compile(operand).search
            return Matcher(lambda value: _has_type(kind, value) and search(value) is not None)
        pattern = re.compile(operand.encode())
    except (re.error, RecursionError, OverflowError, UnicodeEncodeError) as error:
        raise OperandError(f"a regular expression; {error}") from None
    search_bytes = pattern.search
    matcher = Matcher(lambda value: search_bytes(value) is not None)
    needles, folded = required(pattern), bool(pattern.flags & re.IGNORECASE)
    # Ignoring case, Python's engine is slower over a whole block than a search for the required bytes.
    if is_local(operand) and pattern.search(b"") is None and not (folded and needles):
        return replace(matcher, search=PatternSearch(pattern))
    if not needles:
        return matcher
    searches = (FoldedSearch(needle) if folded else LiteralSearch(needle) for needle in needles)
    return replace(matcher, sieve=RarestSearch(tuple(searches)))


def _in(kind: FieldKind, operand: Operand) -> Matcher:
    assert isinstance(operand, tuple)
    single = frozenset(each for each in operand if not isinstance(each, Range))
    ranges = tuple(each for each in operand if isinstance(each, Range))
    bounds = list(chain(single, *((each.low, each.high) for each in ranges)))
    one = _membership(single, ranges, comparable=kind is not FieldKind.JSON)
    numbers = [each for each in bounds if isinstance(each, int | float)]
    if len(numbers) != len(bounds):
        return Matcher(one)
    return Matcher(one, low=min(numbers), high=max(numbers))


def _membership(
    single: frozenset[Value], ranges: tuple[Range, ...], *, comparable: bool
) -> Callable[[Any], bool]:
    if not ranges:
        return single.__contains__

    def one(value: Any) -> bool:
        return value in single or any(
            (comparable or _same_sort(each.low, value)) and each.low <= value <= each.high for each in ranges
        )

    return one


def _exists(_kind: FieldKind, _operand: Operand) -> Matcher:
    return Matcher(lambda _value: True)


def _is_set(_kind: FieldKind, _operand: Operand) -> Matcher:
    return Matcher(bool)


PRESENT = Operator(
    "is there", frozenset(FieldKind), Takes.NOTHING, "The frame has the field at all.", "close.code", _exists
)
"""What the name of an optional field means when it stands alone."""
IS_SET = Operator(
    "is set", frozenset({FieldKind.FLAG}), Takes.NOTHING, "The flag is set.", "compressed", _is_set
)
"""What a flag means when it stands alone."""

_ALL = frozenset(FieldKind)


def default_operators() -> Operators:
    """All built-in operators."""
    compare = Takes.VALUE
    return Operators(
        (
            Operator("==", _ALL, compare, "Equal. Of several values, any.", "opcode == ping", _equals, ("=",)),
            Operator(
                "!=", _ALL, compare, "There, and not equal. Of several values, none is.", "close.code != 1000",
                _differs, ("<>",),
            ),
            Operator("<=", ORDERED, compare, "At most.", "delta <= 5ms", _ordering(operator.ge, up=False)),
            Operator(">=", ORDERED, compare, "At least.", "severity >= warning", _ordering(operator.le, up=True)),
            Operator("<", ORDERED, compare, "Less.", "time < 10s", _ordering(operator.gt, up=False)),
            Operator(">", ORDERED, compare, "Greater.", "length > 4KiB", _ordering(operator.lt, up=True)),
            Operator(
                "in", _ALL - {FieldKind.FLAG}, Takes.SET, "One of a set of values and ranges, or within one range.",
                "close.code in {1000, 1002..1015}", _in,
            ),
            Operator(
                "contains", TEXTUAL, Takes.TEXT, "Has these characters or bytes in it, exactly.",
                'payload contains "user_id"', _contains,
            ),
            Operator(
                "icontains", TEXTUAL, Takes.TEXT,
                "The same, capital letters being the same as small ones (in payloads: of A–Z).",
                "payload icontains error", _contains_folded,
            ),
            Operator(
                "matches", TEXTUAL, Takes.PATTERN,
                "A regular expression (Python's; put (?i) first to have capitals be the same as small letters) is "
                f"found in it. On payloads it works on bytes. At most {PATTERN_LIMIT} characters; one with nested "
                "repetitions, such as (a+)+, can take very long on a long payload.",
                r'payload matches "id=\d{4}"', _matches, ("~",),
            ),
        )
    )  # fmt: skip
