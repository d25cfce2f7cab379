"""Values out of payloads by JSONPath."""

from __future__ import annotations

import pytest

from core.query.json_paths import PAYLOAD_LIMIT, VALUE_LIMIT, json_values
from core.query.values import JsonWord, Value


@pytest.mark.parametrize(
    ("path", "payload", "values"),
    [
        ("$.a.b", b'{"a": {"b": 3}}', (3,)),
        ("$..b", b'{"a": [{"b": 1}, {"b": "x"}]}', (1, "x")),
        ("$.*", b"[true, false, null, 1.5, {}]",
         (JsonWord.TRUE, JsonWord.FALSE, JsonWord.NULL, 1.5, JsonWord.CONTAINER)),
        ("$[?@.n > 1].s", b'[{"n": 1, "s": "no"}, {"n": 2, "s": "yes"}]', ("yes",)),
        ("$", b" 17", (17,)),
        ("$.none", b"{}", ()),
        ("$", b"no JSON", ()),
        ("$", b"", ()),
        ("$", b"{", ()),
        ("$", b'"\xff"', ()),
        ("$", b"1" * 5000, ()),
    ],
)  # fmt: skip
def test_values(path: str, payload: bytes, values: tuple[Value, ...]) -> None:
    assert json_values(path)(payload) == values


@pytest.mark.parametrize("path", ["", "a", "$.a[", "$[", "$" + "(" * 3000])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError):
        json_values(path)


def test_hostile_payloads_have_an_end() -> None:
    assert json_values("$..a")(b"[" * 100_000) == ()
    assert json_values("$..a")(b"[" * 900 + b"]" * 900) == ()
    assert len(json_values("$[*]")(b"[" + b"1," * 20_000 + b"1]")) == VALUE_LIMIT
    assert json_values("$")(b'"' + b"x" * PAYLOAD_LIMIT + b'"') == ()


def test_a_path_that_nests_too_deep_is_said_so() -> None:
    with pytest.raises(ValueError, match="it nests too deep"):
        json_values("$" + "[?@.a" * 300 + "]" * 300)
