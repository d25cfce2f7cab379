"""The words of templates beside the fields of the filter language: small plug-ins, each with its own help."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.rules.occasion import Occasion
from core.rules.template_values import Filling, time_text

Fill = Callable[[Occasion], Filling]

_MOST_RANDOM = 100_000
"""Hex digits that are made at once."""
_FARTHEST = 2**63


@dataclass(frozen=True, slots=True)
class Word:
    """A word that a template can have in braces."""

    name: str
    """`match.` stands for all words that begin so."""
    help: str
    example: str
    make: Callable[[str, Sequence[str | int]], Fill]
    """Takes what stands behind the name's dot, and what stands in brackets. Raises ValueError, whose text continues the
    sentence “… cannot be filled: …”.
    """


class Words:
    """Words by name, in order."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = {each.name: each for each in words}

    def __iter__(self) -> Iterator[Word]:
        return iter(self._words.values())

    def names(self) -> tuple[str, ...]:
        return tuple(self._words)

    def get(self, name: str) -> Word | None:
        return self._words.get(name) or self._words.get(name.partition(".")[0] + ".")


def _match(rest: str, given: Sequence[str | int]) -> Fill:
    _takes_nothing(given)
    group: str | int = int(rest) if rest.isdecimal() and len(rest) < 4 else rest
    if not rest.isidentifier() and not isinstance(group, int):
        raise ValueError("the number or the name of a group follows the dot, such as {match.1}")

    def fill(occasion: Occasion) -> Filling:
        found = occasion.found()
        try:
            return None if found is None else found[group]
        except (IndexError, KeyError):
            return None

    return fill


def _simple(read: Fill) -> Callable[[str, Sequence[str | int]], Fill]:
    def make(_rest: str, given: Sequence[str | int]) -> Fill:
        _takes_nothing(given)
        return read

    return make


def _takes_nothing(given: Sequence[str | int]) -> None:
    if given:
        raise ValueError("it takes nothing in brackets")


def _uuid(occasion: Occasion) -> Filling:
    return str(uuid.UUID(int=occasion.dice.getrandbits(128), version=4))


def _hex(_rest: str, given: Sequence[str | int]) -> Fill:
    count = _whole(given, 1, "how many digits")[0]
    if not 1 <= count <= _MOST_RANDOM:
        raise ValueError(f"there can be 1 to {_MOST_RANDOM} digits")
    return lambda occasion: f"{occasion.dice.getrandbits(4 * count):0{count}x}"


def _int(_rest: str, given: Sequence[str | int]) -> Fill:
    low, high = _whole(given, 2, "the least and the greatest number")
    if low > high or max(abs(low), abs(high)) > _FARTHEST:
        raise ValueError("the least number comes first, and both have at most 64 bits")
    return lambda occasion: occasion.dice.randint(low, high)


def _choice(_rest: str, given: Sequence[str | int]) -> Fill:
    if not given:
        raise ValueError('it takes in brackets what to choose from, such as {random.choice("a", "b")}')
    return lambda occasion: occasion.dice.choice(given)


def _whole(given: Sequence[str | int], count: int, what: str) -> list[int]:
    numbers = [each for each in given if isinstance(each, int)]
    if len(numbers) != count or len(given) != count:
        raise ValueError(f"it takes {what} in brackets")
    return numbers


def default_words() -> Words:
    """All built-in words."""
    return Words(
        (
            Word(
                "match.",
                "A group of what a pattern matched: of the action's own, else of the first `matches` in the rule's "
                "filter; 0 is all of it.",
                "{match.1}", _match,
            ),
            Word(
                "counter", "How often the rule has applied on this connection, from 1.", "{counter}",
                _simple(lambda occasion: occasion.counter),
            ),
            Word(
                "now", "The time, in UTC.", "{now}",
                _simple(lambda occasion: time_text(occasion.now_ns)),
            ),
            Word(
                "now.s", "The time, in whole seconds since 1970.", "{now.s}",
                _simple(lambda occasion: occasion.now_ns // 10**9),
            ),
            Word(
                "now.ms", "The time, in milliseconds since 1970.", "{now.ms}",
                _simple(lambda occasion: occasion.now_ns // 10**6),
            ),
            Word("uuid", "A new random UUID.", "{uuid}", _simple(_uuid)),
            Word("random.hex", "So many random hex digits.", "{random.hex(8)}", _hex),
            Word("random.int", "A random whole number between two, these included.", "{random.int(1, 6)}", _int),
            Word("random.choice", "One of several, by chance.", '{random.choice("yes", "no")}', _choice),
        )
    )  # fmt: skip
