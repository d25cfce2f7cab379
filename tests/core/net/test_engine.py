"""The engine over real sockets: plain HTTP, handshakes good and bad, limits, sending to one and to all, stopping."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from core.capture.records import ConnectionState, Direction, View
from core.errors import CallerError, NotOpenError
from core.net.fronts.test_page import load_test_page
from core.net.settings import AutoReply, EngineSettings, Limits
from core.protocol.frames import Opcode
from core.protocol.outgoing import OutgoingClose, OutgoingMessage, OutgoingPing
from tests.tools.raw_peer import RawPeer
from tests.tools.served import Served, frames_of, on_loop, to_client, to_clients
from tests.tools.waiting import PATIENCE_SECONDS, until

Serve = Callable[[EngineSettings], Served]
HELLO = OutgoingMessage(Opcode.TEXT, b"hello")
HELLO_WIRE = b"\x81\x05hello"
TLS_HELLO = bytes.fromhex("16030100c2010000be0303") + bytes(range(128, 160)) + b"\r\n\r\n"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as running:
        yield lambda settings: running.enter_context(Served(tmp_path / "a.unmask", settings))


def limited(limits: Limits) -> EngineSettings:
    return EngineSettings(limits=limits)


def ask(served: Served, sent: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer to some bytes, up to the end of the stream."""
    with RawPeer(served.port) as peer:
        peer.send(sent)
        head = peer.head()
        return head, peer.rest()


def fetch(served: Served, method: str, path: str = "/") -> tuple[http.client.HTTPResponse, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE_SECONDS)
    with contextlib.closing(client):
        client.request(method, path)
        response = client.getresponse()
        return response, response.read()


def request_with(*, without: bytes = b"", instead: bytes = b"") -> bytes:
    lines = (
        b"GET /chat HTTP/1.1", b"Host: 127.0.0.1", b"Upgrade: websocket", b"Connection: Upgrade",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13",
    )  # fmt: skip
    kept = [instead if without and line.startswith(without) else line for line in lines]
    return b"".join(line + b"\r\n" for line in kept if line) + b"\r\n"


# Plain HTTP.


def test_a_plain_get_gets_the_test_page(serve: Serve) -> None:
    served, page = serve(EngineSettings()), load_test_page()
    response, body = fetch(served, "GET", "/any?where")
    assert (response.status, body) == (200, page.body)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Content-Security-Policy"] == page.content_security_policy
    assert response.headers["Cache-Control"] == "no-store"
    record = served.closed()
    assert (record.state, record.path, record.status) == (ConnectionState.SERVED, "/any?where", 200)


def test_a_head_request_gets_the_head_alone(serve: Serve) -> None:
    served = serve(EngineSettings())
    head, body = ask(served, b"HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: %d\r\n" % len(load_test_page().body) in head.lower()
    assert body == b""
    head, body = ask(served, b"HEAD /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert (head[:13], body) == (b"HTTP/1.1 404 ", b"")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", 405),
        (b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        (request_with(without=b"Sec-WebSocket-Key"), 400),
        (request_with(without=b"Sec-WebSocket-Key", instead=b"Sec-WebSocket-Key: short"), 400),
        (request_with(without=b"Upgrade"), 426),
        (request_with(without=b"Sec-WebSocket-Version", instead=b"Sec-WebSocket-Version: 8"), 426),
        (b"GET / HTTP/1.1\r\nno colon here\r\n\r\n", 400),
        (b"\x00\xff nonsense\r\n\r\n", 400),
        (TLS_HELLO, 400),
    ],
)
def test_what_is_refused_is_recorded_with_its_bytes(serve: Serve, sent: bytes, status: int) -> None:
    served = serve(EngineSettings())
    head, body = ask(served, sent)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert any(line.startswith(b"connection:") and b"close" in line for line in head.lower().splitlines())
    record = served.closed()
    assert (record.state, record.status) == (ConnectionState.REFUSED, status)
    assert (record.request, record.response) == (sent, head + body)
    assert record.reason
    if status == 426:
        assert b"sec-websocket-version: 13" in head.lower()
    if status == 405:
        assert b"allow: get" in head.lower()


def test_a_handshake_byte_by_byte(serve: Serve) -> None:
    served = serve(EngineSettings())
    with RawPeer(served.port) as peer:
        for byte in request_with():
            peer.send(bytes((byte,)))
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in peer.head()
    assert served.closed().request == request_with()


def test_a_client_that_says_nothing_and_goes_is_seen(serve: Serve) -> None:
    served = serve(EngineSettings())
    with RawPeer(served.port) as peer:
        peer.send(b"GET / HT")
    record = served.closed()
    assert (record.state, record.status, record.request) == (ConnectionState.REFUSED, 0, b"GET / HT")


# Limits.


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nX: " + b"y" * 2000,
        b"GET /" + b"y" * 2000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20 + b"\r\n",
    ],
)
def test_a_head_over_the_limits(serve: Serve, sent: bytes) -> None:
    served = serve(limited(Limits(head_bytes=1000, header_count=10)))
    head, _ = ask(served, sent)
    assert head.startswith(b"HTTP/1.1 431 ")
    record = served.closed()
    assert (record.status, record.state) == (431, ConnectionState.REFUSED)
    assert record.request == sent[: len(record.request)]
    assert [found.rule.severity.name for found in served.reader.connection_violations(1)] == ["ERROR"]


def test_a_head_that_never_ends(serve: Serve) -> None:
    served = serve(limited(Limits(handshake_seconds=0.1)))
    head, body = ask(served, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    record = served.closed()
    assert (record.status, record.request, record.response) == (
        408,
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        head + body,
    )
    assert [found.rule.id for found in served.reader.connection_violations(1)] == ["head-timeout"]


def test_no_timeout_once_the_handshake_is_done(serve: Serve) -> None:
    served = serve(limited(Limits(handshake_seconds=0.2)))
    with RawPeer(served.port) as peer, RawPeer(served.port) as slow:
        peer.open()
        assert slow.head().startswith(b"HTTP/1.1 408 ")
        peer.frame(Opcode.PING)
        assert peer.take(2) == b"\x8a\x00"


def test_too_many_connections_are_refused_and_take_no_room(serve: Serve) -> None:
    served = serve(limited(Limits(connections=2)))
    with ExitStack() as peers:
        first, second = (peers.enter_context(RawPeer(served.port)) for _ in range(2))
        first.open()
        second.open()
        refused = [peers.enter_context(RawPeer(served.port)) for _ in range(5)]
        for peer in refused:
            assert peer.head().startswith(b"HTTP/1.1 503 ")
        first.socket.close()
        assert served.closed(1).close_code == 1006
        # The refused ones linger, until they close; they are none of the two.
        third = peers.enter_context(RawPeer(served.port))
        third.open()
    assert served.closed(3).status == 503


def test_refused_connections_do_not_pile_up(serve: Serve) -> None:
    served = serve(limited(Limits(connections=0)))
    with ExitStack() as peers:
        waiting = [peers.enter_context(RawPeer(served.port)) for _ in range(150)]
        assert waiting[-1].head().startswith(b"HTTP/1.1 503 ")
        until(lambda: on_loop(served, lambda engine: len(engine._sessions)) <= 64, "the first are let go")
    served.captured(lambda reader: reader.totals().connections == 150, "all are recorded")


# Sending.


def test_to_one_and_to_all(serve: Serve) -> None:
    served = serve(EngineSettings())
    with ExitStack() as peers:
        clients = [peers.enter_context(RawPeer(served.port)) for _ in range(100)]
        for peer in clients:
            peer.open()
        peers.enter_context(RawPeer(served.port)).send(b"GET / HT")
        served.captured(lambda reader: reader.totals().connections == 101, "all are there")
        assert served.send(HELLO, None) == 100
        assert {peer.take(7) for peer in clients} == {HELLO_WIRE}
        assert served.send(HELLO, 5) == 1
        [fifth] = [peer for peer in clients if peer.socket.getsockname()[1] == port_of(served, 5)]
        assert fifth.take(7) == HELLO_WIRE
    reader = served.captured(lambda reader: reader.count(View()) == 101, "all are recorded")
    assert all(each.row.direction is Direction.SERVER_TO_CLIENT for each in frames_of(reader))


def port_of(served: Served, connection: int) -> int:
    record = served.reader.connection(connection)
    assert record is not None
    return int(record.peer.rpartition(":")[2])


def test_to_nobody(serve: Serve) -> None:
    served = serve(EngineSettings())
    with pytest.raises(NotOpenError, match="No connection is open: connect a client first"):
        on_loop(served, lambda engine: engine.send_to_all(HELLO))
    with pytest.raises(NotOpenError, match="Connection #7 is closed"):
        on_loop(served, lambda engine: engine.send(to_client(7), HELLO))
    with RawPeer(served.port) as peer:
        peer.send(b"GET / HT")
        served.captured(lambda reader: reader.totals().connections == 1, "it is there")
        with pytest.raises(NotOpenError, match="connecting, not open"):
            on_loop(served, lambda engine: engine.send(to_client(1), HELLO))


def test_to_all_but_one_that_does_not_read(serve: Serve) -> None:
    served = serve(limited(Limits(queued_bytes=1_000_000)))
    with RawPeer(served.port) as deaf, RawPeer(served.port) as peer:
        deaf.open()
        served.opened(1)
        peer.open()
        served.opened(2)
        fill_up(served, 1)
        assert served.send(HELLO, None) == 1
        assert peer.take(7) == HELLO_WIRE
        peer.socket.close()
        served.closed(2)
        with pytest.raises(CallerError, match="#1 is not reading"):
            on_loop(served, lambda engine: engine.send_to_all(HELLO))


def test_to_those_that_are_named_and_to_no_other(serve: Serve) -> None:
    served = serve(EngineSettings())
    with RawPeer(served.port) as one, RawPeer(served.port) as two, RawPeer(served.port) as other:
        for number, peer in enumerate((one, two, other), 1):
            peer.open()
            served.opened(number)
        one.socket.close()
        served.closed(1)
        assert on_loop(served, lambda engine: engine.send_to(to_clients(1, 2), HELLO)) == 1
        assert two.take(7) == HELLO_WIRE
        with pytest.raises(NotOpenError, match="Connection #1 is closed"):
            on_loop(served, lambda engine: engine.send_to(to_clients(1), HELLO))
        on_loop(served, lambda engine: engine.send_to(to_clients(3), OutgoingMessage(Opcode.TEXT, b"mine")))
        assert other.take(6) == b"\x81\x04mine", "nothing came before"


def fill_up(served: Served, connection: int) -> None:
    big = OutgoingMessage(Opcode.BINARY, bytes(1_000_000))
    with contextlib.suppress(CallerError):
        while True:
            on_loop(served, lambda engine: engine.send(to_client(connection), big))


# Settings while it runs.


def test_echo_begins_with_the_next_message(serve: Serve) -> None:
    served = serve(EngineSettings())
    with RawPeer(served.port) as peer:
        peer.open()
        on_loop(served, lambda engine: engine.set_auto_reply(AutoReply.ECHO))
        peer.frame(Opcode.TEXT, b"hello")
        assert peer.take(7) == HELLO_WIRE


def test_limits_hold_for_the_next_connection(serve: Serve) -> None:
    served = serve(EngineSettings())
    with RawPeer(served.port) as before, RawPeer(served.port) as after:
        before.open()
        settings = replace(EngineSettings(auto_reply=AutoReply.ECHO), limits=Limits(message_bytes=3))
        on_loop(served, lambda engine: engine.set_settings(settings))
        before.frame(Opcode.TEXT, b"hello")
        assert before.take(7) == HELLO_WIRE
        after.socket.close()
        with RawPeer(served.port) as new:
            new.open()
            new.frame(Opcode.TEXT, b"hello")
            assert new.take(4)[2:] == (1009).to_bytes(2, "big")


# Stopping.


def test_stopping_says_going_away_and_waits_for_the_answer(tmp_path: Path) -> None:
    with ExitStack() as peers, Served(tmp_path / "a.unmask", EngineSettings()) as served:
        peer, headless = (peers.enter_context(RawPeer(served.port)) for _ in range(2))
        peer.open()
        headless.send(b"GET / HT")
        served.captured(lambda reader: reader.totals().connections == 2, "both are there")
        served.host.stop()
        head, length = peer.take(2)
        assert (head, peer.take(length)) == (0x88, b"\x03\xe9Unmask stops")
        peer.frame(Opcode.CLOSE, b"\x03\xe9")
        with contextlib.suppress(ConnectionResetError):
            assert headless.rest() == b""
        served.host.recorder.flush()
        record = served.closed()
        assert (record.close_code, record.state) == (1001, ConnectionState.CLOSED)


def test_stopping_goes_past_those_that_do_not_read_or_answer(tmp_path: Path) -> None:
    with deaf_peer(tmp_path) as (served, deaf):
        fill_up(served, 1)
        with RawPeer(served.port) as mute, RawPeer(served.port) as closing:
            mute.open()
            closing.open()
            served.opened(3)
            served.send(OutgoingClose(), 3)
            served.host.stop()
            assert mute.take(2)[0] == 0x88
            served.closed(1)
            served.closed(2)
            served.closed(3)
        deaf.socket.close()


@contextlib.contextmanager
def deaf_peer(folder: Path) -> Iterator[tuple[Served, RawPeer]]:
    settings = limited(Limits(queued_bytes=1_000_000))
    with Served(folder / "a.unmask", settings) as served, RawPeer(served.port) as peer:
        peer.open()
        served.opened()
        yield served, peer


def test_sessions_go_on_when_listening_stops(serve: Serve) -> None:
    served = serve(EngineSettings())
    with RawPeer(served.port) as peer:
        peer.open()
        on_loop(served, lambda engine: engine.stop_source(0))
        with pytest.raises(ConnectionRefusedError):
            RawPeer(peer.port)
        assert served.send(OutgoingPing(), 1) == 1
        assert peer.take(2) == b"\x89\x00"
