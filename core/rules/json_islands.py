"""Where in a text there is JSON, and how the places of a template stand in it."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from enum import Enum

_START = re.compile(r"[{\[]")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMERIC = frozenset("0123456789+-.eE")
_MOST_TRIES = 50
"""Brackets that begin no JSON, until the rest of a text is taken for plain text."""
_STAND_IN = "0"
"""Stands for a place while the text around it is read: a value, or a character within a string."""


class Standing(Enum):
    """How a place stands in its text."""

    TEXT = "in plain text"
    VALUE = "as a value of JSON"
    STRING = "within a string of JSON"


def standings(pieces: Sequence[str | None], *, whole: bool = False) -> tuple[list[Standing], bool]:
    """How each piece stands; None is a place. `whole`: all is one value of JSON; then also whether it is a string that
    has no quotes yet.
    """
    starts, text, size = [], [], 0
    for piece in pieces:
        starts.append(size)
        shown = _STAND_IN if piece is None else piece
        text.append(shown)
        size += len(shown)
    joined = "".join(text)
    if whole:
        islands = [(0, size)] if _is_json(joined) else []
        if not islands:
            return [Standing.STRING] * len(pieces), True
    else:
        islands = _islands(joined)
    strings = [found.span() for start, end in islands for found in _STRING.finditer(joined, start, end)]
    found = [
        _standing(start, joined, islands, strings) if piece is None else Standing.TEXT
        for piece, start in zip(pieces, starts, strict=True)
    ]
    return found, False


def _standing(at: int, text: str, islands: list[tuple[int, int]], strings: list[tuple[int, int]]) -> Standing:
    if not _is_within(at, islands):
        return Standing.TEXT
    if _is_within(at, strings):
        return Standing.STRING
    # Beside other characters of a number, only its own characters complete it.
    beside = text[at - 1 : at] + text[at + 1 : at + 2]
    return Standing.TEXT if _NUMERIC & set(beside) else Standing.VALUE


def _is_within(at: int, spans: list[tuple[int, int]]) -> bool:
    before = bisect_right(spans, (at, 1 << 62)) - 1
    return before >= 0 and spans[before][0] <= at < spans[before][1]


def _islands(text: str) -> list[tuple[int, int]]:
    """Start and end of each object and array of JSON in a text, outermost ones only."""
    decoder = json.JSONDecoder()
    islands, at, tries = [], 0, 0
    while tries < _MOST_TRIES and (found := _START.search(text, at)) is not None:
        start = found.start()
        try:
            _, at = decoder.raw_decode(text, start)
            islands.append((start, at))
        except (ValueError, RecursionError):
            at, tries = start + 1, tries + 1
    return islands


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
