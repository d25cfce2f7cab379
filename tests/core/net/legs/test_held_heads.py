"""Requests and responses that wait for a person, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.capture.legs import HeadPlace
from core.capture.records import ConnectionState
from core.net.connect_request import ConnectRequest, parse_url
from core.net.settings import EngineSettings
from core.protocol.frames import Opcode
from core.protocol.http11 import HeadKind
from core.protocol.state import Role
from core.rules.decision import Answer, Decision, HeldMessage
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from core.rules.verdict import Onward, Replacement
from tests.tools.raw_end import RawEnd
from tests.tools.raw_peer import RawPeer
from tests.tools.raw_server import RawServer
from tests.tools.ruled_relay import accepted, held, next_frame, to_client, to_server, use
from tests.tools.served import Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings()) as running:
        yield running


def holding(moment: Moment, seconds: str = "5m") -> Rule:
    return Rule(1, "hold it", Condition(moment), (ActionText("hold", (("seconds", seconds),)),))


def decide(served: Served, decision: Decision) -> HeldMessage:
    [waiting] = held(served)
    served.host.decide([waiting.key], decision)
    return waiting


def head_at(served: Served, place: HeadPlace) -> bytes:
    reader = served.captured(
        lambda reader: any(each.place is place for each in reader.heads(1)), "the head is there"
    )
    return next(each.raw for each in reader.heads(1) if each.place is place)


def was_held(served: Served) -> bool:
    [record] = [each for each in served.reader.heads(1) if each.place is HeadPlace.CLIENT_REQUEST]
    return record.rules == ("hold it",) and bool(record.held_ns)


@pytest.mark.parametrize("moment", [Moment.REQUEST, Moment.RESPONSE])
def test_a_client_waits_for_a_person(served: Served, moment: Moment) -> None:
    use(served, holding(moment))
    with RawPeer(served.port) as peer:
        request = peer.request("/room")
        peer.send(request + to_server(b"early"))
        waiting = decide(served, Onward.PASS)
        assert peer.head().startswith(b"HTTP/1.1 101 ")
        peer.send(to_server(b"late"))
        reader = served.captured(lambda reader: reader.last_frame_id() == 2, "both messages came")
    is_request = moment is Moment.REQUEST
    assert (waiting.head, waiting.sender) == (
        (HeadKind.REQUEST, Role.CLIENT) if is_request else (HeadKind.RESPONSE, Role.SERVER)
    )
    assert waiting.rules == ("hold it",)
    assert waiting.payload == request if is_request else waiting.payload.startswith(b"HTTP/1.1 101 ")
    place = HeadPlace.CLIENT_REQUEST if is_request else HeadPlace.CLIENT_RESPONSE
    [record] = [each for each in reader.heads(1) if each.place is place]
    assert record.rules == ("hold it",)
    assert record.held_ns is not None
    assert record.held_ns > 0


def test_a_client_is_never_answered_where_its_request_is_dropped(served: Served) -> None:
    use(served, holding(Moment.REQUEST))
    with RawPeer(served.port) as peer:
        peer.send(peer.request())
        decide(served, Onward.DROP)
        held(served, 0)
    assert served.closed().status == 0


def test_a_client_is_answered_by_a_person(served: Served) -> None:
    use(served, holding(Moment.REQUEST))
    raw = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\n\r\nslowly"
    with RawPeer(served.port) as peer:
        peer.send(peer.request())
        decide(served, Answer(Replacement(Opcode.TEXT, raw)))
        head = peer.head()
        assert head.startswith(b"HTTP/1.1 429 ")
        assert b"\r\nRetry-After: 5\r\n" in head
        assert peer.rest() == b"slowly"
    assert served.closed().state is ConnectionState.REFUSED


def test_an_answer_is_changed_by_a_person(served: Served) -> None:
    use(served, holding(Moment.RESPONSE))
    with RawPeer(served.port) as peer:
        peer.send(peer.request())
        [waiting] = held(served)
        changed = waiting.payload.replace(b"\r\n\r\n", b"\r\nX-By: Ann\r\n\r\n")
        served.host.decide([waiting.key], Replacement(Opcode.TEXT, changed))
        assert peer.head() == changed


def test_what_is_no_head_stays_held(served: Served) -> None:
    use(served, holding(Moment.REQUEST))
    with RawPeer(served.port) as peer:
        peer.send(peer.request())
        decide(served, Replacement(Opcode.TEXT, b"hello"))
        assert served.failure().sentence.startswith("This is no head of a request")
        decide(served, Onward.PASS)
        assert peer.head().startswith(b"HTTP/1.1 101 ")


def test_time_lets_a_request_go(served: Served) -> None:
    use(served, holding(Moment.REQUEST, "20ms"))
    with RawPeer(served.port) as peer:
        peer.send(peer.request())
        assert peer.head().startswith(b"HTTP/1.1 101 ")
    held(served, 0)


def test_a_client_that_leaves_waits_no_more(served: Served) -> None:
    use(served, holding(Moment.REQUEST))
    with RawPeer(served.port) as peer:
        peer.send(peer.request())
        held(served)
    held(served, 0)
    served.closed()
    assert was_held(served)


def asked(peer: RawPeer) -> bytes:
    request = peer.request("/room")
    peer.send(request)
    return request


def talk(peer: RawPeer, server: RawEnd) -> None:
    peer.send(to_server(b"to you"))
    assert next_frame(server).payload == b"to you"
    server.send(to_client(b"to me"))
    assert next_frame(peer).payload == b"to me"


def test_a_relayed_request_waits_and_is_changed(served: Served, target: RawServer) -> None:
    use(served, holding(Moment.REQUEST))
    with RawPeer(served.relay(target.url)) as peer:
        request = asked(peer)
        [waiting] = held(served)
        assert waiting.payload == request
        changed = request.replace(b"/room", b"/other").replace(b"\r\n\r\n", b"\r\nX-By: Ann\r\n\r\n")
        served.host.decide([waiting.key], Replacement(Opcode.TEXT, changed))
        with target.accepted() as server:
            head = server.head()
            assert head.startswith(b"GET /other ")
            assert b"\r\nX-By: Ann\r\n" in head
            server.send(accepted())
            assert peer.head() == accepted()
            talk(peer, server)
    assert head_at(served, HeadPlace.CLIENT_REQUEST) == request
    assert head_at(served, HeadPlace.SERVER_REQUEST).startswith(b"GET /other ")


def test_a_relayed_request_is_answered_instead(served: Served, target: RawServer) -> None:
    use(served, holding(Moment.REQUEST))
    with RawPeer(served.relay(target.url)) as peer:
        request = asked(peer)
        decide(served, Answer(Replacement(Opcode.TEXT, request)))
        assert peer.head().startswith(b"HTTP/1.1 403 ")
    assert served.closed().status == 403


def test_a_relayed_response_waits_and_what_comes_behind_it(served: Served, target: RawServer) -> None:
    use(served, holding(Moment.RESPONSE))
    with RawPeer(served.relay(target.url)) as peer:
        asked(peer)
        with target.accepted() as server:
            server.head()
            server.send(accepted() + to_client(b"behind"))
            [waiting] = held(served)
            assert (waiting.head, waiting.payload) == (HeadKind.RESPONSE, accepted())
            changed = accepted().replace(b"\r\n\r\n", b"\r\nX-By: Ann\r\n\r\n")
            served.host.decide([waiting.key], Replacement(Opcode.TEXT, changed))
            assert peer.head() == changed
            assert next_frame(peer).payload == b"behind"
            talk(peer, server)
    assert head_at(served, HeadPlace.SERVER_RESPONSE) == accepted()


def test_everything_goes_on_at_once(served: Served, target: RawServer) -> None:
    use(served, holding(Moment.REQUEST))
    with RawPeer(served.relay(target.url)) as peer:
        asked(peer)
        held(served)
        served.host.let_all_go()
        with target.accepted() as server:
            server.head()
            server.send(accepted())
            assert peer.head() == accepted()


def test_a_relayed_client_that_leaves_waits_no_more(served: Served, target: RawServer) -> None:
    use(served, holding(Moment.REQUEST))
    with RawPeer(served.relay(target.url)) as peer:
        asked(peer)
        held(served)
    held(served, 0)
    served.closed()
    assert was_held(served)


def test_our_own_request_waits(served: Served, target: RawServer) -> None:
    use(served, holding(Moment.REQUEST))
    served.host.connect(ConnectRequest(parse_url(target.url)))
    with target.accepted() as server:
        [waiting] = held(served)
        changed = waiting.payload.replace(b"\r\n\r\n", b"\r\nX-By: Ann\r\n\r\n")
        served.host.decide([waiting.key], Replacement(Opcode.TEXT, changed))
        assert b"\r\nX-By: Ann\r\n" in server.head()
    served.closed()
    served.failure()
