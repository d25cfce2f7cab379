"""JSON (RFC 8259) read with the place of every value, for what speaks of lines and for what edits in place."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]

DEPTH = 200
_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None}

Scalar = str | int | float | bool | None


class LocatedJsonError(Exception):
    """The text is no JSON, because of its character `at`. The message is a sentence."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(slots=True)
class Located:
    """One value, and where it stands in the text."""

    start: int
    end: int
    scalar: Scalar = None
    """A text, a word or a number, which stays text where it has very many digits; None for a container."""
    items: list[Located] | None = None
    """The values of an array."""
    members: dict[str, Located] | None = None
    """The values of an object; the last one of those with the same name."""
    names: dict[str, int] = field(default_factory=dict)
    """Where the name of each member stands."""
    repeated: tuple[str, int] | None = None
    """The first name that stands in the object more than once, and where."""

    def child(self, part: int | str) -> Located:
        """A member by its name, or an item by its index."""
        if isinstance(part, int):
            assert self.items is not None
            return self.items[part]
        assert self.members is not None
        return self.members[part]


class Lines:
    """Lines of a text, counted from 1."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\r\n|\n|\r", text))]

    def place(self, at: int) -> tuple[int, int]:
        """Line and column of a character."""
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1


def read_located(text: str, limit: int) -> Located:
    """Read a document of at most `limit` characters. Raises LocatedJsonError."""
    if len(text) > limit:
        raise LocatedJsonError(f"There are {len(text):,} characters; at most {limit:,} are read.", 0)
    reading = _Reading(text)
    start = 1 if text.startswith("\ufeff") else 0
    found = reading.value(reading.space(start), 0)
    end = reading.space(found.end)
    if end < len(text):
        raise LocatedJsonError("The document is over here: expected nothing more.", end)
    return found


class _Reading:
    def __init__(self, text: str) -> None:
        self._text = text

    def space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        assert found is not None
        return found.end()

    def value(self, at: int, depth: int) -> Located:
        """The value that begins at `at`."""
        if depth > DEPTH:
            raise LocatedJsonError(f"Values nest deeper than {DEPTH}.", at)
        first = self._text[at : at + 1]
        if first == "{":
            return self._object(at, depth)
        if first == "[":
            return self._array(at, depth)
        if first == '"':
            text, end = self._string(at)
            return Located(at, end, text)
        found = _SCALAR.match(self._text, at)
        if found is None:
            raise LocatedJsonError("Expected a value here.", at)
        return Located(at, found.end(), _scalar(found[0]))

    def _string(self, at: int) -> tuple[str, int]:
        try:
            text, end = scanstring(self._text, at + 1, True)
        except json.JSONDecodeError as error:
            raise LocatedJsonError(
                f"This text is no string of JSON: {error.msg}.", min(error.pos, len(self._text))
            ) from None
        return str(text), int(end)

    def _object(self, at: int, depth: int) -> Located:
        members: dict[str, Located] = {}
        found = Located(at, at, members=members)
        at = self.space(at + 1)
        while not self._text.startswith("}", at):
            if members:
                at = self._comma(at, "}")
            if not self._text.startswith('"', at):
                raise LocatedJsonError("Expected a name in double quotes here.", at)
            name, end = self._string(at)
            if name in members and found.repeated is None:
                found.repeated = name, at
            found.names[name] = at
            at = self.space(end)
            if not self._text.startswith(":", at):
                raise LocatedJsonError("Expected “:” here.", at)
            members[name] = self.value(self.space(at + 1), depth + 1)
            at = self.space(members[name].end)
        found.end = at + 1
        return found

    def _array(self, at: int, depth: int) -> Located:
        items: list[Located] = []
        found = Located(at, at, items=items)
        at = self.space(at + 1)
        while not self._text.startswith("]", at):
            if items:
                at = self._comma(at, "]")
            items.append(self.value(at, depth + 1))
            at = self.space(items[-1].end)
        found.end = at + 1
        return found

    def _comma(self, at: int, closing: str) -> int:
        if not self._text.startswith(",", at):
            raise LocatedJsonError(f"Expected “,” or “{closing}” here.", at)
        return self.space(at + 1)


def _scalar(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    try:
        return float(text) if set(text) & set(".eE") else int(text)
    except ValueError:
        # More digits than `int` accepts.
        return text
