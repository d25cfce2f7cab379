"""Raw bytes of an endpoint: what they mean to the receiver is what is reported, also of what follows them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotOpenError
from core.protocol.deflate import DeflateParameters, DeflatePolicy, Deflater
from core.protocol.endpoint import ClientSide, Endpoint, ServerSide
from core.protocol.events import ConnectionClosed, Event, FrameReceived, FrameSent, Origin, RequestReceived
from core.protocol.frames import RSV1, Opcode, make_frame
from core.protocol.handshake import ServerPolicy, client_request
from core.protocol.raw_frames import RawFrame
from core.protocol.state import ReadyState, Role
from core.protocol.violations import Judgement

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASK = bytes.fromhex("37fa213d")
BY_HAND = Origin.COMPOSED


class Pair:
    """A client and a server that are connected by hand."""

    def __init__(self, *, deflate: str | None = None) -> None:
        request = client_request("127.0.0.1:8080", "/", KEY, deflate=deflate)
        self.client = Endpoint(ClientSide(request, KEY, (), deflate, Judgement.TOLERANT))
        policy = ServerPolicy(judgement=Judgement.TOLERANT, deflate=DeflatePolicy())
        self.server = Endpoint(ServerSide(policy))
        self.client.begin()
        self.to_server()
        self.to_client()

    def to_server(self) -> list[Event]:
        return _pass(self.client, self.server)

    def to_client(self) -> list[Event]:
        return _pass(self.server, self.client)


def _pass(sender: Endpoint, receiver: Endpoint) -> list[Event]:
    """What the receiver makes of the bytes that wait at the sender."""
    events = receiver.receive_data(sender.data_to_send())
    for event in tuple(events):
        if isinstance(event, RequestReceived):
            events += receiver.answer(event.proposed)
    while receiver.has_more:
        events += receiver.receive_data(b"")
    return events


def sent(events: list[Event]) -> list[FrameSent]:
    return [event for event in events if isinstance(event, FrameSent)]


def rules(event: FrameSent | FrameReceived) -> list[str]:
    return [found.rule.id for found in event.violations]


def test_a_frame_in_pieces_is_reported_with_its_last_one() -> None:
    pair = Pair()
    wire = RawFrame(Opcode.TEXT, b"Hello", masking_key=MASK).wire()
    assert pair.client.begin_raw() == []
    assert pair.client.send_raw(wire[:4], origin=BY_HAND) == []
    (event,) = sent(pair.client.send_raw(wire[4:], origin=BY_HAND))
    assert event.frame == make_frame(Opcode.TEXT, b"Hello", masking_key=MASK)
    assert event.message is not None
    assert rules(event) == []
    assert pair.client.end_raw() == []
    (received,) = pair.to_server()
    assert isinstance(received, FrameReceived)
    assert received.frame == event.frame


def test_the_broken_rules_are_those_that_the_receiver_sees() -> None:
    pair = Pair()
    wire = RawFrame(Opcode.PING, bytes(130), fin=False, rsv=RSV1).wire()
    pair.client.begin_raw()
    (event,) = sent(pair.client.send_raw(wire, origin=BY_HAND))
    pair.client.end_raw()
    (received, *_) = pair.to_server()
    assert isinstance(received, FrameReceived)
    assert rules(event) == rules(received) != []


def test_a_length_that_lies_swallows_what_is_sent_behind_it() -> None:
    pair = Pair()
    pair.client.begin_raw()
    lying = RawFrame(Opcode.BINARY, b"abc", masking_key=MASK, stated_length=9)
    assert pair.client.send_raw(lying.wire(), origin=BY_HAND) == []
    assert pair.client.end_raw() == []
    swallowed = pair.client.send_control(Opcode.PING, b"", origin=Origin.AUTOMATIC)
    (event,) = sent(swallowed)
    assert event.frame.opcode == Opcode.BINARY
    assert event.frame.payload[:3] == b"abc"
    assert len(event.frame.payload) == 9
    (received,) = pair.to_server()
    assert isinstance(received, FrameReceived)
    assert received.frame == event.frame


def test_what_is_sent_meanwhile_waits_behind_the_raw_bytes() -> None:
    pair = Pair()
    wire = RawFrame(Opcode.TEXT, b"Hello", masking_key=MASK).wire()
    pair.client.begin_raw()
    pair.client.send_raw(wire[:3], origin=BY_HAND)
    pair.server.send_control(Opcode.PING, b"are you there", origin=BY_HAND)
    answers = pair.to_client()
    assert sent(answers) == []
    assert pair.client.send_message(Opcode.TEXT, b"later", origin=Origin.RULE) == []
    assert pair.client.held_bytes > len(b"are you there")
    pair.client.send_raw(wire[3:], origin=BY_HAND)
    released = sent(pair.client.end_raw())
    assert [(each.frame.opcode, each.origin) for each in released] == [
        (Opcode.PONG, Origin.AUTOMATIC),
        (Opcode.TEXT, Origin.RULE),
    ]
    received = pair.to_server()
    assert [each.frame.payload for each in received if isinstance(each, FrameReceived)] == [
        b"Hello",
        b"are you there",
        b"later",
    ]
    assert all(rules(each) == [] for each in received if isinstance(each, FrameReceived))


def test_a_raw_close_frame_begins_the_closing_handshake() -> None:
    pair = Pair()
    pair.client.begin_raw()
    pair.client.send_raw(RawFrame(Opcode.CLOSE, b"\x03\xe8", masking_key=MASK).wire(), origin=BY_HAND)
    assert pair.client.state is ReadyState.CLOSING
    (late,) = sent(pair.client.send_raw(RawFrame(1, b"x", masking_key=MASK).wire(), origin=BY_HAND))
    assert "frame-after-close" in rules(late)
    pair.client.end_raw()
    pair.to_server()
    answers = pair.to_client()
    assert pair.client.wants_close
    assert sent(answers) == []
    with pytest.raises(NotOpenError):
        pair.client.begin_raw()


def test_what_is_left_of_a_frame_is_reported_at_the_end() -> None:
    pair = Pair()
    pair.client.begin_raw()
    pair.client.send_raw(RawFrame(Opcode.TEXT, b"Hello", masking_key=MASK).wire()[:8], origin=BY_HAND)
    pair.client.end_raw()
    *_, partial, closed = pair.client.receive_eof()
    assert isinstance(partial, FrameSent)
    assert partial.frame.truncated
    assert rules(partial) == ["frame-truncated"]
    assert isinstance(closed, ConnectionClosed)


def test_an_enormous_length_is_not_held() -> None:
    pair = Pair()
    pair.client.begin_raw()
    pair.client.send_raw(RawFrame(2, bytes(100), stated_length=1 << 62).wire(), origin=BY_HAND)
    pair.client.end_raw()
    for _ in range(100):
        pair.client.send_message(2, bytes(10_000), origin=BY_HAND)
        pair.client.data_to_send()
    assert pair.client.held_bytes < 100_000


def test_messages_go_on_compressed_behind_raw_ones() -> None:
    pair = Pair(deflate="permessage-deflate")
    text = b"the same words again and again" * 20
    for turn in range(6):
        said = [text + b"%d" % turn]
        pair.client.send_message(Opcode.TEXT, said[0], origin=BY_HAND)
        if turn % 2:
            said += [b"%d words that our compressor has not seen" % turn, text]
            raw = Deflater(DeflateParameters(), Role.CLIENT).compress(said[1])
            pair.client.begin_raw()
            pair.client.send_raw(
                RawFrame(Opcode.TEXT, raw, rsv=RSV1, masking_key=MASK).wire(), origin=BY_HAND
            )
            pair.client.send_message(Opcode.TEXT, said[2], origin=BY_HAND)
            pair.client.end_raw()
        received = [each for each in pair.to_server() if isinstance(each, FrameReceived)]
        assert all(rules(each) in ([], ["masking-key-reused"]) for each in received)
        assert [each.message.payload for each in received if each.message is not None] == said


@given(
    data=st.binary(max_size=200),
    cuts=st.lists(st.integers(0, 200), max_size=6),
    role=st.sampled_from(Role),
    message=st.binary(max_size=20),
)
def test_both_sides_agree_on_any_bytes(data: bytes, cuts: list[int], role: Role, message: bytes) -> None:
    pair = Pair()
    us, them = (pair.client, pair.server) if role is Role.CLIENT else (pair.server, pair.client)
    us.begin_raw()
    events: list[Event] = []
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    for start, stop in itertools.pairwise(places):
        events += us.send_raw(data[start:stop], origin=BY_HAND)
    events += us.end_raw()
    if us.state is ReadyState.OPEN:
        events += us.send_message(Opcode.BINARY, message, origin=BY_HAND)
    received = them.receive_data(us.data_to_send())
    while them.has_more:
        received += them.receive_data(b"")
    told = [event.frame for event in sent(events)]
    assert told == [each.frame for each in received if isinstance(each, FrameReceived)][: len(told)]
