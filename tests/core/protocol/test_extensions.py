"""The grammar of Sec-WebSocket-Extensions (RFC 6455 section 9.1)."""

from __future__ import annotations

import time

import pytest

from core.protocol.extensions import Extension, parse_extensions


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), ()),
        (("foo",), (Extension("foo"),)),
        (("foo, bar; baz=2",), (Extension("foo"), Extension("bar", (("baz", "2"),)))),
        (("foo", "bar"), (Extension("foo"), Extension("bar"))),
        (('deflate ; a = "1\\0" ;\tb',), (Extension("deflate", (("a", "10"), ("b", None))),)),
        (('foo; a="x", bar',), (Extension("foo", (("a", "x"),)), Extension("bar"))),
        ((", ,foo,, bar,",), (Extension("foo"), Extension("bar"))),
        (("foo; a=1; a=2",), (Extension("foo", (("a", "1"), ("a", "2"))),)),
    ],
)
def test_lists(values: tuple[str, ...], expected: tuple[Extension, ...]) -> None:
    assert parse_extensions(values) == (expected, ())


@pytest.mark.parametrize(
    "value",
    [
        "",
        " , ,",
        "; a",
        "foo bar",
        "foo;",
        "foo; =1",
        "foo; a=",
        "foo; a=b=c",
        'foo; a="',
        'foo; a="b',
        'foo; a="b c"',
        'foo; a="b,c"',
        'foo; a=""',
        'foo; a="b\\',
        "f\xfcr",
    ],
)
def test_extension_syntax(value: str) -> None:
    extensions, broken = parse_extensions((value,))
    assert extensions == ()
    assert [violation.rule.id for violation in broken] == ["extension-syntax"]
    assert broken[0].detail


def test_the_readable_ones_survive_a_broken_one() -> None:
    extensions, broken = parse_extensions(("a, b c, d",))
    assert extensions == (Extension("a"), Extension("d"))
    assert [violation.detail for violation in broken] == ["cannot be read: 'b c'"]


@pytest.mark.parametrize(
    "value", ['"\\' * 32_000, '"' * 65_001, "a;" * 32_000, "a; b=" + " " * 65_000 + ";", "a" + " ," * 32_000]
)
def test_takes_linear_time(value: str) -> None:
    start = time.process_time()
    parse_extensions((value,))
    assert time.process_time() - start < 1
