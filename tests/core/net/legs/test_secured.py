"""Servers behind TLS: connections to them, and relays."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import connect as library_connect
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as listen

from core.capture.records import ConnectionState
from core.net.connect_request import ConnectRequest, parse_url
from core.net.host_list import parse_hosts
from core.net.settings import EngineSettings
from core.net.tls.settings import TlsSettings
from core.protocol.frames import Opcode
from core.protocol.outgoing import OutgoingClose, OutgoingMessage, Target
from core.protocol.state import Role
from tests.tools.certificates import server_context
from tests.tools.raw_server import RawServer
from tests.tools.served import Served, messages_of, on_loop
from tests.tools.waiting import PATIENCE_SECONDS

TRUSTING = EngineSettings(tls=TlsSettings(exceptions=parse_hosts("127.0.0.1")))
Serve = Callable[[EngineSettings], Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as running:
        yield lambda settings: running.enter_context(Served(tmp_path / "a.unmask", settings))


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


@contextmanager
def secured_server(context: ssl.SSLContext | None = None) -> Iterator[str]:
    """The URL of an echoing server behind TLS."""
    with listen(echo, "127.0.0.1", 0, ssl=context or server_context(), max_size=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"wss://127.0.0.1:{server.socket.getsockname()[1]}/"
        finally:
            server.shutdown()
            thread.join(PATIENCE_SECONDS)


def test_a_server_behind_tls_is_connected_to(serve: Serve) -> None:
    served = serve(TRUSTING)
    with secured_server() as url:
        served.host.connect(ConnectRequest(parse_url(url)))
        record = served.opened()
        [server] = served.reader.legs(1)
        assert server.tls is not None
        assert (server.tls.version, server.tls.resumed, server.tls.sni) == ("TLSv1.3", False, None)
        assert server.tls.chain.startswith(b"\x30\x82")
        assert server.connected_ns is not None
        assert server.secured_ns is not None
        assert record.opened_ns <= server.connected_ns < server.secured_ns
        assert server.answered_ns is not None
        assert server.secured_ns < server.answered_ns
        assert server.tls_problem == "Its certificate was not verified, by an exception for the host."
        on_loop(served, lambda e: e.send(Target(1, Role.SERVER), OutgoingMessage(Opcode.TEXT, b"hello")))
        served.captured(lambda reader: len(messages_of(reader)) == 2, "the echo")
        on_loop(served, lambda e: e.send(Target(1, Role.SERVER), OutgoingClose(1000, "")))
        served.closed()


def test_a_server_that_is_not_trusted_is_told_with_its_certificate(serve: Serve) -> None:
    served = serve(EngineSettings())
    with secured_server() as url:
        served.host.connect(ConnectRequest(parse_url(url)))
        failure = served.failure()
        record = served.closed()
    assert "authority that is not trusted here" in failure.sentence
    assert record.state is ConnectionState.REFUSED
    [server] = served.reader.legs(1)
    assert server.tls is not None
    assert server.tls.chain.startswith(b"\x30\x82")
    assert server.connected_ns is not None
    assert server.secured_ns is None
    assert server.tls_problem == failure.sentence


def test_a_server_that_speaks_no_tls_is_told(serve: Serve) -> None:
    served = serve(TRUSTING)
    with RawServer() as server:
        served.host.connect(ConnectRequest(parse_url(server.url.replace("ws:", "wss:"))))
        server.meet()
        server.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        assert "is no TLS" in served.failure().sentence


@pytest.mark.parametrize("size", [5, 1_000_000])
def test_a_client_is_relayed_to_a_server_behind_tls(serve: Serve, size: int) -> None:
    served = serve(TRUSTING)
    with secured_server() as url:
        port = served.relay(url)
        with library_connect(f"ws://127.0.0.1:{port}/", max_size=None) as client:
            for _ in range(3):
                client.send(b"x" * size)
                assert client.recv(PATIENCE_SECONDS) == b"x" * size
        record = served.closed()
    assert record.state is ConnectionState.CLOSED
    _, server = served.reader.legs(1)
    assert server.tls is not None
