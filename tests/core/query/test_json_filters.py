"""Filters on JSON find, in a capture, the frames that an account made of the capture's export says."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.capture.follow import Follower
from core.capture.reader import CaptureReader
from core.capture.writer import CaptureWriter
from core.formats.jsonl import JsonLines
from core.query.language import default_language
from tests.tools.captures import opened, received
from tests.tools.filters import asked, scanned
from tests.tools.plain_json import NoJson, Number, Step, found_by, matches, parse

LANGUAGE = default_language()
_NAMES = ("a", "b", "id", "", "0", "你")
_TEXTS = (
    *(
        "",
        "a",
        "42",
        "4.2e1",
        "true",
        "null",
        "[",
        "{}",
        '{"a":42}',
        "[1]",
        '"',
        "你好",
        "\x00",
        "\ud800",
        "\u202e",
    ),
    *("[link](x)", "NaN"),
)
_NUMBERS = ("0", "-0", "1", "42", "42.0", "4.2e1", "1.5", "-7", "9007199254740993", "1234567890123456789")
_RAW = (
    *(
        b"",
        b" ",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"{",
        b"[1,]",
        b"01",
        b"1 2",
        b'"\xff"',
        b"\xef\xbb\xbf",
        b"nul",
    ),
    *(
        b'{"a":1,"a":2}',
        b"\xef\xbb\xbf" * 2 + b"1",
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-16-be"),
    ),
    *(b"[" + b"1" * 4301 + b",42]", b"[" + b"1," * 10_001 + b"42]", b"[" + b"true," * 10_001 + b'"a"]'),
)


def _written(value: Any) -> str:
    """A document as text; numbers stand in it as they were drawn."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{_written(each)}" for name, each in value.items()) + "}"
    return value if isinstance(value, str) else json.dumps(value)


_SCALARS = st.one_of(
    st.sampled_from(_NUMBERS),
    st.sampled_from(("true", "false", "null")),
    st.sampled_from(_TEXTS).map(json.dumps),
    # A document within a string.
    st.sampled_from(_NUMBERS).map(lambda number: json.dumps(f'{{"a":{number}}}')),
)
_DOCUMENTS = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=12,
)
_PAYLOADS = st.one_of(
    st.tuples(st.sampled_from(("", " ", "\ufeff", "\r\n\t")), _DOCUMENTS).map(
        lambda each: (each[0] + _written(each[1])).encode()
    ),
    st.sampled_from(_RAW),
)
_STEPS = st.lists(
    st.builds(Step, st.sampled_from((*_NAMES, 0, 1, -1, -2, None, None)), st.booleans()), max_size=3
)


@st.composite
def _conditions(draw: st.DrawFn) -> tuple[str, str, Any]:
    """The operator, the operand as it stands in a filter, and its value."""
    if draw(st.booleans()):
        symbol = draw(st.sampled_from(("==", "!=", "<", "<=", ">", ">=")))
        number = draw(st.sampled_from(_NUMBERS))
        return symbol, number, Number(Decimal(number))
    symbol = draw(st.sampled_from(("==", "!=", "<", ">=", "contains")))
    if symbol in ("==", "!=") and draw(st.booleans()):
        word = draw(st.sampled_from(("true", "false", "null")))
        return symbol, word, {"true": True, "false": False, "null": None}[word]
    text = draw(st.sampled_from([each for each in _TEXTS if each or symbol != "contains"]))
    escaped = "".join(f"\\u{ord(each):04x}" for each in text)
    return symbol, f'"{escaped}"', text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("captures")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(payloads=st.lists(_PAYLOADS, min_size=1, max_size=8), steps=_STEPS, condition=_conditions())
def test_a_filter_finds_what_the_export_says(
    folder: Path, payloads: list[bytes], steps: list[Step], condition: tuple[str, str, Any]
) -> None:
    path = folder / "c.unmask"
    for each in folder.iterdir():
        each.unlink()
    writer = CaptureWriter(path, "0")
    writer.write([opened(1), received(1, *payloads, time_ns=1)])
    writer.close()
    symbol, operand, value = condition
    argument = "$" + "".join(map(str, steps))
    text = f"json('{_in_quotes(argument)}') {symbol} {operand}"
    expected = [
        frame for frame, payload in _exported(path).items() if matches(_found(payload, steps), symbol, value)
    ]
    expression = LANGUAGE.parse(text)
    assert scanned(path, expression) == expected, text
    assert asked(path, expression) == expected, text


def _in_quotes(path: str) -> str:
    return path.replace("\\", "\\\\").replace("'", "\\'")


def _found(payload: bytes, steps: list[Step]) -> list[Any]:
    try:
        return found_by(parse(payload), steps)
    except NoJson:
        return []


def _exported(path: Path) -> dict[int, bytes]:
    """Payloads of the messages by their frames, as JSON Lines have them."""
    with closing(CaptureReader(path)) as reader:
        lines = [json.loads(line) for line in JsonLines().export(Follower(reader).entries())]
    return {
        line["frame"]: base64.b64decode(line["payload"])
        if line["encoding"] == "base64"
        else line["payload"].encode()
        for line in lines
        if line["event"] == "message"
    }
