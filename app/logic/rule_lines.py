"""Rules as rows of a list. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass

from core.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule, and how it went."""

    rule: Rule
    hits: int = 0
    """How often it applied since it was last changed."""
    last_hit_ns: int | None = None
    problem: str = ""
    """Why it cannot be switched on; "" if it can."""


def moved(rules: tuple[Rule, ...], row: int, to: int) -> tuple[Rule, ...]:
    """The rules with that of `row` in front of the one that is now in row `to`."""
    rest = [rule for at, rule in enumerate(rules) if at != row]
    rest.insert(to - (to > row), rules[row])
    return tuple(rest)


def next_rule_id(rules: tuple[Rule, ...]) -> int:
    """An id that no other rule has."""
    return max((rule.id for rule in rules), default=0) + 1
