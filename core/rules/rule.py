"""A rule as a person writes it: when, then."""

from __future__ import annotations

from dataclasses import dataclass

from core.protocol.state import Role
from core.rules.moment import Moment


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule applies."""

    moment: Moment
    filter: str = ""
    """A text of the filter language; "" matches everything."""
    sender: Role | None = None
    """Whose messages; None: those of both sides."""
    every_seconds: float = 0.0
    """For TIMER: the time between two times."""
    after: str = ""
    """The name of a rule that has to have applied on the connection before; "" for none."""
    skip: int = 0
    """How many matches on a connection are let by first."""
    most: int | None = None
    """How many times it applies on a connection; None: every time."""
    percent: float = 100.0
    """In how many of a hundred cases it applies, by chance."""


@dataclass(frozen=True, slots=True)
class ActionText:
    """An action of the registry, by name, with its parameters as texts, which may be templates."""

    name: str
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of an ordered list."""

    id: int
    name: str
    when: Condition
    then: tuple[ActionText, ...]
    is_on: bool = True
