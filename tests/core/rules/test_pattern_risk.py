"""Patterns that a rule must not have."""

from __future__ import annotations

import re

import pytest

from core.rules.faults import RuleError
from core.rules.pattern_risk import may_take_forever
from tests.tools.ruled import COMPILER, action, rule


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "(a+)+",
            "(a*)*b",
            r"(\w+\s?)*x",
            "((a+))+$",
            "(?:a+|b)*c",
            "(a+b?)+",
            r"x(?=(\d+)+y)",
            "(a|(b+)+)",
        ),
        *("(?P<n>[a-z]+)*1", "(a+?)+b", "(a{2,})*", "(^a+)+", "(?:(?:a?)+)+"),
    ],
)
def test_a_repeated_repetition_is_found(pattern: str) -> None:
    assert may_take_forever(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a|aa)+$", r"^(\w*\w)*$", "^(a|b|ab|a[a-z])*$", "(([a-z])+.)+[A-Z]([a-z])+$", "(a?a?){40}!"),
        *("(a+){10}b", "(a|ab|b)*c", "(x+x+)+y", "(a?){30}!", "(a{1,3})*$", "((a|aa){3}){3}b", "(a?b?)*!"),
        *(
            "(?:(?:a?)?b)*!",
            "(?i)(Ax?|a)*!",
            "(?i:A|ab|b)*!",
            "(?s)(\n|.)*!",
            r"(?i)(?:[^a]|Bx)*!",
            r"(?a)(éx|\W)*!",
            r"(Жx|\w)*!",
            "([а-я]|Жx)*!",
            r"(.|[\d]x)*!",
            r"(?L:a|\Wx?|b)*!",
            "(é|[è]|[©])*!",
        ),
        *(r"(?:[a-z]x?|\w)*!", r"(\dx?|[^a])*!", "((a{1,2}){2})*!", "(?>(a|aa)+b)", "(?=(a|aa)+b)"),
        *("(?i)(kx?|\u212a)*!", "(a+?b?)*?!", "(?P<q>.)(?:a|(?P=q))*!", "(?:a|(?(1)a|b))*()!"),
    ],
)
def test_what_matches_in_several_ways_is_not_repeated(pattern: str) -> None:
    assert may_take_forever(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "(?:[0-9a-f]{2})*x",
            r"(?:\d{1,3}\.){3}\d{1,3}",
            r"^(?:\w+=[^;]*;)*$",
            "(?:foo|bar)+x",
            "(a|aa){3}b",
        ),
        *(r"(?:/[^/]+)*/end", r"\{(?:[^{}]|\{[^{}]*\})*\}", "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        *(
            r"(?:\s*,\s*\w+)*x",
            "(?:é|è)*x",
            "(?>a|aa)+b",
            "(?:a(?!b))*c",
            "(?i)(?:ab|kd|sf)*x",
            "(?i)(?:[^a]|ab)*x",
            "(A|[aA])*x",
            r"(?:\w+\s)*x",
            "(?:Ж |\u2028a)*x",
            "(a|aa)+",
        ),
        *(r'"(?:\\.|[^"\\]+)"', r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", "(?:[^\n]*\n)*x", "(?:.*\n)*x"),
    ],
)
def test_what_matches_in_one_way_may_be_repeated(pattern: str) -> None:
    re.compile(pattern)
    assert not may_take_forever(pattern)


def test_a_pattern_of_any_kind_is_judged_soon() -> None:
    patterns = (
        "(" * 90 + "a" + "){4}" * 90,
        "(?:" + "|".join(f"{chr(256 + n)}x" for n in range(300)) + ")*b",
    )
    assert all(map(may_take_forever, patterns))


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            r"(\d+,)*",
            "a+b+",
            r"^42(/[^,]+,)?([0-9]+)\[",
            "(?>a+)+",
            "(a++)+",
            "(ab)*",
            "(a{1,3})*",
            ".*x.*",
            "",
        ),
        *(
            "[a-z]+@[a-z]+",
            "(?i)token=([^&]+)",
            r"(?s)^42(/[^,]+,)?[0-9]*(\[.*)",
            r'"(?:[^"\\]|\\.)*"',
            "(a)(?(1)b|c)",
        ),
    ],
)
def test_other_patterns_are_let_be(pattern: str) -> None:
    re.compile(pattern)
    assert not may_take_forever(pattern)


def test_a_rule_with_such_a_pattern_is_refused() -> None:
    with pytest.raises(RuleError) as caught:
        COMPILER.check(rule(action("drop"), filter='fin and payload matches "(a+)+$"'))
    assert "can take forever" in str(caught.value)
    assert caught.value.inner is not None
    with pytest.raises(RuleError, match="“pattern” can take forever"):
        COMPILER.check(rule(action("redact", pattern="(a+)+$")))
