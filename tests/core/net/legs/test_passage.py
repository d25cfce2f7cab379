"""What rules and a person do to the messages of a relayed connection, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.net.settings import EngineSettings, Limits
from core.protocol.frames import Opcode
from core.protocol.handling import DecidedBy, Fate
from core.protocol.state import Role
from core.rules.decision import Answer
from core.rules.verdict import Onward, Replacement
from tests.tools.raw_server import RawServer
from tests.tools.ruled_relay import held, next_frame, relayed, rule_on, to_client, to_server, use
from tests.tools.served import Served, frames_of


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings(limits=Limits(message_bytes=1 << 20))) as running:
        yield running


@pytest.fixture
def target() -> Iterator[RawServer]:
    with RawServer() as behind:
        yield behind


def test_a_message_that_a_rule_drops_goes_nowhere(served: Served, target: RawServer) -> None:
    use(served, rule_on('payload contains "secret"', "drop"))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"one") + to_server(b"a secret") + to_server(b"two"))
        assert server.take(18) == to_server(b"one") + to_server(b"two")
    served.closed()
    fates = [(each.frame.payload, each.row.fate) for each in frames_of(served.reader)]
    assert fates == [(b"one", Fate.PASSED), (b"a secret", Fate.DROPPED), (b"two", Fate.PASSED)]


def test_another_message_goes_on_in_place_of_one(served: Served, target: RawServer) -> None:
    use(served, rule_on('payload == "ping"', "replace", payload="pong"))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"ping"))
        frame = next_frame(server)
        assert (frame.payload, frame.masked) == (b"pong", True)
        server.send(to_client(b"ping"))
        assert client.take(6) == b"\x81\x04pong"
    served.closed()


def test_what_is_held_waits_for_a_person_with_all_behind_it(served: Served, target: RawServer) -> None:
    use(served, rule_on('payload == "halt"', "hold", sender=Role.CLIENT))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"halt") + to_server(b"next") + to_server(b"!", Opcode.PING))
        assert next_frame(server).payload == b"!", "control frames overtake"
        [message] = held(served)
        assert (message.payload, message.position, message.behind) == (b"halt", 0, 1)
        server.send(to_client(b"the other direction flows"))
        assert next_frame(client).payload == b"the other direction flows"
        served.host.decide([message.key], Onward.PASS)
        assert server.take(20) == to_server(b"halt") + to_server(b"next")
        held(served, 0)
    served.closed()
    rows = {each.frame.payload: each.row for each in frames_of(served.reader)}
    handling = served.reader.handlings.of(rows[b"halt"].id)
    assert handling is not None
    assert (handling.fate, handling.decided_by) == (Fate.PASSED, DecidedBy.PERSON)


def test_a_held_message_is_edited_dropped_or_answered(served: Served, target: RawServer) -> None:
    use(served, rule_on('payload contains "halt"', "hold"))
    with relayed(served, target) as (client, server):
        client.send(b"".join(to_server(b"halt %d" % number) for number in range(3)))
        first, second, third = held(served, 3)
        served.host.decide([third.key], Replacement(Opcode.TEXT, b"edited", fragments=2))
        served.host.decide([second.key], Answer(Replacement(Opcode.TEXT, b"no")))
        assert next_frame(client).payload == b"no"
        served.host.decide([first.key], Onward.DROP)
        assert [next_frame(server).payload for _ in range(2)] == [b"edi", b"ted"]
    served.closed()
