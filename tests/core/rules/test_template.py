"""Templates: which words there are, how they stand in JSON, and where a mistake is."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import TemplateError
from core.query.language import default_language
from core.rules.template import LENGTH_LIMIT, TemplateLanguage
from tests.tools.ruled import about, action, asked, hearing_of, reply_to, rule, sent

LANGUAGE = TemplateLanguage(default_language())


@pytest.mark.parametrize(
    ("template", "payload", "expected"),
    [
        ("{payload}", b"\xff\x00", b"\xff\x00"),
        ("<{payload}>", "a", b"<a>"),
        ('{"a":1}', "a", b'{"a":1}'),
        ("{}{ payload}{1}", "a", b"{}{ payload}{1}"),
        ("{{payload}", "a", b"{payload}"),
        ("{{{payload}", "a", b"{{payload}"),
        ("{path} {connection}", "a", b"/chat 3"),
        ('{json("$.id")}', '{"id":7}', b"7"),
        ("{json('$.id')}", '{"id":"x"}', b"x"),
        ("{json('$.id')}", "no json", b""),
        ("{json('$')}", '{"a": [1, null]}', b'{"a":[1,null]}'),
        ("{opcode} {fin} {direction} {message.length}", "abc", b"1 true client-to-server 3"),
        ("{counter}", "a", b"1"),
        ("{now}", "a", b"2023-11-14T22:13:20.123Z"),
        ("{now.s} {now.ms}", "a", b"1700000000 1700000000123"),
        ("{time}", "a", b"2023-11-14T22:13:20.123Z"),
        ('{random.choice("x")}{random.int(5, 5)}', "a", b"x5"),
        ("{Payload}{COUNTER}", "a", b"a1"),
    ],
)
def test_places_are_filled(template: str, payload: bytes | str, expected: bytes) -> None:
    assert reply_to(template, payload) == expected


@pytest.mark.parametrize(
    ("template", "payload", "expected"),
    [
        ('{"id":{json("$.id")}}', '{"id":7}', b'{"id":7}'),
        ('{"id":{json("$.id")}}', '{"id":"a\\"b"}', b'{"id":"a\\"b"}'),
        ('{"id":"<{json("$.id")}>"}', '{"id":"a\\"b"}', b'{"id":"<a\\"b>"}'),
        ('{"id":{json("$.id")}}', "no json", b'{"id":null}'),
        ('{"was":{payload},"n":{counter},"f":{fin}}', 'say "hi"', b'{"was":"say \\"hi\\"","n":1,"f":true}'),
        ('42["a",{json("$")}]', '{"b":[]}', b'42["a",{"b":[]}]'),
        ('{"a":1} {payload}', "x", b'{"a":1} x'),
        ('{"not json: {payload}', '"', b'{"not json: "'),
        ('{"n":1{counter}}', "x", b'{"n":11}'),
    ],
)
def test_places_in_json_are_json(template: str, payload: str, expected: bytes) -> None:
    assert reply_to(template, payload) == expected


def test_groups_of_the_condition() -> None:
    filter = r'payload matches "id=(?P<id>\d+);?(x)?"'
    assert (
        reply_to("{match.0}|{match.1}|{match.id}|{match.2}|{match.9}", "is id=42", filter) == b"id=42|42|42||"
    )


def test_groups_of_a_pattern_on_a_header() -> None:
    hearing = hearing_of(
        rule(action("reply", payload="{match.1}"), filter='header["Origin"] matches "//(.*)"'),
        of=about(headers=b"Origin: https://example.com\r\n"),
    )
    assert sent(asked(hearing, "a")) == [b"example.com"]


def test_headers_of_the_connection() -> None:
    hearing = hearing_of(
        rule(action("reply", payload='{header["origin"]}|{header["no"]}')),
        of=about(headers=b"Origin: https://example.com\r\n"),
    )
    assert sent(asked(hearing, "a")) == [b"https://example.com|"]


def test_random_words() -> None:
    found = reply_to("{uuid} {random.hex(8)} {random.int(-2, 2)}", "a").decode()
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12} [0-9a-f]{8} -?[0-2]", found
    )


def test_the_counter_counts_by_connection() -> None:
    hearing = hearing_of(rule(action("reply", payload="{counter}")))
    assert [sent(asked(hearing, "a")) for _ in range(3)] == [[b"1"], [b"2"], [b"3"]]


@pytest.mark.parametrize(
    ("template", "start", "message"),
    [
        ("a {nope}", 3, "There is no field 'nope'"),
        ("a {lenght}", 3, "Did you mean “length”?"),
        ("{payload", 8, "Expected “}” here"),
        ("{payload }", 8, "Expected “}” here"),
        ("{json}", 1, "“json” needs to know of what"),
        ("{json(1)}", 1, "“json” needs to know of what"),
        ('{json("$[")}', 5, "“json” cannot take '$['"),
        ('{json("$.a"}', 11, "Expected “)” or “,” here"),
        ("{json(", 6, "Expected a text in quotes"),
        ('{payload("x")}', 8, "takes nothing in brackets"),
        ("{match.}", 6, "Expected “}” here"),
        ("{match}", 1, "the number or the name of a group follows"),
        ("{random.hex}", 1, "it takes how many digits in brackets"),
        ("{random.hex(0)}", 1, "1 to 100000 digits"),
        ("{random.int(3,1)}", 1, "the least number comes first"),
        ("{random.choice()}", 15, "Expected a text in quotes"),
        ("{uuid(1)}", 1, "it takes nothing in brackets"),
        ("x" * (LENGTH_LIMIT + 1), 100, "at most 1,048,576 characters"),
        ("{counter}" * 1001, 9000, "at most 1000 places"),
    ],
)
def test_a_mistake_is_pointed_at(template: str, start: int, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        LANGUAGE.read(template)
    assert message in str(caught.value)
    assert caught.value.start == start


def test_many_brackets_take_no_time() -> None:
    assert LANGUAGE.read("[" * 100_000).is_fixed


@given(st.text(), st.text())
def test_what_fills_a_string_of_json_keeps_it_json(payload: str, around: str) -> None:
    sound = payload.encode("utf-8", "replace").decode()
    fixed = json.dumps(around.replace("{", "(").encode("utf-8", "replace").decode())[1:-1]
    found = reply_to(f'{{"a":"{fixed}{{payload}}","b":{{payload}}}}', sound)
    assert json.loads(found) == {"a": json.loads(f'"{fixed}"') + sound, "b": sound}


@given(st.text(st.sampled_from('{}[]"\\a1,:.payload'), max_size=30))
def test_a_text_without_places_is_itself(text: str) -> None:
    try:
        template = LANGUAGE.read(text)
    except TemplateError:
        return
    if template.is_fixed and "{{" not in text:
        assert b"".join(each for each in template.parts if isinstance(each, bytes)) == text.encode()
