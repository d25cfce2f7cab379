"""Many messages at once: what may match is never lost, and little else is kept."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import FilterError
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import Opcode
from core.protocol.state import Role
from core.query.language import default_language
from core.query.predicate import predicate
from core.rules.conditions import refusal, terms
from core.rules.joined import Joined
from core.rules.moment import Moment
from core.rules.sieve import sieve_of
from core.rules.sifting import pattern_of
from core.rules.subjects import received
from tests.tools.filters import filters
from tests.tools.ruled import NOW_NS, about, action, came, hearing_of, rule

LANGUAGE = default_language()
TEXTS = (
    "",
    "a",
    "ab",
    "aab",
    "B",
    "\n",
    "id=42",
    "你",
    '{"a":1}',
    '{"a":"x"}',
    '{"a":{"b":"B"}}',
    '{"\\u0061":"\\u0078"}',
)


def run_of(payloads: list[bytes], heads: list[int] | None = None) -> FrameColumns:
    count = len(payloads)
    return FrameColumns(heads or [0x81] * count, [None] * count, payloads, [0] * count)


def sifted(filter: str, *payloads: str) -> list[int]:
    sieve = sieve_of(LANGUAGE.parse(filter))
    assert sieve is not None
    return sorted(sieve.among(Joined(run_of([each.encode() for each in payloads]))))


@pytest.mark.parametrize(
    ("filter", "payloads", "kept"),
    [
        ("payload contains ab", ("xab", "a", "b", "ab"), [0, 1, 2, 3]),
        ("payload contains ab", ("xab", "a", "xb", "ab"), [0, 3]),
        ("payload icontains ab", ("xAb", "-", "aB"), [0, 2]),
        ('payload matches "a\\d"', ("a1", "a", "-1", "xa2"), [0, 3]),
        ('payload matches "id=.*x"', ("id=5", "-", "x"), [0]),
        ('payload == "ab"', ("ab", "xabx", "-"), [0, 1]),
        (
            'json("$.type") == ping',
            ('{"type":"ping"}', '{"type":"pong"}', "ping", '{"type":"\\u0070ing"}'),
            [0, 3],
        ),
        ('json("$.type") in {a, b}', ('{"type":"a"}', '{"type":"b"}', '{"type":"c"}'), [0, 1]),
        ('json("$.type") in {a, 1..3}', ('{"type":2}', '{"type":"a"}', '{"b":"c"}'), [0, 1]),
        ('json("$.a.b[0]") > 3', ('{"a":{"b":[4]}}', '{"a":1}', '{"b":1}'), [0, 2]),
        (
            'json("$.n") == 99',
            ('{"n":99}', '{"n":9.9e1}', '{"n":98.9999999999999999}', '{"n":98}'),
            [0, 1, 2],
        ),
        ('json("$.n") == true', ('{"n":true}', '{"n":false}'), [0]),
        ("length > 2", ("abc", "ab", ""), [0]),
        ("message.length == 2 and payload contains a", ("abc", "ab", "xx"), [1]),
        ("message.length == 2 or payload contains a", ("abc", "ab", "xx", ""), [0, 1, 2]),
        ("opcode == binary", ("a", "b"), []),
        ("opcode == ping or not fin or compressed or violation", ("a", "b"), []),
        ("not opcode == ping and payload contains a", ("a", "b"), [0]),
    ],
)
def test_what_is_kept(filter: str, payloads: tuple[str, ...], kept: list[int]) -> None:
    assert sifted(filter, *payloads) == kept


@pytest.mark.parametrize(
    "filter",
    [
        "masked",
        "not (fin and masked)",
        'payload matches ".*"',
        "not payload contains a",
        "masked or payload contains a",
    ],
)
def test_what_tells_nothing(filter: str) -> None:
    assert sieve_of(LANGUAGE.parse(filter)) is None


def _live(text: str) -> bool:
    try:
        expression = LANGUAGE.parse(text)
    except FilterError:
        # There is no order among some values of JSON.
        return False
    return all(
        refusal(Moment.MESSAGE)(term.field) is None and term.field.name != "time"
        for term in terms(expression)
    )


@settings(max_examples=150, deadline=None)
@given(
    filters(LANGUAGE).filter(_live),
    st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from((0x81, 0x82))), min_size=1, max_size=20),
    st.sampled_from(list(Role)),
)
def test_nothing_that_matches_is_lost(filter: str, messages: list[tuple[str, int]], sender: Role) -> None:
    hearing = hearing_of(rule(action("drop"), filter=filter))
    payloads = [text.encode() for text, _ in messages]
    heads = [head for _, head in messages]
    kept = hearing.sift(run_of(payloads, heads), sender) or ()
    asked = {
        index
        for index, (payload, head) in enumerate(zip(payloads, heads, strict=True))
        if hearing.message(came(payload, Opcode(head & 15)), sender, NOW_NS) is not None
    }
    plain = _matching(filter, payloads, heads, sender)
    assert asked == plain
    assert plain <= set(kept)


def _matching(filter: str, payloads: list[bytes], heads: list[int], sender: Role) -> set[int]:
    """What the plain meaning of the filter says."""
    matches = predicate(LANGUAGE.parse(filter))
    return {
        index
        for index, (payload, head) in enumerate(zip(payloads, heads, strict=True))
        if matches(received(came(payload, Opcode(head & 15)), sender, NOW_NS, about()))
    }


@given(
    st.lists(st.text(st.sampled_from('ab"\\'), max_size=4), max_size=12),
    st.sampled_from(("a", "ab", 'a"', "\\")),
)
def test_texts_in_json_are_found(texts: list[str], wanted: str) -> None:
    payloads = [json.dumps({"t": text}) for text in texts]
    literal = json.dumps(wanted)
    kept = sifted(f'json("$.t") == {literal}', *payloads)
    assert {index for index, text in enumerate(texts) if text == wanted} <= set(kept)


@pytest.mark.parametrize("payload", ['{"t":"a"}', '{"t":"\\u0061"}', '{"\\u0074":"a"}'])
def test_escapes_in_one_message(payload: str) -> None:
    hearing = hearing_of(rule(action("drop"), filter='json("$.t") == a'))
    assert hearing.message(came(payload), Role.CLIENT, NOW_NS) is not None


@pytest.mark.parametrize(
    ("payload", "matches"), [('{"n":1e1}', True), ('{"n":10.0}', True), ('{"n":1e2}', False)]
)
def test_numbers_in_one_message(payload: str, matches: bool) -> None:
    hearing = hearing_of(rule(action("drop"), filter='json("$.n") == 10'))
    assert (hearing.message(came(payload), Role.CLIENT, NOW_NS) is not None) is matches


SHORT = st.text(st.sampled_from("ab"), min_size=1).map(str.encode)


@given(st.sets(st.binary(min_size=1, max_size=20) | SHORT, min_size=1), st.binary(max_size=40) | SHORT)
def test_a_pattern_for_many_texts(texts: set[bytes], data: bytes) -> None:
    found = pattern_of(texts).search(data)
    assert (found is not None) == any(text[:16] in data for text in texts)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(filters(LANGUAGE).filter(_live), min_size=1, max_size=12),
    st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from((0x81, 0x82))), min_size=1, max_size=20),
)
def test_many_rules_lose_nothing_together(texts: list[str], messages: list[tuple[str, int]]) -> None:
    hearing = hearing_of(*(rule(action("note"), id=number, filter=each) for number, each in enumerate(texts)))
    payloads, heads = [text.encode() for text, _ in messages], [head for _, head in messages]
    kept = hearing.sift(run_of(payloads, heads), Role.CLIENT) or ()
    for filter in texts:
        assert _matching(filter, payloads, heads, Role.CLIENT) <= set(kept)


def test_a_common_text_lets_all_through() -> None:
    hearing = hearing_of(
        *(
            rule(action("note"), id=number, filter=f"payload contains {each}")
            for number, each in enumerate(("a", "b", "c", "d"))
        )
    )
    run = run_of([b"abcd" * 20] * 10)
    assert list(hearing.sift(run, Role.CLIENT) or ()) == list(range(10))
