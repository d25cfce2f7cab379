from __future__ import annotations

from dataclasses import replace

import pytest

from app.logic.known_rules import KnownRules, with_rule
from app.logic.remembered_rules import read_remembered, write_remembered
from app.logic.rule_lines import moved, next_rule_id
from core.protocol.state import Role
from core.query.language import default_language
from core.rules.book import RuleCompiler
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule

DROP = (ActionText("drop"),)
HOLD = (ActionText("hold"),)


def rule(
    number: int, name: str, text: str = "", then: tuple[ActionText, ...] = DROP, *, on: bool = True
) -> Rule:
    return Rule(number, name, Condition(Moment.MESSAGE, text), then, on)


@pytest.fixture(scope="module")
def compiler() -> RuleCompiler:
    return RuleCompiler(default_language())


@pytest.fixture
def known(compiler: RuleCompiler) -> KnownRules:
    return KnownRules(lambda: compiler)


def names(rules: KnownRules, *, heartbeats: bool = False) -> list[str]:
    book = rules.book(lets_heartbeats_pass=heartbeats)
    return [each.rule.name for each in book.by_moment[Moment.MESSAGE]]


def test_the_book_has_what_is_on_and_right(known: KnownRules) -> None:
    known.set_rules(
        [rule(1, "a"), rule(2, "b", on=False), rule(3, "c", "payload contans x"), rule(4, "d", "hello")]
    )
    assert names(known) == ["a", "d"]
    assert [bool(line.problem) for line in known.lines()] == [False, False, True, False]
    fault = known.fault(known.rules[2])
    assert fault is not None
    assert (fault.place.part, fault.place.action) == ("filter", None)


def test_a_rule_that_comes_after_one_that_is_off_is_left_out(known: KnownRules) -> None:
    first = rule(1, "first", on=False)
    second = replace(rule(2, "second"), when=Condition(Moment.MESSAGE, after="first"))
    known.set_rules([first, second, rule(3, "third")])
    assert names(known) == ["third"]
    assert "first" in known.lines()[1].problem
    known.set_rules([replace(first, is_on=True), second, rule(3, "third")])
    assert names(known) == ["first", "second", "third"]
    assert known.lines()[1].problem == ""


def test_ids_and_names_become_unique(known: KnownRules) -> None:
    known.set_rules([rule(1, "a"), rule(1, "a"), rule(0, "a"), rule(7, "b")])
    assert [(each.id, each.name) for each in known.rules] == [(1, "a"), (8, "a (2)"), (9, "a (3)"), (7, "b")]
    assert next_rule_id(known.rules) == 10


def test_hits_are_told_until_the_actions_change(known: KnownRules) -> None:
    known.set_rules([rule(1, "a"), rule(2, "b")])
    known.hits.add(1, 5, 3)
    assert [(line.hits, line.last_hit_ns) for line in known.lines()] == [(3, 5), (0, None)]
    known.set_rules([rule(1, "renamed"), rule(2, "b")])
    assert known.lines()[0].hits == 3
    known.set_rules([rule(1, "renamed", then=HOLD), rule(2, "b")])
    assert known.lines()[0].hits == 0


def test_heartbeats_pass_what_holds_and_nothing_else(known: KnownRules) -> None:
    head = Rule(3, "head", Condition(Moment.REQUEST, 'path == "/a"'), HOLD)
    known.set_rules([rule(1, "hold", "hello", HOLD), rule(2, "drop", "hello"), head])
    book = known.book(lets_heartbeats_pass=True)
    assert [each.rule for each in book.by_moment[Moment.REQUEST]] == [head]
    texts = [each.rule.when.filter for each in book.by_moment[Moment.MESSAGE]]
    assert "ping" in texts[0]
    assert texts[1] == "hello"
    assert known.rules[0].when.filter == "hello"


def test_a_filter_that_leaves_no_room_for_heartbeats_stays(known: KnownRules) -> None:
    text = " or ".join(f"payload contains word{number}" for number in range(70))
    known.set_rules([rule(1, "hold", text, HOLD)])
    book = known.book(lets_heartbeats_pass=True)
    assert [each.rule.when.filter for each in book.by_moment[Moment.MESSAGE]] == [text]
    assert known.lines()[0].problem == ""


def test_echo_is_a_rule_with_a_switch(known: KnownRules) -> None:
    known.set_rules([rule(1, "a")])
    assert not known.is_echoing
    assert known.with_echo(on=False) == known.rules
    known.set_rules(known.with_echo(on=True))
    assert known.is_echoing
    assert known.fault(known.rules[1]) is None
    assert [each.name for each in known.rules] == ["a", "Echo"]
    known.set_rules(known.with_echo(on=False))
    assert not known.is_echoing
    assert [each.is_on for each in known.rules] == [True, False]


def test_rules_are_moved() -> None:
    rules = tuple(rule(number, str(number)) for number in (1, 2, 3))
    assert [each.id for each in moved(rules, 0, 3)] == [2, 3, 1]
    assert [each.id for each in moved(rules, 2, 0)] == [3, 1, 2]
    assert [each.id for each in moved(rules, 0, 2)] == [2, 1, 3]
    assert with_rule(rules, rule(2, "x"))[1].name == "x"


def test_rules_are_remembered() -> None:
    when = Condition(Moment.TIMER, 'path == "/ü"', None, 2.5, "other", 3, 4, 12.5)
    then = (ActionText("send", (("payload", '{"a": "{counter}"}'), ("to", "client"))), ActionText("stop"))
    rules = (
        Rule(3, "näme", when, then, False),
        rule(1, "b"),
        Rule(2, "c", Condition(Moment.FRAME, "", Role.SERVER), DROP),
    )
    assert read_remembered(write_remembered(rules)) == rules


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "{}", "[1]", '[{"id": 1}]', '[{"id": "x", "name": "a", "moment": "message", "then": []}]',
     '[{"id": 1, "name": "a", "moment": "never", "then": []}]', '[{"id": 1, "name": "a", "moment": "open", "then": 5}]',
     "[" * 100_000],
)  # fmt: skip
def test_what_cannot_be_understood_is_left_out(text: str) -> None:
    assert read_remembered(text) == ()
