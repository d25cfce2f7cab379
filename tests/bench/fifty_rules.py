"""Fifty rules of several kinds, which touch about one in a thousand random messages of 32 bytes."""

from __future__ import annotations

from collections.abc import Iterator

from core.query.language import default_language
from core.rules.book import RuleBook, RuleCompiler
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule

COUNT = 50


def fifty_rules() -> RuleBook:
    """The rules, ready to be asked."""
    rules = [
        Rule(number, f"rule {number}", Condition(Moment.MESSAGE, filter), (ActionText(*then),))
        for number, (filter, then) in enumerate(_written(), 1)
    ]
    assert len(rules) == COUNT
    return RuleCompiler(default_language()).book(rules)


def _written() -> Iterator[tuple[str, tuple[str, tuple[tuple[str, str], ...]]]]:
    # Two bytes stand somewhere in 32 random ones once in 2,100 times.
    for pair, pattern in (("a1 b2", r"\xa1\xb2"), ("c3 d4", r"\xc3\xd4")):
        yield f'payload contains hex"{pair}"', ("replace-pattern", (("pattern", pattern), ("with", "!!")))
    for number in range(16):
        yield f'payload contains hex"e5 f6 {number:02x} {number:02x}"', ("note", (("text", "{counter}"),))
        yield f'json("$.type") == kind{number}', ("reply", (("payload", "{counter}"),))
    for number in range(8):
        yield f'payload matches "id=[0-9]+;{number}"', ("note", (("text", "{match.0}"),))
        yield f'message.length > 1MiB and payload icontains "secret {number}"', ("hold", ())
