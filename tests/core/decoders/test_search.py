from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.decoders import search
from core.decoders.search import Case, PayloadSearch, SearchPattern, text_needle
from core.decoders.source import WINDOW, Held, Rest, ends, pieces
from tests.tools.pages import hits


def test_case_does_not_matter_in_any_script() -> None:
    data = "Grüße GRÜSSE grüße ÄRGER ärger".encode()
    assert hits(data, text_needle("grüße")) == ["Grüße".encode(), "GRÜSSE".encode(), "grüße".encode()]
    assert hits(data, text_needle("äRGER")) == ["ÄRGER".encode(), "ärger".encode()]


def test_case_matters_where_it_is_to() -> None:
    data = "Grüße GRÜSSE grüße ÄRGER ärger a.C".encode()
    assert hits(data, text_needle("grüße", Case.EXACT)) == ["grüße".encode()]
    assert hits(data, text_needle("Ä", Case.EXACT)) == ["Ä".encode()]
    assert hits(data, text_needle("a.C", Case.EXACT)) == [b"a.C"]
    assert hits(data, text_needle("A.C", Case.EXACT)) == []


def test_what_is_looked_for_is_no_pattern() -> None:
    assert hits(b"a.c abc a.C", text_needle("a.c")) == [b"a.c", b"a.C"]
    assert hits(b"(a|b)*", text_needle("(a|b)*")) == [b"(a|b)*"]


@given(st.binary(min_size=1, max_size=3), st.lists(st.binary(max_size=9), max_size=12), st.integers(1, 20))
@example(b"aa", [b"aaaaaaa"], 2)
@example(b"aba", [b"ababababa"], 4)
def test_finds_what_one_search_through_all_finds(wanted: bytes, parts: list[bytes], step: int) -> None:
    data = wanted.join(parts)
    pattern = re.compile(re.escape(wanted))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_STEP", step)
        found = hits(data, SearchPattern(pattern, len(wanted)))
    assert len(found) == len(pattern.findall(data))


def test_counts_on_where_places_are_not_kept_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "KEPT", 3)
    found = PayloadSearch(Held(b"x" * 10), text_needle("x"))
    assert list(found.steps()) == [10]
    assert (found.count, found.kept) == (10, 3)


def test_it_can_be_left_at_any_step() -> None:
    found = PayloadSearch(Held(b"x" + bytes(WINDOW * 2) + b"x"), text_needle("x"))
    steps = found.steps()
    assert next(steps) == search._STEP
    assert found.count == 1


def test_sources_give_what_there_is() -> None:
    data = bytes(range(100))
    assert Held(data).read(-5, 3) == data[:3]
    rest = Rest(Held(data), 10)
    assert (len(rest), rest.read(0, 5), rest.read(80, 200), rest.is_held) == (
        90,
        data[10:15],
        data[90:],
        True,
    )
    assert len(Rest(Held(b"a"), 2)) == 0
    assert ends(Held(data), 50) == data
    assert ends(Held(data), 10) == data[:10] + data[90:]
    assert list(pieces(Held(data), 40, 10)) == [(10, data[10:50]), (50, data[50:90]), (90, data[90:])]
