from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logic.variables import Variable, check_name, fill, literal, names_in
from core.errors import CallerError

KNOWN = {
    "host": Variable("host", "example.com:8080"),
    "token": Variable("token", "s3cret", is_secret=True),
    "gone": Variable("gone", "", is_secret=True),
    "bad": Variable("bad", "a\nb"),
}


def test_names_become_values_and_secrets_asterisks() -> None:
    filled = fill("ws://{host}/?t={token}&{{x}}", KNOWN)
    assert filled.text == "ws://example.com:8080/?t=s3cret&{x}"
    assert filled.masked == "ws://example.com:8080/?t=******&{x}"
    assert filled.secrets == ("s3cret",)
    assert "s3cret" not in repr(filled)
    assert "s3cret" not in repr(KNOWN)


def test_a_secret_is_masked_in_the_form_that_is_sent() -> None:
    filled = fill("{t}", {"t": Variable("t", "ü", is_secret=True)}, lambda text: text.encode().hex())
    assert (filled.masked, filled.secrets) == ("****", ("c3bc",))


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{nobody}", "There is no variable {nobody}"),
        ("{gone}", "has no value here"),
        ("{bad}", "control character"),
    ],
)
def test_what_cannot_be_filled_in(template: str, words: str) -> None:
    with pytest.raises(CallerError, match=words):
        fill(template, KNOWN)


@given(st.text(st.sampled_from("{}ab-1\n"), max_size=30))
def test_any_text_can_be_meant_as_it_stands(text: str) -> None:
    assert fill(literal(text), {}).text == text
    assert names_in([literal(text)]) == ()


def test_names_are_found_once_in_order() -> None:
    assert names_in(["{b}{a}", "{{c}}{b}", "{1}{a b}{}"]) == ("b", "a")


@pytest.mark.parametrize("name", ["", "1a", "a b", "ä", "a" * 41, "{a}"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(CallerError, match="is no name"):
        check_name(name)
