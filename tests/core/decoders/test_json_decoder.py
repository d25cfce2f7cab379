from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decoders.decoder import Confidence, ContentKind, DecodeError, TokenKind
from core.decoders.json import JsonDecoder, JsonLimits
from core.protocol.frames import Opcode

DECODER = JsonDecoder()
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
)


def shown(source: str) -> str:
    return DECODER.decode(source.encode()).text


def why_not(source: str | bytes, decoder: JsonDecoder = DECODER) -> str:
    with pytest.raises(DecodeError) as caught:
        decoder.decode(source if isinstance(source, bytes) else source.encode())
    return str(caught.value)


def test_layout() -> None:
    source = '{"id":1,"tags":["a",{}, [ ],[[]]], "none" : null , "o":{"p":true}}'
    assert shown(source) == (
        '{\n  "id": 1,\n  "tags": [\n    "a",\n    {},\n    [],\n    [\n      []\n    ]\n  ],\n'
        '  "none": null,\n  "o": {\n    "p": true\n  }\n}'
    )
    assert DECODER.decode(b"{}").kind is ContentKind.JSON


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
    decoded = DECODER.decode(b'{"k":["v",-1.5e3,true]}')
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
    decoded = DECODER.decode('["a\u202eb","c"]'.encode())
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
        ("", "a value expected at character 0, but the text ends"),
        ("[1,]", "a value expected at character 3, not ']'"),
        ("[,1]", "a value or ] expected at character 1, not ',1]'"),
        ("[1 2]", "a comma or the closing bracket expected at character 3, not '2]'"),
        ("[1", "a comma or the closing bracket expected at character 2, but the text ends"),
        ("[}", "a value or ] expected at character 1, not '}'"),
        ('{"a":1]', "a comma or the closing bracket expected at character 6, not ']'"),
        ("{1:2}", "a key or } expected at character 1, not '1:2}'"),
        ('{"a":1,}', "a key expected at character 7, not '}'"),
        ('{"a",1}', "a colon expected at character 4, not ',1}'"),
        ('{"a":}', "a value expected at character 5, not '}'"),
        ("{}{}", "the end expected at character 2, not '{}'"),
        ("]", "a value expected at character 0, not ']'"),
        ("1,", "the end expected at character 1, not ','"),
        ("01", "the end expected at character 1, not '1'"),
        ("1.", "the end expected at character 1, not '.'"),
        ("+1", "a value expected at character 0, not '+1'"),
        ("NaN", "a value expected at character 0, not 'NaN'"),
        ("True", "a value expected at character 0, not 'True'"),
        ("'a'", "a value expected at character 0, not \"'a'\""),
        ('"a', "a value expected at character 0, not '\"a'"),
        ('"\\x"', "a value expected at character 0, not '\"\\\\x\"'"),
        ('"a\nb"', "a value expected at character 0, not '\"a\\nb\"'"),
        ("[\u202e]", "a value or ] expected at character 1, not '\\u202e]'"),
        ("\ufeff{}", "a value expected at character 0, not '\\ufeff{}'"),
    ],
)
def test_what_is_no_json(source: str, why: str) -> None:
    assert why_not(source) == why


def test_bytes_that_are_no_utf8() -> None:
    assert why_not(b'["\xff"]') == "not UTF-8 from byte 2"


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (JsonLimits(payload_bytes=8), "9 bytes are more than the 8 that are pretty-printed"),
        (JsonLimits(tokens=6), "more than the 6 tokens that are pretty-printed"),
        (JsonLimits(depth=2), "nested deeper than the 2 levels that are pretty-printed"),
        (JsonLimits(text_length=20), "longer than the 20 characters that are pretty-printed"),
    ],
)
def test_limits(limits: JsonLimits, why: str) -> None:
    assert why_not("[[[1,2]]]", JsonDecoder(limits)) == why


def test_at_its_limits_it_succeeds() -> None:
    assert JsonDecoder(JsonLimits(9, 9, 3, 45)).decode(b"[[[1,2]]]").text.count("\n") == 7


@pytest.mark.parametrize("start", [b"[", b'"', b'["\\', b"[ "])
def test_hostile_payloads_end_soon(start: bytes) -> None:
    payload = start + start[-1:] * 4_000_000
    began = time.process_time()
    why_not(payload)
    assert time.process_time() - began < 2


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
    assert DECODER.accepts(payload, opcode) is confidence
