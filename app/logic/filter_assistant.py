"""Interprets a filter while it is typed: whether it is valid, what can come next, what each part is. No Qt."""

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
    """Whether a text is a filter."""

    EMPTY = auto()
    UNFINISHED = auto()
    """Not a filter yet, but typing on can make it one."""
    VALID = auto()
    WRONG = auto()


class FilterPartKind(Enum):
    """What a part of the text is; decides its colour."""

    FIELD = auto()
    OPERATOR = auto()
    WORD = auto()
    """The words and, or, not, in."""
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
    """Everything known about a text with the cursor at a certain place."""

    standing: FilterStanding
    message: str
    """What is missing or wrong; "" if nothing is."""
    start: int
    """The place of the error: characters `start`..`end`, possibly empty."""
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
    "QUANTITY": FilterPartKind.NUMBER,
    "FUNCTION": FilterPartKind.FIELD,
}


class FilterAssistant:
    """Knows the language. `known` gives values that occur in the capture. Belongs to one thread."""

    def __init__(self, known: KnownValues) -> None:
        self._known = known
        self._language: FilterLanguage | None = None
        self._read: tuple[str, Expression | FilterError] | None = None
        """The last text that was parsed, and the result, because Enter follows the last key."""

    @property
    def language(self) -> FilterLanguage:
        """The language; made at first use unless it was given."""
        if self._language is None:
            self._language = make_language()
        return self._language

    def take(self, language: FilterLanguage) -> None:
        """Take a language made elsewhere, unless there is one already."""
        self._language = self._language or language

    def parse(self, text: str) -> Expression:
        """Parse a text. Raises FilterError."""
        if self._read is None or self._read[0] != text:
            try:
                self._read = text, self.language.parse(text)
            except FilterError as error:
                self._read = text, error
        if isinstance(self._read[1], FilterError):
            raise self._read[1]
        return self._read[1]

    def read(self, text: str, position: int) -> FilterReading:
        """Examine a text. Never fails."""
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
    """Whether the only fault is an unclosed quote."""
    return error.text[error.start : error.start + 1] in ("'", '"') and error.end == len(error.text)


def make_language() -> FilterLanguage:
    """Make the language, which takes a few tenths of a second the first time."""
    from core.query.language import default_language

    return default_language()
