"""What rules together make of a connection: their order, conditions, sequences, timers and counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.capture.records import Mode
from core.protocol.events import Completes, FrameReceived, Message
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import Opcode, make_frame
from core.protocol.outgoing import OutgoingMessage
from core.protocol.state import Role
from core.protocol.violations import violation
from core.rules.faults import RuleError
from core.rules.hits import HitCounts, RuleHits
from core.rules.moment import Moment
from core.rules.rule import Condition, Rule
from core.rules.verdict import Hold, Onward, Replacement, Send, Verdict
from tests.tools.ruled import (
    COMPILER,
    NOW_NS,
    SECOND,
    about,
    action,
    asked,
    came,
    gone_on,
    hearing_of,
    rule,
    sent,
)

ECHO = rule(action("reply", payload="{payload}"), id=9, name="Echo")


def when(of: Rule, **changes: object) -> Rule:
    """The rule with another condition."""
    return replace(of, when=replace(of.when, **changes))  # type: ignore[arg-type]


def test_where_nothing_matches_there_is_no_verdict() -> None:
    hearing = hearing_of(rule(action("drop"), filter="payload contains secret"))
    assert asked(hearing, "hello") is None
    assert asked(hearing, "a secret") == Verdict(Onward.DROP, hits=(1,))


def test_rules_that_are_off_are_not_asked() -> None:
    book = COMPILER.book([replace(rule(action("drop")), is_on=False)])
    assert book.is_empty
    assert not book.hearing(about()).concerns(Moment.MESSAGE, Role.CLIENT)


def test_later_rules_see_what_earlier_ones_made() -> None:
    hearing = hearing_of(
        rule(action("replace", payload='{"n":2}'), id=1),
        rule(action("replace-pattern", {"pattern": "2", "with": "3"}), id=2, filter='json("$.n") == 2'),
        rule(action("note", text="{payload}"), id=3),
    )
    verdict = asked(hearing, "x")
    assert gone_on(verdict) == b'{"n":3}'
    assert verdict is not None
    assert (verdict.notes, verdict.hits) == (('{"n":3}',), (1, 2, 3))


def test_a_drop_and_a_stop_end_the_list() -> None:
    dropped = asked(hearing_of(rule(action("drop")), ECHO), "x")
    assert dropped == Verdict(Onward.DROP, hits=(1,))
    stopped = asked(hearing_of(rule(action("note", text="a"), action("stop")), ECHO), "x")
    assert stopped == Verdict(notes=("a",), hits=(1,))


def test_an_edit_that_changes_nothing_is_none() -> None:
    verdict = asked(hearing_of(rule(action("replace", payload="{payload}"))), "same")
    assert verdict == Verdict(hits=(1,))


def test_what_is_held_knows_what_rules_made_of_it() -> None:
    verdict = asked(hearing_of(rule(action("replace", payload="b"), action("hold", seconds="2s"))), "a")
    assert verdict is not None
    assert verdict.onward == Hold(2.0, Replacement(Opcode.TEXT, b"b"))


@pytest.mark.parametrize("sender", list(Role))
def test_a_rule_can_be_of_one_side(sender: Role) -> None:
    hearing = hearing_of(when(rule(action("drop")), sender=sender))
    assert [hearing.concerns(Moment.MESSAGE, role) for role in Role] == [role is sender for role in Role]
    assert [asked(hearing, "x", role) is not None for role in Role] == [role is sender for role in Role]


@pytest.mark.parametrize(
    ("filter", "concerned"),
    [
        ("path == /chat", True),
        ("path == /other", False),
        ("not path == /other", True),
        ("path == /other and payload contains x", False),
        ("path == /other or payload contains x", True),
        ("not (path == /chat or payload contains x)", False),
        ('header["Host"] == localhost', True),
        ("connection == 4", False),
        ("direction == server-to-client", False),
    ],
)
def test_what_a_connection_decides_is_decided_once(filter: str, concerned: bool) -> None:
    hearing = hearing_of(rule(action("drop"), filter=filter))
    assert hearing.concerns(Moment.MESSAGE, Role.CLIENT) is concerned
    assert (asked(hearing, "x") is not None) is concerned


def test_more_becomes_known_of_a_connection() -> None:
    hearing = hearing_of(rule(action("drop"), filter="subprotocol == chat"))
    assert not hearing.concerns(Moment.MESSAGE, Role.CLIENT)
    hearing.learn(replace(about(), subprotocol="chat"))
    assert hearing.concerns(Moment.MESSAGE, Role.CLIENT)


def test_a_message_of_many_frames_is_one() -> None:
    frame = make_frame(Opcode.CONTINUATION, b"lo", masking_key=bytes(4))
    event = FrameReceived(frame, (), Message(Opcode.BINARY, b"hello", True, 2, 4))
    hearing = hearing_of(
        rule(
            action("reply", payload="{payload} {message.frames} {compressed}"),
            filter="message.opcode == binary",
        )
    )
    verdict = hearing.message(event, Role.CLIENT, NOW_NS)
    assert verdict is not None
    assert verdict.sends == (Send(Role.CLIENT, OutgoingMessage(Opcode.BINARY, b"hello 2 true")),)


def test_frames_of_every_kind() -> None:
    hearing = hearing_of(
        rule(action("drop"), moment=Moment.FRAME, filter="opcode == ping and payload contains keep"),
        rule(action("note", text="odd"), id=2, moment=Moment.FRAME, filter="violation == rsv2-set"),
    )
    ping = make_frame(Opcode.PING, b"keepalive")
    assert hearing.frame(FrameReceived(ping, (), None), Role.SERVER, NOW_NS) == Verdict(
        Onward.DROP, hits=(1,)
    )
    odd = FrameReceived(make_frame(Opcode.TEXT, b""), (violation("rsv2-set"),), Completes.ITSELF)
    assert hearing.frame(odd, Role.SERVER, NOW_NS) == Verdict(notes=("odd",), hits=(2,))
    assert hearing.frame(came("x"), Role.SERVER, NOW_NS) is None
    assert not hearing.concerns(Moment.MESSAGE, Role.SERVER)


def test_a_sequence_goes_on_by_names() -> None:
    hearing = hearing_of(
        when(rule(action("reply", payload="three"), id=3), after="second", most=1),
        when(
            rule(action("reply", payload="two"), id=2, name="second", filter="payload == b"),
            after="first",
            most=1,
        ),
        when(rule(action("reply", payload="one"), id=1, name="first", filter="payload == a"), most=1),
    )
    answers = [asked(hearing, each) for each in ("b", "a", "a", "b", "c", "c")]
    assert [each and sent(each) for each in answers] == [None, [b"one"], None, [b"two"], [b"three"], None]
    assert not hearing.concerns(Moment.MESSAGE, Role.CLIENT)


def test_some_matches_are_let_by() -> None:
    hearing = hearing_of(when(rule(action("drop"), filter="payload contains x"), skip=1, most=2))
    assert [asked(hearing, each) is not None for each in "xaxxxx"] == [False, False, True, True, False, False]


def test_chance() -> None:
    hearing = hearing_of(when(rule(action("drop")), percent=10.0))
    assert 60 < sum(asked(hearing, "x") is not None for _ in range(1000)) < 140


def test_timers_run_from_the_opening() -> None:
    timer = when(rule(action("send", payload="{counter}"), moment=Moment.TIMER), every_seconds=5.0)
    hearing = hearing_of(timer, of=about(Mode.LISTEN))
    assert hearing.wait_seconds(NOW_NS) is None
    assert hearing.opened(NOW_NS) is None
    assert hearing.wait_seconds(NOW_NS + SECOND) == 4
    assert hearing.timer(NOW_NS + 4 * SECOND) is None
    assert sent(hearing.timer(NOW_NS + 5 * SECOND)) == [b"1"]
    assert hearing.wait_seconds(NOW_NS + 5 * SECOND) == 5
    # What was missed is not made up for.
    assert sent(hearing.timer(NOW_NS + 23 * SECOND)) == [b"2"]
    assert hearing.wait_seconds(NOW_NS + 23 * SECOND) == 2
    assert hearing.closed(NOW_NS + 24 * SECOND) is None
    assert hearing.wait_seconds(NOW_NS + 24 * SECOND) is None


def test_a_timer_can_wait_for_a_rule() -> None:
    timer = when(rule(action("send", payload="beat"), moment=Moment.TIMER), every_seconds=5.0, after="login")
    login = rule(action("reply", payload="ok"), id=2, name="login", filter="payload == login")
    hearing = hearing_of(timer, login, of=about(Mode.LISTEN))
    hearing.opened(NOW_NS)
    assert hearing.wait_seconds(NOW_NS) is None
    assert sent(asked(hearing, "login")) == [b"ok"]
    assert hearing.wait_seconds(NOW_NS + SECOND) == 4


def test_a_timer_ends_with_its_last_time() -> None:
    timer = when(rule(action("send", payload="x"), moment=Moment.TIMER), every_seconds=1.0, most=1)
    hearing = hearing_of(timer, of=about(Mode.LISTEN))
    hearing.start(NOW_NS)
    assert sent(hearing.timer(NOW_NS + SECOND)) == [b"x"]
    assert hearing.wait_seconds(NOW_NS + SECOND) is None


@pytest.mark.parametrize(
    ("mode", "to", "toward"),
    [
        (Mode.LISTEN, "other", Role.CLIENT),
        (Mode.CONNECT, "other", Role.SERVER),
        (Mode.RELAY, "other", Role.CLIENT),
        (Mode.PROXY, "server", Role.SERVER),
    ],
)
def test_at_the_opening_something_is_sent(mode: Mode, to: str, toward: Role) -> None:
    hearing = hearing_of(rule(action("send", payload="hi", to=to), moment=Moment.OPEN), of=about(mode))
    verdict = hearing.opened(NOW_NS)
    assert verdict is not None
    assert verdict.sends == (Send(toward, OutgoingMessage(Opcode.TEXT, b"hi")),)


def test_where_nobody_is_a_note_says_so() -> None:
    verdict = asked(hearing_of(rule(action("send", payload="hi")), of=about(Mode.LISTEN)), "x")
    assert verdict is not None
    assert verdict.sends == ()
    assert verdict.notes == ("Rule “rule 1”: There is nobody on the server’s side to send to.",)


def test_the_end_of_a_connection() -> None:
    hearing = hearing_of(
        rule(action("send", payload="{close.code} {close.reason}", to="server"), moment=Moment.CLOSE,
             filter="close.code == 1001")
    )  # fmt: skip
    assert hearing.closed(NOW_NS, 1000) is None
    assert sent(hearing.closed(NOW_NS, 1001, "bye")) == [b"1001 bye"]


def test_hits_are_counted_for_all_connections() -> None:
    hits = HitCounts()
    book = COMPILER.book([rule(action("drop"), filter="payload contains x")], hits)
    for _ in range(2):
        hearing = book.hearing(about())
        asked(hearing, "x")
        asked(hearing, "y")
    assert hits.of(1) == RuleHits(2, NOW_NS)
    assert hits.changes == 2
    hits.forget(1)
    assert hits.of(1) is None


def test_another_book_goes_on_where_the_old_one_was() -> None:
    counted = rule(action("reply", payload="{counter}"))
    timer = when(rule(action("send", payload="x"), id=2, moment=Moment.TIMER), every_seconds=5.0)
    old = hearing_of(counted, timer)
    old.start(NOW_NS)
    asked(old, "a")
    new = COMPILER.book([timer, counted, rule(action("note", text="n"), id=3)]).hearing(about(), before=old)
    assert sent(asked(new, "a")) == [b"2"]
    assert new.wait_seconds(NOW_NS + SECOND) == 4


def test_echo_is_known_as_such() -> None:
    hits = HitCounts()
    hearing = hearing_of(rule(action("note", text="!"), filter="payload contains x"), ECHO, hits=hits)
    assert hearing.echoes(Role.CLIENT)
    run = FrameColumns([0x81] * 4, [None] * 4, [b"a", b"x", b"", b"b"], [0] * 4)
    assert hearing.sift(run, Role.CLIENT) == [1]
    hearing.count_echoes(Role.CLIENT, 3, NOW_NS)
    assert sent(asked(hearing, "x")) == [b"x"]
    assert hits.of(9) == RuleHits(4, NOW_NS)
    assert not hearing_of(replace(ECHO, when=Condition(Moment.MESSAGE, "payload contains x"))).echoes(
        Role.CLIENT
    )


def test_what_waits_for_an_echo_begins_with_it() -> None:
    timer = when(rule(action("send", payload="beat"), moment=Moment.TIMER), every_seconds=5.0, after="Echo")
    hearing = hearing_of(ECHO, timer)
    hearing.start(NOW_NS)
    assert hearing.wait_seconds(NOW_NS) is None
    hearing.count_echoes(Role.CLIENT, 2, NOW_NS)
    assert hearing.wait_seconds(NOW_NS + SECOND) == 4


def test_echo_of_one_path_is_echo_there() -> None:
    echo = replace(ECHO, when=Condition(Moment.MESSAGE, "path == /chat"))
    assert hearing_of(echo).echoes(Role.CLIENT)
    assert not hearing_of(echo, of=about(path="/other")).echoes(Role.CLIENT)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (rule(), "needs at least one action"),
        (rule(action("dorp")), "There is no action “dorp”. There are: reply, "),
        (rule(action("drop"), moment=Moment.OPEN), "no action “drop” at the moment “open”"),
        (rule(action("drop"), filter="jso ="), "The filter cannot be used, character "),
        (rule(action("drop"), filter="number == 1"), "“number” is known once a frame is recorded"),
        (rule(action("drop"), filter="time > 14:03"), "A time of day means nothing here"),
        (
            rule(action("send", payload="x"), moment=Moment.OPEN, filter="payload contains x"),
            "“payload” is of a frame",
        ),
        (rule(action("send", payload="{payload}"), moment=Moment.OPEN), "“payload” is of a frame"),
        (rule(action("send", payload="x"), moment=Moment.TIMER), "“every” is missing"),
        (when(rule(action("drop")), every_seconds=1.0), "“every” is of a timer only"),
        (when(rule(action("drop")), after="nobody"), "“after” names no rule"),
        (when(rule(action("drop")), percent=0.0), "“percent” is more than 0"),
        (when(rule(action("drop")), most=0), "“most” at least 1"),
        (rule(action("reply", payload="{x}")), "“payload”, character 2: There is no field 'x'"),
        (rule(action("reply")), "“payload” is missing: a template"),
        (rule(action("reply", payload="x", at="y")), "There is no part “at” here"),
    ],
)
def test_what_is_wrong_with_a_rule(wrong: Rule, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        COMPILER.book([ECHO, wrong])
    assert message in str(caught.value)
    assert caught.value.index == 1


def test_the_field_at_fault_is_pointed_at() -> None:
    with pytest.raises(RuleError) as caught:
        COMPILER.check(rule(action("drop"), filter="fin and number == 1"))
    assert caught.value.inner is not None
    assert caught.value.inner.pointed() == "fin and number == 1\n        ^^^^^^"
