"""Templates: texts with words in braces that are filled when a rule applies.

`{` before a letter opens a place, every other brace is itself, so that JSON needs no escapes; `{{` before a letter is a
plain `{`. Where a place stands in JSON, what fills it is JSON too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn

from core.errors import TemplateError
from core.protocol.headers import quoted
from core.query.fields import Access, Field
from core.query.quoting import unescaped
from core.rules.json_islands import Standing, standings
from core.rules.occasion import Occasion
from core.rules.template_values import as_json, as_text, filling_of, in_string
from core.rules.template_words import Fill, Words, default_words

if TYPE_CHECKING:
    from core.query.language import FilterLanguage

LENGTH_LIMIT = 1024 * 1024
"""Characters in a template."""
_MOST_PLACES = 1000

_STRING = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_OPEN = re.compile(r"\{(\{?)(?=[A-Za-z])")
_NAME = re.compile(r"[A-Za-z][\w-]*(?:\.[\w-]+)*")
_ARGUMENT = re.compile(rf"\s*(?:({_STRING})|([+-]?[0-9]{{1,20}}))\s*", re.DOTALL)
_WRITE = {Standing.TEXT: as_text, Standing.VALUE: as_json, Standing.STRING: in_string}

Refuse = Callable[[Field], str | None]
"""Why a field can't be had at a moment, as a sentence; None: it can."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a template."""

    fill: Fill
    start: int
    """Where its `{` is in the template's text."""
    end: int


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places."""

    text: str
    parts: tuple[bytes | tuple[Place, Standing], ...]

    @property
    def is_fixed(self) -> bool:
        """Whether it has no places."""
        return not any(isinstance(each, tuple) for each in self.parts)

    def fill(self, occasion: Occasion) -> bytes:
        """The text with all places filled. Raises FillingError."""
        return b"".join(
            part if isinstance(part, bytes) else _WRITE[part[1]](part[0].fill(occasion))
            for part in self.parts
        )


class TemplateLanguage:
    """Reads templates: the fields of the filter language, and the words of templates."""

    def __init__(self, filters: FilterLanguage, words: Words | None = None) -> None:
        self._filters = filters
        self.words = default_words() if words is None else words

    def read(self, text: str, refuse: Refuse = lambda _: None, *, is_json: bool = False) -> Template:
        """Read a template. `is_json`: the whole text stands for a value of JSON, and is a string if it is no JSON.

        Raises TemplateError.
        """
        if len(text) > LENGTH_LIMIT:
            raise TemplateError(
                f"A template has at most {LENGTH_LIMIT:,} characters; this one has {len(text):,}.",
                text[:100], 100, 100,
            )  # fmt: skip
        return Template(text, _parts([piece for piece, _ in self._pieces(text, refuse)], is_json=is_json))

    def quoted(self, text: str, *, bare: bool) -> str:
        """A template as a string of JSON. `bare`: one that is a single place stands for itself, without quotes.

        Raises TemplateError.
        """
        pieces = self._pieces(text, lambda _: None)
        shown = [each for each in pieces if each[1]]
        if bare and len(shown) == 1 and isinstance(shown[0][0], Place):
            return text
        return "".join(
            (
                '"',
                *(raw if isinstance(piece, Place) else _json_escaped(raw) for piece, raw in shown),
                '"',
            )
        )

    def _pieces(self, text: str, refuse: Refuse) -> list[tuple[str | Place, str]]:
        """Plain texts and places in turn, each with how it is written."""
        pieces: list[tuple[str | Place, str]] = []
        at = 0
        for found in _OPEN.finditer(text):
            start = found.start()
            if start < at:
                continue
            pieces.append((text[at:start], text[at:start]))
            if found[1]:
                pieces.append(("{", "{{"))
                at = start + 2
                continue
            place = _Reading(self._filters, self.words, text, refuse).place(start)
            pieces.append((place, text[start : place.end]))
            at = place.end
            if len(pieces) > 2 * _MOST_PLACES:
                raise TemplateError(f"A template has at most {_MOST_PLACES} places.", text, start, at)
        pieces.append((text[at:], text[at:]))
        return pieces


def _json_escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _parts(pieces: list[str | Place], *, is_json: bool) -> tuple[bytes | tuple[Place, Standing], ...]:
    shown = [None if isinstance(each, Place) else each for each in pieces]
    standing, is_string = standings(shown, whole=is_json)
    parts: list[bytes | tuple[Place, Standing]] = []
    for piece, place in zip(pieces, standing, strict=True):
        if isinstance(piece, Place):
            parts.append((piece, place))
        elif piece:
            parts.append(in_string(piece) if is_string else piece.encode("utf-8", "replace"))
    return (b'"', *parts, b'"') if is_string else tuple(parts)


class _Reading:
    """Reads one place of a text."""

    def __init__(self, filters: FilterLanguage, words: Words, text: str, refuse: Refuse) -> None:
        self._filters = filters
        self._words = words
        self._text = text
        self._refuse = refuse

    def place(self, start: int) -> Place:
        """The place whose `{` is at `start`."""
        found = _NAME.match(self._text, start + 1)
        assert found is not None, "a letter follows the brace"
        arguments, at = self._arguments(found.end())
        if not self._text.startswith("}", at):
            self._fail("Expected “}” here. A plain “{” before a letter is written “{{”.", at, at + 1)
        return Place(self._fill(found, arguments, at), start, at + 1)

    def _arguments(self, at: int) -> tuple[list[str | int] | None, int]:
        """What stands in brackets, and the place behind them; None where there are none."""
        closing = {"[": "]", "(": ")"}.get(self._text[at : at + 1])
        if closing is None:
            return None, at
        arguments: list[str | int] = []
        while True:
            found = _ARGUMENT.match(self._text, at + 1)
            if found is None:
                self._fail("Expected a text in quotes or a whole number here.", at + 1, at + 2)
            arguments.append(int(found[2]) if found[1] is None else unescaped(found[1][1:-1]))
            at = found.end()
            if self._text.startswith(closing, at):
                return arguments, at + 1
            if not self._text.startswith(",", at):
                self._fail(f"Expected “{closing}” or “,” here.", at, at + 1)

    def _fill(self, name: re.Match[str], arguments: list[str | int] | None, end: int) -> Fill:
        field = self._filters.fields.get(name[0])
        if field is not None:
            return self._field(field, name, arguments, end)
        word = self._words.get(name[0].lower())
        if word is None:
            self._fail(self._unknown(name[0]), name.start(), name.end())
        try:
            return word.make(name[0].partition(".")[2], arguments or ())
        except ValueError as error:
            self._fail(f"“{name[0]}” cannot be filled: {error}.", name.start(), end)

    def _field(self, field: Field, name: re.Match[str], arguments: list[str | int] | None, end: int) -> Fill:
        refusal = self._refuse(field)
        if refusal is not None:
            self._fail(refusal, name.start(), end)
        access = field.access
        if isinstance(access, Access):
            if arguments is not None:
                self._fail(f"“{field.name}” takes nothing in brackets.", name.end(), end)
            values = access.values
            return lambda occasion: filling_of(field, values(occasion.subject))
        match arguments:
            case [str() as argument]:
                pass
            case _:
                self._fail(
                    f"“{field.name}” needs to know of what, such as {field.example}.", name.start(), end
                )
        try:
            if field.name == "json":
                return _document(argument)
            values = access(argument).values
        except ValueError as error:
            self._fail(f"“{field.name}” cannot take {quoted(argument)}: {error}.", name.end(), end)
        return lambda occasion: filling_of(field, values(occasion.subject))

    def _unknown(self, name: str) -> str:
        known = [*self._filters.fields.names(), *(each for each in self._words.names() if each[-1] != ".")]
        close = get_close_matches(name.lower(), known, 1)
        hint = f" Did you mean “{close[0]}”?" if close else ""
        return f"There is no field {quoted(name)}.{hint} A plain “{{” before a letter is written “{{{{”."

    def _fail(self, message: str, start: int, end: int) -> NoReturn:
        size = len(self._text)
        raise TemplateError(message, self._text, min(start, size), min(end, size))


def _document(path: str) -> Fill:
    # Imported late: loading takes a tenth of a second.
    from core.query.json_paths import json_documents

    find = json_documents(path)

    def fill(occasion: Occasion) -> object:
        record = occasion.subject.record
        payload = record.frame.payload if record.message_payload is None else record.message_payload
        return next(find(payload), None)

    return fill
