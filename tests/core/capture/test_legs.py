"""What endpoints and observers report becomes connections, legs, heads and broken rules of a capture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.follow import Follower, Handshake
from core.capture.legs import HeadPlace, HeadRecord, LegChange, LegEnd, LegRecord, Tls, head_place
from core.capture.reader import CaptureReader
from core.capture.records import ConnectionRecord, ConnectionState, Direction, Mode
from core.capture.tracks import Opened
from core.capture.writer import Batch, CaptureWriter
from core.protocol.endpoint import ClientSide, ConnectionLimits, Endpoint, ServerSide
from core.protocol.events import (
    ClosedBy,
    Event,
    ExchangeEnded,
    FrameSent,
    HeadPassedOn,
    HeadRuled,
    Origin,
    Report,
    RequestReceived,
    RequestSent,
    ResponseReceived,
)
from core.protocol.frames import Opcode, make_frame
from core.protocol.handshake import ResponseVerdict, ServerPolicy, client_request
from core.protocol.http11 import (
    HeadKind,
    HeadLimits,
    HeadParser,
    RequestHead,
    ResponseHead,
    write_response,
)
from core.protocol.observer import Observer
from core.protocol.state import Role, peer_of
from core.protocol.violations import Judgement, violation
from tests.tools.wires import KEY, masked, plain, request, response

C, S = Role.CLIENT, Role.SERVER
INWARD = {C: Direction.CLIENT_TO_SERVER, S: Direction.SERVER_TO_CLIENT}
LISTENED = Opened(Mode.LISTEN, "10.0.0.9:50000", "10.0.0.1:8080")
DIALLED = Opened(Mode.CONNECT, "10.0.0.2:80", "")
RELAYED = Opened(Mode.RELAY, "10.0.0.9:50000", "10.0.0.1:8080")
CLOSE = (1000).to_bytes(2, "big") + b"bye"


class Told:
    """A capture of one connection, and what it says."""

    def __init__(self, path: Path, opened: Opened) -> None:
        self.writer = CaptureWriter(path, "0")
        self.time_ns = 0
        self._put(opened)

    def keep(self, events: Sequence[Report], sender: Role) -> None:
        """What was received came from that side."""
        self._put(events, INWARD[sender])

    def change_leg(self, change: LegChange) -> None:
        self._put(change)

    def _put(
        self, events: Sequence[Report] | Opened | LegChange, received: Direction = Direction.CLIENT_TO_SERVER
    ) -> None:
        self.time_ns += 1
        self.writer.write([Batch(1, self.time_ns, events, 0, received)])

    @property
    def reader(self) -> CaptureReader:
        return CaptureReader(self.writer.path)

    @property
    def record(self) -> ConnectionRecord:
        with closing(self.reader) as reader:
            [found] = reader.connections()
            assert reader.connection(1) == found
        return found

    @property
    def legs(self) -> dict[Role, LegRecord]:
        with closing(self.reader) as reader:
            return {leg.side: leg for leg in reader.legs(1)}

    @property
    def heads(self) -> dict[HeadPlace, HeadRecord]:
        with closing(self.reader) as reader:
            return {head.place: head for head in reader.heads(1)}

    def frames(self) -> list[tuple[Direction, bytes, list[str]]]:
        """Which way each went, its payload, and the rules that it broke."""
        with closing(self.reader) as reader:
            return [
                (each.row.direction, each.frame.payload, [found.rule.id for found in each.violations])
                for each in reader.frames_after(0, 99)
            ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.unmask"


def worked_off(endpoint: Endpoint, data: bytes) -> Iterator[Event]:
    events = endpoint.receive_data(data)
    for event in events:
        yield event
        if isinstance(event, RequestReceived):
            yield from endpoint.answer(event.proposed)
    while endpoint.has_more:
        yield from endpoint.receive_data(b"")


def rules(head: HeadRecord) -> list[str]:
    return [found.rule.id for found in head.violations]


# A client that came in.


def listened(path: Path, *pieces: bytes) -> Told:
    told = Told(path, LISTENED)
    endpoint = Endpoint(ServerSide(ServerPolicy(judgement=Judgement.TOLERANT)))
    for piece in pieces:
        told.keep([*worked_off(endpoint, piece)], C)
    told.keep(endpoint.receive_eof(), C)
    return told


def test_a_client_that_came_in_has_one_leg(path: Path) -> None:
    told = listened(path, request(), masked(Opcode.PING), masked(1, b"hi"), masked(8, CLOSE), b"!")
    assert told.legs == {
        C: LegRecord(
            side=C,
            opened_ns=1,
            peer="10.0.0.9:50000",
            local="10.0.0.1:8080",
            connected_ns=1,
            answered_ns=2,
            first_message_ns=4,
            closed_ns=7,
            ended=LegEnd.CLOSED,
            trailing=b"!",
            trailing_length=1,
        )
    }
    assert [(place, head.raw[:14]) for place, head in told.heads.items()] == [
        (HeadPlace.CLIENT_REQUEST, b"GET / HTTP/1.1"),
        (HeadPlace.CLIENT_RESPONSE, b"HTTP/1.1 101 S"),
    ]
    found = told.record
    assert (found.request, found.response) == (request(), told.heads[HeadPlace.CLIENT_RESPONSE].raw)
    assert (found.peer, found.local, found.trailing) == ("10.0.0.9:50000", "10.0.0.1:8080", b"!")
    assert (found.closed_by, found.vanished, found.close_code) == (ClosedBy.CLIENT, False, 1000)


def test_a_client_that_vanishes(path: Path) -> None:
    told = listened(path, request(), masked(1, b"hi"))
    assert (told.record.closed_by, told.record.vanished) == (ClosedBy.CLIENT, True)
    assert told.legs[C].ended is LegEnd.VANISHED


def test_a_head_that_is_refused_says_what_it_broke(path: Path) -> None:
    told = listened(path, request().replace(b"Upgrade: websocket\r\n", b""))
    assert "upgrade-missing" in rules(told.heads[HeadPlace.CLIENT_REQUEST])
    assert rules(told.heads[HeadPlace.CLIENT_RESPONSE]) == []
    assert (told.record.state, told.record.status) == (ConnectionState.REFUSED, 426)
    assert told.legs[C].ended is LegEnd.CLOSED


def test_what_no_head_and_no_frame_broke_is_told_of_the_connection(path: Path) -> None:
    told = Told(path, LISTENED)
    endpoint = Endpoint(ServerSide(ServerPolicy()))
    told.keep([*worked_off(endpoint, request())], C)
    told.keep(endpoint.fail_for_memory(10, 20), C)
    with closing(told.reader) as reader:
        [problem] = reader.connection_problems(1)
    assert (problem.violation.rule.id, problem.frame, problem.head) == ("memory-exhausted", None, None)


# A server that Unmask dialled.


def dialled(
    path: Path, answer: bytes, *pieces: bytes, judgement: Judgement = Judgement.STRICT, end: bool = True
) -> Told:
    told = Told(path, DIALLED)
    offered = client_request(
        "10.0.0.2", "/chat?x=1", KEY, subprotocols=("a", "b"), deflate="permessage-deflate", origin="http://o"
    )
    limits = ConnectionLimits(HeadLimits(2000, 20))
    endpoint = Endpoint(ClientSide(offered, KEY, ("a", "b"), "permessage-deflate", judgement), limits)
    told.keep(endpoint.begin(), S)
    for piece in (answer, *pieces):
        told.keep([*worked_off(endpoint, piece)], S)
    if end:
        told.keep(endpoint.receive_eof(), S)
    return told


def agreeing(*headers: tuple[str, str], deflate: str | None = None) -> bytes:
    return response(deflate=deflate).replace(
        b"\r\n\r\n", b"".join(f"\r\n{name}: {value}".encode() for name, value in headers) + b"\r\n\r\n"
    )


def test_a_server_that_was_dialled_has_one_leg(path: Path) -> None:
    answer = agreeing(("Sec-WebSocket-Protocol", "b"), deflate="permessage-deflate")
    told = dialled(path, answer, plain(2, b"in"), plain(8, CLOSE))
    found = told.record
    assert (found.mode, found.state, found.path, found.origin) == (
        Mode.CONNECT,
        ConnectionState.CLOSED,
        "/chat?x=1",
        "http://o",
    )
    assert (found.status, found.subprotocol, found.extensions) == (101, "b", "permessage-deflate")
    assert b"Sec-WebSocket-Protocol: a, b\r\n" in found.request
    assert b"Sec-WebSocket-Extensions: permessage-deflate\r\n" in found.request
    assert found.response == answer
    assert (found.closed_by, found.close_code, found.reason) == (ClosedBy.SERVER, 1000, "bye")
    assert list(told.heads) == [HeadPlace.SERVER_REQUEST, HeadPlace.SERVER_RESPONSE]
    [leg] = told.legs.values()
    assert (leg.side, leg.peer, leg.opened_ns, leg.connected_ns) == (S, "10.0.0.2:80", 1, None)
    assert (leg.answered_ns, leg.first_message_ns, leg.closed_ns, leg.ended) == (3, 4, 6, LegEnd.CLOSED)
    assert [(way, payload[:2]) for way, payload, _ in told.frames()] == [
        (Direction.SERVER_TO_CLIENT, b"in"),
        (Direction.SERVER_TO_CLIENT, b"\x03\xe8"),
        (Direction.CLIENT_TO_SERVER, b"\x03\xe8"),
    ]


@pytest.mark.parametrize("judgement", Judgement)
def test_a_wrong_accept(path: Path, judgement: Judgement) -> None:
    answer = response().replace(b"Accept: s3pPL", b"Accept: x3pPL")
    told = dialled(path, answer, judgement=judgement, end=judgement is Judgement.STRICT)
    head = told.heads[HeadPlace.SERVER_RESPONSE]
    assert (head.raw, rules(head)) == (answer, ["accept-wrong"])
    at = head.violations[0].offset
    assert head.raw[at : at + head.violations[0].length].endswith(b": x3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    assert (told.record.path, told.record.status, told.record.violation_count) == ("/chat?x=1", 101, 1)
    if judgement is Judgement.STRICT:
        assert told.record.state is ConnectionState.REFUSED
        assert "Sec-WebSocket-Accept" in told.record.reason
        assert told.legs[S].ended is LegEnd.CLOSED
    else:
        assert (told.record.state, told.record.reason) == (ConnectionState.OPEN, "")


@pytest.mark.parametrize("status", [302, 401, 404, 503])
def test_another_status(path: Path, status: int) -> None:
    answer = write_response(status, [("Content-Length", "4")]) + b"page"
    told = dialled(path, answer)
    assert (told.record.state, told.record.status) == (ConnectionState.REFUSED, status)
    assert str(status) in told.record.reason
    assert told.record.response + told.record.trailing == answer
    assert rules(told.heads[HeadPlace.SERVER_RESPONSE]) == ["status-not-101"]


def test_what_comes_is_no_response(path: Path) -> None:
    told = dialled(path, b"\x16\x03\x01 no HTTP\r\n\r\n")
    found = told.record
    assert (found.state, found.status, found.path) == (ConnectionState.REFUSED, 0, "/chat?x=1")
    assert found.reason
    assert found.response.startswith(b"\x16\x03\x01")
    assert rules(told.heads[HeadPlace.SERVER_RESPONSE])


def test_a_server_that_cannot_be_reached(path: Path) -> None:
    told = Told(path, DIALLED)
    endpoint = Endpoint(ClientSide(request(), KEY))
    told.keep([*endpoint.abandon("Nobody listens there."), *endpoint.receive_eof()], S)
    assert (told.record.state, told.record.reason) == (ConnectionState.REFUSED, "Nobody listens there.")
    assert told.heads == {}
    assert told.legs[S].connected_ns is None


def test_what_becomes_known_of_a_leg(path: Path) -> None:
    tls = Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "http/1.1", "example.com", resumed=True, chain=b"der")
    told = Told(path, DIALLED)
    told.change_leg(LegChange(S, "10.0.0.3:443", "10.0.0.1:50000", connected_ns=20))
    told.change_leg(LegChange(S, secured_ns=30, tls=tls))
    assert told.legs == {
        S: LegRecord(S, 1, "10.0.0.3:443", "10.0.0.1:50000", tls, connected_ns=20, secured_ns=30),
    }
    told.change_leg(LegChange(C, "10.0.0.9:1", "10.0.0.1:2"))
    assert list(told.legs) == [C, S]
    assert told.legs[C].opened_ns == 4


# A connection that somebody else relays.


class Watched(Told):
    """An observer whose events go to a capture."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, RELAYED)
        self.observer = Observer()

    def say(self, sender: Role, data: bytes) -> None:
        self.keep(self.observer.feed(sender, data), sender)
        for role in (sender, peer_of(sender)):
            while self.observer.has_more(role):
                self.keep(self.observer.receive(role), role)

    def end(self, *senders: Role) -> None:
        for sender in senders:
            self.keep(self.observer.end(sender), sender)
        first = senders[0] if senders else None
        self.keep(self.observer.close(first), first or C)


@pytest.fixture
def watched(path: Path) -> Watched:
    watched = Watched(path)
    watched.change_leg(LegChange(S, "10.0.0.2:80", "10.0.0.1:40000", connected_ns=2))
    return watched


def test_a_relayed_connection_has_two_legs(watched: Watched) -> None:
    watched.say(C, request())
    watched.say(S, response())
    watched.say(C, masked(1, b"up"))
    watched.say(S, plain(1, b"down"))
    watched.say(C, masked(8, CLOSE))
    watched.say(S, plain(8, CLOSE))
    watched.end(S, C)
    found, legs = watched.record, watched.legs
    assert (found.state, found.mode) == (ConnectionState.CLOSED, Mode.RELAY)
    assert (found.closed_by, found.close_code, found.vanished) == (ClosedBy.CLIENT, 1000, False)
    assert (found.request, found.response) == (request(), response())
    assert {place: head.raw for place, head in watched.heads.items()} == {
        HeadPlace.CLIENT_REQUEST: request(),
        HeadPlace.SERVER_RESPONSE: response(),
    }
    assert [(leg.side, leg.peer, leg.ended) for leg in legs.values()] == [
        (C, "10.0.0.9:50000", LegEnd.CLOSED),
        (S, "10.0.0.2:80", LegEnd.CLOSED),
    ]
    assert legs[C].answered_ns == legs[S].answered_ns is not None
    assert (legs[C].first_message_ns or 0) < (legs[S].first_message_ns or 0)
    assert (legs[C].closed_ns or 0) > (legs[S].closed_ns or 0)
    assert [(way, payload[:4]) for way, payload, _ in watched.frames()] == [
        (Direction.CLIENT_TO_SERVER, b"up"),
        (Direction.SERVER_TO_CLIENT, b"down"),
        (Direction.CLIENT_TO_SERVER, CLOSE[:4]),
        (Direction.SERVER_TO_CLIENT, CLOSE[:4]),
    ]
    assert (found.bytes_in, found.bytes_out) == (
        len(masked(1, b"up") + masked(8, CLOSE)),
        len(plain(1, b"down") + plain(8, CLOSE)),
    )


def test_each_leg_has_what_trailed_on_it(watched: Watched) -> None:
    watched.say(C, request())
    watched.say(S, write_response(404, [("Content-Length", "4")]) + b"page")
    watched.say(C, b"unread")
    watched.end(S, C)
    assert {side: (leg.trailing, leg.trailing_length) for side, leg in watched.legs.items()} == {
        C: (b"unread", 6),
        S: (b"page", 4),
    }
    assert watched.record.trailing == b"unread"
    assert (watched.record.state, watched.record.status) == (ConnectionState.REFUSED, 404)


def test_both_sides_may_break_rules(watched: Watched) -> None:
    watched.say(C, request().replace(b"Sec-WebSocket-Version: 13\r\n", b""))
    watched.say(S, response().replace(b"Accept: s3pPL", b"Accept: x3pPL"))
    watched.say(C, plain(1, b"bare"))
    watched.say(S, masked(1, b"hidden"))
    heads = watched.heads
    assert rules(heads[HeadPlace.CLIENT_REQUEST]) == ["version-missing"]
    assert rules(heads[HeadPlace.SERVER_RESPONSE]) == ["accept-wrong"]
    assert watched.frames() == [
        (Direction.CLIENT_TO_SERVER, b"bare", ["mask-missing"]),
        (Direction.SERVER_TO_CLIENT, b"hidden", ["mask-forbidden"]),
    ]
    assert watched.record.violation_count == 4


@pytest.mark.parametrize("side", Role)
def test_the_side_that_vanished_is_known(watched: Watched, side: Role) -> None:
    watched.say(C, request())
    watched.say(S, response())
    watched.end(side, peer_of(side))
    expected = ClosedBy.CLIENT if side is C else ClosedBy.SERVER
    assert (watched.record.closed_by, watched.record.vanished) == (expected, True)
    legs = watched.legs
    assert (legs[side].ended, legs[peer_of(side)].ended) == (LegEnd.VANISHED, LegEnd.CUT)


def test_unmask_may_cut_both(watched: Watched) -> None:
    watched.say(C, request())
    watched.say(S, response())
    watched.end()
    assert (watched.record.closed_by, watched.record.vanished) == (ClosedBy.UNMASK, False)
    assert {leg.ended for leg in watched.legs.values()} == {LegEnd.CUT}


@pytest.mark.parametrize("sender", Role)
def test_a_head_that_is_none(watched: Watched, sender: Role) -> None:
    if sender is S:
        watched.say(C, request())
    watched.say(sender, b"\x16\x03\x01 no HTTP\r\n\r\n")
    watched.end(sender, peer_of(sender))
    place = HeadPlace.CLIENT_REQUEST if sender is C else HeadPlace.SERVER_RESPONSE
    assert watched.heads[place].raw.startswith(b"\x16\x03\x01")
    assert rules(watched.heads[place])
    assert watched.record.state is ConnectionState.REFUSED
    shown = watched.record.request if sender is C else watched.record.response
    assert shown == watched.heads[place].raw


# Frames of either side.


def test_frames_that_are_sent_may_break_rules(path: Path) -> None:
    told = Told(path, LISTENED)
    told.keep([FrameSent(make_frame(1, b"x", rsv=2), Origin.COMPOSED, None, (violation("rsv2-set"),))], C)
    assert told.frames() == [(Direction.SERVER_TO_CLIENT, b"x", ["rsv2-set"])]
    assert told.record.violation_count == 1


def test_in_another_capture_an_open_connection_has_all_its_rows_again(path: Path, tmp_path: Path) -> None:
    told = listened_open(path)
    legs, heads = told.legs, told.heads
    told.writer.start_new(tmp_path / "b.unmask")
    assert (told.legs, told.heads) == (legs, heads)
    assert (told.record.path, told.record.frame_count) == ("/", 0)


def listened_open(path: Path) -> Told:
    told = Told(path, LISTENED)
    endpoint = Endpoint(ServerSide(ServerPolicy()))
    told.keep([*worked_off(endpoint, request())], C)
    told.keep([*worked_off(endpoint, masked(1, b"hi"))], C)
    return told


def test_forgetting_a_connection_takes_its_legs_and_heads(path: Path) -> None:
    told = listened(path, request())
    told.writer.clear_connection(1)
    assert (told.legs, told.heads) == ({}, {})


@pytest.mark.parametrize("place", HeadPlace)
def test_a_place_is_a_side_and_a_kind(place: HeadPlace) -> None:
    assert head_place(place.side, place.kind is HeadKind.RESPONSE) is place
    assert place.name == f"{place.side.name}_{place.kind.name}"


def test_a_place_that_there_is_not() -> None:
    for side, kind in ((2, 0), (0, 2), (-1, 1)):
        with pytest.raises(ValueError, match=r"HeadPlace|of kind"):
            head_place(side, kind)


def plain_exchange(path: Path, *ending: Event) -> Told:
    told = Told(path, RELAYED)
    asked = HeadParser(HeadKind.REQUEST).feed(b"GET /page HTTP/1.1\r\nHost: h\r\n\r\n")
    answered = HeadParser(HeadKind.RESPONSE).feed(b"HTTP/1.1 200 OK\r\n\r\n")
    assert isinstance(asked, RequestHead)
    assert isinstance(answered, ResponseHead)
    told.keep([RequestSent(asked.raw, asked)], Role.CLIENT)
    told.change_leg(LegChange(Role.SERVER, "10.0.0.2:80"))
    told.keep([ResponseReceived(answered, ResponseVerdict(()), accepted=False, is_plain=True)], Role.SERVER)
    assert (told.record.state, told.record.closed_ns) == (ConnectionState.EXCHANGED, None)
    told.keep(ending, Role.CLIENT)
    return told


def test_an_exchange_is_a_record_with_the_sizes_of_its_bodies(path: Path) -> None:
    told = plain_exchange(path, ExchangeEnded(3, 5_000_000_000, is_plain=True))
    record = told.record
    assert (record.state, record.status, record.path) == (ConnectionState.EXCHANGED, 200, "/page")
    assert (record.bytes_in, record.bytes_out, record.frame_count) == (3, 5_000_000_000, 0)
    assert (record.closed_by, record.vanished, record.close_code) == (ClosedBy.NOBODY, False, None)
    assert {leg.ended for leg in told.legs.values()} == {LegEnd.CLOSED}


def test_who_left_an_exchange_unfinished_is_told(path: Path) -> None:
    told = plain_exchange(path, ExchangeEnded(0, 9, True, Role.SERVER, "It was cut."))
    record = told.record
    assert (record.closed_by, record.vanished, record.reason) == (ClosedBy.SERVER, True, "It was cut.")
    ended = {side: leg.ended for side, leg in told.legs.items()}
    assert ended == {Role.CLIENT: LegEnd.CUT, Role.SERVER: LegEnd.VANISHED}


def test_that_an_observer_looked_away_is_told(path: Path) -> None:
    told = plain_exchange(path, *Observer().look_away(900, 1000))
    with closing(told.reader) as reader:
        (problem,) = reader.problems(0, 9)
    assert problem.violation.rule.id == "memory-exhausted"
    assert "passes unread" in problem.violation.detail


def test_what_rules_made_of_heads(path: Path) -> None:
    told = Told(path, RELAYED)
    asked, answered = request(), response()
    observer = Observer()
    told.keep(observer.feed(C, asked), C)
    told.keep(
        [HeadRuled(HeadKind.REQUEST, ("No cookies",), 5), HeadPassedOn(asked + b" ", is_masked=True)], C
    )
    told.keep(observer.feed(S, answered), S)
    told.keep([HeadPassedOn(answered + b" ", HeadKind.RESPONSE), HeadRuled(HeadKind.RESPONSE, ("a", "b"))], S)
    heads = told.heads
    assert {place: (each.rules, each.held_ns, each.is_masked) for place, each in heads.items()} == {
        HeadPlace.CLIENT_REQUEST: (("No cookies",), 5, False),
        HeadPlace.SERVER_REQUEST: ((), None, True),
        HeadPlace.SERVER_RESPONSE: (("a", "b"), None, False),
        HeadPlace.CLIENT_RESPONSE: ((), None, False),
    }
    assert heads[HeadPlace.CLIENT_RESPONSE].raw == answered + b" "
    with closing(told.reader) as reader:
        [entry] = Follower(reader).entries()
    assert isinstance(entry, Handshake)
    assert (entry.passed_request, entry.passed_response) == (asked + b" ", answered + b" ")
    assert entry.rules == ("No cookies", "a", "b")


def test_rules_of_an_answer_of_our_own(path: Path) -> None:
    told = Told(path, LISTENED)
    told.keep([HeadRuled(HeadKind.REQUEST, ("too early",))], C)
    endpoint = Endpoint(ServerSide(ServerPolicy()))
    told.keep(list(worked_off(endpoint, request())), C)
    told.keep([HeadRuled(HeadKind.RESPONSE, ("Wrong",))], C)
    assert [each.rules for each in told.heads.values()] == [(), ("Wrong",)]
