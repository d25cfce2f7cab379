from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decoders.visible import is_visible, terminal_text, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain text", "plain text"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("中文 żółć עברית العربية 👋🏽", "中文 żółć עברית العربية 👋🏽"),
        ("a\x00b", "a\\x00b"),
        ("\r\n", "\\x0d\n"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x7f", "\\x7f"),
        ("\x80\x85\x9f", "\\x80\\x85\\x9f"),
        ("a\u202eb", "a\\u202eb"),
        ("\u061c\u200e\u200f", "\\u061c\\u200e\\u200f"),
        ("\u2066\u2069", "\\u2066\\u2069"),
        ("\u200b\ufeff", "\\u200b\\ufeff"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\u00ad", "\\xad"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert is_visible(text) == (text == shown)


def test_every_control_and_bidi_character_is_spelled_out() -> None:
    for code in range(0x110000):
        char = chr(code)
        bidi = unicodedata.bidirectional(char)
        hides = unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") and char not in "\t\n"
        if hides or bidi in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "BN"):
            if (
                char in "\t\n\u200c\u200d"
                or unicodedata.category(char) == "Cn"
                or (code >= 0x1BCA0 and code < 0xE0000)
            ):
                continue
            assert visible(char) != char, hex(code)


@given(st.text(st.characters()))
def test_nothing_hidden_is_left_and_a_second_time_changes_nothing(text: str) -> None:
    shown = visible(text)
    assert is_visible(shown)
    assert visible(shown) == shown
    shown.encode()


def test_letters_and_symbols_stay() -> None:
    for code in range(0x110000):
        char = chr(code)
        if unicodedata.category(char)[0] in "NPS":
            assert visible(char) == char, hex(code)


def test_a_terminal_gets_no_control_and_no_format_character() -> None:
    for code in range(0x110000):
        char = chr(code)
        steers = unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs") and char not in "\t\n"
        if steers or visible(char) != char:
            assert terminal_text(char).isascii(), hex(code)
            assert terminal_text(char).isprintable(), hex(code)
    assert terminal_text("a\u200db") == "a\\u200db"
    assert terminal_text("Ωmega 你好 💥\t\n") == "Ωmega 你好 💥\t\n"
