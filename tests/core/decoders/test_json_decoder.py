from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.decoders.context import Context
from core.decoders.decoder import Confidence, ContentKind, DecodeError, TokenKind
from core.decoders.json import PAGE, JsonDecoder
from core.decoders.search import Case
from core.protocol.frames import Opcode
from tests.tools.pages import all_pages, hits, joined, only_page, pages_of

DECODER = JsonDecoder()
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
)


def shown(source: str) -> str:
    return joined(pages_of(DECODER, source.encode()))


def why_not(source: str | bytes, decoder: JsonDecoder = DECODER) -> str:
    with pytest.raises(DecodeError) as caught:
        pages_of(decoder, source if isinstance(source, bytes) else source.encode())
    return str(caught.value)


def test_layout() -> None:
    source = '{"id":1,"tags":["a",{}, [ ],[[]]], "none" : null , "o":{"p":true}}'
    assert shown(source) == (
        '{\n  "id": 1,\n  "tags": [\n    "a",\n    {},\n    [],\n    [\n      []\n    ]\n  ],\n'
        '  "none": null,\n  "o": {\n    "p": true\n  }\n}'
    )
    assert pages_of(DECODER, b"{}").kind is ContentKind.JSON


@pytest.mark.parametrize(
    "token",
    [
        "12345678901234567890123456789",
        "1.10",
        "1E+400",
        "-0.0",
        "0.1000000000000000055511151231257827",
        '"\\u4e2d\\/\\n"',
        '"\\ud800"',
        '"中👋"',
        '""',
        "true",
        "null",
    ],
)
def test_tokens_stay_as_they_were_written(token: str) -> None:
    assert shown(f" {token}\n") == token
    assert shown(f"[{token},{token}]") == f"[\n  {token},\n  {token}\n]"


def test_a_key_that_stands_twice_stays_twice() -> None:
    assert shown('{"a":1,"a":2}') == '{\n  "a": 1,\n  "a": 2\n}'


def test_spans() -> None:
    decoded = only_page(DECODER, b'{"k":["v",-1.5e3,true]}')
    punctuation, key, string = TokenKind.PUNCTUATION, TokenKind.KEY, TokenKind.STRING
    assert [(decoded.text[start:end], kind) for start, end, kind in decoded.spans] == [
        ("{", punctuation),
        ('"k"', key),
        (":", punctuation),
        ("[", punctuation),
        ('"v"', string),
        (",", punctuation),
        ("-1.5e3", TokenKind.NUMBER),
        (",", punctuation),
        ("true", TokenKind.LITERAL),
        ("]", punctuation),
        ("}", punctuation),
    ]


def test_hidden_characters_are_spelled_out_and_the_spans_still_fit() -> None:
    decoded = only_page(DECODER, '["a\u202eb","c"]'.encode())
    assert [decoded.text[span.start : span.end] for span in decoded.spans] == [
        "[",
        '"a\\u202eb"',
        ",",
        '"c"',
        "]",
    ]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("", "a value expected at byte 0, but the text ends"),
        ("[1,]", "a value expected at byte 3, not ']'"),
        ("[,1]", "a value or ] expected at byte 1, not ',1]'"),
        ("[1 2]", "a comma or the closing bracket expected at byte 3, not '2]'"),
        ("[1", "a comma or the closing bracket expected at byte 2, but the text ends"),
        ("[}", "a value or ] expected at byte 1, not '}'"),
        ('{"a":1]', "a comma or the closing bracket expected at byte 6, not ']'"),
        ("{1:2}", "a key or } expected at byte 1, not '1:2}'"),
        ('{"a":1,}', "a key expected at byte 7, not '}'"),
        ('{"a",1}', "a colon expected at byte 4, not ',1}'"),
        ('{"a":}', "a value expected at byte 5, not '}'"),
        ("{}{}", "the end expected at byte 2, not '{}'"),
        ("]", "a value expected at byte 0, not ']'"),
        ("1,", "the end expected at byte 1, not ','"),
        ("01", "the end expected at byte 1, not '1'"),
        ("1.", "the end expected at byte 1, not '.'"),
        ("+1", "a value expected at byte 0, not '+1'"),
        ("NaN", "a value expected at byte 0, not 'NaN'"),
        ("True", "a value expected at byte 0, not 'True'"),
        ("'a'", "a value expected at byte 0, not \"'a'\""),
        ('"a', "a value expected at byte 0, not '\"a'"),
        ('"\\x"', "a value expected at byte 0, not '\"\\\\x\"'"),
        ('"a\nb"', "a value expected at byte 0, not '\"a\\nb\"'"),
        ("[\u202e]", "a value or ] expected at byte 1, not '\\u202e]'"),
        ("\ufeff{}", "a value expected at byte 0, not '\\ufeff{}'"),
    ],
)
def test_what_is_no_json(source: str, why: str) -> None:
    assert why_not(source) == why


def test_bytes_that_are_no_utf8() -> None:
    assert why_not(b'["\xff"]') == "not UTF-8 from byte 2"


def test_nesting_has_a_limit() -> None:
    assert (
        why_not("[[[1,2]]]", JsonDecoder(depth=2))
        == "nested deeper than the 2 levels that are pretty-printed"
    )
    assert joined(pages_of(JsonDecoder(depth=3), b"[[[1,2]]]")).count("\n") == 7
    # Also where it is only passed over.
    deep = b"[0,[[[[[[[[1]]]]]]]],0]"
    assert why_not(deep, JsonDecoder(depth=8)) == "nested deeper than the 8 levels that are pretty-printed"
    assert joined(pages_of(JsonDecoder(depth=9), deep)) == json.dumps(json.loads(deep), indent=2)


def test_a_number_too_long_to_be_one() -> None:
    payload = b"[" + b"1" * 100_000 + b"]"
    assert why_not(payload) == "a number of more than 4,096 digits at byte 1"


@pytest.mark.parametrize("start", [b"[", b'"', b'["\\', b"[ "])
def test_hostile_payloads_end_soon(start: bytes) -> None:
    payload = start + start[-1:] * 4_000_000
    began = time.process_time()
    why_not(payload)
    assert time.process_time() - began < 4


@given(VALUES, st.sampled_from([None, 0, 3]))
def test_as_the_standard_library_reads_and_lays_it_out(value: Any, indent: int | None) -> None:
    source = json.dumps(value, indent=indent)
    assert shown(source) == json.dumps(value, indent=2)


@given(st.text('{}[],:"\\ 01.-eEtrufalsn\n\t', max_size=12))
def test_takes_what_the_standard_library_takes(source: str) -> None:
    try:
        expected = json.loads(source)
    except ValueError:
        why_not(source)
    else:
        assert json.loads(shown(source)) == expected


@given(VALUES, st.integers(1, 60), st.sampled_from([None, 1]))
@example({"ключ": "äöü" * 30, "n": [1.25e-7, -0.5, 123456]}, 7, None)
@example([[[[[[[["deep", {"a": {"b": {"c": {"d": {"e": {"f": [1, 2]}}}}}}]]]]]]]], 11, None)
def test_pages_of_any_size_make_the_same_text(value: Any, size: int, indent: int | None) -> None:
    source = json.dumps(value, indent=indent, ensure_ascii=False).encode("utf-8", "backslashreplace")
    pages = pages_of(JsonDecoder(size), source)
    assert joined(pages) == joined(pages_of(DECODER, source))
    edges = [(page.first, page.end) for page in all_pages(pages)]
    assert (edges[0][0], edges[-1][1]) == (0, len(source))
    assert all(before[1] == after[0] for before, after in pairwise(edges))
    assert pages.known == len(source)
    for offset in range(len(source)):
        number = pages.page_at(offset)
        assert edges[number][0] <= offset < edges[number][1]


@pytest.mark.parametrize("text", ["x" * 400_000, "世界🎉" * 40_000, '\\"' * 100_000, "\u4e2d" * 60_000])
def test_a_string_longer_than_a_page_goes_on_over_pages(text: str) -> None:
    source = f'{{"{text}":["{text}",1]}}'.encode()
    pages = pages_of(DECODER, source)
    assert pages.count > 1
    assert joined(pages) == f'{{\n  "{text}": [\n    "{text}",\n    1\n  ]\n}}'
    assert all(len(page.text) < 3 * PAGE for page in all_pages(pages))
    assert all_pages(pages)[0].spans[1].kind is TokenKind.KEY
    assert why_not(source[:-5]).endswith("but the text ends")


def test_a_long_string_that_is_broken_says_where() -> None:
    source = b'["' + b"x" * 200_000 + b"\x01" + b'"]'
    assert why_not(source) == "the rest of a string expected at byte 200,002, not '\\x01\"]'"


def test_places_are_those_of_the_bytes() -> None:
    source = '{"k":[ "wört", 12]}'.encode()
    page = only_page(DECODER, source)

    def shown_for(part: str) -> list[str]:
        first = source.index(part.encode())
        return [page.text[start:end] for start, end in page.places(first, first + len(part.encode()))]

    assert shown_for("wört") == ["wört"]
    assert shown_for("ört") == ["ört"]
    assert shown_for('"k":[ "w') == ['"k": [\n    "w']
    assert shown_for("12]") == ["12\n  ]"]
    assert page.places(100, 200) == []
    for start in range(len(page.text)):
        among = page.bytes_of(start, start + 1)
        assert 0 <= among.start <= among.stop <= len(source)


def test_a_search_does_not_care_for_white_space_beside_punctuation() -> None:
    source = b'{"a":1,"b" : 2,\n"a": 1, "text": "a, b"}'
    pages = pages_of(DECODER, source)
    assert hits(source, pages.needle('"a": 1')) == [b'"a":1', b'"a": 1']
    assert hits(source, pages.needle('"a":1')) == [b'"a":1', b'"a": 1']
    assert hits(source, pages.needle('"B":2')) == [b'"b" : 2']
    assert hits(source, pages.needle('"B":2', Case.EXACT)) == []
    assert hits(source, pages.needle('"b":2', Case.EXACT)) == [b'"b" : 2']
    assert hits(source, pages.needle("a, b")) == [b"a, b"]
    assert hits(source, pages.needle(" ")) == [b" "] * 6


@pytest.mark.parametrize(
    ("payload", "opcode", "confidence"),
    [
        (b'{"a":1}', Opcode.TEXT, Confidence.LIKELY),
        (b" [1]\r\n", Opcode.BINARY, Confidence.LIKELY),
        (b"{]", Opcode.TEXT, Confidence.NONE),
        (b"1", Opcode.TEXT, Confidence.NONE),
        (b"", Opcode.TEXT, Confidence.NONE),
        (b"{}", Opcode.PING, Confidence.NONE),
    ],
)
def test_accepts(payload: bytes, opcode: int, confidence: Confidence) -> None:
    assert DECODER.accepts(payload, Context(opcode)) is confidence
