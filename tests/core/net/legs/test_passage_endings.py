"""What waits in a relay, or is to be sent along, when a side closes or ends its stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.capture.records import ConnectionState
from core.net.settings import EngineSettings
from core.protocol.frames import Opcode
from core.protocol.handling import Fate
from core.protocol.outgoing import OutgoingMessage, Target
from core.protocol.state import Role
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from core.rules.verdict import Onward
from tests.tools.raw_peer import RawPeer
from tests.tools.raw_server import RawServer
from tests.tools.ruled_relay import accepted, held, next_frame, relayed, rule_on, to_client, to_server, use
from tests.tools.served import Served, frames_of
from tests.tools.waiting import until

CLOSE = to_server(b"\x03\xe8", Opcode.CLOSE)
LARGE = 300_000


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings()) as running:
        yield running


def test_all_slow_messages_go_in_front_of_a_close(served: Served, target: RawServer) -> None:
    use(served, rule_on("", "delay", rate="100 B/s"))
    messages = b"".join(to_server(b"%02d" % number + bytes(100)) for number in range(4))
    with relayed(served, target) as (client, server):
        client.send(messages + CLOSE)
        assert server.take(len(messages + CLOSE)) == messages + CLOSE


def test_all_slow_messages_go_in_front_of_an_end(served: Served, target: RawServer) -> None:
    use(served, rule_on("", "delay", rate="100 B/s"))
    messages = b"".join(to_server(b"%02d" % number + bytes(100)) for number in range(4))
    with relayed(served, target) as (client, server):
        client.send(messages)
        client.say_no_more()
        assert server.rest() == messages
    served.closed()
    assert [each.row.fate for each in frames_of(served.reader)] == [Fate.PASSED] * 4


def test_all_large_messages_that_are_made_anew_go_in_front_of_a_close(
    served: Served, target: RawServer
) -> None:
    then = (ActionText("replace-pattern", (("pattern", "^.."), ("with", "ZZ"))), ActionText("hold"))
    use(served, Rule(1, "both", Condition(Moment.MESSAGE), then))
    with relayed(served, target) as (client, server):
        for number in range(6):
            client.send(to_server(b"%02d" % number + b"x" * LARGE))
        held(served, 6)
        client.send(CLOSE)
        for _ in range(6):
            assert next_frame(server).payload == b"ZZ" + b"x" * LARGE
        assert next_frame(server).opcode == Opcode.CLOSE


def test_nothing_is_sent_along_behind_a_close(served: Served, target: RawServer) -> None:
    use(served, rule_on('payload == "x"', "reply", sender=Role.SERVER, payload="too late"))
    with relayed(served, target) as (client, server):
        client.send(CLOSE)
        assert server.take(len(CLOSE)) == CLOSE
        server.send(to_client(b"x"))
        assert next_frame(client).payload == b"x"
        request = served.host.send(Target(1, Role.SERVER), OutgoingMessage(Opcode.TEXT, b"hello"))
        until(lambda: request in served._sent, "it is answered")
        assert "nothing can be sent" in (served._sent[request].error or "")
        server.say_no_more()
        client.say_no_more()
        assert server.rest() == b""


def test_a_stream_is_not_ended_within_a_slow_frame(served: Served, target: RawServer) -> None:
    slow = rule_on('payload contains "s"', "delay", rate="100 B/s")
    use(served, slow, rule_on('payload == "h"', "half-close", id=2))
    with relayed(served, target) as (client, server):
        message = to_server(b"s" * 200)
        client.send(message)
        start = server.take(4)
        client.send(to_server(b"h"))
        assert (start + server.rest()).startswith(message)


def test_copies_are_bounded_by_their_bytes(served: Served, target: RawServer) -> None:
    use(served, rule_on("", "duplicate", times="1000"))
    with relayed(served, target) as (client, server):
        client.send(to_server(bytes(4 << 20)))
        client.say_no_more()
        frames = 0
        while server.received or frames < 5:
            assert len(next_frame(server).payload) == 4 << 20
            frames += 1
        assert (frames, server.rest()) == (5, b"")


def test_a_response_that_is_dropped_leaves_no_open_connection(served: Served, target: RawServer) -> None:
    use(served, rule_on("", "hold", moment=Moment.RESPONSE))
    with RawPeer(served.relay(target.url)) as client:
        client.send(client.request())
        with target.accepted() as server:
            server.head()
            server.send(accepted())
            [response] = held(served)
            served.host.decide([response.key], Onward.DROP)
            assert server.rest() == b""
        client.say_no_more()
        record = served.closed()
        assert (record.state, record.close_code) == (ConnectionState.CLOSED, 1006)
