"""The filter language: turns a line of text into a `Filter`."""

from __future__ import annotations

from collections.abc import Iterable

from lark import Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from core.errors import FilterError
from core.protocol.headers import quoted
from core.query.expressions import Expression, Filter, all_of
from core.query.fields import Field, Fields
from core.query.frame_fields import header_fields, mark_fields, message_fields, place_fields
from core.query.grammar import Builder, make_parser
from core.query.handling_fields import handling_fields
from core.query.operators import Operators, default_operators
from core.query.payload_fields import connection_fields, payload_fields

LENGTH_LIMIT = 2_000
"""Characters in a filter."""
_DEPTH_LIMIT = 50
"""Depth of nested brackets."""

_OPERAND = "a field, a word to search for, “(” or “not”"
_PHRASES = (
    (frozenset({"NOT", "LPAR", "FUNCTION"}), _OPERAND),
    (frozenset({"COMPARE", "TEXTUAL", "IN", "NOT_IN"}), "an operator such as ==, contains or in"),
    (frozenset({"AND", "OR", "$END"}), "“and”, “or” or the end"),
    (frozenset({"RPAR"}), "“)”"),
    (frozenset({"RSQB"}), "“]”"),
    (frozenset({"COMMA"}), "“,”"),
    (frozenset({"RBRACE"}), "“}”"),
    (frozenset({"RANGE"}), "“..”"),
    (frozenset({"LBRACE"}), "“{”"),
)


class FilterLanguage:
    """The fields and operators, and the parser for texts made of them. Belongs to one thread."""

    def __init__(self, fields: Fields, operators: Operators) -> None:
        self.fields = fields
        self.operators = operators
        self._builder = Builder(fields, operators)
        self._parser = make_parser(self._builder)

    def parse(self, text: str) -> Expression:
        """Parse a text. Raises FilterError, which points at the place that cannot be read."""
        if len(text) > LENGTH_LIMIT:
            raise FilterError(
                f"A filter has at most {LENGTH_LIMIT:,} characters; this one has {len(text):,}.",
                text[:LENGTH_LIMIT], LENGTH_LIMIT, LENGTH_LIMIT,
            )  # fmt: skip
        self._builder.text = text
        depth = 0
        try:
            for token in self._parser.lex(text):
                depth += (token.type == "LPAR") - (token.type == "RPAR")
                if depth > _DEPTH_LIMIT:
                    at = token.start_pos or 0
                    raise FilterError(f"Brackets nest deeper than {_DEPTH_LIMIT}.", text, at, at + 1)
            parsed: Expression = self._parser.parse(text)  # type: ignore[assignment]
        except UnexpectedInput as error:
            raise _understood(text, error) from None
        return parsed

    def filter(self, *texts: str) -> Filter:
        """Join several texts, all of which a frame has to match. Raises FilterError."""
        return Filter(texts, all_of([self.parse(text) for text in texts]))

    def tokens(self, text: str) -> list[Token] | None:
        """Cut the text into tokens; None if that is impossible."""
        if len(text) > LENGTH_LIMIT:
            return None
        try:
            return list(self._parser.lex(text))
        except UnexpectedInput:
            return None

    def has_open_or(self, text: str) -> bool:
        """Whether an “or” stands outside of all brackets, which “and” would bind closer than."""
        depth = 0
        for token in self.tokens(text) or ():
            depth += (token.type == "LPAR") - (token.type == "RPAR")
            if token.type == "OR" and not depth:
                return True
        return False

    def accepted(self, tokens: Iterable[Token]) -> frozenset[str]:
        """Names of the grammar's terminals that can follow; none if no filter begins with these tokens."""
        parsing = self._parser.parse_interactive("")
        try:
            for token in tokens:
                parsing.feed_token(token)
        except (UnexpectedInput, FilterError):
            return frozenset()
        return frozenset(parsing.accepts())  # type: ignore[no-untyped-call]


def _understood(text: str, error: UnexpectedInput) -> FilterError:
    if isinstance(error, UnexpectedCharacters):
        at = error.pos_in_stream or 0
        character = text[at]
        if character in "\"'":
            return FilterError("This quote is not closed: expected one more at the end.", text, at, len(text))
        return FilterError(f"A filter has no {quoted(character)} here.", text, at, at + 1)
    assert isinstance(error, UnexpectedToken)
    expected = _expected(error.accepts or error.expected)
    if error.token.type == "$END":
        return FilterError(f"The filter ends too early: expected {expected}.", text, len(text), len(text))
    start, end = error.token.start_pos or 0, error.token.end_pos or 0
    return FilterError(
        f"{quoted(str(error.token))} cannot stand here: expected {expected}.", text, start, end
    )


def _expected(terminals: Iterable[str]) -> str:
    names = set(terminals)
    phrases = [phrase for some, phrase in _PHRASES if some & names]
    if _OPERAND not in phrases and names & {"WORD", "STRING", "HEX"}:
        phrases.insert(0, "a text in quotes" if "WORD" not in names else "a value")
    return ", ".join(phrases[:-1]) + (" or " if len(phrases) > 1 else "") + "".join(phrases[-1:])


def default_fields() -> Iterable[Field]:
    """All built-in fields."""
    yield from header_fields()
    yield from payload_fields()
    yield from message_fields()
    yield from place_fields()
    yield from connection_fields()
    yield from handling_fields()
    yield from mark_fields()


def default_language() -> FilterLanguage:
    """The language with all built-in fields and operators."""
    return FilterLanguage(Fields(default_fields()), default_operators())
