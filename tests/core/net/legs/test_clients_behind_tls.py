"""Clients that come in over TLS: to Unmask as a server, and through a relay."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.sync.client import connect as library_connect

from core.capture.records import ConnectionState
from core.net.connect_request import parse_url
from core.net.host_list import parse_hosts
from core.net.relay import Relay
from core.net.settings import AutoReply, EngineSettings, Limits, ListenAddress
from core.net.sources import Listen, Source, What
from core.net.tls.authority import AuthorityStore
from core.net.tls.settings import ServerTls, TlsSettings
from core.protocol.state import Role
from tests.tools.certificates import client_context, leaf_files, server_context
from tests.tools.raw_server import RawServer, response_to
from tests.tools.served import Served
from tests.tools.waiting import PATIENCE_SECONDS

ANYWHERE = ListenAddress("127.0.0.1", 0)
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
Serve = Callable[[], Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    tls = TlsSettings(authority_folder=tmp_path / "data")
    settings = EngineSettings(auto_reply=AutoReply.ECHO, tls=tls, extra_hosts=("any.name.example",))
    with ExitStack() as running:
        yield lambda: running.enter_context(Served(tmp_path / "a.unmask", settings))


def start(served: Served, what: What) -> int:
    """Starts a source; the port that it listens on."""
    return int(served.start(what).addresses[0].rpartition(":")[2])


def trusting(tmp_path: Path) -> ssl.SSLContext:
    """A client that trusts the local authority, strictly."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cadata=AuthorityStore(tmp_path / "data").authority().pem.decode())
    return context


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "any.name.example"])
def test_the_authority_vouches_for_the_name_that_a_client_asks_for(
    serve: Serve, tmp_path: Path, host: str
) -> None:
    served = serve()
    port = start(served, Listen(ANYWHERE, ServerTls()))
    sock = socket.create_connection(("127.0.0.1", port))
    url = f"wss://{host}:{port}/"
    with library_connect(url, sock=sock, ssl=trusting(tmp_path), server_hostname=host) as client:
        client.send("hello")
        assert client.recv(PATIENCE_SECONDS) == "hello"
    record = served.closed()
    assert (record.status, record.state) == (101, ConnectionState.CLOSED)
    [leg] = served.reader.legs(1)
    assert leg.side is Role.CLIENT
    assert leg.tls is not None
    assert leg.tls.version == "TLSv1.3"
    assert leg.tls.sni == (None if host == "127.0.0.1" else host)
    assert leg.secured_ns is not None
    assert leg.opened_ns < leg.secured_ns


def test_a_certificate_of_ones_own_is_shown(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    certificate, key = leaf_files(tmp_path, "127.0.0.1")
    port = start(served, Listen(ANYWHERE, ServerTls(certificate, key)))
    with library_connect(f"wss://127.0.0.1:{port}/", ssl=client_context()) as client:
        client.send("x" * 300_000)
        assert client.recv(PATIENCE_SECONDS) == "x" * 300_000
    served.closed()
    assert not (tmp_path / "data").exists()


def test_a_certificate_that_cannot_be_used_fails_the_source(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    missing = tmp_path / "missing.pem"
    served.host.start_source(Source(1, "secure", Listen(ANYWHERE, ServerTls(missing))))
    assert f"{missing} cannot be read" in served.failure().sentence


def test_a_client_that_refuses_the_certificate_is_told_apart(serve: Serve) -> None:
    served = serve()
    port = start(served, Listen(ANYWHERE, ServerTls()))
    with pytest.raises(ssl.SSLCertVerificationError):
        library_connect(f"wss://127.0.0.1:{port}/", ssl=client_context())
    record = served.closed()
    assert record.state is ConnectionState.REFUSED
    assert record.reason == (
        "The client refuses the certificate that Unmask shows, or wants one (alert unknown_ca)."
    )
    [leg] = served.reader.legs(1)
    assert (leg.tls, leg.tls_problem) == (None, record.reason)


def test_a_client_that_vanishes_in_the_handshake_is_told_apart(serve: Serve) -> None:
    served = serve()
    port = start(served, Listen(ANYWHERE, ServerTls()))
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    assert "ended the connection in the middle of the TLS handshake" in served.closed().reason


def test_plain_http_is_answered_with_a_sentence_and_recorded(serve: Serve) -> None:
    served = serve()
    port = start(served, Listen(ANYWHERE, ServerTls()))
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(PATIENCE_SECONDS)
        client.sendall(b"GET /here HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = client.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"This port speaks TLS: use wss:// or https:// to reach it." in answer
    record = served.closed()
    assert (record.path, record.status) == ("/here", 400)


@pytest.mark.parametrize("said", [b"\x00\x01\x02\x03", b"SSH-2.0-client\r\n"])
def test_what_is_neither_is_recorded_too(serve: Serve, said: bytes) -> None:
    served = serve()
    port = start(served, Listen(ANYWHERE, ServerTls()))
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(PATIENCE_SECONDS)
        client.sendall(said)
        client.recv(10_000)
    assert served.closed().status == 400


def test_a_handshake_that_takes_too_long_ends(tmp_path: Path) -> None:
    settings = EngineSettings(
        limits=replace(Limits(), handshake_seconds=0.2), tls=TlsSettings(authority_folder=tmp_path / "data")
    )
    with Served(tmp_path / "a.unmask", settings) as served:
        port = start(served, Listen(ANYWHERE, ServerTls()))
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(PATIENCE_SECONDS)
            client.sendall(b"\x16\x03\x01")
            assert client.recv(100) == b""
        assert "was not complete after 0.2 s" in served.closed().reason


def test_a_relay_takes_clients_over_tls(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    with RawServer() as server:
        relay = Relay(ANYWHERE, parse_url(server.url), tls=ServerTls())
        port = start(served, relay)
        plain = socket.create_connection(("127.0.0.1", port))
        with trusting(tmp_path).wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(HANDSHAKE)
            server.open()
            assert client.recv(20).startswith(b"HTTP/1.1 101")
    served.closed()
    near, _ = served.reader.legs(1)
    assert near.tls is not None


def test_plain_http_to_a_relay_that_speaks_tls(serve: Serve) -> None:
    served = serve()
    with RawServer() as server:
        port = start(served, Relay(ANYWHERE, parse_url(server.url), tls=ServerTls()))
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(PATIENCE_SECONDS)
            client.sendall(b"GET /here HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = client.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"This port speaks TLS: use wss:// or https:// to reach it." in answer
    assert served.closed().path == "/here"


def test_each_exchange_of_a_client_says_how_it_came(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    with RawServer() as server:
        port = start(served, Relay(ANYWHERE, parse_url(server.url), tls=ServerTls()))
        plain = socket.create_connection(("127.0.0.1", port))
        with trusting(tmp_path).wrap_socket(plain, server_hostname="localhost") as client:
            client.settimeout(PATIENCE_SECONDS)
            for number in (1, 2):
                client.sendall(f"GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                if number == 1:
                    server.accept()
                else:
                    server.head()
                server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                assert client.recv(1000).endswith(b"ok")
    for number in (1, 2):
        assert served.closed(number).path == f"/{number}"
        near, far = served.reader.legs(number)
        assert near.tls is not None
        assert far.tls is None


@pytest.mark.parametrize("in_order", [True, False], ids=["in order", "truncated"])
def test_a_relay_passes_on_how_a_stream_ends(tmp_path: Path, in_order: bool) -> None:
    tls = TlsSettings(authority_folder=tmp_path / "data", exceptions=parse_hosts("127.0.0.1"))
    with Served(tmp_path / "a.unmask", EngineSettings(tls=tls)) as served, RawServer() as server:
        url = parse_url(server.url.replace("ws:", "wss:"))
        port = start(served, Relay(ANYWHERE, url, tls=ServerTls()))
        plain = socket.create_connection(("127.0.0.1", port))
        client = trusting(tmp_path).wrap_socket(
            plain, server_hostname="localhost", suppress_ragged_eofs=False
        )
        client.settimeout(PATIENCE_SECONDS)
        client.sendall(HANDSHAKE)
        server.meet()
        context = server_context()
        with context.wrap_socket(server.socket, server_side=True, suppress_ragged_eofs=False) as far:
            far.sendall(response_to(far.recv(10_000)))
            assert client.recv(1000).startswith(b"HTTP/1.1 101")
            client.sendall(b"\x81")
            if in_order:
                with contextlib.suppress(OSError):
                    client.setblocking(False)
                    client.unwrap()
            client.shutdown(socket.SHUT_WR)
            assert far.recv(10) == b"\x81"
            if in_order:
                assert far.recv(10) == b""
            else:
                with pytest.raises(ssl.SSLEOFError):
                    far.recv(10)
        client.close()
        served.closed()
