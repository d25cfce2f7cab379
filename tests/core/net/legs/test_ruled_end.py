"""What rules make of the messages that end at Unmask, over real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.sync.client import connect

from core.net.connect_request import ConnectRequest, parse_url
from core.net.settings import AutoReply, EngineSettings, Limits
from core.protocol.events import ClosedBy, Origin
from core.protocol.frames import Opcode
from core.protocol.handling import DecidedBy, Fate
from core.rules.decision import Answer
from core.rules.moment import Moment
from core.rules.rule import Condition, Rule
from core.rules.verdict import Onward, Replacement
from tests.tools.raw_peer import RawPeer
from tests.tools.raw_server import RawServer
from tests.tools.ruled import action
from tests.tools.ruled_relay import held, next_frame, rule_on, to_server, use
from tests.tools.served import Served, frames_of

ECHO = rule_on("", "reply", id=9, payload="{payload}")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings()) as running:
        yield running


def test_a_reply_is_given_and_linked(served: Served) -> None:
    use(served, rule_on('payload == "ping"', "reply", payload="pong"))
    with RawPeer(served.port) as peer:
        peer.open()
        peer.frame(Opcode.TEXT, b"ping")
        peer.frame(Opcode.TEXT, b"other")
        assert peer.take(6) == b"\x81\x04pong"
    served.closed()
    by_payload = {each.frame.payload: each.row for each in frames_of(served.reader)}
    assert served.reader.handlings.cause(by_payload[b"pong"].id) == by_payload[b"ping"].id
    assert by_payload[b"pong"].origin is Origin.RULE
    assert by_payload[b"other"].fate is Fate.PASSED


def test_the_echo_is_a_rule(served: Served) -> None:
    use(served, ECHO)
    with RawPeer(served.port) as peer:
        peer.open()
        many = b"".join(to_server(b"%03d" % number) for number in range(500))
        peer.send(many)
        assert peer.take(2500) == b"".join(b"\x81\x03%03d" % number for number in range(500))
        peer.frame(Opcode.TEXT, b"alone")
        assert next_frame(peer).payload == b"alone"
    served.closed()


def test_other_rules_apply_beside_the_echo(served: Served) -> None:
    use(
        served,
        rule_on('payload == "007"', "drop"),
        rule_on('payload == "009"', "replace", id=2, payload="nine"),
        ECHO,
    )
    with RawPeer(served.port) as peer:
        peer.open()
        peer.send(b"".join(to_server(b"%03d" % number) for number in range(12)))
        got = [next_frame(peer).payload for _ in range(11)]
    assert got == [b"nine" if n == 9 else b"%03d" % n for n in range(12) if n != 7]
    served.closed()


def test_a_dropped_message_is_not_echoed(served: Served) -> None:
    served.host.set_settings(replace(EngineSettings(), auto_reply=AutoReply.ECHO))
    use(served, rule_on('payload == "x"', "drop"))
    with RawPeer(served.port) as peer:
        peer.open()
        peer.send(to_server(b"a") + to_server(b"x") + to_server(b"b"))
        assert peer.take(6) == b"\x81\x01a\x81\x01b"
    served.closed()


def test_a_held_message_is_answered_once_a_person_lets_it_go(served: Served) -> None:
    use(served, rule_on('payload contains "halt"', "hold"), ECHO)
    with RawPeer(served.port) as peer:
        peer.open()
        peer.send(to_server(b"halt 1") + to_server(b"halt 2") + to_server(b"halt 3") + to_server(b"next"))
        first, second, third = held(served, 3)
        served.host.decide([second.key], Onward.DROP)
        served.host.decide([third.key], Answer(Replacement(Opcode.TEXT, b"no")))
        assert next_frame(peer).payload == b"no"
        served.host.decide([first.key], Onward.PASS)
        assert [next_frame(peer).payload for _ in range(2)] == [b"halt 1", b"next"]
    served.closed()


def test_moments_of_a_connection_send(served: Served) -> None:
    timer = rule_on("", "send", moment=Moment.TIMER, id=2, payload="tick")
    every = replace(timer, when=replace(timer.when, every_seconds=0.02))
    use(served, rule_on("", "send", moment=Moment.OPEN, payload="welcome"), every)
    with RawPeer(served.port) as peer:
        peer.open()
        assert [next_frame(peer).payload for _ in range(3)] == [b"welcome", b"tick", b"tick"]
    served.closed()


def test_a_server_that_unmask_connects_to_is_answered(served: Served) -> None:
    use(served, rule_on('payload == "ping"', "reply", payload="pong"))
    with RawServer() as server:
        served.host.connect(ConnectRequest(parse_url(server.url)))
        server.open()
        server.frame(Opcode.TEXT, b"ping")
        frame = next_frame(server)
        assert (frame.payload, frame.masked) == (b"pong", True)
        server.frame(Opcode.CLOSE, b"\x03\xe8")
        assert next_frame(server).opcode == Opcode.CLOSE
    assert served.closed().close_code == 1000


def test_a_reply_waits_for_its_time_and_later_ones_wait_behind_it(served: Served) -> None:
    late = Rule(
        1,
        "late",
        Condition(Moment.MESSAGE, 'payload == "slow"'),
        (action("delay", by="60ms"), action("reply", payload="late")),
    )
    use(served, late, rule_on('payload == "fast"', "reply", id=2, payload="soon"))
    with RawPeer(served.port) as peer:
        peer.open()
        started = time.monotonic()
        peer.send(to_server(b"slow") + to_server(b"fast"))
        assert [next_frame(peer).payload for _ in range(2)] == [b"late", b"soon"]
        assert time.monotonic() - started >= 0.055
    served.closed()


def test_a_connection_is_closed_with_a_code(served: Served) -> None:
    use(served, rule_on('payload == "x"', "close", code="4003", reason="no"))
    with RawPeer(served.port) as peer:
        peer.open()
        peer.frame(Opcode.TEXT, b"x")
        assert next_frame(peer).payload == b"\x0f\xa3no"
        peer.frame(Opcode.CLOSE, b"\x0f\xa3")
        assert peer.rest() == b""
    record = served.closed()
    assert (record.close_code, record.closed_by) == (4003, ClosedBy.UNMASK)


def test_a_connection_is_reset(served: Served) -> None:
    use(served, rule_on('payload == "x"', "reset"))
    with RawPeer(served.port) as peer:
        peer.open()
        peer.frame(Opcode.TEXT, b"x")
        with pytest.raises(ConnectionResetError):
            peer.rest()
    served.closed()


def test_a_held_message_is_answered_when_its_time_is_up_and_says_so(served: Served) -> None:
    use(served, rule_on('payload == "halt"', "hold", seconds="50ms"), ECHO)
    with RawPeer(served.port) as peer:
        peer.open()
        peer.frame(Opcode.TEXT, b"halt")
        assert next_frame(peer).payload == b"halt"
    served.closed()
    [handling] = [each.row.handling for each in frames_of(served.reader) if each.row.origin is Origin.PEER]
    assert (handling.fate, handling.decided_by) == (Fate.PASSED, DecidedBy.DEADLINE)


def test_what_is_held_of_a_peer_that_goes_stays_held(served: Served) -> None:
    use(served, rule_on('payload == "halt"', "hold"), ECHO)
    with RawPeer(served.port) as peer:
        peer.open()
        peer.send(to_server(b"halt") + to_server(b"next"))
        held(served)
        peer.reset()
    served.closed()
    held(served, 0)
    assert [each.row.fate for each in frames_of(served.reader)] == [Fate.HELD, Fate.HELD]


def test_a_peer_is_not_read_while_too_much_waits(tmp_path: Path) -> None:
    with Served(tmp_path / "a.unmask", EngineSettings(limits=Limits(held_messages=10))) as served:
        use(served, rule_on('payload == "halt"', "hold"), ECHO)
        with RawPeer(served.port) as peer:
            peer.open()
            peer.send(to_server(b"halt") + b"".join(to_server(b"%02d" % number) for number in range(50)))
            served.captured(lambda _: served.host.held.is_stuck, "the peer is not read")
            [message] = served.host.held.messages
            served.host.decide([message.key], Onward.PASS)
            assert [next_frame(peer).payload for _ in range(51)] == [
                b"halt",
                *(b"%02d" % n for n in range(50)),
            ]
        served.closed()


def test_secrets_in_fragments_are_not_recorded(served: Served) -> None:
    use(served, rule_on("", "redact", pattern="secret-[a-z]+"), ECHO)
    with RawPeer(served.port) as peer:
        peer.open()
        peer.send(to_server(b"a secr", fin=False) + to_server(b"et-abc", 0))
        assert next_frame(peer).payload == b"a secret-abc"
        peer.send(to_server(b"secret-", fin=False))
    served.closed()
    shown = [each.frame.payload + (each.message_payload or b"") for each in frames_of(served.reader)]
    assert not any(b"secr" in each or b"et-abc" in each for each in shown)
    assert shown.count(b"a ***") == 2, "what came, and its echo"


def test_rules_apply_to_compressed_messages_and_the_echo_stays_compressed(served: Served) -> None:
    use(served, rule_on('payload contains "drop"', "drop"), ECHO)
    with connect(served.url, compression="deflate") as peer:
        for number in range(200):
            peer.send(f"drop {number}" if number % 7 == 3 else f"keep {number}")
        got = [peer.recv() for _ in range(sum(number % 7 != 3 for number in range(200)))]
    assert got == [f"keep {number}" for number in range(200) if number % 7 != 3]
    served.closed()


def test_rules_stop_sending_to_a_peer_that_does_not_read_and_say_so(tmp_path: Path) -> None:
    timer = rule_on("", "send", moment=Moment.TIMER, payload="x" * 200_000)
    with Served(tmp_path / "a.unmask", EngineSettings(limits=Limits(queued_bytes=1 << 20))) as served:
        use(served, replace(timer, when=replace(timer.when, every_seconds=0.01)))
        with RawPeer(served.port) as peer:
            peer.open()
            assert "does not read what rules send" in served.failure().sentence
        served.closed()
