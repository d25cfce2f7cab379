"""Sets of characters hold what Python's engine matches."""

from __future__ import annotations

import re
from re import _parser as parser

import pytest

from core.rules.pattern_letters import Letters

_PLACES = (
    *(
        "a",
        "[^a]",
        ".",
        r"\d",
        r"\W",
        r"[\s\d]",
        r"[^\w-]",
        "[a-f_]",
        "[^a-f]",
        "K",
        "[^k]",
        r"\xe5",
        r"[\x80-\xff]",
    ),
)


@pytest.mark.parametrize("flags", ["", "(?i)", "(?s)", "(?a)", "(?ai)"])
@pytest.mark.parametrize("place", _PLACES)
def test_the_first_characters_are_those_that_match(place: str, flags: str) -> None:
    parsed = parser.parse(flags + place)
    letters = Letters(is_for_bytes=False).of(parsed[0], parsed.state.flags)
    assert _first(letters) == [each for each in range(256) if re.fullmatch(flags + place, chr(each))]
    raw = (flags + place).encode()
    parsed = parser.parse(raw)
    letters = Letters(is_for_bytes=True).of(parsed[0], parsed.state.flags)
    assert _first(letters) == [each for each in range(256) if re.fullmatch(raw, bytes([each]))]
    assert not letters >> 256


def _first(letters: int) -> list[int]:
    return [each for each in range(256) if letters >> each & 1]
