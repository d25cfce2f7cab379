"""The opening handshake of a connection, byte by byte and to every end it can have, in both roles."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol import handshake
from core.protocol.endpoint import ConnectionLimits
from core.protocol.events import (
    ClosedBy,
    ConnectionClosed,
    HandshakeDone,
    HandshakeFailed,
    RequestReceived,
    ResponseReceived,
    closed_by_role,
)
from core.protocol.handshake import Answer, serve
from core.protocol.http11 import HeadLimits
from core.protocol.state import ReadyState, Role, peer_of
from core.protocol.violations import Judgement
from tests.tools.wires import (
    DEFLATE,
    KEY,
    answered,
    cut,
    ended,
    frames_of,
    kinds,
    masked,
    messages,
    new_client,
    new_server,
    opened_server,
    plain,
    receive,
    request,
    response,
)


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
    assert (closed.code, closed.closed_by, closed.trailing) == (1006, ClosedBy.UNMASK, b"more")


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
    assert (failed.answer.status, failed.sender) == (0, Role.SERVER)
    assert connection.wants_close


def test_a_client_whose_server_is_not_there() -> None:
    connection = new_client()
    (failed,) = connection.abandon("Nobody is there.")
    assert failed == HandshakeFailed(b"", Answer(0, "Nobody is there.", b""), Role.SERVER)
    assert (connection.state, connection.wants_close) == (ReadyState.CLOSED, True)
    assert connection.abandon("And not later either.") == []
    assert ended(connection).code == 1006


def test_what_is_asked_of_a_server_is_judged_only_when_that_is_wanted() -> None:
    """What stands before the handshake may answer a request without knowing what it breaks."""
    connection = new_server()
    (asked,) = connection.receive_data(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert isinstance(asked, RequestReceived)
    (done,) = connection.answer(serve(200, "text/plain", b"yes"))
    assert isinstance(done, HandshakeDone)
    assert (done.answer.status, done.answer.violations) == (200, ())
    assert asked.proposed.status == 405


def test_refusal_for_load() -> None:
    connection = new_server()
    (failed,) = connection.refuse_for_load(100)
    assert isinstance(failed, HandshakeFailed)
    assert connection.data_to_send().startswith(b"HTTP/1.1 503 ")
    assert connection.receive_data(request()) == []
    closed = ended(connection)
    assert (closed.closed_by, closed.trailing) == (ClosedBy.UNMASK, request())


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
    assert closed == ConnectionClosed(1006, "", closed_by_role(peer_of(role)), vanished=True)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nno header\r\nProxy-Authorization: Basic c2VjcmV0\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 200 + b"\r\nProxy-Authorization: Basic c2VjcmV0\r\n\r\n",
        b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b",
    ],
)
def test_credentials_behind_a_refused_head_are_not_told(head: bytes) -> None:
    data = head + b"GET http://ann:c2VjcmV0@a/ HTTP/1.1\r\nProxy-Authorization: Basic c2VjcmV0\r\n\r\n"
    # What was told is told, before an @ says that it was a password.
    unclear = range(data.index(b"c2VjcmV0@"), data.index(b"@") + 1)
    for at in set(range(len(data))) - set(unclear):
        connection = new_server(limits=ConnectionLimits(head=HeadLimits(150)))
        told = bytearray()
        for piece in (data[:at], data[at:]):
            for event in connection.receive_data(piece):
                if isinstance(event, RequestReceived):
                    told += event.request.raw
                    connection.answer(event.proposed)
                elif isinstance(event, HandshakeFailed):
                    told += event.raw
        told += ended(connection).trailing
        assert b"c2VjcmV0" not in told, at
        assert len(told) == len(data)
        assert all(shown in (came, ord("*")) for shown, came in zip(told, data, strict=True))


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
    opened = strict if judgement is Judgement.STRICT else tolerant
    assert connection.state is (ReadyState.OPEN if opened else ReadyState.CLOSED)
    assert connection.wants_close is not opened
    assert len(messages(events)) == int(opened)
    closed = ended(connection)
    assert closed.trailing == (b"" if opened else plain(1, b"x"))
    assert closed.vanished is opened
    assert closed.closed_by is (ClosedBy.SERVER if opened else ClosedBy.UNMASK)


def test_half_a_head_for_which_there_is_no_room_is_answered_503() -> None:
    connection = new_server()
    assert connection.receive_data(request()[:20]) == []
    assert connection.held_bytes == 20
    (failed,) = connection.fail_for_memory(20, 10)
    assert isinstance(failed, HandshakeFailed)
    assert failed.raw == request()[:20]
    assert (failed.answer.status, [each.rule.id for each in failed.answer.violations]) == (
        503,
        ["memory-exhausted"],
    )
    assert connection.data_to_send().startswith(b"HTTP/1.1 503 ")
    assert (connection.state, connection.wants_close) == (ReadyState.CLOSED, True)
    assert connection.held_bytes == 0
    assert connection.fail_for_memory(20, 10) == []


def test_a_head_that_is_answered_is_held_no_longer() -> None:
    connection = new_server()
    answered(connection, request())
    assert connection.held_bytes == 0


def test_interim_responses_without_end_are_over_the_limit_of_heads() -> None:
    client = new_client(limits=ConnectionLimits(head=HeadLimits(max_bytes=100)))
    interim = b"HTTP/1.1 102 Processing\r\n\r\n"
    assert receive(client, interim * 3) == []
    failed = receive(client, interim)[0]
    assert isinstance(failed, HandshakeFailed)
    assert [found.rule.id for found in failed.answer.violations] == ["head-too-large"]
    assert "of which interim responses took 81" in failed.answer.reason
