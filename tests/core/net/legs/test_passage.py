"""What rules and a person do to the messages of a relayed connection, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.reader import CaptureReader
from core.net.ruling import SHOWN
from core.net.settings import EngineSettings, Limits
from core.protocol.events import ClosedBy, Origin
from core.protocol.frames import Opcode
from core.protocol.handling import DecidedBy, Fate, Handling
from core.protocol.outgoing import Outgoing, OutgoingClose, OutgoingMessage, Target
from core.protocol.state import Role
from core.rules.decision import Answer
from core.rules.verdict import Cut, Onward, Replacement
from tests.tools.raw_server import RawServer
from tests.tools.ruled_relay import held, next_frame, relayed, rule_on, to_client, to_server, use
from tests.tools.served import Served, frames_of
from tests.tools.waiting import until


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings(limits=Limits(message_bytes=1 << 20))) as running:
        yield running


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


def test_a_close_frame_flushes_the_queue_in_front_of_it(served: Served, target: RawServer) -> None:
    use(served, rule_on('payload == "halt"', "hold"))
    with relayed(served, target) as (client, server):
        said = to_server(b"halt") + to_server(b"next") + to_server(b"\x03\xe8", Opcode.CLOSE)
        client.send(said)
        assert server.take(len(said)) == said
    served.closed()
    handling = handling_of(served, b"halt")
    assert (handling.fate, handling.decided_by) == (Fate.PASSED, DecidedBy.NOBODY)


def test_a_held_message_goes_on_unchanged_when_its_time_is_up_and_says_so(
    served: Served, target: RawServer
) -> None:
    use(served, rule_on('payload == "halt"', "hold", seconds="50ms"))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"halt"))
        assert server.take(10) == to_server(b"halt")
    served.closed()
    handling = handling_of(served, b"halt")
    assert (handling.fate, handling.decided_by) == (Fate.PASSED, DecidedBy.DEADLINE)
    assert handling.held_ns is not None
    assert handling.held_ns >= 45_000_000


def test_nothing_is_told_as_delivered_once_the_peer_has_gone(served: Served, target: RawServer) -> None:
    use(served, rule_on('payload == "halt"', "hold"))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"halt") + to_server(b"next"))
        held(served)
        server.reset()
        with pytest.raises(ConnectionResetError):
            client.rest()
    served.closed()
    held(served, 0)
    assert [handling_of(served, each).fate for each in (b"halt", b"next")] == [Fate.HELD, Fate.HELD]


def test_what_is_held_stays_held_when_its_rule_goes(served: Served, target: RawServer) -> None:
    use(served, rule_on('payload == "halt"', "hold"))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"halt") + to_server(b"one"))
        [message] = held(served)
        use(served)
        client.send(to_server(b"halt") + to_server(b"two"))
        server.send(to_client(b"the other way"))
        assert next_frame(client).payload == b"the other way"
        assert len(held(served)) == 1
        served.host.decide([message.key], Onward.PASS)
        said = b"".join(map(to_server, (b"halt", b"one", b"halt", b"two")))
        assert server.take(len(said)) == said
    served.closed()


def test_a_side_is_not_read_while_too_much_waits(tmp_path: Path, target: RawServer) -> None:
    limits = Limits(message_bytes=1 << 20, held_messages=10)
    with Served(tmp_path / "a.unmask", EngineSettings(limits=limits)) as served:
        use(served, rule_on('payload == "halt"', "hold"))
        with relayed(served, target) as (client, server):
            said = to_server(b"halt") + b"".join(to_server(b"%05d" % number) for number in range(20_000))
            client.socket.setblocking(False)
            at = client.socket.send(said)
            served.captured(lambda _: served.host.held.is_stuck, "the client is not read")
            [message] = served.host.held.messages
            client.socket.settimeout(10)
            served.host.decide([message.key], Onward.PASS)
            client.socket.sendall(said[at:])
            assert server.take(len(said)) == said
            served.captured(lambda _: not served.host.held.is_stuck, "it is read again")
        served.closed()


def test_the_end_of_a_stream_flushes_the_queue(served: Served, target: RawServer) -> None:
    use(served, rule_on('payload == "halt"', "hold"))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"halt") + to_server(b"next") + to_server(b"unfinished")[:7])
        held(served)
        client.say_no_more()
        assert server.rest() == to_server(b"halt") + to_server(b"next") + to_server(b"unfinished")[:7]
        server.send(to_client(b"the other way stays open"))
        assert next_frame(client).payload == b"the other way stays open"
    served.closed()


@pytest.mark.parametrize("side", Role)
def test_a_person_sends_along_in_the_middle_of_a_frame(served: Served, target: RawServer, side: Role) -> None:
    with relayed(served, target) as (client, server):
        speaker, listener = (server, client) if side is Role.CLIENT else (client, server)
        whole = to_client(b"a whole message") if side is Role.CLIENT else to_server(b"a whole message")
        speaker.send(whole[:9])
        assert listener.take(9) == whole[:9]
        send(served, OutgoingMessage(Opcode.TEXT, b"mine"), side)
        speaker.send(whole[9:])
        assert listener.take(len(whole) - 9) == whole[9:]
        frame = next_frame(listener)
        assert (frame.payload, frame.masked) == (b"mine", side is Role.SERVER)
        speaker.send(whole)
        assert listener.take(len(whole)) == whole
    served.closed()
    origins = [(each.frame.payload, each.row.origin) for each in frames_of(served.reader)]
    assert (b"mine", Origin.INJECTED) in origins


@pytest.mark.parametrize("side", Role)
def test_a_person_closes_either_side_with_a_code(served: Served, target: RawServer, side: Role) -> None:
    with relayed(served, target) as (client, server):
        asked, other = (client, server) if side is Role.CLIENT else (server, client)
        send(served, OutgoingClose(4001, "bye"), side)
        assert next_frame(asked).payload == b"\x0f\xa1bye"
        answer = to_server if side is Role.CLIENT else to_client
        asked.send(answer(b"\x0f\xa1", Opcode.CLOSE))
        assert next_frame(other).payload == b"\x0f\xa1"
    record = served.closed()
    assert (record.closed_by, record.close_code, record.reason) == (ClosedBy.UNMASK, 4001, "bye")


def test_a_close_that_nobody_answers_ends_the_connection(tmp_path: Path, target: RawServer) -> None:
    with Served(tmp_path / "a.unmask", EngineSettings(limits=Limits(close_seconds=0.05))) as served:
        with relayed(served, target) as (client, server):
            send(served, OutgoingClose(), Role.CLIENT)
            assert next_frame(client).opcode == Opcode.CLOSE
            assert client.rest() == b""
            assert server.rest() == b""
        served.closed()


@pytest.mark.parametrize("side", Role)
def test_one_side_is_cut_or_told_that_nothing_follows(served: Served, target: RawServer, side: Role) -> None:
    with relayed(served, target) as (client, server):
        asked, other = (client, server) if side is Role.CLIENT else (server, client)
        served.host.cut(Target(1, side), Cut.HALF_CLOSE)
        assert asked.rest() == b""
        speak = to_server if side is Role.CLIENT else to_client
        asked.send(speak(b"still here"))
        assert next_frame(other).payload == b"still here"
    served.closed()


@pytest.mark.parametrize("side", Role)
def test_a_person_resets_one_side_and_the_other_is_closed(
    served: Served, target: RawServer, side: Role
) -> None:
    with relayed(served, target) as (client, server):
        asked, other = (client, server) if side is Role.CLIENT else (server, client)
        served.host.cut(Target(1, side), Cut.RESET)
        with pytest.raises(ConnectionResetError):
            asked.rest()
        assert other.rest() == b""
    assert served.closed().closed_by is ClosedBy.UNMASK


def handling_of(served: Served, payload: bytes) -> Handling:
    """What the capture says was done to the frame with that payload."""
    [row] = [each.row for each in frames_of(served.reader) if each.frame.payload == payload]
    handling = served.reader.handlings.of(row.id)
    assert handling is not None
    return handling


def send(served: Served, outgoing: Outgoing, side: Role) -> None:
    """Send to a side of the only connection."""
    served.host.send(Target(1, side), outgoing)


def test_what_is_held_when_unmask_stops_is_recorded_as_held(tmp_path: Path, target: RawServer) -> None:
    path = tmp_path / "a.unmask"
    with Served(path, EngineSettings()) as served:
        use(served, rule_on('payload == "halt"', "hold"))
        with relayed(served, target) as (client, server):
            client.send(to_server(b"halt") + to_server(b"next"))
            held(served)
            served.host.stop()
            assert server.rest() == b""
            assert client.rest() == b""
    with closing(CaptureReader(path)) as reader:
        fates = {each.frame.payload: each.row.fate for each in frames_of(reader)}
    assert fates == {b"halt": Fate.HELD, b"next": Fate.HELD}


def test_what_is_held_may_be_decided_after_the_capture_was_saved(
    tmp_path: Path, served: Served, target: RawServer
) -> None:
    use(served, rule_on('payload == "halt"', "hold"))
    with relayed(served, target) as (client, server):
        client.send(to_server(b"halt"))
        [message] = held(served)
        served.host.save_as(tmp_path / "b.unmask")
        served.host.decide([message.key], Onward.DROP)
        client.send(to_server(b"next"))
        assert server.take(10) == to_server(b"next")
        until(lambda: served.host.recorder.path.name == "b.unmask", "it was saved")
        served.host.recorder.flush()
        with closing(CaptureReader(tmp_path / "b.unmask")) as reader:
            fates = {each.frame.payload: each.row.fate for each in frames_of(reader)}
    assert fates == {b"halt": Fate.DROPPED, b"next": Fate.PASSED}


def test_of_many_held_messages_all_are_counted_and_some_are_told(served: Served, target: RawServer) -> None:
    use(served, rule_on('payload contains "halt"', "hold"))
    with relayed(served, target) as (client, server):
        said = b"".join(to_server(b"halt %d" % number) for number in range(SHOWN + 200))
        client.send(said)
        told = held(served, SHOWN + 200)
        assert [each.payload for each in told] == [b"halt %d" % number for number in range(SHOWN)]
        assert (told[0].position, told[0].behind) == (0, SHOWN + 199)
        served.host.let_all_go()
        assert server.take(len(said)) == said
    served.closed()
