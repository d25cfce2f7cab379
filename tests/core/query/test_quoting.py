"""Any value can be written as a literal, and is read back as it was."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.query.expressions import Term
from core.query.language import default_language
from core.query.quoting import bytes_literal, text_literal

LANGUAGE = default_language()


def operand(text: str) -> object:
    term = LANGUAGE.parse(text)
    assert isinstance(term, Term)
    return term.operand


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
@example("\\u0041 \\n \\\\ \" ' \u202e\ud800\x00")
def test_any_text(text: str) -> None:
    assert operand(f"path == {text_literal(text)}") == text


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
@example(b"")
@example(b'hex"00"')
def test_any_bytes(data: bytes) -> None:
    assert operand(f"payload == {bytes_literal(data)}") == data


@pytest.mark.parametrize(
    ("data", "literal"),
    [
        (b'a "b"\n', '"a \\"b\\"\\n"'),
        ("é".encode(), '"é"'),
        (b"\x00\x01", 'hex"00 01"'),
        (b"\xff", 'hex"ff"'),
        ("\u202e".encode(), 'hex"e2 80 ae"'),
        (b"", 'hex""'),
    ],
)
def test_what_can_be_read_stays_readable(data: bytes, literal: str) -> None:
    assert bytes_literal(data) == literal


def test_nothing_hides_in_a_text() -> None:
    assert text_literal("a\u202eb\x1b") == '"a\\u202eb\\u001b"'
