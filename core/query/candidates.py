"""What can come next in a filter, as a list that can be shown without the parser being loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from core.query.fields import Field


class CandidateKind(Enum):
    """What a candidate is, for its icon."""

    FIELD = "field"
    OPERATOR = "operator"
    VALUE = "value"
    KEYWORD = "keyword"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing that can stand here."""

    text: str
    kind: CandidateKind
    help: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What can stand in the place of characters `start`..`end`, best first."""

    start: int
    end: int
    candidates: tuple[Candidate, ...]


KnownValues = Callable[[Field], Iterable[Candidate]]
"""What is known of a field's values beside its own choices, such as the paths of a capture's connections."""
