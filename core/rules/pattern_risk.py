"""Patterns on which Python's engine can take forever. Rules are asked while everything else waits, so they have none.

A repetition whose body is nothing but another repetition can be cut in exponentially many ways. Patterns that are only
slow on long messages are not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from re import _constants as codes
from re import _parser as parser
from typing import Any

TAKES_FOREVER = (
    "can take forever: it repeats what is nothing but a repetition, as (a+)+ does. Write a+, or (?>a+)+ to keep it "
    "from trying all ways."
)
"""Continues a sentence that names the pattern."""
_MANY = 10
"""A repetition of at most so many times is harmless."""
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)
_WIDTHLESS = (codes.AT, codes.ASSERT, codes.ASSERT_NOT)

_Item = tuple[Any, Any]


def may_take_forever(pattern: str) -> bool:
    """Whether a repetition in it has a body that is nothing but a repetition."""
    try:
        return _is_risky(parser.parse(pattern))
    except (re.error, RecursionError, OverflowError):
        # A pattern for bytes need not be one for text.
        return False


def _is_risky(items: Sequence[_Item]) -> bool:
    return any(
        (_repeats(each) and _is_only_repetition(each[1][2])) or any(map(_is_risky, _bodies(each)))
        for each in items
    )


def _repeats(item: _Item) -> bool:
    return item[0] in _REPEATS and item[1][1] > _MANY


def _is_only_repetition(items: Sequence[_Item]) -> bool:
    """Whether these can match what one repetition among them matches alone."""
    if len(items) == 1:
        code, _ = items[0]
        if code is codes.SUBPATTERN or code is codes.BRANCH:
            return any(map(_is_only_repetition, _bodies(items[0])))
    return any(
        _repeats(each) and all(_may_be_empty(other) for other in items if other is not each) for each in items
    )


def _may_be_empty(item: _Item) -> bool:
    code, value = item
    if code in _WIDTHLESS:
        return True
    if code in _REPEATS or code is codes.POSSESSIVE_REPEAT:
        return value[0] == 0 or all(map(_may_be_empty, value[2]))
    if code is codes.BRANCH:
        return any(all(map(_may_be_empty, each)) for each in value[1])
    bodies = list(_bodies(item))
    return bool(bodies) and all(all(map(_may_be_empty, each)) for each in bodies)


def _bodies(item: _Item) -> Iterator[Sequence[_Item]]:
    """What stands in a repetition, a group or an alternative."""
    code, value = item
    if code in _REPEATS or code is codes.POSSESSIVE_REPEAT:
        yield value[2]
    elif code is codes.SUBPATTERN:
        yield value[3]
    elif code is codes.BRANCH:
        yield from value[1]
    elif code is codes.ATOMIC_GROUP:
        yield value
    elif code in (codes.ASSERT, codes.ASSERT_NOT):
        yield value[1]
    elif code is codes.GROUPREF_EXISTS:
        yield from (each for each in value[1:] if each is not None)
