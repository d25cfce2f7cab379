"""One connection from its first byte to its last, in both roles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotOpenError, PayloadError
from core.protocol import handshake
from core.protocol.connection import Connection, ConnectionLimits
from core.protocol.deflate import DeflateParameters, Deflater
from core.protocol.events import (
    ClosedBy,
    ConnectionClosed,
    ConnectionFailed,
    Event,
    FrameReceived,
    FrameSent,
    HandshakeDone,
    HandshakeFailed,
    Origin,
    RequestReceived,
    ResponseReceived,
)
from core.protocol.frames import RSV1, Opcode, make_frame
from core.protocol.http11 import HeadLimits
from core.protocol.state import ReadyState, Role
from core.protocol.violations import Judgement
from tests.tools.wires import (
    DEFLATE,
    KEY,
    cut,
    frames_of,
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
    response,
    rules,
    sent,
)

COMPOSED = Origin.COMPOSED
STRICT, TOLERANT = Judgement.STRICT, Judgement.TOLERANT


def ended(connection: Connection) -> ConnectionClosed:
    """What comes last when the stream ends."""
    last = connection.receive_eof()[-1]
    assert isinstance(last, ConnectionClosed)
    assert connection.state is ReadyState.CLOSED
    return last


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


def answered(connection: Connection, *pieces: bytes) -> list[Event]:
    """All events of some reads, with the request answered as proposed as soon as it is whole."""
    events: list[Event] = []
    for piece in pieces:
        for event in receive(connection, piece):
            events.append(event)
            if isinstance(event, RequestReceived):
                events += connection.answer(event.proposed)
    return events + receive(connection, b"")


# The opening handshake.


@given(st.lists(st.integers(0, 1 << 20), max_size=6))
def test_a_server_opens_over_any_split_with_frames_glued_behind(places: list[int]) -> None:
    connection = new_server()
    data = request() + masked(1, b"one") + masked(9, b"p") + masked(2, b"two")
    events = answered(connection, *cut(data, places))
    assert kinds(events)[:2] == [RequestReceived, HandshakeDone]
    assert [message.payload for message in messages(events)] == [b"one", b"two"]
    out = connection.data_to_send()
    assert out.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert out.endswith(b"\r\n\r\n" + plain(10, b"p"))
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in out


@given(st.lists(st.integers(0, 1 << 20), max_size=6))
def test_a_client_opens_over_any_split_with_frames_glued_behind(places: list[int]) -> None:
    connection = new_client()
    data = response() + plain(1, b"one") + plain(9, b"p") + plain(2, b"two")
    events = receive(connection, *cut(data, places))
    assert isinstance(events[0], ResponseReceived)
    assert events[0].verdict.violations == ()
    assert connection.state is ReadyState.OPEN
    assert [message.payload for message in messages(events)] == [b"one", b"two"]
    (pong,) = frames_of(connection.data_to_send())
    assert (pong.opcode, pong.payload, pong.masked) == (10, b"p", True)


def test_byte_by_byte() -> None:
    connection = new_server()
    data = request() + masked(1, "你好".encode()) + masked(8, b"\x03\xe8")
    events = answered(connection, *(bytes([byte]) for byte in data))
    assert [message.payload.decode() for message in messages(events)] == ["你好"]
    assert connection.wants_close


def test_a_head_and_a_frame_longer_than_one_read_of_a_kilobyte() -> None:
    """What `recv(1024)` gets wrong."""
    long_request = handshake.client_request("localhost", "/", KEY, extra_headers=[("Cookie", "x" * 5000)])
    data = long_request + masked(1, b"y" * 70_000)
    connection = new_server()
    events = answered(connection, *(data[start : start + 1024] for start in range(0, len(data), 1024)))
    assert [message.payload for message in messages(events)] == [b"y" * 70_000]


def test_frames_sent_before_the_answer_are_a_warning_and_not_lost() -> None:
    connection = new_server()
    (asked,) = connection.receive_data(request() + masked(1, b"hasty")[:3])
    assert isinstance(asked, RequestReceived)
    assert connection.receive_data(masked(1, b"hasty")[3:]) == []
    done, hasty = connection.answer(asked.proposed)
    assert isinstance(done, HandshakeDone)
    assert [found.rule.id for found in done.answer.violations] == ["data-before-answer"]
    assert messages([hasty])[0].payload == b"hasty"


def test_too_much_before_the_answer_is_refused() -> None:
    connection = new_server(limits=ConnectionLimits(trailing_bytes=20))
    (asked,) = connection.receive_data(request())
    assert isinstance(asked, RequestReceived)
    assert connection.receive_data(bytes(20)) == []
    (done,) = connection.receive_data(b"x")
    assert isinstance(done, HandshakeDone)
    assert (done.answer.status, connection.state, connection.wants_close) == (400, ReadyState.CLOSED, True)
    assert connection.answer(asked.proposed) == []
    assert connection.data_to_send().startswith(b"HTTP/1.1 400 ")
    closed = ended(connection)
    assert (closed.trailing, closed.trailing_length) == (bytes(20), 21)


def test_the_caller_may_answer_something_else() -> None:
    connection = new_server()
    (asked,) = connection.receive_data(request() + b"more")
    assert isinstance(asked, RequestReceived)
    page = handshake.serve(200, "text/plain", b"hello")
    (done,) = connection.answer(page)
    assert isinstance(done, HandshakeDone)
    assert done.answer == replace(page, violations=done.answer.violations)
    assert connection.data_to_send() == page.response
    assert connection.wants_close
    closed = ended(connection)
    assert (closed.code, closed.closed_by, closed.trailing) == (1006, ClosedBy.US, b"more")


@pytest.mark.parametrize(
    ("head", "status", "rule"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426, "upgrade-missing"),
        (request().replace(b"Version: 13", b"Version: 8"), 426, "version-not-13"),
        (request().replace(b"GET", b"POST"), 405, "method-not-get"),
        (request().replace(KEY.encode(), b"c2hvcnQ="), 400, "key-bad"),
    ],
)
@pytest.mark.parametrize("judgement", Judgement)
def test_a_request_that_is_refused(head: bytes, status: int, rule: str, judgement: Judgement) -> None:
    connection = new_server(judgement)
    events = answered(connection, head)
    assert kinds(events) == [RequestReceived, HandshakeDone]
    assert isinstance(events[1], HandshakeDone)
    assert rule in [found.rule.id for found in events[1].answer.violations]
    out = connection.data_to_send()
    assert out.startswith(b"HTTP/1.1 %d " % status)
    assert (b"\r\nSec-WebSocket-Version: 13\r\n" in out) is (status == 426)
    assert (connection.state, connection.wants_close) == (ReadyState.CLOSED, True)


@pytest.mark.parametrize(
    ("data", "limits", "status", "rule"),
    [
        (b"\x16\x03\x01\x02\x00\x01", HeadLimits(), 400, "head-looks-like-tls"),
        (b"hello?\r\n", HeadLimits(), 400, "head-not-http"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", HeadLimits(), 400, "header-without-colon"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 9, HeadLimits(max_headers=8), 431, "head-too-many-headers"),
        (b"GET /" + b"x" * 100, HeadLimits(max_bytes=50), 431, "head-too-large"),
    ],
)
def test_bytes_that_are_no_request(data: bytes, limits: HeadLimits, status: int, rule: str) -> None:
    connection = new_server(limits=ConnectionLimits(head=limits))
    events = receive(connection, *(data[start : start + 3] for start in range(0, len(data), 3)))
    failed = events[0]
    assert isinstance(failed, HandshakeFailed)
    assert len(events) == 1
    assert (failed.answer.status, failed.answer.accepted) == (status, False)
    assert rule in [found.rule.id for found in failed.answer.violations]
    assert connection.data_to_send() == failed.answer.response
    assert connection.wants_close
    assert failed.raw + ended(connection).trailing == data


def test_a_head_over_the_limit_in_one_read_keeps_all_of_it_visible() -> None:
    connection = new_server(limits=ConnectionLimits(head=HeadLimits(max_bytes=50)))
    (failed,) = connection.receive_data(b"GET /" + b"x" * 100)
    assert isinstance(failed, HandshakeFailed)
    assert (failed.raw, ended(connection).trailing) == (b"GET /" + b"x" * 45, b"x" * 55)


def test_a_head_that_never_ends_gets_408() -> None:
    connection = new_server()
    connection.receive_data(b"GET / HTTP/1.1\r\nHos")
    (failed,) = connection.handshake_timed_out(10)
    assert isinstance(failed, HandshakeFailed)
    assert [found.rule.id for found in failed.answer.violations] == ["head-timeout"]
    assert failed.answer.violations[0].detail == "19 bytes came in 10 s"
    assert failed.raw == b"GET / HTTP/1.1\r\nHos"
    assert connection.data_to_send().startswith(b"HTTP/1.1 408 ")
    assert (connection.state, connection.wants_close) == (ReadyState.CLOSED, True)
    assert connection.handshake_timed_out(10) == []
    assert connection.data_to_send() == b""


def test_no_timeout_once_the_head_is_whole() -> None:
    connection = new_server()
    connection.receive_data(request())
    assert connection.handshake_timed_out(10) == []
    assert opened_server().handshake_timed_out(10) == []


def test_a_client_whose_server_never_answers_sends_nothing_more() -> None:
    connection = new_client()
    (failed,) = connection.handshake_timed_out(10)
    assert isinstance(failed, HandshakeFailed)
    assert (failed.answer.response, connection.data_to_send()) == (b"", b"")
    assert connection.wants_close


def test_refusal_for_load() -> None:
    connection = new_server()
    (failed,) = connection.refuse_for_load(100)
    assert isinstance(failed, HandshakeFailed)
    assert connection.data_to_send().startswith(b"HTTP/1.1 503 ")
    assert connection.receive_data(request()) == []
    closed = ended(connection)
    assert (closed.closed_by, closed.trailing) == (ClosedBy.US, request())


@pytest.mark.parametrize("size", range(0, len(response()), 16))
@pytest.mark.parametrize("role", Role)
def test_the_end_inside_the_head(size: int, role: Role) -> None:
    data = (request() if role is Role.SERVER else response())[:size]
    connection = new_server() if role is Role.SERVER else new_client()
    receive(connection, data)
    failed, closed = connection.receive_eof()
    assert isinstance(failed, HandshakeFailed)
    assert failed.raw == data
    assert [found.rule.id for found in failed.answer.violations][-1] == "head-incomplete"
    assert (failed.answer.response, connection.data_to_send()) == (b"", b"")
    assert closed == ConnectionClosed(1006, "", ClosedBy.VANISHED)


def test_the_end_before_the_answer() -> None:
    connection = new_server()
    (asked,) = connection.receive_data(request() + b"xyz")
    assert isinstance(asked, RequestReceived)
    assert ended(connection).trailing == b"xyz"
    assert connection.answer(asked.proposed) == []
    assert connection.data_to_send() == b""


@pytest.mark.parametrize(
    ("head", "strict", "tolerant", "rule"),
    [
        (response().replace(b"s3pP", b"XXXX"), False, True, "accept-wrong"),
        (response().replace(b"101 Switching Protocols", b"200 OK"), False, False, "status-not-101"),
        (response(deflate=DEFLATE), False, True, "extension-not-offered"),
        (response(), True, True, None),
    ],
)
@pytest.mark.parametrize("judgement", Judgement)
def test_what_a_client_makes_of_the_answer(
    head: bytes, strict: bool, tolerant: bool, rule: str | None, judgement: Judgement
) -> None:
    connection = new_client(judgement)
    events = receive(connection, head + plain(1, b"x"))
    assert isinstance(events[0], ResponseReceived)
    assert [found.rule.id for found in events[0].verdict.violations] == ([rule] if rule else [])
    opened = strict if judgement is STRICT else tolerant
    assert connection.state is (ReadyState.OPEN if opened else ReadyState.CLOSED)
    assert connection.wants_close is not opened
    assert len(messages(events)) == int(opened)
    closed = ended(connection)
    assert closed.trailing == (b"" if opened else plain(1, b"x"))
    assert closed.closed_by is (ClosedBy.VANISHED if opened else ClosedBy.US)


# Frames.


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
    assert ended(server) == ConnectionClosed(4000, "done", ClosedBy.PEER)
    assert ended(client) == ConnectionClosed(4000, "", ClosedBy.US)


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
    ("payload", "answer", "code", "reason"),
    [
        (b"\x03\xe8", b"\x03\xe8", 1000, ""),
        (b"\x03\xe9bye", b"\x03\xe9", 1001, "bye"),
        (b"\x0f\xa0" + "再见".encode(), b"\x0f\xa0", 4000, "再见"),
        (b"", b"", 1005, ""),
    ],
)
def test_the_peer_closes(payload: bytes, answer: bytes, code: int, reason: str) -> None:
    connection = opened_server()
    events = receive(connection, masked(8, payload))
    assert [(event.frame.payload, event.origin) for event in sent(events)] == [(answer, Origin.AUTOMATIC)]
    assert connection.data_to_send() == plain(8, answer)
    assert (connection.state, connection.wants_close) == (ReadyState.CLOSING, True)
    assert ended(connection) == ConnectionClosed(code, reason, ClosedBy.PEER)


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
    assert ended(connection) == ConnectionClosed(1001, "", ClosedBy.US)


def test_both_close_at_once() -> None:
    connection = opened_server()
    connection.send_close(1000, origin=COMPOSED)
    receive(connection, masked(8, b"\x03\xe9"))
    assert frames_of(connection.data_to_send()) == [make_frame(8, b"\x03\xe8")]
    assert ended(connection) == ConnectionClosed(1001, "", ClosedBy.US)


def test_we_close_and_the_peer_never_answers() -> None:
    connection = opened_server()
    connection.send_close(1000, origin=COMPOSED)
    assert ended(connection) == ConnectionClosed(1006, "", ClosedBy.US)


def test_the_peer_vanishes() -> None:
    assert ended(opened_server()) == ConnectionClosed(1006, "", ClosedBy.VANISHED)


@pytest.mark.parametrize("size", range(1, len(masked(1, b"cut off"))))
def test_the_peer_vanishes_inside_a_frame(size: int) -> None:
    connection = opened_server()
    receive(connection, masked(1, b"whole"), masked(1, b"cut off")[:size])
    events = connection.receive_eof()
    closed = events[-1]
    assert isinstance(closed, ConnectionClosed)
    assert (closed.code, closed.closed_by) == (1006, ClosedBy.VANISHED)
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
    assert events[-1] == ConnectionClosed(1000, "", ClosedBy.PEER)
    assert b"".join(event.frame.wire() for event in received(events)[1:]) == b"".join(late)


def test_too_long_a_frame_after_the_close_fails_nothing() -> None:
    connection = opened_server(limits=ConnectionLimits(message_bytes=100))
    events = receive(connection, masked(8, b"\x03\xe8") + masked(2, bytes(200))[:20])
    assert "frame-after-close" in rules(events)
    assert not any(isinstance(event, ConnectionFailed) for event in events)
    assert ended(connection) == ConnectionClosed(1000, "", ClosedBy.PEER)


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
    assert ended(connection) == ConnectionClosed(1002, "", ClosedBy.US)


def test_failing_after_our_close_sends_no_second_one() -> None:
    connection = opened_server()
    connection.send_close(1000, origin=COMPOSED)
    receive(connection, masked(3))
    assert frames_of(connection.data_to_send()) == [make_frame(8, b"\x03\xe8")]
    assert connection.wants_close
    assert ended(connection) == ConnectionClosed(1006, "", ClosedBy.US)


@pytest.mark.parametrize(("payload", "code"), [(b"\x03", 1005), (b"\x03\xe7", 999), (b"\x03\xe8\xff", 1000)])
@pytest.mark.parametrize("judgement", Judgement)
def test_a_bad_close_is_still_the_peers_close(payload: bytes, code: int, judgement: Judgement) -> None:
    connection = opened_server(judgement)
    events = receive(connection, masked(8, payload), masked(1, b"late"))
    assert "frame-after-close" in rules(events)
    assert len(frames_of(connection.data_to_send())) == 1
    closed = ended(connection)
    assert closed.code == code
    assert closed.closed_by is (ClosedBy.US if judgement is STRICT else ClosedBy.PEER)


# What the caller asks.


@pytest.mark.parametrize("make", [new_server, new_client])
def test_nothing_is_sent_unless_the_connection_is_open(make: Callable[[], Connection]) -> None:
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
    with pytest.raises(PayloadError, match="A ping carries at most 125 bytes; this payload has 126"):
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


# Exactness and cost.

JUNK = st.binary(max_size=60)
FRAMES = st.builds(
    make_frame,
    st.sampled_from([0, 1, 1, 2, 2, 8, 9, 10, 3, 11]),
    st.sampled_from([b"", b"a", b"\x03\xe8", b"\xff", bytes(50), bytes(130)]),
    fin=st.sampled_from([True, True, True, False]),
    rsv=st.sampled_from([0, 0, 0, RSV1, 0x30]),
    masking_key=st.sampled_from([b"abcd", bytes(4), b"wxyz", None]),
).map(lambda frame: frame.wire())


@given(
    st.lists(FRAMES | JUNK, max_size=8).map(b"".join),
    st.lists(st.integers(0, 1 << 20), max_size=6),
    st.sampled_from(Judgement),
    st.sampled_from(Role),
    st.sampled_from([None, DEFLATE]),
    st.sampled_from([40, 1 << 20]),
)
def test_every_byte_behind_the_head_is_shown(
    data: bytes, places: list[int], judgement: Judgement, role: Role, deflate: str | None, limit: int
) -> None:
    """Whatever comes and however it is cut: good or not, after a failure and after a close."""
    make = opened_server if role is Role.SERVER else opened_client
    connection = make(judgement, limits=ConnectionLimits(message_bytes=limit), deflate=deflate)
    events = receive(connection, *cut(data, places))
    events += connection.receive_eof()
    closed = events[-1]
    assert isinstance(closed, ConnectionClosed)
    assert closed.trailing_length == len(closed.trailing)
    assert b"".join(event.frame.wire() for event in received(events)) + closed.trailing == data
    assert connection.state is ReadyState.CLOSED
    out = frames_of(connection.data_to_send())
    assert out == [event.frame for event in sent(events)]
    assert [frame.opcode for frame in out].count(Opcode.CLOSE) <= 1
    assert all(frame.opcode != Opcode.CLOSE for frame in out[:-1])


@given(st.binary(max_size=200), st.lists(st.integers(0, 1 << 20), max_size=5), st.sampled_from(Judgement))
def test_every_byte_of_any_stream_is_shown(data: bytes, places: list[int], judgement: Judgement) -> None:
    """From the first byte on: in the raw head, in a frame, or behind."""
    connection = new_server(judgement, limits=ConnectionLimits(head=HeadLimits(max_bytes=100)))
    events = answered(connection, *cut(b"GET " + data, places))
    events += connection.receive_eof()
    closed = events[-1]
    assert isinstance(closed, ConnectionClosed)
    heads = [event.raw for event in events if isinstance(event, HandshakeFailed)]
    heads += [event.request.raw for event in events if isinstance(event, RequestReceived)]
    frames = [event.frame.wire() for event in received(events)]
    assert b"".join([*heads, *frames, closed.trailing]) == b"GET " + data


@pytest.mark.parametrize(
    ("unit", "split"),
    [
        (masked(9, b"p"), 1 << 16),
        (masked(1, b"", fin=False) + masked(0, b"x"), 1 << 16),
        (masked(1, b"x"), 1),
        (masked(8) + masked(1, b"x"), 1 << 16),
    ],
    ids=["pings", "fragments", "one byte a read", "after the close"],
)
def test_cost_is_linear(unit: bytes, split: int) -> None:
    def seconds(count: int) -> float:
        data = unit * count
        connection = opened_server()
        started = process_time()
        for start in range(0, len(data), split):
            receive(connection, data[start : start + split])
        return process_time() - started

    small = min(seconds(1000) for _ in range(3))
    assert seconds(16_000) < 16 * small * 4
