"""Patterns on which Python's engine can take forever. Rules are asked while everything else waits, so they have none.

What is repeated many times must match a text in one way only, or the ways multiply: each character in it has to tell
which part of the pattern comes next. Some harmless patterns are refused too; patterns that are only slow on long
messages are not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from re import _constants as codes
from re import _parser as parser
from typing import Any

from core.rules.pattern_letters import Letters

TAKES_FOREVER = (
    "can take forever: what it repeats may match the same text in several ways, as in (a+)+ or (a|aa)+. Write a+, or "
    "(?>a+)+ to keep it from trying all ways."
)
"""Continues a sentence that names the pattern."""
_FEW = 3
"""Repeated at most so many times, several ways are no harm."""
_MOST_STEPS = 200_000
"""Ways from one character of a pattern to the next; one with more is refused."""
_GREEDY_OR_LAZY = (codes.MAX_REPEAT, codes.MIN_REPEAT)
_ATOMIC = (codes.ATOMIC_GROUP, codes.POSSESSIVE_REPEAT)
_LETTERS = (codes.LITERAL, codes.NOT_LITERAL, codes.IN, codes.ANY)
_ASSERTIONS = (codes.ASSERT, codes.ASSERT_NOT)
_WIDTHLESS = (codes.AT, codes.FAILURE)

_Item = tuple[Any, Any]


def may_take_forever(pattern: str) -> bool:
    """Whether something in it is repeated that can match in several ways; on bytes or on text."""
    return _is_risky(pattern) or _is_risky(pattern.encode("utf-8", "surrogatepass"))


def _is_risky(pattern: str | bytes) -> bool:
    try:
        parsed = parser.parse(pattern)
        walk = _Walk(Letters(isinstance(pattern, bytes)))
        walk.sequence(_without_last_loop(list(parsed)), parsed.state.flags, 1)
    except re.error:
        # A pattern for bytes need not be one for text.
        return False
    except (_SeveralWaysError, RecursionError, OverflowError):
        return True
    return False


def _without_last_loop(items: list[_Item]) -> list[_Item]:
    """A repetition that ends a pattern stands here once: nothing fails after it, so its first way is the only one."""
    if items and items[-1][0] in _GREEDY_OR_LAZY:
        least, _, body = items[-1][1]
        if least <= 1 and not _has_long_loop(body):
            return [*items[:-1], *body]
    return items


def _has_long_loop(items: Iterable[_Item]) -> bool:
    for code, value in items:
        if code in _GREEDY_OR_LAZY and (value[1] > _FEW or _has_long_loop(value[2])):
            return True
        if code is codes.SUBPATTERN and _has_long_loop(value[3]):
            return True
        if code is codes.BRANCH and any(map(_has_long_loop, value[1])):
            return True
    return False


class _SeveralWaysError(Exception):
    """Something that is repeated many times can match in several ways, or it takes too long to tell."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Characters of the pattern with which a part of it can begin and end, by number."""

    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    may_be_empty: bool = True


class _Walk:
    """Numbers the characters of a pattern and notes which can follow which, once for each way."""

    def __init__(self, letters: Letters) -> None:
        self._letters = letters
        self._sets: list[int] = []
        self._next: list[list[int]] = []
        self._steps = 0
        self._empty_twice = 0

    def sequence(self, items: Iterable[_Item], flags: int, times: float) -> _Part:
        whole = _Part()
        for each in items:
            whole = self._joined(whole, self._item(each, flags, times))
        return whole

    def _item(self, item: _Item, flags: int, times: float) -> _Part:
        code, value = item
        if code in _LETTERS:
            return self._character(self._letters.of(item, flags), may_be_empty=False)
        if code is codes.SUBPATTERN:
            _, added, removed, body = value
            return self.sequence(body, (flags | added) & ~removed, times)
        if code is codes.BRANCH:
            return self._either([self.sequence(each, flags, times) for each in value[1]])
        if code in _GREEDY_OR_LAZY:
            return self._repeated(value, flags, times)
        if code in _ATOMIC:
            return self._atomic(item, flags)
        if code in _ASSERTIONS:
            # It is left for good once it has matched.
            self.sequence(value[1], flags, 1)
            return _Part()
        if code in _WIDTHLESS:
            return _Part()
        if code is codes.GROUPREF_EXISTS:
            return self._either([self.sequence(each or (), flags, times) for each in value[1:]])
        # A group again can be anything.
        return self._character(self._letters.all, may_be_empty=True)

    def _character(self, letters: int, *, may_be_empty: bool) -> _Part:
        number = len(self._sets)
        self._sets.append(letters)
        self._next.append([])
        self._count(1)
        return _Part((number,), (number,), may_be_empty)

    def _atomic(self, item: _Item, flags: int) -> _Part:
        """One character that stands for all of it, since it matches in one way only."""
        code, value = item
        body = [(codes.MAX_REPEAT, value)] if code is codes.POSSESSIVE_REPEAT else value
        part = self.sequence(body, flags, 1)
        letters = 0
        for each in part.first:
            letters |= self._sets[each]
        return self._character(letters, may_be_empty=part.may_be_empty)

    def _repeated(self, value: tuple[int, int, Sequence[_Item]], flags: int, times: float) -> _Part:
        least, most, body = value
        times *= float("inf") if most is codes.MAXREPEAT else max(most, 1)
        start, empty_twice = len(self._sets), self._empty_twice
        part = self.sequence(body, flags, times)
        if part.may_be_empty:
            self._empty_twice += 1
        if most > 1:
            if least == most:
                # The count says where it ends; two of them have all that can follow.
                part = self._joined(part, self.sequence(body, flags, times))
            else:
                self._link(part.last, part.first)
            if times > _FEW:
                self._check(part, start, empty_twice)
        return _Part(part.first, part.last, part.may_be_empty or least == 0)

    def _check(self, body: _Part, start: int, empty_twice: int) -> None:
        """Raises _SeveralWaysError unless each character since `start` tells what follows."""
        if self._empty_twice > empty_twice or self._overlap(body.first):
            raise _SeveralWaysError
        if any(map(self._overlap, self._next[start:])):
            raise _SeveralWaysError

    def _overlap(self, numbers: Sequence[int]) -> bool:
        seen = 0
        for each in numbers:
            if seen & self._sets[each]:
                return True
            seen |= self._sets[each]
        return False

    def _joined(self, left: _Part, right: _Part) -> _Part:
        self._link(left.last, right.first)
        return _Part(
            (*left.first, *right.first) if left.may_be_empty else left.first,
            (*left.last, *right.last) if right.may_be_empty else right.last,
            left.may_be_empty and right.may_be_empty,
        )

    def _either(self, parts: Sequence[_Part]) -> _Part:
        empty = sum(each.may_be_empty for each in parts)
        if empty > 1:
            self._empty_twice += 1
        return _Part(
            tuple(number for each in parts for number in each.first),
            tuple(number for each in parts for number in each.last),
            empty > 0,
        )

    def _link(self, before: Sequence[int], after: Sequence[int]) -> None:
        self._count(len(before) * len(after))
        for each in before:
            self._next[each].extend(after)

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps > _MOST_STEPS:
            raise _SeveralWaysError
