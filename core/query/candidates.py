"""What can come next in a filter, as a list that can be shown without loading the parser."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from core.query.fields import Field


class CandidateKind(Enum):
    """What a candidate is; decides its icon."""

    FIELD = "field"
    OPERATOR = "operator"
    VALUE = "value"
    KEYWORD = "keyword"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One word that can stand at the cursor."""

    text: str
    kind: CandidateKind
    help: str


@dataclass(frozen=True, slots=True)
class Completion:
    """The candidates that can replace the characters `start`..`end`, best first."""

    start: int
    end: int
    candidates: tuple[Candidate, ...]


KnownValues = Callable[[Field], Iterable[Candidate]]
"""Gives the known values of a field beside its own choices, such as the paths of a capture's connections."""
