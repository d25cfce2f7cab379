"""The bytes of a direction with rules: those that came wherever nothing was changed, and readable ones elsewhere."""

from __future__ import annotations

import random
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame as WebsocketsFrame
from websockets.frames import Opcode as WebsocketsOpcode

from core.net.legs import passage
from core.net.legs.outlet import Sending
from core.protocol.deflate import DeflateParameters, Deflater
from core.protocol.events import Origin, Ruled
from core.protocol.frames import FrameDecoder, Opcode, make_frame
from core.protocol.handling import Fate
from core.protocol.outgoing import Compression, OutgoingClose, OutgoingMessage, OutgoingPing
from core.protocol.sender import Sender
from core.protocol.state import Role
from core.rules.decision import Decision
from core.rules.verdict import Onward, Replacement
from tests.tools.ruled import action, hearing_of, rule
from tests.tools.ruled_line import (
    KEY,
    PARAMETERS,
    SENDERS,
    RuledLine,
    inbound,
    messages_in,
    read,
    reads_of,
    spoken,
)

WORDS = st.sampled_from([b"abc", b'{"id":', b"\x00" * 300, bytes(range(256)), b"\xff", b"RFC 7692", b"hold"])
PAYLOADS = st.binary(max_size=40) | st.lists(WORDS, max_size=20).map(b"".join)


SAID = st.lists(st.tuples(PAYLOADS, st.integers(1, 3), st.booleans()), min_size=1, max_size=12)


@given(PARAMETERS, SENDERS, SAID, st.integers(0, 2000), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_what_nobody_touches_goes_on_byte_by_byte(
    deflate: DeflateParameters | None,
    sender: Role,
    said: list[tuple[bytes, int, bool]],
    armed_at: int,
    chance: random.Random,
) -> None:
    """Armed at any byte, with a rule that is asked about everything and never applies."""
    data = b"".join(spoken(sender, deflate, said))
    data += make_frame(9, b"!", masking_key=KEY if sender is Role.CLIENT else None).wire()
    hearing = hearing_of(rule(action("drop"), filter='not payload matches "." and length > 100000'))
    with RuledLine(sender, deflate, hearing, before=data[:armed_at]) as line:
        for piece in reads_of(data[armed_at:], chance):
            line.feed(piece)
        assert bytes(line.out) == data
        line.passage.end_input()
        assert bytes(line.out) == data


@given(st.binary(max_size=3000), SENDERS, st.integers(0, 50), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_any_bytes_go_on_as_they_are(data: bytes, sender: Role, armed_at: int, chance: random.Random) -> None:
    """Frames that break every rule, and what is no frame."""
    hearing = hearing_of(rule(action("drop"), filter='payload == "never"'))
    with RuledLine(sender, None, hearing, before=data[:armed_at]) as line:
        for piece in reads_of(data[armed_at:], chance):
            line.feed(piece)
        line.passage.end_input()
        assert bytes(line.out) == data


DECISIONS = st.sampled_from(["pass", "the same", "edit", "edit plain", "drop"])


@given(
    PARAMETERS,
    SENDERS,
    st.lists(st.tuples(PAYLOADS, st.integers(1, 3), st.booleans(), DECISIONS), min_size=1, max_size=12),
    st.integers(0, 600),
    st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_whatever_is_decided_in_whatever_order_the_receiver_reads_it_in_order(
    deflate: DeflateParameters | None,
    sender: Role,
    said: list[tuple[bytes, int, bool, str]],
    armed_at: int,
    chance: random.Random,
) -> None:
    """Armed at any byte: a message that has begun to pass passes, and all later ones are held."""
    wires = spoken(sender, deflate, [each[:3] for each in said])
    data = b"".join(wires)
    starts = accumulate(map(len, wires[:-1]), initial=0)
    before = sum(start < armed_at for start in starts)
    with RuledLine(sender, deflate, hearing_of(rule(action("hold"))), before=data[:armed_at]) as line:
        for piece in reads_of(data[armed_at:], chance):
            line.feed(piece)
        tickets = line.waiting()
        assert len(tickets) == len(said[before:])
        wanted = [each[0] for each in said[:before]]
        decisions: list[tuple[int, Decision]] = []
        for ticket, (payload, fragments, _, decision) in zip(tickets, said[before:], strict=True):
            decided, gone = decision_of(decision, payload, fragments)
            decisions.append((ticket, decided))
            wanted += gone
        chance.shuffle(decisions)
        for ticket, decided in decisions:
            assert line.decide(ticket, decided)
        assert messages_in(read(inbound(sender, deflate), bytes(line.out))) == wanted
        if deflate is not None:
            assert inflated_by_another(sender, deflate, bytes(line.out)) == wanted
        if all(each[3] in ("pass", "the same") for each in said[before:]):
            assert bytes(line.out) == data


def decision_of(name: str, payload: bytes, fragments: int) -> tuple[Decision, list[bytes]]:
    """A decision, and what the receiver gets."""
    match name:
        case "pass":
            return Onward.PASS, [payload]
        case "the same":
            return Replacement(Opcode.BINARY, payload, fragments), [payload]
        case "edit":
            return Replacement(Opcode.BINARY, b"edited" + payload, 2), [b"edited" + payload]
        case "edit plain":
            return Replacement(Opcode.BINARY, b"plain", 1, Compression.NEVER), [b"plain"]
    return Onward.DROP, []


def inflated_by_another(sender: Role, deflate: DeflateParameters, data: bytes) -> list[bytes]:
    """The messages as the library websockets reads them."""
    is_client = sender is Role.CLIENT
    reader = PerMessageDeflate(
        deflate.client_no_context_takeover if is_client else deflate.server_no_context_takeover,
        True,
        deflate.client_max_window_bits if is_client else deflate.server_max_window_bits,
        15,
    )
    messages: list[bytes] = []
    joined = b""
    for frame in FrameDecoder(1 << 20).feed(data):
        told = WebsocketsFrame(WebsocketsOpcode(frame.opcode), frame.payload, frame.fin, frame.rsv1)
        joined += reader.decode(told).data
        if frame.fin:
            messages.append(joined)
            joined = b""
    return messages


@given(PARAMETERS, SENDERS, SAID, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_what_is_sent_along_stands_between_messages(
    deflate: DeflateParameters | None,
    sender: Role,
    said: list[tuple[bytes, int, bool]],
    chance: random.Random,
) -> None:
    """At any time, within any frame; compressed or not."""
    data = b"".join(spoken(sender, deflate, said))
    at = chance.randrange(len(data) + 1)
    with RuledLine(sender, deflate, None, before=data[:at]) as line:
        injected = []
        for number, piece in enumerate(reads_of(data[at:], chance)):
            if chance.random() < 0.5:
                compression = chance.choice(list(Compression))
                injected.append(b"injected %d" % number)
                line.inject(
                    Sending(OutgoingMessage(Opcode.BINARY, injected[-1], 1, compression), Origin.INJECTED)
                )
            line.inject(Sending(OutgoingPing(b"?"), Origin.INJECTED))
            line.feed(piece)
        got = messages_in(read(inbound(sender, deflate), bytes(line.out)))
        assert [each for each in got if each.startswith(b"injected")] == injected
        assert [each for each in got if not each.startswith(b"injected")] == [each[0] for each in said]


def test_nothing_follows_a_close_frame_of_ours() -> None:
    with RuledLine() as line:
        line.inject(Sending(OutgoingClose(4000, "enough"), Origin.INJECTED))
        line.feed(make_frame(1, b"late", masking_key=KEY).wire())
        [close] = FrameDecoder(1 << 20).feed(bytes(line.out))
        assert (close.opcode, close.payload) == (8, b"\x0f\xa0enough")


@pytest.mark.parametrize("sender", Role)
def test_a_frame_too_long_to_be_held_passes_while_it_comes(sender: Role) -> None:
    key = KEY if sender is Role.CLIENT else None
    long = make_frame(2, bytes(100_000), masking_key=key).wire()
    after = make_frame(2, b"hold it", masking_key=key).wire()
    with RuledLine(sender, None, hearing_of(rule(action("hold")))) as line:
        line.feed(long[:50_000])
        assert bytes(line.out) == long[:50_000]
        line.feed(long[50_000:] + after)
        assert bytes(line.out) == long
        [ticket] = line.waiting()
        # Behind what waits it waits too.
        line.feed(long)
        assert bytes(line.out) == long
        line.decide(ticket, Onward.PASS)
        assert bytes(line.out) == long + after + long


KINDS = st.sampled_from(["plain", "drop", "edit", "twice", "later", "hold", "ping"])


@given(
    PARAMETERS,
    SENDERS,
    st.lists(st.tuples(KINDS, st.integers(1, 3), st.booleans()), min_size=1, max_size=25),
    st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_whatever_rules_and_persons_do_at_once_the_receiver_can_read_it(
    deflate: DeflateParameters | None,
    sender: Role,
    said: list[tuple[str, int, bool]],
    chance: random.Random,
) -> None:
    """All effects at once, decisions and messages sent along at any time, whatever reads bring."""
    rules = [
        rule(action("drop"), id=1, filter='payload contains "drop"'),
        rule(action("replace", payload="edited {payload}"), id=2, filter='payload contains "edit"'),
        rule(action("duplicate", times="2"), id=3, filter='payload contains "twice"'),
        rule(action("reorder", behind="2"), id=4, filter='payload contains "later"'),
        rule(action("hold"), id=5, filter='payload contains "hold"'),
    ]
    speaker = Sender(sender)
    if deflate is not None:
        speaker.deflater = Deflater(deflate, sender)
    wanted: list[bytes] = []
    for number, (kind, fragments, compress) in enumerate(said):
        payload = b"%s %d" % (kind.encode(), number)
        if kind == "ping":
            speaker.control(Opcode.PING, payload, origin=Origin.COMPOSED)
            continue
        speaker.message(1, payload, origin=Origin.COMPOSED, fragments=fragments, compress=compress)
        gone = {"drop": [], "edit": [b"edited " + payload], "twice": [payload] * 2}
        wanted += gone.get(kind, [payload])
    decided: dict[int, bytes] = {}
    with RuledLine(sender, deflate, hearing_of(*rules)) as line:
        injected = 0
        for piece in reads_of(b"".join(speaker.take()), chance):
            line.feed(piece)
            if chance.random() < 0.2:
                injected += 1
                line.inject(Sending(OutgoingMessage(Opcode.TEXT, b"injected %d" % injected), Origin.INJECTED))
            for ticket in line.waiting():
                if chance.random() < 0.3:
                    decided[ticket] = b"decided %d" % ticket
                    line.decide(ticket, Replacement(Opcode.TEXT, decided[ticket]))
        line.passage.end_input()
        got = messages_in(read(inbound(sender, deflate), bytes(line.out)))
        assert not line.passage.departures.held_bytes - line.passage.departures.outlet.waiting_bytes
    from_us = [each for each in got if each.startswith((b"injected", b"decided"))]
    assert [each for each in from_us if each.startswith(b"injected")] == [
        b"injected %d" % number for number in range(1, injected + 1)
    ]
    assert sorted(each for each in from_us if each.startswith(b"decided")) == sorted(decided.values())
    others = [each for each in got if each not in from_us]
    held_back = len([each for each in wanted if each.startswith(b"hold")]) - len(decided)
    assert len([each for each in others if each.startswith(b"hold")]) == held_back
    in_order = [each for each in others if not each.startswith((b"hold", b"later"))]
    assert in_order == [each for each in wanted if not each.startswith((b"hold", b"later"))]
    assert sorted(each for each in others if each.startswith(b"later")) == sorted(
        each for each in wanted if each.startswith(b"later")
    )


def test_a_ping_within_a_message_that_takes_long_overtakes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage, "PATIENCE_SECONDS", 0.01)
    with RuledLine(Role.CLIENT, None, hearing_of(rule(action("hold"), filter='payload == "never"'))) as line:
        first = make_frame(1, b"be", fin=False, masking_key=KEY).wire()
        ping = make_frame(9, b"!", masking_key=KEY).wire()
        rest = make_frame(0, b"gun", masking_key=KEY).wire()
        line.feed(first + ping)
        assert bytes(line.out) == b""
        line.loop.call_later(0.02, line.loop.stop)
        line.loop.run_forever()
        assert bytes(line.out) == ping
        line.feed(ping)
        assert bytes(line.out) == ping * 2
        line.feed(rest)
        assert bytes(line.out) == ping * 2 + first + rest


def test_a_ping_within_a_message_that_is_held_overtakes_it() -> None:
    with RuledLine(Role.CLIENT, None, hearing_of(rule(action("hold")))) as line:
        first = make_frame(1, b"be", fin=False, masking_key=KEY).wire()
        ping = make_frame(9, b"!", masking_key=KEY).wire()
        line.feed(first + ping + make_frame(0, b"gun", masking_key=KEY).wire())
        assert bytes(line.out) == ping
        assert len(line.waiting()) == 1


def test_what_is_held_does_not_follow_a_close_frame_of_ours() -> None:
    with RuledLine(Role.CLIENT, None, hearing_of(rule(action("hold")))) as line:
        line.feed(make_frame(1, b"held", masking_key=KEY).wire() * 2)
        [first, _] = line.waiting()
        line.inject(Sending(OutgoingClose(1000), Origin.INJECTED))
        assert not line.decide(first, Onward.PASS)
        line.passage.end_input()
        [close] = FrameDecoder(1 << 20).feed(bytes(line.out))
        assert close.opcode == Opcode.CLOSE
        assert line.passage.departures.reports.take() == []
        assert all(isinstance(each, Ruled) and each.handling.fate is Fate.HELD for each in line.told)
