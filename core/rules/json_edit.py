"""Values within a payload of JSON replaced in place: every other byte stays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import islice
from json.decoder import scanstring  # type: ignore[attr-defined]

from core.rules.template_values import FillingError

_MOST = 100_000
"""Values that are replaced in one payload."""
_SPACE = re.compile(r"[ \t\r\n]*")
_SKIPPING = json.JSONDecoder(parse_int=str, parse_float=str)
"""Finds where a value ends. Numbers need not be understood for that."""

_Part = int | str
_Wanted = dict[_Part, "_Wanted | None"]
"""Which members and items lead to what is replaced; None is replaced itself."""
_TOP = ""
"""Leads to the whole document."""
_Span = tuple[int, int]


class JsonEdit:
    """Replaces what a JSONPath finds."""

    def __init__(self, path: str, *, every: bool = False) -> None:
        """Raises ValueError if `path` is not a path. `every`: of members with one name, not only the last one, which
        counts, but each.
        """
        # Imported late: loading takes a tenth of a second.
        from core.query.json_paths import compiled_path, read_json

        self._path = compiled_path(path)
        self._read = read_json
        self._every = every

    def applied(self, payload: bytes, value: bytes) -> bytes:
        """The payload with `value` wherever the path leads. Raises FillingError where it is no JSON."""
        try:
            text = payload.decode()
            document = self._read(payload)
            spans = _spans(text, self._places(document), every=self._every)
        except (ValueError, RecursionError):
            raise FillingError("The payload is no JSON; it stays as it is.") from None
        pieces, at = [], 0
        for start, end in spans:
            pieces += [text[at:start].encode(), value]
            at = end
        return b"".join((*pieces, text[at:].encode()))

    def _places(self, document: object) -> Iterable[tuple[_Part, ...]]:
        if isinstance(document, dict | list):
            # The library finds places, where our own evaluation finds values.
            return (match.parts for match in islice(self._path.finditer(document), _MOST))
        return () if self._path.segments else ((),)


def _spans(text: str, places: Iterable[tuple[_Part, ...]], *, every: bool) -> list[_Span]:
    """Where these values stand, in order. What is within another one goes with it."""
    top: _Wanted = {}
    for place in places:
        _want(top, (_TOP, *place))
    if not top:
        return []
    walk = _Walk(text, every=every)
    walk.value(_after_space(text, 1 if text.startswith("\ufeff") else 0), top[_TOP])
    return walk.found


def _want(wanted: _Wanted, place: tuple[_Part, ...]) -> None:
    *above, last = place
    for part in above:
        inner = wanted.setdefault(part, {})
        if inner is None:
            return
        wanted = inner
    wanted[last] = None


class _Walk:
    """Walks to the values that are wanted; all others are skipped as a whole."""

    def __init__(self, text: str, *, every: bool) -> None:
        self._text = text
        self._every = every
        self.found: list[_Span] = []

    def value(self, at: int, wanted: _Wanted | None) -> int:
        """The value at `at`; gives its end."""
        if wanted is None:
            end = self._skip(at)
            self.found.append((at, end))
            return end
        match self._text[at]:
            case "{":
                return self._object(at, wanted)
            case "[":
                return self._array(at, wanted)
        # Another member with the same name has led here.
        return self._skip(at)

    def _object(self, at: int, wanted: _Wanted) -> int:
        text = self._text
        at = _after_space(text, at + 1)
        spans: dict[str, list[_Span]] = {}
        while text[at] != "}":
            name, at = scanstring(text, _after_space(text, at) + 1, True)
            at = _after_space(text, _after_space(text, at) + 1)
            if name in wanted:
                outer, self.found = self.found, []
                at = self.value(at, wanted[name])
                found, self.found = self.found, outer
                before = spans.pop(name, [])
                spans[name] = before + found if self._every else found
            else:
                at = self._skip(at)
            at = _after_comma(text, at)
        self.found += sorted(span for some in spans.values() for span in some)
        return at + 1

    def _array(self, at: int, wanted: _Wanted) -> int:
        text, index = self._text, 0
        at = _after_space(text, at + 1)
        while text[at] != "]":
            at = self.value(at, wanted[index]) if index in wanted else self._skip(at)
            at = _after_comma(text, at)
            index += 1
        return at + 1

    def _skip(self, at: int) -> int:
        return _SKIPPING.raw_decode(self._text, at)[1]


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _after_comma(text: str, at: int) -> int:
    at = _after_space(text, at)
    return _after_space(text, at + 1) if text[at] == "," else at
