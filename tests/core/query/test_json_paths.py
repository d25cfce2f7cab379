"""Values out of payloads by JSONPath."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice

import pytest

from core.query.json_paths import DEPTH, PAYLOAD_LIMIT, json_values
from core.query.values import JsonWord, Value

CONTAINER, TRUE, FALSE, NULL = JsonWord.CONTAINER, JsonWord.TRUE, JsonWord.FALSE, JsonWord.NULL


def values(path: str, payload: bytes) -> tuple[Value, ...]:
    return tuple(json_values(path)(payload))


@pytest.mark.parametrize(
    ("path", "payload", "found"),
    [
        ("$.a.b", b'{"a": {"b": 3}}', (3,)),
        ("$..b", b'{"a": [{"b": 1}, {"b": "x"}]}', (1, "x")),
        ("$.*", b"[true, false, null, 1.5, {}]", (TRUE, FALSE, NULL, 1.5, CONTAINER)),
        ("$[?@.n > 1].s", b'[{"n": 1, "s": "no"}, {"n": 2, "s": "yes"}]', ("yes",)),
        ("$", b" 17", (17,)),
        ("$.none", b"{}", ()),
        ("$['a','b','a']", b'{"a":1,"b":2}', (1, 2, 1)),
        ("$[-1]", b"[1,2,3]", (3,)),
        ("$[0,-4,3]", b"[1,2,3]", (1,)),
        ("$[::-1]", b"[1,2,3]", (3, 2, 1)),
        ("$[::0]", b"[1,2,3]", ()),
        ("$..*", b'[[1],{"a":2}]', (CONTAINER, CONTAINER, 1, 2)),
        ("$.a", b'{"a":1,"a":2}', (2,)),
    ],
)
def test_values(path: str, payload: bytes, found: tuple[Value, ...]) -> None:
    assert values(path, payload) == found


@pytest.mark.parametrize(
    ("path", "payload", "found"),
    [
        ("$", rb'"42"', ("42",)),
        ("$.user.id", rb'"{\"user\":{\"id\":42}}"', ()),
        ("$", rb'"{\"user\":{\"id\":42}}"', ('{"user":{"id":42}}',)),
        ("$", b'"[link](x) {y"', ("[link](x) {y",)),
        ("$[0]", b'"[1]"', ()),
        ("$[0:2]", b'"abc"', ()),
        ("$..[0:1]", b'["abc"]', ("abc",)),
        ("$.*", b'"abc"', ()),
        ("$[?@ == 'a']", b'"abc"', ()),
    ],
)
def test_a_string_is_a_string(path: str, payload: bytes, found: tuple[Value, ...]) -> None:
    """Whatever it looks like, it is not read once more, and has no elements."""
    assert values(path, payload) == found


@pytest.mark.parametrize(
    ("path", "payload", "found"),
    [
        ("$[?@]", b'[0,false,"",null]', (0, FALSE, "", NULL)),
        ("$[?!@.a]", b'[{"a":0},{"b":1}]', (CONTAINER,)),
        ("$[?@ == 1]", b"[true,1,1.0]", (1, 1.0)),
        ("$[?@.a == @.b].n", b'[{"a":[1],"b":[true],"n":1},{"a":[1,{"x":2}],"b":[1.0,{"x":2}],"n":2},{"n":3}]', (2, 3)),
        ("$[?@.a != @.b].n", b'[{"a":{"x":1},"b":{"x":true},"n":1},{"n":2},{"a":1,"n":3}]', (1, 3)),
        ("$[?@.a <= @.b].n", b'[{"n":1},{"a":true,"b":true,"n":2},{"a":1,"b":"2","n":3},{"a":"1","b":"2","n":4}]',
         (1, 2, 4)),
        ("$[?@ > 1 && @ < 3 || @ == null]", b'[1,2,3,null,"2"]', (2, NULL)),
        ("$[?count(@) == 1]", b'[1,"ab",[]]', (1, "ab", CONTAINER)),
        ("$[?count(@.*) > 1]", b'["ab",[1,2]]', (CONTAINER,)),
        ("$[?length(@) == 2]", b'["ab",[1,2],{"a":1},12]', ("ab", CONTAINER)),
        ("$[?value(@) == 'ab']", b'["ab",3]', ("ab",)),
        ("$[?value(@..id) == 3].n", b'[{"id":3,"n":1},{"id":3,"a":{"id":3},"n":2}]', (1,)),
        ("$[?match(@, 'a.c')]", b'["abc","xabc",3]', ("abc",)),
        ("$[?search(@, $[0])]", b'["b","abc"]', ("b", "abc")),
        ("$[?@ == 1234567890123456789]", b"[1234567890123456789,1234567890123456788]", (1234567890123456789,)),
        ("$[?@ == 1e2]", b"[100]", (100,)),
    ],
)  # fmt: skip
def test_conditions(path: str, payload: bytes, found: tuple[Value, ...]) -> None:
    """RFC 9535 section 2.3.5.2.2 and 2.4."""
    assert values(path, payload) == found


@pytest.mark.parametrize(
    "payload",
    [
        *(
            b"no JSON",
            b"",
            b" ",
            b"{",
            b'"\xff"',
            b"NaN",
            b"[Infinity]",
            b"-Infinity",
            b'{"a":NaN}',
            b"01",
            b"1 2",
        ),
        *('{"a":1}'.encode(code) for code in ("utf-16", "utf-16-le", "utf-16-be", "utf-32")),
        *(b"\xef\xbb\xbf\xef\xbb\xbf1", b"\xef\xbb\xbf", b'"\xed\xa0\x80"', b"\xa01", b"[1,]"),
    ],
)
def test_what_is_no_json_has_no_values(payload: bytes) -> None:
    assert values("$", payload) == ()
    assert values("$..*", payload) == ()


def test_a_byte_order_mark_is_passed_over() -> None:
    assert values("$.a", b'\xef\xbb\xbf {"a":"\xe4\xbd\xa0"}') == ("你",)


@pytest.mark.parametrize("digits", [4300, 4301, 1_000_000])
def test_an_integer_is_exact_however_long(digits: int) -> None:
    payload = b'{"id":1' + b"0" * (digits - 1) + b',"n":-7,"x":0.5}'
    assert values("$.id", payload) == (Decimal(f"1e{digits - 1}"),)
    assert values("$.n", payload) == (-7,)
    assert values("$[?@ > 1e300]", payload) == (Decimal(f"1e{digits - 1}"),)


@pytest.mark.parametrize(
    "path", ["", "a", "$.a[", "$[", "$" + "(" * 3000, " $", "$.a | $.b", "$[?@ <> 1]", "$[?@==1e999]"]
)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError):
        json_values(path)


def test_hostile_payloads_have_an_end() -> None:
    assert values("$..a", b"[" * 100_000) == ()
    assert values("$", b"[" * 100_000 + b"]" * 100_000) in ((), (CONTAINER,))
    assert values("$", b'"' + b"x" * PAYLOAD_LIMIT + b'"') == ()
    # There are more values than memory holds.
    many = json_values("$..*..*..*")(b"[" * DEPTH + b"1" + b"]" * DEPTH)
    assert len(list(islice(many, 100_000))) == 100_000


def test_all_values_are_looked_at_in_documents_of_any_depth() -> None:
    assert len(values("$[*]", b"[" + b"1," * 20_000 + b"1]")) == 20_001
    assert values("$..a", b'{"b":' * (DEPTH - 1) + b'{"a":7}' + b"}" * (DEPTH - 1)) == (7,)
    deep = b"[" * (DEPTH - 2) + b"1" + b"]" * (DEPTH - 2)
    assert values("$[?@.a == @.b].n", b'[{"a":' + deep + b',"b":' + deep + b',"n":5}]') == (5,)


def test_a_path_that_nests_too_deep_is_said_so() -> None:
    with pytest.raises(ValueError, match="it nests too deep"):
        json_values("$" + "[?@.a" * 300 + "]" * 300)
