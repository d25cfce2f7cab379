"""Reads a filter while it is being typed: whether it says something, what can come next, which part is what. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from core.errors import FilterError
from core.query.candidates import Completion, KnownValues
from core.query.expressions import Expression

if TYPE_CHECKING:
    from lark import Token

    from core.query.language import FilterLanguage


class FilterStanding(Enum):
    """What a filter is worth as it stands."""

    EMPTY = auto()
    UNFINISHED = auto()
    """It is no filter yet, but can become one by typing on."""
    VALID = auto()
    WRONG = auto()


class FilterPartKind(Enum):
    """What a part of the text is, for its colour."""

    FIELD = auto()
    OPERATOR = auto()
    WORD = auto()
    """and, or, not, in."""
    TEXT = auto()
    NUMBER = auto()


@dataclass(frozen=True, slots=True)
class FilterPart:
    """Characters `start`..`end` of the text."""

    kind: FilterPartKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FilterReading:
    """All that is known of a text with the cursor at a place in it."""

    standing: FilterStanding
    message: str
    """What is missing or wrong; "" where nothing is."""
    start: int
    """Where it is wrong: characters `start`..`end`, which may be none at all."""
    end: int
    parts: tuple[FilterPart, ...]
    completion: Completion


_TOKEN_KINDS = {
    "COMPARE": FilterPartKind.OPERATOR,
    "TEXTUAL": FilterPartKind.OPERATOR,
    "IN": FilterPartKind.WORD,
    "NOT_IN": FilterPartKind.WORD,
    "AND": FilterPartKind.WORD,
    "OR": FilterPartKind.WORD,
    "NOT": FilterPartKind.WORD,
    "STRING": FilterPartKind.TEXT,
    "HEX": FilterPartKind.TEXT,
    "FUNCTION": FilterPartKind.FIELD,
}


class FilterAssistant:
    """Knows the language. `known` tells values of the capture at hand. Belongs to one thread."""

    def __init__(self, known: KnownValues) -> None:
        self._known = known
        self._language: FilterLanguage | None = None
        self._read: tuple[str, Expression | FilterError] | None = None
        """The text that was read last and what it says: Enter comes after the last key."""

    @property
    def language(self) -> FilterLanguage:
        """Made when it is first asked for, unless it was given."""
        if self._language is None:
            self._language = make_language()
        return self._language

    def take(self, language: FilterLanguage) -> None:
        """The language as it was made elsewhere, where it is not made yet."""
        self._language = self._language or language

    def parse(self, text: str) -> Expression:
        """FilterError where the text says nothing."""
        if self._read is None or self._read[0] != text:
            try:
                self._read = text, self.language.parse(text)
            except FilterError as error:
                self._read = text, error
        if isinstance(self._read[1], FilterError):
            raise self._read[1]
        return self._read[1]

    def read(self, text: str, position: int) -> FilterReading:
        """Never fails."""
        from core.query.completion import complete

        completion = complete(self.language, text, position, self._known)
        parts = tuple(map(self._part, self.language.tokens(text) or ()))
        if not text.strip():
            return FilterReading(FilterStanding.EMPTY, "", 0, 0, (), completion)
        try:
            self.parse(text)
        except FilterError as error:
            at_end = error.end >= len(text.rstrip()) and position == len(text)
            typing = at_end and (
                error.start >= len(text.rstrip()) or bool(completion.candidates) or _opens(error)
            )
            standing = FilterStanding.UNFINISHED if typing else FilterStanding.WRONG
            return FilterReading(standing, str(error), error.start, error.end, parts, completion)
        return FilterReading(FilterStanding.VALID, "", 0, 0, parts, completion)

    def _part(self, token: Token) -> FilterPart:
        start, end = token.start_pos or 0, token.end_pos or 0
        kind = _TOKEN_KINDS.get(token.type)
        if kind is None:
            if token[:1].isdigit():
                kind = FilterPartKind.NUMBER
            elif token.type == "WORD" and self.language.fields.get(token) is not None:
                kind = FilterPartKind.FIELD
            else:
                kind = FilterPartKind.TEXT if token.type == "WORD" else FilterPartKind.OPERATOR
        return FilterPart(kind, start, end)


def _opens(error: FilterError) -> bool:
    """Whether what is wrong is a quote that is only waiting for its other end."""
    return error.text[error.start : error.start + 1] in ("'", '"') and error.end == len(error.text)


def make_language() -> FilterLanguage:
    """Takes a few tenths of a second the first time."""
    from core.query.language import default_language

    return default_language()
