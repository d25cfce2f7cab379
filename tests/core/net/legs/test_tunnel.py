"""What is made of a tunnel, by what is said in it first."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from core.capture.records import ConnectionRecord, ConnectionState
from core.net.failures import FailureKind
from core.net.host_list import parse_hosts
from core.net.proxy import Proxy
from core.protocol.events import ClosedBy
from core.protocol.frames import make_frame
from core.protocol.handshake import client_request
from core.protocol.state import Role
from tests.tools.certificates import server_context
from tests.tools.proxied import ANYWHERE, Proxied, closed_port, proxied, secured_echo
from tests.tools.raw_end import RawEnd
from tests.tools.raw_peer import KEY, MASK
from tests.tools.raw_server import RawServer
from tests.tools.served import messages_of, on_loop
from tests.tools.waiting import PATIENCE_SECONDS, until

REQUEST = client_request("h", "/chat", KEY)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxied]:
    with proxied(tmp_path) as running:
        yield running


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer() as running:
        yield running


def place_of(server: RawServer) -> str:
    return f"127.0.0.1:{server.port}"


def end(server: RawServer) -> None:
    """Close the server's end, once the client's has been."""
    server.rest()
    server.socket.close()


def only(proxy: Proxied) -> ConnectionRecord:
    return proxy.records(1)[0]


# What passes as it comes.


def test_a_server_that_speaks_first_is_heard(proxy: Proxied, server: RawServer) -> None:
    with proxy.tunnel(place_of(server)) as client:
        server.meet()
        server.send(b"SSH-2.0-test\r\n")
        assert client.take(14) == b"SSH-2.0-test\r\n"
        client.send(b"SSH-2.0-other\r\n")
        assert server.take(15) == b"SSH-2.0-other\r\n"
        server.socket.close()
        assert client.rest() == b""
    record = only(proxy)
    assert record.state is ConnectionState.TUNNELLED
    assert (record.bytes_in, record.bytes_out) == (15, 14)
    assert record.path == place_of(server)
    assert "server speaks first" in record.reason
    assert record.closed_by is ClosedBy.SERVER
    assert [leg.peer for leg in proxy.served.reader.legs(record.id)][1] == place_of(server)


@pytest.mark.parametrize(
    "said", [b"\x00\x01\x02", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x00\x05\x02", b"hello\r\n"]
)
def test_what_is_neither_tls_nor_http_passes(proxy: Proxied, server: RawServer, said: bytes) -> None:
    with proxy.ask(place_of(server), said) as client:
        server.meet()
        assert server.take(len(said)) == said
        server.send(b"answer")
        assert client.head() == b"HTTP/1.1 200 Connection established\r\n\r\n"
        assert client.take(6) == b"answer"
    end(server)
    record = only(proxy)
    assert record.state is ConnectionState.TUNNELLED
    assert (record.bytes_in, record.bytes_out) == (len(said), 6)
    assert record.closed_by is ClosedBy.CLIENT


def test_a_client_that_says_too_little_is_passed_on_after_a_while(tmp_path: Path, server: RawServer) -> None:
    with (
        proxied(tmp_path, replace(Proxy(ANYWHERE), peek_seconds=0.05)) as proxy,
        proxy.tunnel(place_of(server)) as client,
    ):
        client.send(b"GE")
        server.meet()
        assert server.take(2) == b"GE"
        client.send(b"T / HTTP/1.1\r\n\r\n")
        assert server.take(16) == b"T / HTTP/1.1\r\n\r\n"
        server.socket.close()
        client.rest()
        client.socket.close()
        assert "did not say enough" in only(proxy).reason


def test_each_half_of_the_stream_ends_by_itself(proxy: Proxied, server: RawServer) -> None:
    with proxy.tunnel(place_of(server)) as client:
        server.meet()
        client.send(b"\x00ask")
        client.say_no_more()
        assert server.rest() == b"\x00ask"
        server.send(b"late answer")
        server.say_no_more()
        assert client.rest() == b"late answer"
    record = only(proxy)
    assert (record.bytes_in, record.bytes_out, record.vanished) == (4, 11, False)


def test_a_client_that_ends_its_half_at_once_still_hears_the_server(
    proxy: Proxied, server: RawServer
) -> None:
    with proxy.ask(place_of(server)) as client:
        client.say_no_more()
        server.meet()
        assert server.rest() == b""
        server.send(b"220 hello\r\n")
        server.socket.close()
        assert client.rest().endswith(b"\r\n\r\n220 hello\r\n")
    assert only(proxy).bytes_out == 11


def test_half_a_tunnel_does_not_last_forever(
    proxy: Proxied, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.net.legs.tunnel.HALF_OPEN_SECONDS", 0.2)
    with proxy.tunnel(place_of(server)) as client:
        server.meet()
        client.send(b"\x00")
        server.take(1)
    with suppress(ConnectionResetError):
        server.rest()
    # The server's end is still open.
    assert only(proxy).closed_by is ClosedBy.CLIENT


def test_a_reset_is_one_for_the_other_side(proxy: Proxied, server: RawServer) -> None:
    with proxy.tunnel(place_of(server)) as client:
        server.meet()
        client.send(b"\x00")
        server.take(1)
        server.reset()
        with suppress(ConnectionResetError):
            assert client.rest() == b""
    record = only(proxy)
    assert (record.closed_by, record.vanished) == (ClosedBy.SERVER, True)


def test_bytes_are_counted_while_they_pass(proxy: Proxied, server: RawServer) -> None:
    with proxy.tunnel(place_of(server)) as client:
        server.meet()
        client.send(b"\x00" * 1000)
        server.take(1000)
        proxy.served.captured(
            lambda reader: [each.bytes_in for each in reader.connections()] == [1000], "they are counted"
        )
        client.send(b"\x00" * 500)
        proxy.served.captured(
            lambda reader: [each.bytes_in for each in reader.connections()] == [1500], "more is counted"
        )
        record = proxy.served.reader.connections()[0]
        assert (record.state, record.closed_ns) == (ConnectionState.TUNNELLED, None)


def test_a_slow_server_slows_its_client(proxy: Proxied, server: RawServer) -> None:
    with proxy.tunnel(place_of(server)) as client:
        server.meet()
        sender = threading.Thread(target=send_all, args=(client, b"\x00" * (64 << 20)))
        sender.start()
        until(lambda: bool(proxy.served.host.slow_peers), "the server stalls")
        held = proxy.served.host.slow_peers[0].queued_bytes
        assert held < 8 << 20
        left = 64 << 20
        while left:
            left -= len(server.socket.recv(1 << 20))
        sender.join(PATIENCE_SECONDS)


def send_all(peer: RawEnd, data: bytes) -> None:
    with suppress(OSError):
        peer.send(data)


# HTTP in clear.


def test_a_websocket_in_clear_is_recorded(proxy: Proxied, server: RawServer) -> None:
    hello = make_frame(1, b"hello", masking_key=MASK).wire()
    with proxy.tunnel(place_of(server)) as client:
        for byte in REQUEST:
            client.send(bytes([byte]))
        assert server.open() == REQUEST
        client.head()
        client.send(hello)
        assert server.take(len(hello)) == hello
    end(server)
    outer, inner = proxy.records(2)
    assert (outer.path, outer.state, outer.status) == (place_of(server), ConnectionState.EXCHANGED, 200)
    assert (inner.path, inner.status) == ("/chat", 101)
    assert [each.payload for each in messages_of(proxy.served.reader, inner.id)] == [b"hello"]


def test_requests_in_clear_follow_each_other_on_one_connection(proxy: Proxied, server: RawServer) -> None:
    with proxy.tunnel(place_of(server)) as client:
        for path in (b"/a", b"/b"):
            client.send(b"GET " + path + b" HTTP/1.1\r\nHost: h\r\n\r\n")
            if path == b"/a":
                server.accept()
            else:
                server.head()
            server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            client.head()
            assert client.take(2) == b"ok"
    end(server)
    assert [each.path for each in proxy.records(3)] == [place_of(server), "/a", "/b"]


# TLS.


def handshake(proxy: Proxied, port: int, name: str, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
    """A client's TLS through the proxy, on a tunnel to 127.0.0.1."""
    peer = proxy.tunnel(f"127.0.0.1:{port}")
    return (context or proxy.trusting()).wrap_socket(peer.socket, server_hostname=name)


def test_tls_is_opened_with_a_certificate_for_the_name_that_the_client_means(proxy: Proxied) -> None:
    with secured_echo("api.example") as port, handshake(proxy, port, "api.example") as client:
        client.sendall(REQUEST)
        assert client.recv(65536).startswith(b"HTTP/1.1 101")
        client.sendall(make_frame(1, b"hello", masking_key=MASK).wire())
        assert client.recv(65536) == b"\x81\x05hello"
        client.sendall(make_frame(8, b"\x03\xe8", masking_key=MASK).wire())
    outer, inner = proxy.records(2)
    assert (outer.state, inner.state) == (ConnectionState.EXCHANGED, ConnectionState.CLOSED)
    reader = proxy.served.reader
    legs = {leg.side: leg for leg in reader.legs(inner.id)}
    assert [legs[side].tls is not None and legs[side].tls.sni for side in Role] == ["api.example"] * 2  # type: ignore[union-attr]
    assert {leg.tls.alpn for leg in legs.values() if leg.tls is not None} <= {None, "http/1.1"}
    assert [each.payload for each in messages_of(reader, inner.id)] == [b"hello", b"hello"]


def inside(proxy: Proxied, listening: socket.socket) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    """Both ends of a stream whose TLS is open on the way, before anything is said in it."""
    listening.settimeout(PATIENCE_SECONDS)
    client = handshake(proxy, listening.getsockname()[1], "api.example")
    sock, _ = listening.accept()
    return client, server_context("api.example").wrap_socket(
        sock, server_side=True, do_handshake_on_connect=False
    )


def test_a_server_that_speaks_first_inside_of_tls_is_heard(tmp_path: Path) -> None:
    with (
        proxied(tmp_path, replace(Proxy(ANYWHERE), peek_seconds=0.05)) as proxy,
        socket.create_server(("127.0.0.1", 0)) as listening,
    ):
        client, server = inside(proxy, listening)
        with client, server:
            server.do_handshake()
            server.sendall(b"* OK IMAP\r\n")
            assert client.recv(100) == b"* OK IMAP\r\n"
            client.sendall(b"a LOGIN\r\n")
            assert server.recv(100) == b"a LOGIN\r\n"
        record = only(proxy)
        assert (record.state, record.bytes_in, record.bytes_out) == (ConnectionState.TUNNELLED, 9, 11)
        assert [leg.tls is not None for leg in proxy.served.reader.legs(record.id)] == [True, True]


def test_what_is_not_http_inside_of_tls_passes(proxy: Proxied) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client, server = inside(proxy, listening)
        with client, server:
            client.sendall(b"\x10\x0c\x00\x04MQTT")
            server.do_handshake()
            assert server.recv(100) == b"\x10\x0c\x00\x04MQTT"
            server.sendall(b"\x20\x02\x00\x00")
            assert client.recv(100) == b"\x20\x02\x00\x00"
    record = only(proxy)
    assert record.state is ConnectionState.TUNNELLED
    assert "Inside of TLS" in record.reason


def test_a_request_after_a_while_goes_over_the_connection_that_was_made(tmp_path: Path) -> None:
    with (
        proxied(tmp_path, replace(Proxy(ANYWHERE), peek_seconds=0.05)) as proxy,
        socket.create_server(("127.0.0.1", 0)) as listening,
    ):
        client, server = inside(proxy, listening)
        with client, server:
            server.do_handshake()
            client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            assert server.recv(100).startswith(b"GET / HTTP/1.1")
            server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            answer = b""
            while chunk := client.recv(100):
                answer += chunk
            assert answer.endswith(b"ok")
        assert [each.status for each in proxy.records(2)] == [200, 200]


def test_a_hello_may_come_byte_by_byte(proxy: Proxied) -> None:
    with secured_echo("api.example") as port, proxy.tunnel(f"127.0.0.1:{port}") as peer:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = proxy.trusting().wrap_bio(incoming, outgoing, server_hostname="api.example")
        while True:
            try:
                client.do_handshake()
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    peer.send(bytes([byte]))
                incoming.write(peer.socket.recv(65536))
            else:
                break
        client.write(REQUEST)
        peer.send(outgoing.read())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            incoming.write(peer.socket.recv(65536))
            with suppress(ssl.SSLWantReadError):
                answer += client.read(65536)
    assert proxy.records(2)[1].status == 101


def test_tls_that_the_lists_let_pass_is_not_touched(tmp_path: Path) -> None:
    lists = Proxy(ANYWHERE, pass_hosts=parse_hosts("pinned.example"))
    with proxied(tmp_path, lists) as proxy, secured_echo("pinned.example") as port:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with handshake(proxy, port, "pinned.example", context) as client:
            issuer = client.getpeercert(binary_form=True)
            client.sendall(REQUEST)
            assert client.recv(65536).startswith(b"HTTP/1.1 101")
            client.sendall(make_frame(8, b"\x03\xe8", masking_key=MASK).wire())
        assert issuer is not None
        assert b"Unmask" not in issuer
        record = only(proxy)
        assert record.state is ConnectionState.TUNNELLED
        assert record.bytes_in > len(REQUEST)
        assert "passes untouched" in record.reason


def test_tls_for_another_protocol_passes(proxy: Proxied) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with secured_echo("grpc.example") as port, handshake(proxy, port, "grpc.example", context):
        pass
    record = only(proxy)
    assert record.state is ConnectionState.TUNNELLED
    assert "another protocol than HTTP/1.1: h2" in record.reason


def test_a_client_that_refuses_the_certificate_is_reported_once_with_the_host(proxy: Proxied) -> None:
    distrusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with secured_echo("pinned.example") as port:
        for _ in range(2):
            with pytest.raises(ssl.SSLCertVerificationError):
                handshake(proxy, port, "pinned.example", distrusting)
        told = proxy.served.failure()
        assert (told.kind, told.subject) == (FailureKind.CERTIFICATE_REFUSED, "pinned.example")
        assert "pinned.example pass through" in told.sentence
        for record in proxy.records(2):
            assert record.state is ConnectionState.REFUSED
            assert "unknown_ca" in record.reason
        hosts = parse_hosts(told.subject)
        on_loop(proxy.served, lambda engine: engine.let_pass(proxy.source_id, hosts))
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        handshake(proxy, port, "pinned.example", trusting).close()
    assert proxy.records(3)[-1].state is ConnectionState.TUNNELLED


def test_a_client_that_leaves_right_after_the_handshake_is_remarked(proxy: Proxied) -> None:
    """Some programs look at the certificate only then; browsers make connections that they never use."""
    with secured_echo("pinned.example") as port:
        handshake(proxy, port, "pinned.example").close()
    record = only(proxy)
    assert record.state is ConnectionState.EXCHANGED
    assert "insist on a certificate" in record.reason


def test_a_client_that_vanishes_right_after_the_certificate_is_reported(
    proxy: Proxied, server: RawServer
) -> None:
    hello = ssl.MemoryBIO()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(
        ssl.MemoryBIO(), hello, server_hostname="a.example"
    )
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    with proxy.tunnel(place_of(server)) as client:
        client.send(hello.read())
        assert client.take(1) == b"\x16"
    told = proxy.served.failure()
    assert (told.kind, told.subject) == (FailureKind.CERTIFICATE_REFUSED, "a.example")
    assert only(proxy).closed_by is ClosedBy.CLIENT


def test_a_server_whose_certificate_is_not_trusted_is_explained_inside_of_tls(tmp_path: Path) -> None:
    with proxied(tmp_path) as proxy, secured_echo("wrong.test") as port:
        with handshake(proxy, port, "strict.test") as client:
            client.sendall(REQUEST)
            answer = client.recv(65536)
            while chunk := client.recv(65536):
                answer += chunk
        assert answer.startswith(b"HTTP/1.1 502")
        assert b"certificate" in answer
        assert proxy.records(2)[-1].status == 502


def test_a_server_that_leaves_before_the_first_request_is_reached_anew(proxy: Proxied) -> None:
    context = server_context("api.example")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE_SECONDS)
        with handshake(proxy, listening.getsockname()[1], "api.example") as client:
            first, _ = listening.accept()
            first.close()
            until(lambda: legs_of(proxy) == 1, "the proxy has seen it leave")
            client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            sock, _ = listening.accept()
            with context.wrap_socket(sock, server_side=True) as stream:
                assert stream.recv(65536).startswith(b"GET /")
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                assert client.recv(65536).startswith(b"HTTP/1.1 200")


def legs_of(proxy: Proxied) -> int:
    """How many connections it has with clients and servers."""
    return on_loop(proxy.served, lambda engine: sum(len(each.legs) for each in engine._sessions.values()))


# What comes to nothing.


def test_a_server_that_is_not_there_is_told_instead_of_a_tunnel(proxy: Proxied) -> None:
    port = closed_port()
    with proxy.ask(f"127.0.0.1:{port}", b"\x16\x03\x01") as client:
        answer = client.rest()
    assert answer.startswith(b"HTTP/1.1 502")
    assert b"nothing listens there" in answer
    record = only(proxy)
    assert (record.state, record.status) == (ConnectionState.REFUSED, 502)


def test_a_client_that_says_nothing_may_leave_at_any_time(proxy: Proxied, server: RawServer) -> None:
    with proxy.tunnel(place_of(server)):
        server.meet()
    end(server)
    assert only(proxy).bytes_in == 0


@pytest.mark.parametrize("said", [b"", b"G", b"\x16\x03", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_a_reset_within_the_first_bytes_leaves_nothing(
    proxy: Proxied, server: RawServer, said: bytes
) -> None:
    client = proxy.tunnel(place_of(server))
    server.meet()
    client.send(said)
    client.reset()
    with suppress(ConnectionResetError):
        server.rest()
    assert only(proxy).closed_ns is not None


def test_stopping_ends_tunnels_in_every_state(tmp_path: Path, server: RawServer) -> None:
    with proxied(tmp_path) as proxy:
        peers = [proxy.tunnel(place_of(server)) for _ in range(4)]
        peers[1].send(b"\x00passes")
        peers[2].send(b"GE")
        # The beginning of a ClientHello that never ends.
        peers[3].send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        proxy.served.captured(lambda reader: len(reader.connections()) == 4, "all are there")
    for peer in peers:
        with suppress(ConnectionResetError):
            peer.rest()
        peer.socket.close()
