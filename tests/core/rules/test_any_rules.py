"""Rules made by dice of all actions there are: they are refused in a sentence, or apply without a fault."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import Opcode
from core.protocol.state import Role
from core.rules.action import ActionKind, Parameter, ParameterKind
from core.rules.faults import RuleError
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from core.rules.rule_file import RuleFile, read_rules, write_rules
from core.rules.verdict import Hold, Onward, Replacement, Verdict
from tests.tools.ruled import COMPILER, NOW_NS, SECOND, about, came, hearing_of

PAYLOADS = (
    b"",
    b"hello",
    b'{"id":7,"a":[1,{"b":"x"}]}',
    b'["a"]',
    b"\xff\x00",
    b'"text"',
    b'{"id":"\\u0041"}',
)
_TEMPLATES = (
    "{payload}", "plain", '{"id":{json("$.id")},"s":"{payload}"}', "{counter} {match.1} {now}", "{path}", "", "{nope}",
    "{random.hex(4)}", "de ad",
)  # fmt: skip
_TEXTS = {
    ParameterKind.TEMPLATE: _TEMPLATES,
    ParameterKind.JSON: (*_TEMPLATES, "1", "[{counter}]"),
    ParameterKind.TEXT: ("Origin", "chat", "a b", "", "X: y"),
    ParameterKind.COUNT: ("0", "1", "2", "1000", "-1", "503", "99999"),
    ParameterKind.DURATION: ("0", "5ms", "2s", "25h", "5"),
    ParameterKind.RATE: ("10KB", "1B/s", "x"),
    ParameterKind.PATTERN: ("l+", "(h)(x)?", "(", "", '"', r"\d"),
    ParameterKind.PATH: ("$.id", "$..b", "$", "$.a[0]", "a["),
}
_FILTERS = (
    *(
        "",
        "payload contains l",
        'json("$.id") == 7',
        'payload matches "(h)e"',
        "path == /chat",
        "path == /no",
    ),
    *("opcode == binary", "not fin", "number == 1", 'header["Host"]', "length > 3", "json("),
)


def _action(dice: random.Random, kind: ActionKind[object]) -> ActionText:
    parameters = [each for each in kind.parameters if each.default is None or dice.random() < 0.5]
    return ActionText(kind.name, tuple((each.name, dice.choice(_texts(each))) for each in parameters))


def _texts(parameter: Parameter) -> Sequence[str]:
    return parameter.choices or _TEXTS[parameter.kind]


def _rule(dice: random.Random, number: int) -> Rule:
    moment = dice.choice(list(Moment))
    kinds: list[ActionKind[object]] = [*COMPILER.actions.events(), *COMPILER.actions.handshakes()]
    fitting = [each for each in kinds if moment in each.moments]
    when = Condition(
        moment,
        dice.choice(_FILTERS) if dice.random() < 0.5 else "",
        Role.CLIENT if moment in (Moment.MESSAGE, Moment.FRAME) and dice.random() < 0.3 else None,
        1.0 if moment is Moment.TIMER else 0.0,
        dice.choice(("", "", "a")),
        dice.choice((0, 0, 1)),
        dice.choice((None, None, 2)),
        dice.choice((100.0, 100.0, 50.0)),
    )
    then = tuple(_action(dice, dice.choice(fitting)) for _ in range(dice.randrange(1, 4)))
    return Rule(number, "a" if number == 1 else "b", when, then)


@pytest.mark.parametrize("seed", range(10))
def test_any_rules(seed: int) -> None:
    dice = random.Random(seed)
    refused = 0
    for _ in range(60):
        rules = [_rule(dice, number) for number in range(1, dice.randrange(1, 4) + 1)]
        refusal = _refusal(rules)
        if refusal is None:
            assert read_rules(write_rules(RuleFile(tuple(rules))), COMPILER).rules == tuple(rules)
            _live_through(rules)
        else:
            refused += 1
            assert 0 <= refusal.index < len(rules)
            assert str(refusal)[-1] in ".:"
    assert 6 < refused < 54


def _refusal(rules: list[Rule]) -> RuleError | None:
    try:
        COMPILER.book(rules)
    except RuleError as error:
        return error
    return None


def _live_through(rules: list[Rule]) -> None:
    hearing = hearing_of(*rules)
    hearing.request(about(), NOW_NS)
    hearing.response(about(), NOW_NS)
    hearing.opened(NOW_NS)
    run = FrameColumns([0x81] * len(PAYLOADS), [None] * len(PAYLOADS), [*PAYLOADS], [0] * len(PAYLOADS))
    for sender in Role:
        hearing.sift(run, sender)
        for payload in PAYLOADS:
            for opcode in (Opcode.TEXT, Opcode.BINARY):
                _check(hearing.message(came(payload, opcode), sender, NOW_NS), payload)
                _check(hearing.frame(came(payload, opcode), sender, NOW_NS), payload)
    hearing.timer(NOW_NS + SECOND)
    hearing.closed(NOW_NS, 1000, "bye")


def _check(verdict: Verdict | None, payload: bytes) -> None:
    if verdict is None:
        return
    assert verdict.hits
    assert verdict.copies >= 1
    assert 0 <= verdict.delay_seconds <= 10 * 86_400
    assert verdict.recorded != payload
    match verdict.onward:
        case (
            Replacement(payload=other, opcode=opcode)
            | Hold(instead=Replacement(payload=other, opcode=opcode))
        ):
            assert isinstance(other, bytes)
            assert opcode in (Opcode.TEXT, Opcode.BINARY)
        case Onward() | Hold():
            pass
