"""What a filter looks for in payloads."""

from __future__ import annotations

import pytest

from core.query.language import default_language
from core.query.needles import Needle, needles

LANGUAGE = default_language()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("login", [b"login"]),
        ("one two one", [b"one", b"two"]),
        ('message contains "a" or frame.payload == hex"00 ff"', [b"a", b"\x00\xff"]),
        ("not login and other", [b"other"]),
        ("not (a or b)", []),
        ('masking_key == hex"00 00 00 00" and path contains x', []),
        ('payload matches "a+" and opcode == ping', []),
        ('payload == ""', []),
    ],
)
def test_the_bytes_of_a_filter(text: str, found: list[bytes]) -> None:
    assert needles(LANGUAGE.parse(text)) == tuple(Needle(data, folded=False) for data in found)


def test_capital_letters_may_be_the_same() -> None:
    (needle,) = needles(LANGUAGE.parse("payload icontains AbC"))
    assert needle.folded
    assert needle.data.lower() == b"abc"


def test_they_are_few() -> None:
    assert len(needles(LANGUAGE.parse(" ".join(f"word{number}" for number in range(40))))) == 16


@pytest.mark.parametrize(
    ("data", "text"), [(b"a b", "a b"), (b"a\n", "61 0a"), (b"\xff", "ff"), ("é".encode(), "é")]
)
def test_how_a_person_writes_it(data: bytes, text: str) -> None:
    assert Needle(data, folded=False).text == text
