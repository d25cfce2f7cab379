"""Unmask as a client, held against what its server sees and what the capture then tells."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.sync.server import Server, ServerConnection
from websockets.sync.server import serve as listen

from core.capture.records import ConnectionRecord, ConnectionState, Direction, Mode
from core.errors import NoRoomError, NotOpenError, TargetError
from core.net.connect_request import ConnectRequest, parse_url
from core.net.failures import FailureKind
from core.net.settings import AutoReply, EngineSettings, Limits
from core.net.sockets import name_of
from core.protocol.events import ClosedBy, Origin
from core.protocol.frames import Opcode, apply_mask
from core.protocol.http11 import parsed_request
from core.protocol.outgoing import Outgoing, OutgoingClose, OutgoingMessage, OutgoingPing, Target
from core.protocol.state import Role
from core.protocol.violations import Judgement
from tests.tools.raw_server import RawServer, response_to
from tests.tools.served import Served, frames_of, messages_of, on_loop, to_client
from tests.tools.waiting import PATIENCE_SECONDS

ECHO = EngineSettings(auto_reply=AutoReply.ECHO)
SILENT = EngineSettings()
SERVER = Target(1, Role.SERVER)
HELLO = OutgoingMessage(Opcode.TEXT, b"hello")

Serve = Callable[[EngineSettings], Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as running:
        yield lambda settings: running.enter_context(Served(tmp_path / "a.unmask", settings))


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer() as server:
        yield server


@contextmanager
def library_server(handler: Callable[[ServerConnection], None], **options: object) -> Iterator[str]:
    """Where Python's websockets listens and serves."""
    with listen(handler, "127.0.0.1", 0, **options) as server:  # type: ignore[arg-type]
        yield from _served(server)


def _served(server: Server) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
    finally:
        server.shutdown()
        thread.join(PATIENCE_SECONDS)


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def connect(served: Served, url: str, **options: object) -> None:
    served.host.connect(ConnectRequest(parse_url(url), **options))  # type: ignore[arg-type]


def send(served: Served, outgoing: Outgoing) -> None:
    on_loop(served, lambda engine: engine.send(SERVER, outgoing))


def refused(served: Served, url: str) -> tuple[ConnectionRecord, str]:
    """What stands of a connection that came to nothing, and what was told of it."""
    failure = served.failure()
    assert (failure.kind, failure.subject) == (FailureKind.CONNECT, url)
    record = served.closed()
    assert (record.mode, record.state) == (Mode.CONNECT, ConnectionState.REFUSED)
    assert record.reason == failure.sentence
    return record, failure.sentence


def client_frame(server: RawServer) -> tuple[int, bytes]:
    """First byte and unmasked payload of the client's next frame."""
    head, length = server.take(2)
    assert length & 0x80, "a client masks"
    length &= 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", server.take(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", server.take(8))
    key = server.take(4)
    return head, apply_mask(server.take(length), key)


# It opens.


def test_what_is_asked_and_agreed_stands_in_the_capture(serve: Serve) -> None:
    served = serve(SILENT)
    with library_server(echo, subprotocols=["superchat"]) as url:
        connect(
            served,
            f"{url}/a/ü?b=c d",
            headers=(("Origin", "https://example.com"), ("X-One", "1"), ("X-One", "2")),
            subprotocols=("chat", "superchat"),
            compression="permessage-deflate; client_max_window_bits; server_max_window_bits=10",
        )
        record = served.opened()
        send(served, OutgoingClose())
        served.closed()
    assert (record.mode, record.state, record.status) == (Mode.CONNECT, ConnectionState.OPEN, 101)
    assert (record.path, record.origin) == ("/a/%C3%BC?b=c%20d", "https://example.com")
    assert record.peer == url.removeprefix("ws://")
    request = parsed_request(record.request)
    assert request is not None
    assert request.headers.get("Host") == url.removeprefix("ws://")
    assert request.headers.get_all("X-One") == ("1", "2")
    assert request.headers.get("Sec-WebSocket-Protocol") == "chat, superchat"
    assert request.headers.get("Sec-WebSocket-Extensions") == (
        "permessage-deflate; client_max_window_bits; server_max_window_bits=10"
    )
    assert record.subprotocol == "superchat"
    assert record.extensions.startswith("permessage-deflate; server_max_window_bits=10")
    assert record.response.startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    "compression", ["permessage-deflate", "permessage-deflate; client_no_context_takeover", ""]
)
def test_messages_go_both_ways(serve: Serve, compression: str) -> None:
    served = serve(SILENT)
    with library_server(echo) as url:
        connect(served, url, compression=compression)
        served.opened()
        for size in (0, 5, 200, 70_000):
            send(served, OutgoingMessage(Opcode.BINARY, bytes(size)))
        served.captured(lambda reader: len(messages_of(reader)) == 8, "all came back")
        send(served, OutgoingClose(1000, "bye"))
        record = served.closed()
    said = messages_of(served.reader)
    for way in Direction:
        assert [len(each.payload) for each in said if each.direction is way] == [0, 5, 200, 70_000]
    assert {each.compressed for each in said} == {bool(compression)}
    origins = {each.row.direction: each.row.origin for each in frames_of(served.reader) if each.row.message}
    assert origins == {
        Direction.CLIENT_TO_SERVER: Origin.COMPOSED,
        Direction.SERVER_TO_CLIENT: Origin.PEER,
    }
    assert (record.close_code, record.closed_by, record.vanished) == (1000, ClosedBy.UNMASK, False)
    assert record.violation_count == 0


def test_the_server_gets_exactly_the_bytes_that_are_recorded(serve: Serve, server: RawServer) -> None:
    served = serve(SILENT)
    connect(served, server.url)
    request = server.open()
    served.opened()
    send(served, HELLO)
    send(served, OutgoingPing(b"?"))
    assert client_frame(server) == (0x81, b"hello")
    assert client_frame(server) == (0x89, b"?")
    server.frame(Opcode.CLOSE, b"\x03\xe8")
    assert client_frame(server) == (0x88, b"\x03\xe8")
    server.client.close()
    record = served.closed()
    assert record.request == request
    assert (record.close_code, record.closed_by) == (1000, ClosedBy.SERVER)
    sent = [each for each in frames_of(served.reader) if each.row.direction is Direction.CLIENT_TO_SERVER]
    assert [(each.row.masked, each.row.origin) for each in sent] == [
        (True, Origin.COMPOSED),
        (True, Origin.COMPOSED),
        (True, Origin.AUTOMATIC),
    ]
    assert len({each.frame.masking_key for each in sent}) == 3


def test_what_a_server_says_is_echoed(serve: Serve) -> None:
    served = serve(ECHO)
    came_back: list[str | bytes] = []
    said: list[str | bytes] = ["", "hello", "你好 🎉", b"\x00\xff" * 40_000]

    def handler(connection: ServerConnection) -> None:
        for each in said:
            connection.send(each)
        came_back.extend(connection.recv() for _ in said)
        connection.close(1000, "enough")

    with library_server(handler) as url:
        connect(served, url)
        record = served.closed()
    assert came_back == said
    assert (record.close_code, record.closed_by) == (1000, ClosedBy.SERVER)


def test_frames_glued_to_the_response_are_not_lost(serve: Serve, server: RawServer) -> None:
    served = serve(ECHO)
    connect(served, server.url, compression="")
    server.send(response_to(server.accept()) + b"\x81\x02hi\x89\x00")
    assert client_frame(server) == (0x81, b"hi")
    assert client_frame(server) == (0x8A, b"")
    server.client.close()
    assert served.closed().vanished


def test_a_masked_frame_of_a_server_fails_the_connection(serve: Serve, server: RawServer) -> None:
    served = serve(SILENT)
    connect(served, server.url)
    server.open()
    server.send(b"\x81\x81abcd" + bytes((ord("a") ^ ord("a"),)))
    head, payload = client_frame(server)
    assert (head, payload[:2]) == (0x88, b"\x03\xea")
    server.frame(Opcode.CLOSE, payload[:2])
    server.client.close()
    record = served.closed()
    assert (record.closed_by, record.violation_count) == (ClosedBy.UNMASK, 1)
    assert [found.rule.id for found in frames_of(served.reader)[0].violations] == ["mask-forbidden"]


def test_a_client_waits_for_the_server_to_end_the_stream(serve: Serve, server: RawServer) -> None:
    """RFC 6455 section 7.1.1. A server that never does is cut off."""
    served = serve(replace(SILENT, limits=Limits(close_seconds=0.5)))
    connect(served, server.url)
    server.open()
    served.opened()
    send(served, OutgoingClose())
    assert client_frame(server)[0] == 0x88
    began = time.monotonic()
    server.frame(Opcode.CLOSE, b"\x03\xe8")
    assert server.rest() == b""
    assert time.monotonic() - began > 0.4
    assert served.closed().close_code == 1000


# It does not open.


def test_a_wrong_accept_is_refused(serve: Serve, server: RawServer) -> None:
    served = serve(replace(SILENT, limits=Limits(close_seconds=10 * PATIENCE_SECONDS)))
    connect(served, server.url)
    request = server.accept()
    response = response_to(request.replace(b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Key: x"))
    server.send(response)
    assert server.rest() == b"", "a client that refuses sends no frame, and waits for none"
    server.client.close()
    record, sentence = refused(served, server.url)
    assert sentence.startswith("Sec-WebSocket-Accept does not follow from the key")
    assert (record.request, record.response, record.status) == (request, response, 101)
    assert [each.violation.rule.id for each in served.reader.problems(0, 9)] == ["accept-wrong"]


def test_a_wrong_accept_is_tolerated_where_that_is_asked(serve: Serve, server: RawServer) -> None:
    served = serve(replace(ECHO, judgement=Judgement.TOLERANT))
    connect(served, server.url, compression="")
    response = response_to(server.accept().replace(b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Key: x"))
    server.send(response + b"\x81\x02hi")
    assert client_frame(server) == (0x81, b"hi")
    server.client.close()
    assert served.closed().violation_count == 1


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (b"HTTP/1.1 301 Moved\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n", 301, "301 'Moved'"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", 404, "404 'Not Found'"),
        (b"HTTP/1.1 503 Busy\r\n\r\nlater", 503, "503 'Busy'"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\nno", 403, "403 'Forbidden'"),
    ],
)
def test_another_status_is_recorded_with_its_body(
    serve: Serve, server: RawServer, answer: bytes, status: int, words: str
) -> None:
    served = serve(SILENT)
    connect(served, server.url)
    server.accept()
    server.send(answer)
    server.client.close()
    record, sentence = refused(served, server.url)
    assert words in sentence
    assert (record.status, record.path) == (status, "/")
    assert record.response + record.trailing == answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")


def test_a_body_that_comes_late_is_waited_for(serve: Serve, server: RawServer) -> None:
    served = serve(SILENT)
    connect(served, server.url)
    server.accept()
    server.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n")
    served.failure()
    server.client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        server.rest()
    server.send(b"gone")
    server.client.close()
    assert served.closed().trailing == b"gone"


def test_a_body_that_repeats_a_secret_is_recorded_without_it(serve: Serve, server: RawServer) -> None:
    served = serve(SILENT)
    connect(served, f"{server.url}?token=s3cret", secrets=("s3cret",))
    server.accept()
    server.send(b"HTTP/1.1 401 Unauthorized\r\n\r\ntoken=s3cret is")
    served.failure()
    server.send(b" not s3cret")
    server.client.close()
    assert served.closed().trailing == b"token=****** is not ******"


def test_bytes_that_are_no_response(serve: Serve, server: RawServer) -> None:
    served = serve(SILENT)
    connect(served, server.url)
    server.accept()
    server.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    server.client.close()
    record, sentence = refused(served, server.url)
    assert "status line" in sentence
    assert (record.status, record.response[:4]) == (0, b"SSH-")


def test_a_server_that_goes_before_it_answers(serve: Serve, server: RawServer) -> None:
    served = serve(SILENT)
    connect(served, server.url)
    server.accept()
    server.send(b"HTTP/1.1 10")
    server.client.close()
    record, sentence = refused(served, server.url)
    assert sentence.startswith("The stream ended before the head was complete")
    assert (record.response, record.path) == (b"HTTP/1.1 10", "/")


def test_a_server_that_never_answers(serve: Serve, server: RawServer) -> None:
    served = serve(SILENT)
    connect(served, server.url, handshake_seconds=0.2)
    server.accept()
    assert server.rest() == b""
    server.client.close()
    record, sentence = refused(served, server.url)
    assert sentence.startswith("The head was not complete in time: 0 bytes came in 0.2 s")
    assert (record.status, record.response) == (0, b"")


# There is nobody.


def test_a_port_on_which_nobody_listens(serve: Serve) -> None:
    served = serve(SILENT)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    connect(served, f"ws://127.0.0.1:{port}/x")
    record, sentence = refused(served, f"ws://127.0.0.1:{port}/x")
    assert sentence == (
        f"127.0.0.1:{port} refuses the connection: nothing listens there. Start the server, or check host and port."
    )
    assert (record.peer, record.request, record.frame_count) == (f"127.0.0.1:{port}", b"", 0)
    [leg] = served.reader.legs(1)
    assert (leg.side, leg.local, leg.connected_ns, leg.answered_ns) == (Role.SERVER, "", None, None)
    assert leg.closed_ns == record.closed_ns


def test_every_address_of_a_host_is_tried(serve: Serve, server: RawServer) -> None:
    served = serve(SILENT)
    both = {info[4][0] for info in socket.getaddrinfo("localhost", 0)}
    assert "127.0.0.1" in both
    connect(served, f"ws://localhost:{server.port}/")
    request = parsed_request(server.open())
    assert request is not None
    assert request.headers.get("Host") == f"localhost:{server.port}"
    record = served.opened()
    [leg] = served.reader.legs(1)
    assert (record.peer, record.local) == (leg.peer, leg.local)
    assert (leg.side, leg.peer, leg.local) == (
        Role.SERVER,
        f"127.0.0.1:{server.port}",
        name_of(server.client.getpeername()),
    )
    assert leg.connected_ns is not None
    assert leg.answered_ns is not None
    assert leg.opened_ns < leg.connected_ns < leg.answered_ns


def test_a_host_that_is_not_found(serve: Serve) -> None:
    served = serve(SILENT)
    connect(served, "ws://nobody.invalid/")
    _, sentence = refused(served, "ws://nobody.invalid/")
    assert sentence.startswith("nobody.invalid is no host that this machine can find (")


@contextmanager
def full_port() -> Iterator[int]:
    """A port whose queue of connections is full: whoever connects to it gets no answer at all."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = listening.getsockname()[1]
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


def test_a_server_that_is_never_reached(serve: Serve) -> None:
    served = serve(SILENT)
    with full_port() as port:
        connect(served, f"ws://127.0.0.1:{port}/", connect_seconds=0.3)
        _, sentence = refused(served, f"ws://127.0.0.1:{port}/")
    assert sentence.startswith(f"127.0.0.1:{port} did not answer within 0.3 s.")


def test_dialling_can_be_stopped(serve: Serve) -> None:
    served = serve(SILENT)
    with full_port() as port:
        connect(served, f"ws://127.0.0.1:{port}/")
        served.captured(lambda reader: reader.connection(1) is not None, "it is dialled")
        with pytest.raises(NotOpenError, match="connecting, not open"):
            send(served, HELLO)
        on_loop(served, lambda engine: engine.disconnect(1))
        _, sentence = refused(served, f"ws://127.0.0.1:{port}/")
    assert sentence == f"Connecting to 127.0.0.1:{port} was stopped before there was an answer."


def test_stopping_does_not_wait_for_what_is_dialled(tmp_path: Path) -> None:
    with full_port() as port, Served(tmp_path / "a.unmask", SILENT) as served:
        connect(served, f"ws://127.0.0.1:{port}/")
        served.captured(lambda reader: reader.connection(1) is not None, "it is dialled")
        served.host.stop()
        refused(served, f"ws://127.0.0.1:{port}/")


def test_there_are_no_more_than_may_be(serve: Serve, server: RawServer) -> None:
    served = serve(replace(SILENT, limits=Limits(connections=1)))
    connect(served, server.url)
    server.open()
    served.opened()
    url = parse_url(server.url)
    with pytest.raises(NoRoomError, match="There are 1 connections already"):
        on_loop(served, lambda engine: engine.connect(ConnectRequest(url)))
    connect(served, server.url)
    failure = served.failure()
    assert (failure.kind, failure.subject) == (FailureKind.CONNECT, server.url)


def test_each_side_is_only_there_where_it_is(serve: Serve, server: RawServer) -> None:
    served = serve(SILENT)
    connect(served, server.url)
    server.open()
    served.opened()
    with pytest.raises(TargetError, match="#1 has no client that Unmask could send to"):
        on_loop(served, lambda engine: engine.send(to_client(1), HELLO))
    assert on_loop(served, lambda engine: engine.send_to_all(HELLO)) == 1
    assert client_frame(server) == (0xC1 if served.opened().extensions else 0x81, b"hello")


def test_an_origin_is_passed_on(serve: Serve, server: RawServer) -> None:
    served = serve(SILENT)
    connect(served, server.url)
    server.open()
    served.opened()
    on_loop(served, lambda engine: engine.send(SERVER, HELLO, Origin.INJECTED))
    found = served.captured(lambda reader: len(frames_of(reader)) == 1, "it is recorded")
    assert frames_of(found)[0].row.origin is Origin.INJECTED


def test_unmask_talks_to_itself(serve: Serve) -> None:
    """The client and the server of one connection, with an echo between them that ends at the server's close."""
    served = serve(SILENT)
    connect(served, served.url)
    served.captured(
        lambda reader: all(reader.connection(each) is not None for each in (1, 2)), "both are there"
    )
    served.opened(1)
    served.opened(2)
    by_mode = {record.mode: record for record in served.reader.connections()}
    client, its_server = by_mode[Mode.CONNECT], by_mode[Mode.LISTEN]
    assert client.request == its_server.request
    assert client.response == its_server.response
    on_loop(served, lambda engine: engine.send(Target(client.id, Role.SERVER), HELLO))
    on_loop(served, lambda engine: engine.send(to_client(its_server.id), OutgoingClose(4000, "done")))
    for each in (client, its_server):
        assert served.closed(each.id).close_code == 4000
    wires = [
        [frame.frame.wire() for frame in frames_of(served.reader, each.id) if frame.row.direction is way]
        for way in Direction
        for each in (client, its_server)
    ]
    assert wires[0] == wires[1]
    assert wires[2] == wires[3]
