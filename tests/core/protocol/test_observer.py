"""An observer tells of both directions what two endpoints tell, and keeps account of every byte."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.deflate import DeflateParameters, DeflatePolicy, Deflater
from core.protocol.endpoint import ClientSide, ConnectionLimits, Endpoint, ServerSide
from core.protocol.events import (
    ClosedBy,
    ConnectionClosed,
    Event,
    FrameReceived,
    HandshakeFailed,
    Message,
    Origin,
    RequestSent,
    ResponseReceived,
    StreamEnded,
    singly,
)
from core.protocol.frames import RSV1, Opcode, make_frame
from core.protocol.handshake import ServerPolicy, client_request
from core.protocol.http11 import HeadLimits, write_response
from core.protocol.observer import Observer
from core.protocol.state import ReadyState, Role, peer_of
from core.protocol.violations import Judgement
from tests.core.protocol.test_judge import CASES, Case
from tests.tools.wires import (
    KEY,
    answered,
    cut,
    masked,
    opened_client,
    opened_server,
    plain,
    received,
    request,
    response,
)

C, S = Role.CLIENT, Role.SERVER
CUTS = st.lists(st.integers(0, 1 << 20), max_size=8)
PARAMETERS = (
    "permessage-deflate",
    "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
)
POLICIES = (
    None,
    DeflatePolicy(),
    DeflatePolicy(server_no_context_takeover=True, client_no_context_takeover=True),
    DeflatePolicy(client_max_window_bits=9),
)
OFFER = "permessage-deflate; client_max_window_bits; server_max_window_bits=10"


ALIKE = [case for case in CASES if case.limits is None and case.rule != "length-top-bit"]
"""Where a frame is longer than what is held an endpoint ends, and an observer reads on."""


class Watched:
    """An observer, and all that it told of."""

    def __init__(self, limits: ConnectionLimits | None = None) -> None:
        self.observer = Observer(limits)
        self.events: dict[Role, list[Event]] = {C: [], S: []}

    def feed(self, sender: Role, *pieces: bytes) -> list[Event]:
        before = len(self.events[sender])
        for piece in pieces:
            self.events[sender] += self.observer.feed(sender, piece)
            for role in (sender, peer_of(sender)):
                while self.observer.has_more(role):
                    self.events[role] += singly(self.observer.receive(role))
        return self.events[sender][before:]

    def end(self, first: Role | None = C) -> ConnectionClosed:
        for sender in (C, S):
            self.events[sender] += self.observer.end(sender)
        *others, closed = self.observer.close(first)
        assert isinstance(closed, ConnectionClosed)
        self.events[C] += others
        return closed

    def frames(self, sender: Role) -> list[FrameReceived]:
        return received(self.events[sender])

    def said(self, sender: Role) -> list[Message]:
        return [event.message for event in self.frames(sender) if event.message is not None]

    def rules(self, sender: Role) -> list[str]:
        return [found.rule.id for event in self.frames(sender) for found in event.violations]

    def account(self, sender: Role) -> bytes:
        """Every byte that it told of, after the head."""
        told = b"".join(event.frame.wire() for event in self.frames(sender))
        return told + b"".join(
            event.trailing for event in self.events[sender] if isinstance(event, StreamEnded)
        )


def opened(deflate: str | None = None, limits: ConnectionLimits | None = None) -> Watched:
    watched = Watched(limits)
    watched.feed(C, request(deflate=OFFER if deflate else None))
    watched.feed(S, response(deflate=deflate))
    assert watched.observer.state is ReadyState.OPEN
    return watched


def endpoint_for(sender: Role, deflate: str | None, limits: ConnectionLimits | None) -> Endpoint:
    """The tolerant endpoint that `sender` talks to."""
    if sender is C:
        return opened_server(Judgement.TOLERANT, limits=limits, deflate=deflate)
    return opened_client(Judgement.TOLERANT, limits=limits, deflate=deflate)


def told_by(endpoint: Endpoint, pieces: Iterable[bytes]) -> list[FrameReceived]:
    events: list[Event] = []
    for piece in pieces:
        events += endpoint.receive_data(piece)
        while endpoint.has_more:
            events += endpoint.receive_data(b"")
    return received([*events, *endpoint.receive_eof()])


@pytest.mark.parametrize("case", ALIKE, ids=str)
@pytest.mark.parametrize("width", [1, 7, 1000])
def test_it_finds_what_a_tolerant_endpoint_finds(case: Case, width: int) -> None:
    sender = peer_of(case.role)
    wire = bytes.fromhex(case.wire)
    pieces = [wire[at : at + width] for at in range(0, len(wire), width)]
    watched = opened(case.deflate)
    watched.feed(sender, *pieces)
    watched.end()
    assert case.rule in watched.rules(sender)
    assert watched.frames(sender) == told_by(endpoint_for(sender, case.deflate, None), pieces)
    assert watched.account(sender) == wire


@given(
    st.lists(
        st.tuples(st.sampled_from([C, S]), st.binary(max_size=300) | st.text(max_size=60), st.integers(1, 3)),
        max_size=8,
    ),
    st.sampled_from(POLICIES),
    CUTS,
)
def test_two_endpoints_talk_and_it_understands_both(
    talk: list[tuple[Role, bytes | str, int]], policy: DeflatePolicy | None, places: list[int]
) -> None:
    asking = client_request("localhost", "/", KEY, deflate=OFFER)
    ends = {
        C: Endpoint(ClientSide(asking, KEY, deflate_offer=OFFER)),
        S: Endpoint(ServerSide(ServerPolicy(deflate=policy))),
    }
    watched = Watched()
    ends[C].begin()
    heard: dict[Role, list[FrameReceived]] = {C: [], S: []}

    def pass_on(sender: Role) -> None:
        wire = ends[sender].data_to_send()
        watched.feed(sender, *cut(wire, places))
        heard[sender] += received(answered(ends[peer_of(sender)], wire))

    pass_on(C)
    pass_on(S)
    assert watched.observer.deflate == ends[C].deflate
    assert (ends[C].deflate is not None) is (policy is not None)
    for sender, content, fragments in talk:
        opcode = Opcode.TEXT if isinstance(content, str) else Opcode.BINARY
        payload = content.encode() if isinstance(content, str) else content
        ends[sender].send_message(opcode, payload, origin=Origin.COMPOSED, fragments=fragments)
        pass_on(sender)
    ends[C].send_close(1000, "bye", origin=Origin.COMPOSED)
    pass_on(C)
    pass_on(S)
    assert watched.frames(C) == heard[C]
    assert watched.frames(S) == heard[S]
    assert watched.rules(C) == watched.rules(S) == []
    assert watched.end(S) == ConnectionClosed(1000, "bye", ClosedBy.CLIENT)


@given(st.binary(max_size=400), st.binary(max_size=400), CUTS, st.sampled_from([0, 20, 1 << 20]))
def test_every_byte_is_accounted_for(client: bytes, server: bytes, places: list[int], limit: int) -> None:
    """No byte of any stream is lost, except what exceeds the limit on held bytes."""
    watched = opened(limits=ConnectionLimits(message_bytes=limit))
    watched.feed(C, *cut(client, places))
    watched.feed(S, *cut(server, places))
    watched.end()
    for sender, data in ((C, client), (S, server)):
        account = watched.account(sender)
        if not any(event.frame.truncated for event in watched.frames(sender)):
            assert account == data
        else:
            assert len(account) <= len(data)


@pytest.mark.parametrize("width", [1, 2, 50])
@pytest.mark.parametrize("hasty", [b"", masked(1, b"before the answer")])
def test_heads_cut_anywhere(width: int, hasty: bytes) -> None:
    watched = Watched()
    asking, answering = request() + hasty, response() + plain(2, b"\0")
    (asked,) = watched.feed(C, *cut(asking, range(0, len(asking), width)))
    assert isinstance(asked, RequestSent)
    assert (asked.raw, asked.violations) == (request(), ())
    answered, first = watched.feed(S, *cut(answering, range(0, len(answering), width)))
    assert isinstance(answered, ResponseReceived)
    assert (answered.accepted, answered.verdict.violations) == (True, ())
    assert isinstance(first, FrameReceived)
    assert watched.account(C) == hasty


def test_a_response_that_is_no_101_ends_it() -> None:
    watched = Watched()
    watched.feed(C, request() + b"hasty")
    refusal = write_response(401, [("Content-Length", "2")], b"no")
    (answered,) = watched.feed(S, refusal)
    assert isinstance(answered, ResponseReceived)
    assert (answered.accepted, watched.observer.state) == (False, ReadyState.CLOSED)
    watched.feed(C, masked(1, b"more"))
    closed = watched.end(S)
    assert (closed.code, closed.closed_by, closed.vanished) == (1006, ClosedBy.SERVER, True)
    assert watched.account(C) == b"hasty" + masked(1, b"more")
    assert watched.account(S) == b"no"


def test_interim_responses_are_passed_over() -> None:
    watched = Watched()
    watched.feed(C, request())
    hints = write_response(103, [("Link", "</a.css>")])
    (answered,) = watched.feed(S, *cut(hints * 2 + response(), range(0, 300, 7)))
    assert isinstance(answered, ResponseReceived)
    assert (answered.response.status, answered.accepted) == (101, True)


def test_a_wrong_accept_is_noted_and_the_frames_are_read() -> None:
    watched = Watched()
    watched.feed(C, request())
    wrong = response().replace(b"Sec-WebSocket-Accept: s3", b"Sec-WebSocket-Accept: S3")
    (answered, frame) = watched.feed(S, wrong + plain(1, b"hi"))
    assert isinstance(answered, ResponseReceived)
    assert [found.rule.id for found in answered.verdict.violations] == ["accept-wrong"]
    assert answered.accepted
    assert isinstance(frame, FrameReceived)


@pytest.mark.parametrize("sender", [C, S])
def test_what_is_no_head_is_kept(sender: Role) -> None:
    watched = Watched(ConnectionLimits(HeadLimits(100, 5)))
    if sender is S:
        watched.feed(C, request()[:50])
    junk = b"\x16\x03\x01" + bytes(150)
    (failed,) = watched.feed(sender, junk)
    assert isinstance(failed, HandshakeFailed)
    assert (failed.sender, failed.answer.response) == (sender, b"")
    watched.feed(sender, b"tail")
    closed = watched.end(None)
    assert (closed.closed_by, closed.vanished) == (ClosedBy.UNMASK, False)
    assert failed.raw + watched.account(sender) == junk + b"tail"


def test_a_client_that_goes_before_its_request_is_whole() -> None:
    watched = Watched()
    watched.feed(C, request()[:20])
    watched.end(C)
    failed = next(event for event in watched.events[C] if isinstance(event, HandshakeFailed))
    assert [found.rule.id for found in failed.answer.violations] == ["head-incomplete"]


@pytest.mark.parametrize("width", [1, 16, 10_000])
def test_a_frame_that_is_too_long_to_hold_is_read_past(width: int) -> None:
    watched = opened(limits=ConnectionLimits(message_bytes=100))
    long = masked(2, bytes(range(256)) * 4)
    wire = masked(1, b"before") + long + masked(1, b"after") + masked(9, b"ping")
    watched.feed(C, *cut(wire, range(0, len(wire), width)))
    before, passed, after, ping = watched.frames(C)
    assert [event.message and event.message.payload for event in (before, after)] == [b"before", b"after"]
    assert (passed.frame.declared_length, passed.message) == (1024, None)
    assert passed.frame.wire() == long[: len(passed.frame.wire())]
    assert [found.rule.id for found in passed.violations] == ["not-held"]
    assert ping.frame.payload == b"ping"
    assert watched.observer.held_bytes < 1000


def test_a_stream_that_ends_inside_such_a_frame() -> None:
    watched = opened(limits=ConnectionLimits(message_bytes=100))
    watched.feed(S, plain(2, bytes(1000))[:50])
    watched.feed(S, bytes(500))
    watched.end(S)
    (passed,) = watched.frames(S)
    details = [found.detail for found in passed.violations if found.rule.id == "frame-truncated"]
    assert details == ["546 of 1000 payload bytes came"]


def test_messages_too_large_to_hold_are_no_fault_of_who_sends_them() -> None:
    watched = opened(limits=ConnectionLimits(message_bytes=100))
    for part in (masked(2, bytes(80), fin=False), masked(0, bytes(80)), masked(1, b"next")):
        watched.feed(C, part)
    assert watched.rules(C) == ["not-held"]
    assert [message.payload for message in watched.said(C)] == [b"next"]


@pytest.mark.parametrize("deflate", PARAMETERS)
def test_what_refers_to_a_message_that_was_not_held_is_not_called_corrupt(deflate: str) -> None:
    watched = opened(deflate, ConnectionLimits(message_bytes=1000))
    keeps = "takeover" not in deflate
    parameters = DeflateParameters(client_no_context_takeover=not keeps, server_no_context_takeover=not keeps)
    deflater = Deflater(parameters, S)
    noise = bytes(index * index % 251 for index in range(900))
    for payload in (noise, bytes(5000), noise, b"end"):
        watched.feed(S, make_frame(2, deflater.compress(payload), rsv=RSV1).wire())
    found = watched.rules(S)
    said = [message.payload for message in watched.said(S)]
    if keeps:
        assert found == ["not-held", "not-inflated", "not-inflated"]
        assert said == [noise]
    else:
        assert found == ["not-held"]
        assert said == [noise, noise, b"end"]


@pytest.mark.parametrize("first", [C, S])
def test_who_sent_the_first_close_frame_closed_it(first: Role) -> None:
    closes = {C: masked(8, b"\x03\xe8bye"), S: plain(8, b"\x03\xe8bye")}
    watched = opened()
    for sender in (first, peer_of(first)):
        watched.feed(sender, closes[sender])
    closed = watched.end(peer_of(first))
    by = ClosedBy.CLIENT if first is C else ClosedBy.SERVER
    assert closed == ConnectionClosed(1000, "bye", by)


def test_too_much_before_the_answer_is_kept_but_not_read() -> None:
    watched = Watched(ConnectionLimits(trailing_bytes=10))
    watched.feed(C, request() + masked(1, b"twenty bytes of text"))
    watched.feed(S, response() + plain(1, b"fine"))
    watched.feed(C, masked(1, b"more"))
    watched.end()
    assert [message.payload for message in watched.said(S)] == [b"fine"]
    (ended,) = [event for event in watched.events[C] if isinstance(event, StreamEnded)]
    assert (len(ended.trailing), ended.trailing_length) == (10, 26 + 10)
