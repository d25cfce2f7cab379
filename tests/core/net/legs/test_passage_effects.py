"""Each thing that a rule can do to a message in a relay, over real sockets."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.net.settings import EngineSettings, Limits
from core.protocol.deflate import DeflateParameters, Deflater
from core.protocol.events import ClosedBy, Origin
from core.protocol.frames import RSV1, Opcode, make_frame
from core.protocol.handling import DecidedBy, Fate
from core.protocol.state import Role
from core.rules.moment import Moment
from core.rules.verdict import Onward
from tests.tools.raw_peer import MASK
from tests.tools.raw_server import RawServer
from tests.tools.ruled_line import inbound, messages_in, read
from tests.tools.ruled_relay import held, next_frame, relayed, rule_on, to_client, to_server, use
from tests.tools.served import Served, frames_of, messages_of

OF_X = 'payload contains "x"'


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings(limits=Limits(message_bytes=1 << 22))) as running:
        yield running


def test_a_message_is_delayed_with_all_behind_it(served: Served, target: RawServer) -> None:
    use(served, rule_on(OF_X, "delay", by="60ms"))
    with relayed(served, target) as (client, server):
        started = time.monotonic()
        client.send(to_server(b"x") + to_server(b"y"))
        assert server.take(14) == to_server(b"x") + to_server(b"y")
        assert time.monotonic() - started >= 0.055
    served.closed()
    by_payload = {each.frame.payload: each.row.handling for each in frames_of(served.reader)}
    assert by_payload[b"x"].decided_by is DecidedBy.RULE
    assert (by_payload[b"x"].held_ns or 0) >= 55_000_000


def test_a_message_goes_on_at_a_rate_and_control_frames_stand_between_frames(
    served: Served, target: RawServer
) -> None:
    use(served, rule_on(OF_X, "delay", rate="20KB"))
    with relayed(served, target) as (client, server):
        started = time.monotonic()
        slow = to_server(b"x" * 1500, fin=False) + to_server(b"x" * 500, 0)
        client.send(slow + to_server(b"?", Opcode.PING) + to_server(b"behind"))
        frames = [next_frame(server) for _ in range(4)]
        assert time.monotonic() - started >= 0.07
        assert [each.opcode for each in frames] in ([9, 1, 0, 1], [1, 9, 0, 1])
        assert [each.payload for each in frames if each.opcode != Opcode.PING] == [
            b"x" * 1500,
            b"x" * 500,
            b"behind",
        ]
    served.closed()


def test_a_message_goes_on_more_than_once(served: Served, target: RawServer) -> None:
    use(served, rule_on(OF_X, "duplicate", times="3"))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"x") + to_server(b"y"))
        assert [next_frame(server).payload for _ in range(4)] == [b"x", b"x", b"x", b"y"]
    served.closed()
    origins = [(each.frame.payload, each.row.origin) for each in frames_of(served.reader)]
    assert origins == [(b"x", Origin.PEER), (b"x", Origin.RULE), (b"x", Origin.RULE), (b"y", Origin.PEER)]


def test_a_message_goes_on_behind_later_ones(served: Served, target: RawServer) -> None:
    use(served, rule_on(OF_X, "reorder", behind="2"))
    with relayed(served, target) as (client, server):
        client.send(b"".join(map(to_server, (b"x", b"1", b"2", b"3"))))
        assert [next_frame(server).payload for _ in range(4)] == [b"1", b"2", b"x", b"3"]
    served.closed()


CORRUPTED = {
    "bit": make_frame(1, b"ax" + bytes((ord("b") ^ 1,)), masking_key=MASK).wire(),
    "utf-8": make_frame(1, b"a\xffb", masking_key=MASK).wire(),
    "length": b"\x81\x84" + MASK + make_frame(1, b"axb", masking_key=MASK).wire()[6:],
}


@pytest.mark.parametrize("fault", CORRUPTED)
def test_a_fault_is_made_in_a_message(served: Served, target: RawServer, fault: str) -> None:
    use(served, rule_on(OF_X, "corrupt", what=fault))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"axb"))
        assert server.take(9) == CORRUPTED[fault]
    served.closed()
    came, gone = frames_of(served.reader)
    assert (came.frame.payload, came.row.fate) == (b"axb", Fate.REPLACED)
    assert gone.row.origin is Origin.EDITED
    assert gone.frame.wire() == CORRUPTED[fault]


def test_a_wrong_mask(served: Served, target: RawServer) -> None:
    use(served, rule_on(OF_X, "corrupt", what="mask"))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"axb"))
        wrong = server.take(9)
        assert (wrong[:2], wrong[6:]) == (to_server(b"axb")[:2], to_server(b"axb")[6:])
        assert wrong[2:6] != MASK
        server.send(to_client(b"axbyz"))
        assert client.take(7) == b"\x81\x85axbyz"
    served.closed()


def test_both_sides_are_closed_with_a_code(served: Served, target: RawServer) -> None:
    use(served, rule_on(OF_X, "close", code="4002", reason="no x"))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"x") + to_server(b"after"))
        frames = [next_frame(server), next_frame(server), next_frame(client)]
        assert sorted(each.payload for each in frames) == [b"\x0f\xa2no x", b"\x0f\xa2no x", b"x"]
        client.send(to_server(b"\x0f\xa2", Opcode.CLOSE))
        server.send(to_client(b"\x0f\xa2", Opcode.CLOSE))
        server.say_no_more()
        assert client.rest() == b""
    record = served.closed()
    assert (record.close_code, record.closed_by) == (4002, ClosedBy.UNMASK)
    fates = {each.frame.payload: each.row.fate for each in frames_of(served.reader)}
    assert fates[b"after"] is Fate.DROPPED


def test_both_sides_see_a_reset(served: Served, target: RawServer) -> None:
    use(served, rule_on(OF_X, "reset"))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"x"))
        for end in (client, server):
            with pytest.raises(ConnectionResetError):
                end.rest()
    served.closed()


def test_the_stream_toward_the_receiver_ends(served: Served, target: RawServer) -> None:
    use(served, rule_on(OF_X, "half-close", sender=Role.CLIENT))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"x") + to_server(b"lost"))
        assert server.rest() == to_server(b"x")
        server.send(to_client(b"still"))
        assert next_frame(client).payload == b"still"
    served.closed()
    fates = {each.frame.payload: each.row.fate for each in frames_of(served.reader)}
    assert fates[b"lost"] is Fate.DROPPED


def test_a_reply_and_a_message_for_the_other_side(served: Served, target: RawServer) -> None:
    use(served, rule_on(OF_X, "reply", payload="re {payload}"), rule_on(OF_X, "send", id=2, payload="also"))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"x"))
        assert next_frame(client).payload == b"re x"
        assert [next_frame(server).payload for _ in range(2)] == [b"x", b"also"]
    served.closed()


def test_pings_of_a_side_are_dropped(served: Served, target: RawServer) -> None:
    use(served, rule_on("opcode == ping", "drop", moment=Moment.FRAME, sender=Role.CLIENT))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"1", Opcode.PING) + to_server(b"text") + to_server(b"2", Opcode.PONG))
        assert server.take(17) == to_server(b"text") + to_server(b"2", Opcode.PONG)
    served.closed()


def test_a_close_frame_is_held_and_lets_all_in_front_of_it_go_when_it_goes(
    served: Served, target: RawServer
) -> None:
    use(served, rule_on("opcode == close", "hold", moment=Moment.FRAME), rule_on(OF_X, "hold", id=2))
    with relayed(served, target) as (client, server):
        said = to_server(b"x") + to_server(b"\x03\xe8", Opcode.CLOSE)
        client.send(said)
        close, _ = sorted(held(served, 2), key=lambda each: -each.opcode)
        served.host.decide([close.key], Onward.PASS)
        assert server.take(len(said)) == said
    served.closed()


def test_secrets_are_not_recorded_not_even_in_fragments(served: Served, target: RawServer) -> None:
    use(served, rule_on("", "redact", pattern="secret-[a-z]+"))
    with relayed(served, target) as (client, server):
        said = to_server(b"a secr", fin=False) + to_server(b"?", Opcode.PING) + to_server(b"et-abc", 0)
        said += to_server(b"another secret-def")
        client.send(said)
        assert server.take(len(said)) != said, "the ping goes before the message that it came within"
        client.send(to_server(b"unfinished secret-", fin=False))
        client.say_no_more()
        server.rest()
    served.closed()
    shown = b"".join(each.frame.payload + (each.message_payload or b"") for each in frames_of(served.reader))
    assert b"secr" not in shown
    assert b"et-abc" not in shown
    assert [each.payload for each in messages_of(served.reader)] == [b"a ***", b"another ***"]


def test_rules_hear_of_the_opening_and_of_time(served: Served, target: RawServer) -> None:
    use(
        served,
        rule_on("", "send", moment=Moment.OPEN, payload="welcome", to="client"),
    )
    with relayed(served, target) as (client, server):
        assert next_frame(client).payload == b"welcome"
        server.send(to_client(b"first"))
        assert next_frame(client).payload == b"first"
    served.closed()


def test_a_large_message_is_compressed_anew_in_steps(served: Served, target: RawServer) -> None:
    """The other direction goes on meanwhile; what comes behind it waits."""
    use(served, rule_on('payload == "drop me"', "drop"))
    offer = "permessage-deflate"
    speaker = Deflater(DeflateParameters(), Role.CLIENT)
    large = random.Random(1).randbytes(1 << 19) * 2
    reader = inbound(Role.CLIENT, DeflateParameters(), 1 << 22)
    with relayed(served, target, offer) as (client, server):
        for payload in (b"drop me", large[: 1 << 20], b"behind it"):
            client.send(to_server(speaker.compress(payload), 2, rsv=RSV1))
        got: list[bytes] = []
        while len(got) < 2:
            got += messages_in(read(reader, server.socket.recv(65536)))
        assert got == [large, b"behind it"]
    served.closed()
