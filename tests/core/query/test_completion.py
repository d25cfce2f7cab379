"""What is offered while a filter is typed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import FilterError
from core.query.candidates import Candidate, CandidateKind
from core.query.completion import complete
from core.query.fields import Field
from core.query.language import default_language
from tests.tools.filters import filters

LANGUAGE = default_language()


def offered(text: str) -> list[str]:
    return [each.text for each in complete(LANGUAGE, text, len(text)).candidates]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("", "opcode"),
        ("opc", "opcode"),
        ("fin and mask", "masked"),
        ("(not trunc", "truncated"),
        ("opcode ", "=="),
        ("payload cont", "contains"),
        ("opcode == pi", "ping"),
        ("opcode==", "continuation"),
        ("opcode in {ping, po", "pong"),
        ("fin == ", "true"),
        ("violation == rsv2", "rsv2-set"),
        ("length > 5", "5B"),
        ("delta > 5", "5ns"),
        ("time > 14", "14:00"),
        ("time > 25", "25ns"),
        ("time in {9", "9:00"),
        ("time in 9:00..1", "1:00"),
        ("direction == ", "client-to-server"),
        ("opcode == ping ", "and"),
        ('json("$.a") == t', "true"),
        ('header["Origin"] ', "=="),
        ("head", 'header["'),
        ("js", 'json("'),
        ("login ", "and"),
    ],
)
def test_the_best_candidate(text: str, first: str) -> None:
    assert offered(text)[0] == first


@pytest.mark.parametrize("text", ["a & ", "bogus == ", "opcode == ping)", "x" * 20_000])
def test_nothing_fits(text: str) -> None:
    assert offered(text) == []


def known(field: Field) -> list[Candidate]:
    paths = [Candidate('"/chat"', CandidateKind.VALUE, ""), Candidate('"/a b"', CandidateKind.VALUE, "")]
    return paths if field.name == "path" else []


@pytest.mark.parametrize(
    ("text", "offered", "start"),
    [
        ("path == ", ['"/chat"', '"/a b"'], 8),
        ("path == /c", ['"/chat"'], 8),
        ('path == "/a ', ['"/a b"'], 8),
        ('note == "it\'s" and path in {"x", "/ch', ['"/chat"'], 33),
        ('subprotocol == "/c', [], 15),
        ('"/c', [], 0),
    ],
)
def test_values_of_the_capture_are_offered_too(text: str, offered: list[str], start: int) -> None:
    found = complete(LANGUAGE, text, len(text), known)
    assert [each.text for each in found.candidates] == offered
    assert found.start == start


def test_only_fitting_operators_are_offered() -> None:
    assert offered("fin ") == ["==", "!=", "and", "or"]
    assert "contains" not in offered("length ")


def test_what_is_typed_is_replaced_and_the_rest_stays() -> None:
    found = complete(LANGUAGE, "fin and opco == ping", 12)
    assert (found.start, found.end, found.candidates[0].text) == (8, 12, "opcode")
    assert found.candidates[0].kind is CandidateKind.FIELD
    assert found.candidates[0].help.startswith("The opcode")


@settings(deadline=None, max_examples=150)
@given(text=filters(LANGUAGE), data=st.data())
def test_completing_never_fails_and_what_is_a_filter_stays_one(text: str, data: st.DataObject) -> None:
    complete(LANGUAGE, text, data.draw(st.integers(0, len(text))))
    found = complete(LANGUAGE, text + " ", len(text) + 1)
    try:
        LANGUAGE.parse(text)
    except FilterError:
        return
    assert "and" in [each.text for each in found.candidates]
