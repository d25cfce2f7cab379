"""A source that connects: redirects, losses, pings, secrets; against servers that are nothing but sockets."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.server import serve as listen

from core.capture.records import ConnectionRecord, Direction
from core.net.connect_request import ConnectRequest, Reconnect, parse_url
from core.net.failures import FailureKind
from core.net.settings import EngineSettings
from core.net.sources import Connect, Source, SourceState, SourceStatus
from core.net.upstream import parse_upstream
from core.protocol.frames import Opcode, apply_mask
from core.protocol.http11 import parsed_request, write_response
from core.protocol.outgoing import OutgoingClose, Target
from core.protocol.state import Role
from tests.tools.certificates import server_context
from tests.tools.proxies import HttpProxy, Socks5Proxy
from tests.tools.raw_server import RawServer
from tests.tools.served import Served, frames_of, on_loop
from tests.tools.waiting import PATIENCE_SECONDS

AT_ONCE = Reconnect(first_seconds=0.05, longest_seconds=0.1, attempts=3, steady_seconds=0.0)
RUNNING, STOPPED, FAILED, STARTING = (
    SourceState.RUNNING,
    SourceState.STOPPED,
    SourceState.FAILED,
    SourceState.STARTING,
)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings()) as running:
        yield running


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer() as server:
        yield server


@pytest.fixture
def other() -> Iterator[RawServer]:
    with RawServer() as server:
        yield server


def start(served: Served, url: str, **options: object) -> int:
    served.host.start_source(
        Source(7, "out", Connect(ConnectRequest(parse_url(url), **options)))  # type: ignore[arg-type]
    )
    return 7


def redirect(server: RawServer, location: str) -> bytes:
    head = server.accept()
    server.send(write_response(302, [("Location", location), ("Content-Length", "0")]))
    server.client.close()
    return head


def news_of(status: SourceStatus) -> str:
    return "" if status.client is None else " ".join(status.client.news)


def record_of(served: Served, connection: int) -> ConnectionRecord:
    record = served.reader.connection(connection)
    assert record is not None
    return record


def failed(served: Served) -> str:
    """Why the source has failed."""
    failure = served.failure()
    assert failure.kind is FailureKind.CONNECT
    assert served.source(7, FAILED).failure == failure.sentence
    return failure.sentence


# Redirects.


def test_a_redirect_is_shown_and_not_followed_unasked(served: Served, server: RawServer) -> None:
    start(served, server.url)
    redirect(server, "/elsewhere")
    sentence = failed(served)
    assert f"{server.url} answers 302 and sends to {server.url}/elsewhere. It was not followed." in sentence
    assert served.closed().status == 302


def test_a_redirect_is_followed_when_asked(served: Served, server: RawServer) -> None:
    start(served, server.url, headers=(("Cookie", "a=1"),), follows=1)
    redirect(server, "/elsewhere?x=1")
    head = parsed_request(server.open())
    assert head is not None
    assert head.target == "/elsewhere?x=1"
    assert head.headers.get("Cookie") == "a=1"
    status = served.source(7, RUNNING)
    assert status.client is not None
    assert status.client.url == f"{server.url}/elsewhere?x=1"
    served.opened(2)
    assert [record_of(served, number).status for number in (1, 2)] == [302, 101]
    assert any("sends to" in news_of(each) for each in served.told)


def test_credentials_do_not_go_to_another_server(served: Served, server: RawServer, other: RawServer) -> None:
    headers = (("Authorization", "Bearer t"), ("Cookie", "a=1"), ("User-Agent", "me"))
    start(served, server.url, headers=headers, follows=3)
    assert b"Bearer t" in redirect(server, f"http://127.0.0.1:{other.port}/")
    head = parsed_request(other.open())
    assert head is not None
    assert "Authorization" not in head.headers
    assert "Cookie" not in head.headers
    assert head.headers.get("User-Agent") == "me"
    served.source(7, RUNNING)
    assert any("does not get Authorization, Cookie." in news_of(each) for each in served.told)


def test_redirects_are_bounded(served: Served, server: RawServer) -> None:
    start(served, server.url, follows=2)
    for _ in range(3):
        redirect(server, "/again")
    assert "more redirects than were asked to be followed" in failed(served)


def test_a_redirect_to_nowhere_is_a_refusal(served: Served, server: RawServer) -> None:
    start(served, server.url, follows=2)
    redirect(server, "ftp://a/")
    assert "302" in failed(served)


# Losses.


def test_a_server_that_comes_and_goes_is_connected_to_again(served: Served, server: RawServer) -> None:
    start(served, server.url, reconnect=AT_ONCE)
    for round_ in range(1, 4):
        server.open()
        served.opened(round_)
        server.client.close()
    server.open()
    served.opened(4)
    status = served.source(7, RUNNING)
    assert status.client is not None
    assert status.client.next_attempt_ns is None
    assert any("The server has vanished. Attempt 1 of 3 follows in" in news_of(each) for each in served.told)
    served.host.stop_source(7)
    served.source(7, STOPPED)


def test_a_server_that_is_not_there_yet_is_waited_for(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    start(served, f"ws://127.0.0.1:{port}/", reconnect=AT_ONCE)
    assert "3 attempts in a row have failed" in failed(served)
    waits = [each.client.failures for each in served.told if each.client and each.client.next_attempt_ns]
    assert sorted(set(waits)) == [1, 2, 3]


def test_waiting_can_be_stopped(served: Served, server: RawServer) -> None:
    start(served, server.url, reconnect=Reconnect(first_seconds=600, longest_seconds=600))
    server.open()
    served.opened()
    server.client.close()
    served.captured(lambda _reader: served.source(7, STARTING).client is not None, "it waits")
    served.host.stop_source(7)
    served.source(7, STOPPED)


@pytest.mark.parametrize("status", [401, 404])
def test_what_the_server_refuses_is_not_asked_again(served: Served, server: RawServer, status: int) -> None:
    start(served, server.url, reconnect=AT_ONCE)
    server.accept()
    server.send(write_response(status, [("Content-Length", "0")]))
    server.client.close()
    assert str(status) in failed(served)


def test_a_busy_server_is_asked_again(served: Served, server: RawServer) -> None:
    start(served, server.url, reconnect=AT_ONCE)
    server.accept()
    server.send(write_response(503, [("Content-Length", "0")]))
    server.client.close()
    server.open()
    served.opened(2)
    served.host.stop_source(7)


def test_what_the_person_closes_stays_closed(served: Served, server: RawServer) -> None:
    start(served, server.url, reconnect=AT_ONCE)
    server.open()
    connection = served.opened().id
    on_loop(served, lambda engine: engine.send(Target(connection, Role.SERVER), OutgoingClose()))
    assert client_frame(server) == (0x88, b"\x03\xe8")
    server.frame(Opcode.CLOSE, b"\x03\xe8")
    server.client.close()
    served.source(7, STOPPED)


def test_what_the_person_cuts_stays_cut(served: Served, server: RawServer) -> None:
    start(served, server.url, reconnect=AT_ONCE)
    server.open()
    connection = served.opened().id
    on_loop(served, lambda engine: engine.disconnect(connection))
    served.source(7, STOPPED)


def test_waits_grow_within_bounds_and_are_spread() -> None:
    reconnect = Reconnect(first_seconds=1, longest_seconds=8)
    assert [reconnect.wait(each, 1.0) for each in range(6)] == [1, 2, 4, 8, 8, 8]
    assert [reconnect.wait(each, 0.0) for each in range(6)] == [0.5, 1, 2, 4, 4, 4]
    assert reconnect.wait(10**6, 1.0) == 8


# Pings.


def client_frame(server: RawServer) -> tuple[int, bytes]:
    head, length = server.take(2)
    assert length & 0x80, "a client masks"
    length &= 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", server.take(2))
    key = server.take(4)
    return head, apply_mask(server.take(length), key)


def test_pings_are_recorded_and_their_way_is_measured(served: Served, server: RawServer) -> None:
    start(served, server.url, ping_seconds=0.05)
    server.open()
    for _ in range(3):
        head, payload = client_frame(server)
        assert head == 0x89
        server.frame(Opcode.PONG, payload)
    served.captured(
        lambda _reader: any(each.client and each.client.pulse.round_trip_ns for each in served.told),
        "a pong has come",
    )
    served.host.stop_source(7)
    served.source(7, STOPPED)
    ways = [each.row.direction for each in frames_of(served.reader) if each.row.opcode == Opcode.PING]
    assert set(ways) == {Direction.CLIENT_TO_SERVER}
    trips = {each.client.pulse.round_trip_ns for each in served.told if each.client} - {None}
    assert all(trip is not None and 0 < trip < 10**10 for trip in trips)


def test_a_server_that_answers_no_pings_is_left_for_a_new_try(served: Served, server: RawServer) -> None:
    start(served, server.url, ping_seconds=0.05, reconnect=AT_ONCE)
    server.open()
    server.client.settimeout(None)
    first = server.client
    server.open()
    served.opened(2)
    served.host.stop_source(7)
    first.close()
    assert any("has not answered 3 pings" in news_of(each) for each in served.told)


def test_without_a_new_try_silence_is_only_told(served: Served, server: RawServer) -> None:
    start(served, server.url, ping_seconds=0.05)
    server.open()
    served.captured(
        lambda _reader: any(each.client and each.client.pulse.unanswered > 4 for each in served.told),
        "pings are unanswered",
    )
    assert served.source(7, RUNNING).open_connections == 1
    served.host.stop_source(7)


# Secrets.


def test_a_head_without_secrets_is_not_called_masked(served: Served, server: RawServer) -> None:
    start(served, server.url)
    server.open()
    served.opened()
    assert [each.is_masked for each in served.reader.heads(1)] == [False, False]
    served.host.stop_source(7)


def test_no_byte_of_a_secret_is_in_the_capture(served: Served, server: RawServer) -> None:
    secret = "s3cret-token"
    start(
        served,
        f"{server.url}/?t={secret}",
        headers=(("Authorization", f"Bearer {secret}"), ("Cookie", f"a={secret}")),
        subprotocols=(f"bearer.{secret}",),
        secrets=(secret,),
    )
    head = server.open(("Set-Cookie", f"t={secret}"), ("Sec-WebSocket-Protocol", f"bearer.{secret}"))
    assert head.count(secret.encode()) == 4
    record = served.opened()
    assert len(record.request) == len(head)
    assert record.path == "/?t=************"
    assert [each.is_masked for each in served.reader.heads(1)] == [True, True]
    assert record.is_masked
    assert record.subprotocol == "bearer.************"
    served.host.stop_source(7)
    served.source(7, STOPPED)
    path = served.host.recorder.path
    on_loop(served, lambda engine: engine.recorder.flush())
    for file in path.parent.glob(path.name + "*"):
        assert secret.encode() not in file.read_bytes(), file


# On the way.


def test_any_certificate_is_taken_when_asked(served: Served) -> None:
    server = listen(lambda _connection: None, "127.0.0.1", 0, ssl=server_context())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"wss://127.0.0.1:{server.socket.getsockname()[1]}/"
    try:
        start(served, url)
        assert "certificate" in failed(served)
        start(served, url, accepts_any_certificate=True)
        record = served.closed(2)
        assert (record.status, record.close_code) == (101, 1000)
        (leg,) = served.reader.legs(2)
        assert leg.tls is not None
        assert leg.tls.version.startswith("TLSv1")
    finally:
        server.shutdown()
        thread.join(PATIENCE_SECONDS)


@pytest.mark.parametrize("kind", [HttpProxy, Socks5Proxy])
def test_a_proxy_of_its_own_is_gone_through(
    served: Served, server: RawServer, kind: type[HttpProxy] | type[Socks5Proxy]
) -> None:
    proxy = kind()
    with proxy:
        start(served, server.url, upstream=parse_upstream(proxy.url))
        server.open()
        record = served.opened()
        assert record.peer.startswith(f"127.0.0.1:{server.port} via ")
        served.host.stop_source(7)
        served.source(7, STOPPED)
