from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logic.held_edit import (
    HEX_LIMIT,
    TREE_LIMIT,
    EditMode,
    first_mode,
    hex_payload,
    hex_text,
    json_root,
    modes_of,
    text_form,
    with_value,
)
from core.decoders.tree import Node
from core.errors import PayloadError
from core.protocol.frames import Opcode


@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "ignore")))
)
def test_what_is_not_edited_stays_byte_for_byte(payload: bytes) -> None:
    assert hex_payload(hex_text(payload)) == payload
    form = text_form(payload)
    if form is not None:
        assert form.payload(form.text) == payload


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"a\nb", "a\nb"),
        ("a\u00a0b".encode(), "a\u00a0b"),
        (b"a\r\nb\n", None),
        (b"a\rb", None),
        (b"a\x00b", None),
        ("a\u2028b".encode(), None),
        (b"\xff", None),
    ],
)
def test_a_text_that_an_editor_would_change_is_none(payload: bytes, text: str | None) -> None:
    form = text_form(payload)
    assert (None if form is None else form.text) == text


def test_lines_keep_their_ends_where_they_are_edited() -> None:
    form = text_form(b"SEND\r\n\r\nhello")
    assert form is not None
    assert form.payload("SEND\nx:1\n\nbye") == b"SEND\r\nx:1\r\n\r\nbye"


def leaf(root: Node, *names: str) -> Node:
    for name in names:
        root = next(child for child in root.children if child.name == name)
    return root


def test_a_value_is_changed_and_all_else_stays() -> None:
    payload = b'{"a" :[1, 2.50,{"b":"x\\u00e9"}],\n "a2": null}'
    root = json_root(payload)
    assert root is not None
    assert with_value(payload, leaf(root, "a", "1"), "7e3") == payload.replace(b"2.50", b"7e3")
    assert with_value(payload, leaf(root, "a", "2", "b"), ' "ü" ') == payload.replace(
        b'"x\\u00e9"', '"ü"'.encode()
    )
    assert with_value(payload, leaf(root, "a2"), "[]") == payload.replace(b"null", b"[]")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_the_values_of_a_tree_are_those_of_its_json(value: object) -> None:
    payload = json.dumps(value).encode()
    root = json_root(payload)
    if not isinstance(value, (dict, list)):
        assert root is None
        return
    assert root is not None
    waiting = [root]
    while waiting:
        node = waiting.pop()
        assert with_value(payload, node, payload[node.first : node.end].decode()) == payload
        waiting += node.children


@pytest.mark.parametrize("literal", ["", "abc", "{", "NaN", "'a'", "1 2", "[" * 100_000])
def test_what_is_no_json_value_is_refused(literal: str) -> None:
    root = json_root(b'{"a": 1}')
    assert root is not None
    with pytest.raises(PayloadError):
        with_value(b'{"a": 1}', root.children[0], literal)


def test_a_plain_word_is_told_how_to_be_a_text() -> None:
    root = json_root(b'{"a": 1}')
    assert root is not None
    with pytest.raises(PayloadError, match="“hi” is no JSON value"):
        with_value(b'{"a": 1}', root.children[0], "hi")


def test_the_ways_to_edit() -> None:
    json_text, text, binary = b'{"a": 1}', b"hello", b"\x00\xff"
    assert modes_of(json_text) == (EditMode.JSON, EditMode.TEXT, EditMode.HEX)
    assert modes_of(text) == (EditMode.TEXT, EditMode.HEX)
    assert modes_of(binary) == (EditMode.HEX,)
    assert first_mode(json_text, Opcode.TEXT) is EditMode.TEXT
    assert first_mode(json_text, Opcode.BINARY) is EditMode.HEX
    assert first_mode(binary, Opcode.TEXT) is EditMode.HEX


def test_what_is_too_long_is_not_edited_so() -> None:
    assert EditMode.HEX not in modes_of(b"a" * (HEX_LIMIT + 1))
    assert modes_of(b"\xff" * (HEX_LIMIT + 1)) == ()
    assert first_mode(b"\xff" * (HEX_LIMIT + 1), Opcode.BINARY) is None
    assert json_root(b"[" + b"1," * TREE_LIMIT + b"1]") is None
    assert json_root(b"[" * 1000 + b"]" * 1000) is None
