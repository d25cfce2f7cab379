"""Each action on a message: what it does, what it says where it cannot, and what it refuses."""

from __future__ import annotations

import pytest

from core.capture.records import Mode
from core.protocol.frames import Opcode
from core.protocol.outgoing import OutgoingClose, OutgoingMessage, OutgoingPing, OutgoingPong
from core.protocol.state import Role
from core.query.json_paths import PAYLOAD_LIMIT
from core.rules.action import ActionKind, seconds_of
from core.rules.faults import RuleError
from core.rules.moment import Moment
from core.rules.rule import ActionText
from core.rules.verdict import Corruption, Cut, Hold, Replacement, Send, Verdict
from tests.tools.ruled import COMPILER, NOW_NS, about, action, asked, came, gone_on, hearing_of, rule


def made(payload: bytes | str, *then: ActionText, mode: Mode = Mode.RELAY) -> Verdict:
    verdict = asked(hearing_of(rule(*then), of=about(mode)), payload)
    assert verdict is not None
    return verdict


def test_every_action_has_an_example_that_works() -> None:
    kinds: tuple[ActionKind[object], ...] = (*COMPILER.actions.events(), *COMPILER.actions.handshakes())
    for kind in kinds:
        assert kind.help.endswith(".")
        moment = (
            Moment.MESSAGE
            if Moment.MESSAGE in kind.moments
            else min(kind.moments, key=lambda each: each.value)
        )
        COMPILER.check(rule(action(kind.name, kind.example), moment=moment))


@pytest.mark.parametrize(
    ("form", "payload", "expected"),
    [
        ("same", "a", OutgoingMessage(Opcode.TEXT, b"a")),
        ("binary", "a", OutgoingMessage(Opcode.BINARY, b"a")),
        ("hex", "de ad", OutgoingMessage(Opcode.BINARY, b"\xde\xad")),
        ("base64", "3q0=", OutgoingMessage(Opcode.BINARY, b"\xde\xad")),
        ("ping", "a", OutgoingPing(b"a")),
        ("pong", "a", OutgoingPong(b"a")),
    ],
)
def test_replies_of_every_kind(form: str, payload: str, expected: object) -> None:
    verdict = made(payload, action("reply", {"payload": "{payload}", "as": form, "after": "250ms"}))
    assert verdict.sends == (Send(Role.CLIENT, expected, 0.25),)  # type: ignore[arg-type]


def test_a_reply_to_a_binary_message_is_binary() -> None:
    hearing = hearing_of(rule(action("reply", payload="ok")))
    verdict = hearing.message(came(b"\xff", Opcode.BINARY), Role.SERVER, NOW_NS)
    assert verdict is not None
    assert verdict.sends == (Send(Role.SERVER, OutgoingMessage(Opcode.BINARY, b"ok")),)


@pytest.mark.parametrize(
    ("then", "note"),
    [
        (action("reply", {"payload": "xyz", "as": "hex"}), "The filled template is no hex"),
        (action("reply", {"payload": "x", "as": "base64"}), "The filled template is no base64"),
        (action("reply", {"payload": "x" * 126, "as": "ping"}), "A ping has at most 125 bytes"),
        (action("close", reason="x" * 124), "A close reason has at most 123 bytes"),
        (action("set-json", path="$.a", value="1"), "The payload is no JSON"),
    ],
)
def test_what_cannot_be_done_is_noted(then: ActionText, note: str) -> None:
    verdict = made("no json", then, action("stop"))
    assert verdict.notes[0].startswith(f"Rule “rule 1”: {note}")


def test_send_goes_to_the_other_side() -> None:
    assert made("a", action("send", payload="b")).sends == (
        Send(Role.SERVER, OutgoingMessage(Opcode.TEXT, b"b")),
    )
    assert (
        made("a", action("send", payload="b", to="client"), mode=Mode.LISTEN).sends[0].toward is Role.CLIENT
    )


def test_close() -> None:
    verdict = made("4001", action("close", code="4000", reason="was {payload}"))
    expected = OutgoingClose(4000, "was 4001")
    assert verdict.sends == (Send(Role.CLIENT, expected), Send(Role.SERVER, expected))
    assert made("a", action("close", code="", to="server")).sends == (Send(Role.SERVER, OutgoingClose(None)),)


@pytest.mark.parametrize(
    ("payload", "then", "expected"),
    [
        ("a", action("replace", payload="<{payload}>"), b"<a>"),
        ("a1b22", action("replace-pattern", {"pattern": r"(\d)", "with": "<{match.1}>"}), b"a<1>b<2><2>"),
        ("a1b22", action("replace-pattern", {"pattern": r"(\d)", "with": "", "most": "1"}), b"ab22"),
        ('say "1"', action("replace-pattern", {"pattern": '"1"', "with": "2"}), b"say 2"),
        (
            '{ "a" : [1, 2] }',
            action("set-json", path="$.a[*]", value="{counter}0"),
            b'{ "a" : ["10", "10"] }',
        ),
        ('{ "a" : [1, 2] }', action("set-json", path="$.a[1]", value="{counter}"), b'{ "a" : [1, 1] }'),
        ('{"a":1}', action("set-json", path="$.a", value="x y"), b'{"a":"x y"}'),
        ('{"a":1}', action("set-json", path="$.a", value='{"b":{json("$.a")}}'), b'{"a":{"b":1}}'),
    ],
)
def test_changes(payload: str, then: ActionText, expected: bytes) -> None:
    assert gone_on(made(payload, then)) == expected


def test_replace_as_binary() -> None:
    assert made("a", action("replace", {"payload": "00ff", "as": "hex"})).onward == Replacement(
        Opcode.BINARY, b"\0\xff"
    )


def test_a_change_that_finds_nothing_is_no_hit() -> None:
    hearing = hearing_of(rule(action("set-json", path="$.a", value="1")))
    assert asked(hearing, '{"b":1}') is None
    assert asked(hearing, "a") is None


@pytest.mark.parametrize(
    ("then", "payload", "recorded"),
    [
        (action("redact", path="$.token"), '{"token": "s", "a":1}', b'{"token": "***", "a":1}'),
        (
            action("redact", path="$..token"),
            '[{"token":[1]},{"token":2}]',
            b'[{"token":"***"},{"token":"***"}]',
        ),
        (action("redact", path="$.t"), '{"t":"first","t":"last"}', b'{"t":"***","t":"***"}'),
        (action("redact", pattern="secret-[a-z]+"), "is secret-abc!", b"is ***!"),
        (action("redact", pattern="(?i)key=([^&]+)&(x+)?"), "KEY=abc&d", b"KEY=***&d"),
    ],
)
def test_secrets_are_not_recorded(then: ActionText, payload: str, recorded: bytes) -> None:
    assert made(payload, then) == Verdict(recorded=recorded, hits=(1,))


def test_secrets_are_hidden_before_another_rule_drops_the_message() -> None:
    hearing = hearing_of(rule(action("drop")), rule(action("redact", pattern="secret"), id=2))
    verdict = asked(hearing, "a secret")
    assert verdict is not None
    assert (verdict.recorded, verdict.hits) == (b"a ***", (2, 1))


def test_secrets_are_hidden_in_what_goes_on_too() -> None:
    hearing = hearing_of(
        rule(action("replace", payload="new {payload}")), rule(action("redact", pattern="secret"), id=2)
    )
    verdict = asked(hearing, "secret")
    assert verdict is not None
    assert verdict.onward == Replacement(Opcode.TEXT, b"new secret", recorded=b"new ***")
    assert verdict.recorded == b"***"


def test_how_it_passes() -> None:
    verdict = made(
        "a", action("delay", by="1s", rate="10KB/s"), action("delay", by="500ms", rate="20KB"),
        action("duplicate", times="3"), action("reorder", behind="2"), action("corrupt", what="utf-8"),
        action("half-close"), action("note", text="seen"),
    )  # fmt: skip
    assert verdict == Verdict(
        delay_seconds=1.5, bytes_per_second=10_000, copies=3, behind=2, corruption=Corruption.UTF8,
        cut=Cut.HALF_CLOSE, notes=("seen",), hits=(1,),
    )  # fmt: skip
    assert made("a", action("reset")).cut is Cut.RESET
    assert made("a", action("hold")).onward == Hold(300)


def test_jitter() -> None:
    delays = [made("a", action("delay", by="1s", jitter="2s")).delay_seconds]
    assert all(1 <= each <= 3 for each in delays)


@pytest.mark.parametrize(
    ("then", "message"),
    [
        (action("delay"), "Give at least one of “by”"),
        (action("delay", by="5"), "“by”: “5” is no duration"),
        (action("delay", by="25h"), "“by”: “25h” is too long"),
        (action("delay", rate="fast"), "“rate” cannot be “fast”"),
        (action("duplicate", times="0"), "“times” cannot be 0: expected 1 to 1000"),
        (action("duplicate", times="many"), "expected a whole number"),
        (action("corrupt", what="all"), "“what” cannot be “all”: expected bit, mask, length or utf-8"),
        (action("close", code="1005"), "“code” cannot be 1005"),
        (action("close", code="99999"), "“code” cannot be 99999: expected 0 to 4999"),
        (action("replace-pattern", pattern="("), "“pattern” is no regular expression"),
        (action("replace-pattern", pattern="x" * 1001), "“pattern” has 1 to 1000 characters"),
        (action("set-json", path="a[", value="1"), "“path” cannot be “a[”"),
        (action("redact"), "Give either a “pattern” or a “path”"),
        (action("redact", path="$.a", pattern="a"), "Give either a “pattern” or a “path”"),
    ],
)
def test_what_an_action_refuses(then: ActionText, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        COMPILER.check(rule(then))
    assert message in str(caught.value)
    assert caught.value.place.action == 0


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("250ms", 0.25), ("1.5 s", 1.5), ("2m", 120)])
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


def test_a_message_too_long_to_be_read_is_hidden_as_a_whole() -> None:
    payload = b'{"token":"' + b"s" * PAYLOAD_LIMIT + b'"}'
    assert made(payload, action("redact", path="$.token")).recorded == b'"***"'
