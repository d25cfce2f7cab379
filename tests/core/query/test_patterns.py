"""What is read in a regular expression holds for all of its matches."""

from __future__ import annotations

import re
import warnings

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.query.patterns import is_local, required


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("status", (b"status",)),
        (r'"id":77\d+,', (b'"id":77', b",")),
        (r"^error: .*timeout$", (b"error: ", b"timeout")),
        (r"a\.b\x2fc", (b"a.b/c",)),
        ("(?i)Zebra", (b"zebra",)),
        ("colou?r", (b"colo", b"r")),
        ("abc*def", (b"def", b"ab")),
        ("ab+cd", (b"ab", b"cd")),
        ("ab{2}cde", (b"cde", b"a")),
        ("(?:foo|bar)baz", (b"baz",)),
        ("(one(two)three)four", (b"four",)),
        ("[abc]|def", ()),
        ("abc|def", ()),
        ("[)|]xyz", (b"xyz",)),
        ("[]|]xyz", (b"xyz",)),
        (r"[\]|]xyz", (b"xyz",)),
        (r"(\)|x)yz", (b"yz",)),
        (r"(ab)\1cd", (b"cd",)),
        (r"\012ab", (b"ab",)),
        ("a{,3}bc", (b"bc",)),
        ("a", (b"a",)),
        (".*", ()),
        ("(?x)ab cd", ()),
        ("ab(?#[)c[d]|e", ()),
        ("é?ab", (b"ab", b"\xc3")),
        ("", ()),
    ],
)
def test_what_every_match_has_in_it(pattern: str, expected: tuple[bytes, ...]) -> None:
    assert required(re.compile(pattern.encode())) == expected


_PIECES = st.sampled_from(
    ("a", "b", "ab", "A", "é", ".", "\\.", "\\x61", "\\d", "[ab]", "[^a]", "[]a]", "(", "(?:", "(?=", "(?!", ")", "|",
     "?", "*", "+", "{2}", "{,2}", "{0}", "{", "}", "^", "$", "??", "*?", "\\b", "\\1", "[", "]", "(?P<n>", "(?#", "-")
)  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(
    flags=st.sampled_from(("", "(?i)", "(?s)", "(?x)")),
    pieces=st.lists(_PIECES, max_size=9),
    payload=st.text("abAB.é-{}]", max_size=14).map(str.encode),
)
def test_no_match_lacks_it(flags: str, pieces: list[str], payload: bytes) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pattern = re.compile((flags + "".join(pieces)).encode())
    except re.error:
        assume(False)
    if pattern.search(payload):
        searched = payload.lower() if pattern.flags & re.IGNORECASE else payload
        assert all(needle in searched for needle in required(pattern))


@pytest.mark.parametrize(
    "pattern",
    ["^a", "a$", "a*", "a+b", r"\ba", r"\Aa", "a(?=b)", "(?<=a)b", "(?!a)b", "a{2,}", "a??b", "(?>a)", r"(a)\1", "a*+",
     "(?m)a", "(?x)a b", "a{100}", "(?P<n>a)", r"\Z"],
)  # fmt: skip
def test_patterns_that_depend_on_what_is_around_are_known(pattern: str) -> None:
    assert not is_local(pattern)
