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
