"""What a filter says, as a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from core.query.fields import Access, Field
from core.query.operators import Matcher, Operand, Operator


@dataclass(frozen=True, slots=True)
class Term:
    """A field, an operator, an operand."""

    field: Field
    argument: str | None
    """In the brackets of `header["Origin"]` or `json("$.a")`."""
    operator: Operator
    operand: Operand
    """With times of day as they stand in the text, until the filter is asked of a capture."""
    access: Access
    matcher: Matcher


@dataclass(frozen=True, slots=True)
class And:
    """All of them; at least two."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them; at least two."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What does not match."""

    part: Expression


Expression: TypeAlias = Term | And | Or | Not


@dataclass(frozen=True, slots=True)
class Filter:
    """What a frame has to match, and the texts that say so, for another process to read."""

    texts: tuple[str, ...]
    """It has to match all of them."""
    expression: Expression
    """What they say together."""


def fields_in(expression: Expression) -> set[str]:
    """Names of the fields that it asks for."""
    match expression:
        case Term(field=field):
            return {field.name}
        case And(parts=parts) | Or(parts=parts):
            return set().union(*map(fields_in, parts))
        case Not(part=part):
            return fields_in(part)


def all_of(parts: list[Expression]) -> Expression:
    """One part alone is itself; `And`s in an `And` become one."""
    if len(parts) == 1:
        return parts[0]
    return And(tuple(each for part in parts for each in (part.parts if isinstance(part, And) else (part,))))


def any_of(parts: list[Expression]) -> Expression:
    """One part alone is itself; `Or`s in an `Or` become one."""
    if len(parts) == 1:
        return parts[0]
    return Or(tuple(each for part in parts for each in (part.parts if isinstance(part, Or) else (part,))))


def negation(part: Expression) -> Expression:
    return part.part if isinstance(part, Not) else Not(part)
