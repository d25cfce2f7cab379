"""One open connection, from its first frame to its end, in both roles."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.errors import NotOpenError, PayloadError
from core.protocol.deflate import DeflateParameters, Deflater
from core.protocol.endpoint import ConnectionLimits, Endpoint
from core.protocol.events import (
    ClosedBy,
    ConnectionClosed,
    ConnectionFailed,
    FrameReceived,
    FrameSent,
    Origin,
)
from core.protocol.frames import RSV1, Opcode, make_frame
from core.protocol.state import ReadyState, Role
from core.protocol.violations import Judgement
from tests.tools.wires import (
    DEFLATE,
    answered,
    ended,
    frames_of,
    kinds,
    masked,
    messages,
    new_client,
    new_server,
    opened_client,
    opened_server,
    plain,
    receive,
    received,
    request,
    rules,
    sent,
)

COMPOSED = Origin.COMPOSED
STRICT, TOLERANT = Judgement.STRICT, Judgement.TOLERANT


def test_a_ping_is_answered_by_a_pong_of_the_same_payload() -> None:
    connection = opened_server()
    events = receive(connection, masked(9, b"") + masked(9, bytes(125)))
    assert [(event.frame.opcode, event.frame.payload, event.origin) for event in sent(events)] == [
        (10, b"", Origin.AUTOMATIC),
        (10, bytes(125), Origin.AUTOMATIC),
    ]
    assert connection.data_to_send() == plain(10) + plain(10, bytes(125))


def test_a_pong_is_not_answered() -> None:
    connection = opened_server()
    assert kinds(receive(connection, masked(10, b"x"))) == [FrameReceived]
    assert connection.data_to_send() == b""


def test_control_frames_between_fragments() -> None:
    connection = opened_server()
    data = (
        masked(1, b"a", fin=False)
        + masked(9, b"p")
        + masked(0, b"b", fin=False)
        + masked(10)
        + masked(0, b"c")
    )
    events = receive(connection, data)
    assert rules(events) == []
    assert [(message.payload, message.frame_count) for message in messages(events)] == [(b"abc", 3)]
    assert connection.data_to_send() == plain(10, b"p")


def test_a_close_between_fragments_ends_the_message() -> None:
    connection = opened_server()
    events = receive(connection, masked(1, b"a", fin=False) + masked(8, b"\x03\xe8"))
    assert (messages(events), rules(events), connection.wants_close) == ([], [], True)


def test_replies_go_out_before_the_answer_to_a_close_behind_them() -> None:
    connection = opened_server()
    data = masked(1, b"a") + masked(1, b"b") + masked(9, b"p") + masked(1, b"c") + masked(8, b"\x03\xe8")
    events = connection.receive_data(data)
    while True:
        for message in messages(events):
            connection.send_message(message.opcode, message.payload, origin=Origin.RULE)
        if not connection.has_more:
            break
        events = connection.receive_data(b"")
    out = frames_of(connection.data_to_send())
    assert [(frame.opcode, frame.payload) for frame in out] == [
        (1, b"a"),
        (1, b"b"),
        (10, b"p"),
        (1, b"c"),
        (8, b"\x03\xe8"),
    ]


@pytest.mark.parametrize("flaw", [masked(3), masked(1, b"\xff"), plain(1, b"x"), masked(2, bytes(200))[:9]])
def test_replies_go_out_before_the_close_for_a_flaw_behind_them(flaw: bytes) -> None:
    connection = opened_server(limits=ConnectionLimits(message_bytes=100))
    (first,) = connection.receive_data(masked(1, b"good") + flaw)
    assert connection.has_more
    assert connection.state is ReadyState.OPEN
    connection.send_message(1, b"reply", origin=Origin.RULE)
    more = connection.receive_data(b"")
    assert not connection.has_more
    assert kinds([first, *more]) == [FrameReceived, FrameReceived, ConnectionFailed, FrameSent]
    assert [frame.opcode for frame in frames_of(connection.data_to_send())] == [1, 8]


def test_frames_held_back_are_not_lost_when_more_comes_or_the_stream_ends() -> None:
    connection = opened_server()
    pings = [bytes([number]) for number in range(100)]
    events = []
    for ping in pings:
        events += connection.receive_data(masked(9, ping) + masked(10, ping))
    assert connection.has_more
    events += connection.receive_eof()
    assert [event.frame.payload for event in received(events)] == [ping for ping in pings for _ in range(2)]


def test_compressed_messages_keep_their_context() -> None:
    connection = opened_server(deflate=DEFLATE)
    assert connection.deflate == DeflateParameters()
    deflater = Deflater(DeflateParameters(), Role.CLIENT)
    payloads = ["你好 ".encode() * 10] * 3
    data = [deflater.compress(payload) for payload in payloads]
    events = receive(connection, b"".join(masked(1, one, rsv=RSV1) for one in data))
    assert rules(events) == []
    assert [(one.payload, one.compressed, one.wire_length) for one in messages(events)] == [
        (payload, True, len(one)) for payload, one in zip(payloads, data, strict=True)
    ]
    assert len(data[1]) < len(data[0])


def test_a_compressed_message_in_fragments_with_a_ping_inside() -> None:
    connection = opened_server(deflate=DEFLATE)
    data = Deflater(DeflateParameters(), Role.CLIENT).compress(b"Hello Hello Hello")
    events = receive(
        connection,
        masked(1, data[:3], fin=False, rsv=RSV1)
        + masked(9)
        + masked(0, data[3:4], fin=False)
        + masked(0, data[4:]),
    )
    assert rules(events) == []
    assert [(one.payload, one.compressed, one.frame_count) for one in messages(events)] == [
        (b"Hello Hello Hello", True, 3)
    ]


@pytest.mark.parametrize("deflate", [None, DEFLATE])
def test_both_roles_understand_each_other(deflate: str | None) -> None:
    server, client = new_server(), new_client(deflate=deflate)
    answered(server, request(deflate=deflate))
    receive(client, server.data_to_send())
    assert (client.deflate is None) is (server.deflate is None) is (deflate is None)
    for one, other in ((client, server), (server, client)):
        events = one.send_message(1, b"text " * 99, origin=COMPOSED, fragments=3)
        events += one.send_message(2, b"plain", origin=COMPOSED, compress=False)
        events += one.send_control(Opcode.PING, b"?", origin=COMPOSED)
        there = receive(other, one.data_to_send())
        assert [event.frame for event in received(there)] == [event.frame for event in sent(events)]
        assert messages(there) == [event.message for event in sent(events) if event.message]
        back = receive(one, other.data_to_send())
        assert [event.frame.opcode for event in received(back)] == [Opcode.PONG]
    client.send_close(4000, "done", origin=COMPOSED)
    receive(server, client.data_to_send())
    receive(client, server.data_to_send())
    assert ended(server) == ConnectionClosed(4000, "done", ClosedBy.CLIENT)
    assert ended(client) == ConnectionClosed(4000, "done", ClosedBy.UNMASK)


# Limits.


@pytest.mark.parametrize("judgement", Judgement)
@pytest.mark.parametrize("split", [1, 6, 8, 9, 100])
def test_a_header_that_declares_too_much(judgement: Judgement, split: int) -> None:
    """A length that lies cannot make us hold anything: its frame comes out with what there was of it."""
    connection = opened_server(judgement, limits=ConnectionLimits(message_bytes=100))
    wire = masked(1, b"first") + masked(2, bytes(300)) + masked(1, b"never read")
    events = receive(connection, *(wire[start : start + split] for start in range(0, 120, split)), b"more")
    assert [event.code for event in events if isinstance(event, ConnectionFailed)] == [1009]
    assert rules(events) == ["message-too-big"]
    assert [message.payload for message in messages(events)] == [b"first"]
    big = received(events)[1].frame
    assert (big.declared_length, big.truncated) == (300, True)
    assert connection.wants_close
    closed = ended(connection)
    seen = b"".join(event.frame.wire() for event in received(events)) + closed.trailing
    assert seen == b"".join(wire[start : start + split] for start in range(0, 120, split)) + b"more"


def test_the_limit_holds_for_short_frames_in_one_read_too() -> None:
    connection = opened_server(TOLERANT, limits=ConnectionLimits(message_bytes=5))
    events = receive(connection, *[masked(1, b"12345") + masked(2, b"123456") + masked(1, b"x")] * 2)
    assert [message.payload for message in messages(events)] == [b"12345", b"x"] * 2
    assert rules(events).count("message-too-big") == 2


def test_trailing_bytes_are_bounded_and_counted() -> None:
    connection = opened_server(limits=ConnectionLimits(message_bytes=100, trailing_bytes=10))
    receive(connection, masked(2, bytes(300))[:8], b"abcdefgh", b"ijklm", b"n")
    closed = ended(connection)
    assert (closed.trailing, closed.trailing_length) == (b"abcdefghij", 14)


# The closing handshake, and other ends.


@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [
        (b"\x03\xe8", 1000, ""),
        (b"\x03\xe9bye", 1001, "bye"),
        (b"\x0f\xa0" + "再见".encode(), 4000, "再见"),
        (b"\x0f\xa0" + b"x" * 123, 4000, "x" * 123),
        (b"", 1005, ""),
    ],
)
def test_the_peer_closes(payload: bytes, code: int, reason: str) -> None:
    connection = opened_server()
    events = receive(connection, masked(8, payload))
    assert [(event.frame.payload, event.origin) for event in sent(events)] == [(payload, Origin.AUTOMATIC)]
    assert connection.data_to_send() == plain(8, payload)
    assert (connection.state, connection.wants_close) == (ReadyState.CLOSING, True)
    assert ended(connection) == ConnectionClosed(code, reason, ClosedBy.CLIENT)


def test_a_bad_reason_that_is_longer_spelled_out_is_left_out_of_the_answer() -> None:
    connection = opened_server(judgement=Judgement.TOLERANT)
    (answer,) = sent(receive(connection, masked(8, b"\x0f\xa0" + b"\xff" * 100)))
    assert answer.frame.payload == b"\x0f\xa0"


def test_we_close() -> None:
    connection = opened_server()
    (told,) = connection.send_close(1001, "bye", origin=COMPOSED)
    assert told == FrameSent(make_frame(8, b"\x03\xe9bye"), COMPOSED, None)
    assert connection.data_to_send() == plain(8, b"\x03\xe9bye")
    assert (connection.state, connection.wants_close) == (ReadyState.CLOSING, False)
    late = receive(connection, masked(1, b"on its way") + masked(9, b"no pong any more"))
    assert [message.payload for message in messages(late)] == [b"on its way"]
    receive(connection, masked(8, b"\x03\xe9"))
    assert connection.wants_close
    assert connection.data_to_send() == b""
    assert ended(connection) == ConnectionClosed(1001, "", ClosedBy.UNMASK)


def test_both_close_at_once() -> None:
    connection = opened_server()
    connection.send_close(1000, origin=COMPOSED)
    receive(connection, masked(8, b"\x03\xe9"))
    assert frames_of(connection.data_to_send()) == [make_frame(8, b"\x03\xe8")]
    assert ended(connection) == ConnectionClosed(1001, "", ClosedBy.UNMASK)


def test_we_close_and_the_peer_never_answers() -> None:
    connection = opened_server()
    connection.send_close(1000, origin=COMPOSED)
    assert ended(connection) == ConnectionClosed(1006, "", ClosedBy.UNMASK)


def test_the_peer_vanishes() -> None:
    assert ended(opened_server()) == ConnectionClosed(1006, "", ClosedBy.CLIENT, vanished=True)


@pytest.mark.parametrize("size", range(1, len(masked(1, b"cut off"))))
def test_the_peer_vanishes_inside_a_frame(size: int) -> None:
    connection = opened_server()
    receive(connection, masked(1, b"whole"), masked(1, b"cut off")[:size])
    events = connection.receive_eof()
    closed = events[-1]
    assert isinstance(closed, ConnectionClosed)
    assert (closed.code, closed.closed_by, closed.vanished) == (1006, ClosedBy.CLIENT, True)
    shown = b"".join(event.frame.wire() for event in received(events)) + closed.trailing
    assert shown == masked(1, b"cut off")[:size]
    if size >= 6:
        assert rules(events) == ["frame-truncated"]
        assert received(events)[0].frame.payload == b"cut off"[: size - 6]


@pytest.mark.parametrize("judgement", Judgement)
def test_frames_after_the_close_are_shown_and_change_nothing(judgement: Judgement) -> None:
    connection = opened_server(judgement)
    late = [
        masked(1, b"late"),
        masked(9, b"?"),
        masked(8, b"\x03\xe9"),
        masked(1, b"\xff"),
        masked(2, b"cut")[:7],
    ]
    events = receive(connection, masked(8, b"\x03\xe8") + b"".join(late))
    assert connection.data_to_send() == plain(8, b"\x03\xe8")
    events += connection.receive_eof()
    assert messages(events) == []
    assert rules(events).count("frame-after-close") == 5
    assert not any(isinstance(event, ConnectionFailed) for event in events)
    assert events[-1] == ConnectionClosed(1000, "", ClosedBy.CLIENT)
    assert b"".join(event.frame.wire() for event in received(events)[1:]) == b"".join(late)


def test_too_long_a_frame_after_the_close_fails_nothing() -> None:
    connection = opened_server(limits=ConnectionLimits(message_bytes=100))
    events = receive(connection, masked(8, b"\x03\xe8") + masked(2, bytes(200))[:20])
    assert "frame-after-close" in rules(events)
    assert not any(isinstance(event, ConnectionFailed) for event in events)
    assert ended(connection) == ConnectionClosed(1000, "", ClosedBy.CLIENT)


def test_failing_sends_one_close_and_then_only_looks() -> None:
    connection = opened_server()
    events = receive(
        connection, plain(1, b"no mask"), masked(1, b"good"), plain(9, b"?"), masked(8, b"\x03\xea")
    )
    assert kinds(events) == [
        FrameReceived,
        ConnectionFailed,
        FrameSent,
        FrameReceived,
        FrameReceived,
        FrameReceived,
    ]
    assert messages(events) == []
    assert rules(events) == ["mask-missing", "mask-missing"]
    assert [frame.opcode for frame in frames_of(connection.data_to_send())] == [8]
    with pytest.raises(NotOpenError, match="closing, not open"):
        connection.send_message(1, b"x", origin=COMPOSED)
    assert ended(connection) == ConnectionClosed(1002, "", ClosedBy.UNMASK)


def test_failing_after_our_close_sends_no_second_one() -> None:
    connection = opened_server()
    connection.send_close(1000, origin=COMPOSED)
    receive(connection, masked(3))
    assert frames_of(connection.data_to_send()) == [make_frame(8, b"\x03\xe8")]
    assert connection.wants_close
    assert ended(connection) == ConnectionClosed(1006, "", ClosedBy.UNMASK)


@pytest.mark.parametrize(("payload", "code"), [(b"\x03", 1005), (b"\x03\xe7", 999), (b"\x03\xe8\xff", 1000)])
@pytest.mark.parametrize("judgement", Judgement)
def test_a_bad_close_is_still_the_peers_close(payload: bytes, code: int, judgement: Judgement) -> None:
    connection = opened_server(judgement)
    events = receive(connection, masked(8, payload), masked(1, b"late"))
    assert "frame-after-close" in rules(events)
    assert len(frames_of(connection.data_to_send())) == 1
    closed = ended(connection)
    assert closed.code == code
    assert closed.closed_by is (ClosedBy.UNMASK if judgement is STRICT else ClosedBy.CLIENT)


# What the caller asks.


@pytest.mark.parametrize("make", [new_server, new_client])
def test_nothing_is_sent_unless_the_connection_is_open(make: Callable[[], Endpoint]) -> None:
    connection = make()
    with pytest.raises(NotOpenError, match="connecting, not open"):
        connection.send_message(1, b"", origin=COMPOSED)
    with pytest.raises(NotOpenError):
        connection.send_messages([1], [b""], origin=COMPOSED)
    with pytest.raises(NotOpenError):
        connection.send_control(Opcode.PING, b"", origin=COMPOSED)
    with pytest.raises(NotOpenError):
        connection.send_close(1000, origin=COMPOSED)
    assert connection.data_to_send() == b""


def test_payloads_that_no_frame_can_carry() -> None:
    connection = opened_server()
    with pytest.raises(PayloadError, match="at most 125 bytes and this has 126"):
        connection.send_control(Opcode.PING, bytes(126), origin=COMPOSED)
    with pytest.raises(PayloadError):
        connection.send_close(1005, origin=COMPOSED)
    assert connection.state is ReadyState.OPEN
    assert connection.data_to_send() == b""


def test_a_client_masks_all_it_sends() -> None:
    connection = opened_client()
    connection.send_message(1, b"x", origin=COMPOSED, fragments=2)
    receive(connection, plain(9, b"p") + plain(8, b"\x03\xe8"))
    frames = frames_of(connection.data_to_send())
    assert [frame.opcode for frame in frames] == [1, 0, 10, 8]
    assert all(frame.masked for frame in frames)
