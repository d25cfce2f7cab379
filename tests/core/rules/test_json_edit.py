"""Values in payloads of JSON, replaced in place; and JSON read with its places."""

from __future__ import annotations

import json
from typing import Any

import jsonpath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules.json_edit import JsonEdit
from core.rules.located_json import Lines, Located, LocatedJsonError, read_located
from core.rules.template_values import FillingError

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("path", "payload", "expected"),
    [
        ("$.a", '{"a":1,"b":2}', '{"a":X,"b":2}'),
        ("$.a", ' { "a" :\t1 , "a":2}\n', ' { "a" :\t1 , "a":X}\n'),
        ("$.a.b[1]", '{"a":{"b":[1,[2],3]}}', '{"a":{"b":[1,X,3]}}'),
        ("$.a[-1]", '{"a":[1,2]}', '{"a":[1,X]}'),
        ("$..a", '{"a":{"a":1},"b":[{"a":"你"}]}', '{"a":X,"b":[{"a":X}]}'),
        ("$[?@.x == 1].y", '[{"x":1,"y":2},{"x":2,"y":3}]', '[{"x":1,"y":X},{"x":2,"y":3}]'),
        ("$.a.x", '{"a":5,"a":{"x":1}}', '{"a":5,"a":{"x":X}}'),
        ("$.a[0]", '{"a":{"0":1},"a":[1]}', '{"a":{"0":1},"a":[X]}'),
        ("$['b','a']", '{"a":1,"b":2,"a":3}', '{"a":1,"b":X,"a":X}'),
        ("$['a','a']", '{"a":1}', '{"a":X}'),
        ("$..[?@.a]", '{"b":{"a":1},"c":[{"a":{"a":2}}]}', '{"b":X,"c":[X]}'),
        ("$.a.x", '{"a":{"x":1},"a":{"y":2}}', '{"a":{"x":1},"a":{"y":2}}'),
        ("$.a", '\ufeff{"a":12345678901234567890.5e3}', '\ufeff{"a":X}'),
        ("$", "[1]", "X"),
        ("$", '"text"', "X"),
        ("$.a", '"text"', '"text"'),
        ("$.no", '{"a":1}', '{"a":1}'),
    ],
)
def test_values_are_replaced_in_place(path: str, payload: str, expected: str) -> None:
    assert JsonEdit(path).applied(payload.encode(), b"X").decode() == expected


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b'{"a":NaN}', b"[" * 1000])
def test_what_is_no_json_is_refused(payload: bytes) -> None:
    with pytest.raises(FillingError, match="The payload is no JSON"):
        JsonEdit("$.a").applied(payload, b"X")


@given(DOCUMENTS, st.sampled_from(("\t", None)))
def test_every_value_is_found_where_it_stands(document: object, indent: str | None) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    for node, value in _together(read_located(text, 1 << 20), document):
        assert json.loads(text[node.start : node.end]) == value


def _together(node: Located, value: object) -> list[tuple[Located, object]]:
    found = [(node, value)]
    if isinstance(value, dict):
        found += [pair for name, each in value.items() for pair in _together(node.child(name), each)]
    elif isinstance(value, list):
        found += [pair for index, each in enumerate(value) for pair in _together(node.child(index), each)]
    return found


@given(st.text(st.sampled_from('{}[]",:\\tru e1.-'), max_size=20))
def test_what_is_json_is_read_and_nothing_else(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        with pytest.raises(LocatedJsonError) as caught:
            read_located(text, 100)
        assert 0 <= caught.value.at <= len(text)
    else:
        assert read_located(text, 100).end <= len(text)


def test_lines() -> None:
    lines = Lines("ab\ncd\r\n\re")
    assert [lines.place(at) for at in (0, 2, 3, 7, 8)] == [(1, 1), (1, 3), (2, 1), (3, 1), (4, 1)]


PATHS = ("$..*", "$.*", "$[0]", "$..a", "$.*.*")


@given(DOCUMENTS.filter(lambda document: isinstance(document, dict | list)), st.sampled_from(PATHS))
def test_what_the_path_finds_is_other_values_afterwards(document: Any, path: str) -> None:
    text = json.dumps(document).encode()
    changed = json.loads(JsonEdit(path).applied(text, b'"new"'))
    left = [match.value for match in jsonpath.finditer(path, changed)]
    assert all(each == "new" for each in left)
    assert bool(left) or not any(jsonpath.finditer(path, document))
    assert JsonEdit("$").applied(text, text) == text


def test_every_member_with_a_name_can_be_meant() -> None:
    edit = JsonEdit("$['a','b']", every=True)
    assert edit.applied(b'{"a":1,"b":2,"a":[3],"c":4,"a":5}', b"X") == b'{"a":X,"b":X,"a":X,"c":4,"a":X}'
    assert JsonEdit("$.a.x", every=True).applied(b'{"a":"x","a":{"x":1}}', b"X") == b'{"a":"x","a":{"x":X}}'


TWINS = st.recursive(
    st.sampled_from(("1", '"x"', "null", "[]", "{}")),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{','.join(each)}]")
        | st.lists(st.tuples(st.sampled_from("ab"), inner), max_size=3).map(
            lambda each: "{" + ",".join(f'"{name}":{value}' for name, value in each) + "}"
        )
    ),
    max_leaves=8,
)


@given(TWINS, st.sampled_from((*PATHS, "$.a.b", "$.a[0]", "$..b[1]")), st.booleans())
def test_twins_do_no_harm(text: str, path: str, every: bool) -> None:
    changed = JsonEdit(path, every=every).applied(text.encode(), b'"new"')
    left = [match.value for match in jsonpath.finditer(path, json.loads(changed))] if text[0] in "[{" else []
    assert all(each == "new" for each in left)
