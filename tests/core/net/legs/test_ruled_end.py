"""What rules make of the messages that end at Unmask, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.net.settings import AutoReply, EngineSettings
from core.protocol.events import Origin
from core.protocol.frames import Opcode
from core.protocol.handling import Fate
from core.rules.decision import Answer
from core.rules.moment import Moment
from core.rules.verdict import Onward, Replacement
from tests.tools.raw_peer import RawPeer
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
