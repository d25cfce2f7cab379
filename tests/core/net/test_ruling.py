"""The engine's rules, and what it tells of held messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import NotHeldError
from core.net.failures import FailureKind
from core.net.settings import EngineSettings
from core.protocol.frames import Opcode
from core.rules.decision import HeldKey
from core.rules.verdict import Onward
from tests.tools.raw_peer import RawPeer
from tests.tools.ruled import COMPILER
from tests.tools.ruled_relay import held, next_frame, rule_on, to_server, use
from tests.tools.served import Served, on_loop

HOLD = rule_on('payload contains "halt"', "hold")
ECHO = rule_on("", "reply", id=9, payload="{payload}")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings()) as running:
        yield running


def test_rules_that_are_given_before_the_start_apply(tmp_path: Path) -> None:
    served = Served(tmp_path / "a.unmask", EngineSettings())
    served.host.set_rules(COMPILER.book([rule_on('payload == "ping"', "reply", payload="pong")]))
    with served, RawPeer(served.port) as peer:
        peer.open()
        peer.frame(Opcode.TEXT, b"ping")
        assert next_frame(peer).payload == b"pong"


def test_rules_apply_to_connections_that_are_open(served: Served) -> None:
    with RawPeer(served.port) as peer:
        peer.open()
        peer.frame(Opcode.TEXT, b"before")
        served.opened()
        use(served, ECHO)
        peer.frame(Opcode.TEXT, b"with")
        assert next_frame(peer).payload == b"with"
        use(served)
        peer.frame(Opcode.TEXT, b"after")
        peer.frame(Opcode.PING)
        assert next_frame(peer).opcode == Opcode.PONG
    served.closed()


def test_deciding_on_what_is_not_held_fails(served: Served) -> None:
    use(served, HOLD)
    with RawPeer(served.port) as peer:
        peer.open()
        peer.frame(Opcode.TEXT, b"halt")
        [message] = held(served)
        served.host.decide([message.key], Onward.DROP)
        held(served, 0)
        served.host.decide([message.key], Onward.PASS)
        failure = served.failure()
        assert (failure.kind, "held no more" in failure.sentence) == (FailureKind.COMMAND, True)
        with pytest.raises(NotHeldError):
            on_loop(served, lambda engine: engine.ruling.decide([HeldKey(99, 1)], Onward.PASS))
    served.closed()


def test_all_that_is_held_goes_on_or_that_of_one_connection(served: Served) -> None:
    use(served, HOLD, ECHO)
    with RawPeer(served.port) as one, RawPeer(served.port) as other:
        for peer in (one, other):
            peer.open()
            peer.send(to_server(b"halt 1") + to_server(b"halt 2"))
        messages = held(served, 4)
        [first, *_] = sorted({each.key.connection for each in messages})
        served.host.let_all_go(first)
        assert len({each.key.connection for each in held(served, 2)}) == 1
        served.host.let_all_go()
        held(served, 0)
        for peer in (one, other):
            assert [next_frame(peer).payload for _ in range(2)] == [b"halt 1", b"halt 2"]
    served.closed(2)


def test_several_are_decided_on_at_once(served: Served) -> None:
    use(served, HOLD, ECHO)
    with RawPeer(served.port) as peer:
        peer.open()
        peer.send(b"".join(to_server(b"halt %d" % number) for number in range(4)) + to_server(b"end"))
        messages = held(served, 4)
        served.host.decide([each.key for each in messages], Onward.DROP)
        assert next_frame(peer).payload == b"end"
    served.closed()
