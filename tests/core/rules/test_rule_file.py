"""Files of rules: what is read comes back, what is wrong is named with its line."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.protocol.state import Role
from core.rules.action import seconds_of
from core.rules.faults import RuleFileError
from core.rules.moment import Moment
from core.rules.rule import Condition
from core.rules.rule_file import RuleFile, duration_text, read_rules, write_rules
from tests.tools.ruled import COMPILER, action, rule

ONE = """{
  "version": 1,
  "rules": [
    {
      "name": "One",
      "when": {%s},
      "then": [
        {%s}
      ]
    }
  ]
}"""
DROP = '"do": "drop"'
MESSAGE = '"moment": "message"'


def read(when: str = MESSAGE, then: str = DROP) -> RuleFile:
    return read_rules(ONE % (when, then), COMPILER)


def test_a_file_comes_back() -> None:
    full = Condition(Moment.MESSAGE, "payload contains x", Role.SERVER, 0.0, "first", 2, 3, 12.5)
    file = RuleFile(
        (
            rule(action("send", payload='{"a":{counter}}', to="client"), name="first", moment=Moment.OPEN),
            replace(rule(action("drop"), action("note", text="{payload}"), id=2), when=full, is_on=False),
            replace(
                rule(action("send", payload="x"), id=3), when=Condition(Moment.TIMER, every_seconds=0.25)
            ),
        ),
        "Title",
        "Help with “quotes”",
    )
    assert read_rules(write_rules(file), COMPILER) == file


def test_the_shortest_rule() -> None:
    [only] = read().rules
    assert only == rule(action("drop"), name="One")


def test_a_value_of_json_is_a_template() -> None:
    payload = {
        "id": "{json('$.id')}",
        "text": '{{x} is {counter} "',
        "list": [1, True, None, {"{path}": 1.5}],
    }
    [only] = read(then=f'"do": "reply", "payload": {json.dumps(payload)}').rules
    assert only.then[0].parameters == (
        (
            "payload",
            '{"id":{json(\'$.id\')},"text":"{{x} is {counter} \\"","list":[1,true,null,{"{path}":1.5}]}',
        ),
    )


def test_numbers_may_be_numbers() -> None:
    [only] = read(then='"do": "duplicate", "times": 3').rules
    assert only.then == (action("duplicate", times="3"),)


@pytest.mark.parametrize(
    ("when", "then", "line", "message"),
    [
        ('"moment": "massage"', DROP, 6, "“moment” cannot be 'massage': expected request, "),
        ("", DROP, 6, "“moment” is missing in this condition"),
        (f'{MESSAGE}, "fliter": "x"', DROP, 6, "“when” has no 'fliter'. Did you mean “filter”?"),
        (f'{MESSAGE}, "filter": "jso ="', DROP, 6, "Rule 'One': The filter cannot be used, character 1: "),
        (f'{MESSAGE}, "filter": 5', DROP, 6, "“filter” is a text in double quotes"),
        (f'{MESSAGE}, "from": "peer"', DROP, 6, "“from” cannot be 'peer': expected client, server"),
        (f'{MESSAGE}, "skip": 1.5', DROP, 6, "“skip” is a whole number"),
        (f'{MESSAGE}, "skip": true', DROP, 6, "“skip” is a whole number"),
        (f'{MESSAGE}, "percent": "1"', DROP, 6, "“percent” is a number"),
        (f'{MESSAGE}, "percent": 101', DROP, 6, "“percent” is more than 0 and at most 100"),
        ('"moment": "timer", "every": "5"', DROP, 6, "“every”: “5” is no duration"),
        (MESSAGE, '"do": "dorp"', 8, "There is no action “dorp”. There are: reply, "),
        (MESSAGE, "", 8, "“do” is missing in this action: reply, "),
        (MESSAGE, '"do": "drop", "do": "hold"', 8, "'do' stands here twice"),
        (MESSAGE, '"do": "drop",\n"why": "x"', 9, "Rule 'One', action 1: There is no part “why” here"),
        (
            MESSAGE,
            '"do": "reply",\n"payload": "a {nope}"',
            9,
            "“payload”, character 4: There is no field 'nope'",
        ),
        (
            MESSAGE,
            '"do": "reply",\n"payload": {"a": "{nope}"}',
            9,
            "in the text '{nope}': There is no field 'nope'",
        ),
        (MESSAGE, '"do": "duplicate", "times": [2]', 8, "“times” is a text or a number"),
        (MESSAGE, DROP + "}, 5, {" + DROP, 8, "An action is an object"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(when: str, then: str, line: int, message: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        read(when, then)
    assert message in str(caught.value)
    assert (caught.value.line, str(caught.value).startswith(f"Line {line}, character ")) == (line, True)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "Expected a value here"),
        ('{"version": 1,\n"rules": []', 2, "Expected “,” or “}” here"),
        ('{"version": 1,\r\n\r\n"rules" []}', 3, "Expected “:” here"),
        ('{"version": 1}\n{}', 2, "expected nothing more"),
        ("[]", 1, "The file is an object in braces"),
        ('{"rules": []}', 1, "“version” is missing"),
        ('{"version": 2, "rules": []}', 1, "This build reads version 1"),
        ('{"version": 1}', 1, "“rules” is missing"),
        ('{"version": 1, "rules": {}}', 1, "“rules” is a list in square brackets"),
        ('{"version": 1, "rules": [{"name": "x"}]}', 1, "“when” is missing in this rule"),
        ('{"version": 1, "rules": [5]}', 1, "A rule is an object in braces"),
        ('{"version": 1, "title": 1, "rules": []}', 1, "“title” is a text"),
        ('{"version": 1, "x": "\x01"}', 1, "This text is no string of JSON"),
        ("[" * 300, 1, "Values nest deeper than 200"),
    ],
)
def test_what_is_no_file_of_rules(text: str, line: int, message: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        read_rules(text, COMPILER)
    assert message in str(caught.value)
    assert caught.value.line == line


@pytest.mark.parametrize("seconds", [0.25, 5.0, 3600.0, 0.000001, 1.5])
def test_durations_come_back(seconds: float) -> None:
    assert seconds_of(duration_text(seconds)) == seconds
