"""What a filter says, as a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from core.query.fields import Access, Field
from core.query.operators import Matcher, Operand, Operator


@dataclass(frozen=True, slots=True)
class Term:
    """A field, an operator and an operand."""

    field: Field
    argument: str | None
    """The text in the brackets of `header["Origin"]` or `json("$.a")`."""
    operator: Operator
    operand: Operand
    """Holds times of day as written, until the filter is applied to a capture."""
    access: Access
    matcher: Matcher


@dataclass(frozen=True, slots=True)
class And:
    """Matches what all parts match; at least two."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Matches what any part matches; at least two."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Matches what its part does not match."""

    part: Expression


Expression: TypeAlias = Term | And | Or | Not


@dataclass(frozen=True, slots=True)
class Filter:
    """What a frame has to match, with the texts that say so, for another process to parse."""

    texts: tuple[str, ...]
    """A frame has to match all of these."""
    expression: Expression
    """The texts together, as one tree."""


def fields_in(expression: Expression) -> set[str]:
    """Names of the fields that a filter asks for."""
    match expression:
        case Term(field=field):
            return {field.name}
        case And(parts=parts) | Or(parts=parts):
            return set().union(*map(fields_in, parts))
        case Not(part=part):
            return fields_in(part)


def all_of(parts: list[Expression]) -> Expression:
    """Join parts by “and”: a single part stays itself, and nested `And`s become one."""
    if len(parts) == 1:
        return parts[0]
    return And(tuple(each for part in parts for each in (part.parts if isinstance(part, And) else (part,))))


def any_of(parts: list[Expression]) -> Expression:
    """Join parts by “or”: a single part stays itself, and nested `Or`s become one."""
    if len(parts) == 1:
        return parts[0]
    return Or(tuple(each for part in parts for each in (part.parts if isinstance(part, Or) else (part,))))


def negation(part: Expression) -> Expression:
    return part.part if isinstance(part, Not) else Not(part)
