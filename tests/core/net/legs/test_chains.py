"""Relays that lead to relays: a chain ends at a server, a ring is broken at once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.capture.records import ConnectionState
from core.net.connect_request import parse_url
from core.net.relay import Relay
from core.net.settings import EngineSettings, ListenAddress
from core.net.sources import Source, SourceState
from core.net.tls.settings import ServerTls
from core.net.upstream import parse_upstream
from tests.tools.proxied import proxied, proxy_settings
from tests.tools.raw_peer import RawPeer
from tests.tools.raw_server import RawServer, response_to
from tests.tools.served import Served, messages_of

REQUEST = b"GET /page HTTP/1.1\r\nHost: here\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings()) as running:
        yield running


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def start(served: Served, source_id: int, port: int, target: str) -> None:
    served.host.start_source(
        Source(source_id, "", Relay(ListenAddress("127.0.0.1", port), parse_url(target)))
    )
    served.source(source_id, SourceState.RUNNING)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0.0.0.0"])
@pytest.mark.parametrize("length", [1, 2, 3])
def test_relays_in_a_ring_answer_508(served: Served, host: str, length: int) -> None:
    ports = free_ports(length)
    for number, port in enumerate(ports):
        start(served, number + 1, port, f"http://{host}:{ports[(number + 1) % length]}/")
    with RawPeer(ports[0]) as client:
        client.send(REQUEST)
        answer = client.rest()
    assert answer.startswith(b"HTTP/1.1 508 Loop Detected\r\n")
    assert b"the relays lead in a ring" in answer
    records = [served.closed(number + 1) for number in range(length + 1)]
    assert [record.status for record in records] == [508] * (length + 1)
    assert len(served.reader.connections()) == length + 1


def test_an_upgrade_to_a_ring_is_refused_too(served: Served) -> None:
    (port,) = free_ports(1)
    start(served, 1, port, f"ws://127.0.0.1:{port}/")
    with RawPeer(port) as client:
        client.send(client.request("/chat"))
        assert client.rest().startswith(b"HTTP/1.1 508 ")
    record = served.closed(2)
    assert (record.state, record.status) == (ConnectionState.REFUSED, 508)
    assert "which it has passed already" in record.reason


def test_a_ring_over_tls_is_one_too(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with Served(tmp_path / "a.unmask", proxy_settings(tmp_path)) as served:
        secure = Relay(
            ListenAddress("127.0.0.1", port), parse_url(f"https://127.0.0.1:{port}/"), tls=ServerTls()
        )
        served.relay_with(secure)
        with RawPeer(served.relay(f"wss://127.0.0.1:{port}")) as client:
            client.send(REQUEST)
            assert client.rest().startswith(b"HTTP/1.1 508 ")
        assert [served.closed(number).status for number in (1, 2, 3)] == [508] * 3


@pytest.mark.parametrize("manner", ["absolute", "tunnel"])
def test_a_ring_behind_a_proxy_is_answered(tmp_path: Path, manner: str) -> None:
    first, second = free_ports(2)
    with proxied(tmp_path) as proxy:
        start(proxy.served, 11, first, f"ws://127.0.0.1:{second}/")
        start(proxy.served, 12, second, f"http://localhost:{first}/")
        if manner == "tunnel":
            client = proxy.tunnel(f"127.0.0.1:{first}")
            client.send(REQUEST)
        else:
            client = RawPeer(proxy.port)
            client.send(f"GET http://127.0.0.1:{first}/page HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        with client:
            assert client.rest().startswith(b"HTTP/1.1 508 Loop Detected\r\n")
        # Those of the proxy, and of each relay; that of the first twice.
        records = proxy.records(4 if manner == "absolute" else 5)
    assert [each.status for each in records].count(508) == 4


def test_a_proxy_that_leads_back_to_the_relay_is_a_ring(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with proxied(tmp_path) as proxy:
        start(proxy.served, 11, port, f"ws://127.0.0.1:{port}/")
        through = replace(proxy_settings(tmp_path), upstream=parse_upstream(proxy.url))
        proxy.served.host.set_settings(through)
        with RawPeer(port) as client:
            client.send(REQUEST)
            answer = client.rest()
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert b"it does not connect to itself" in proxy.records(2)[1].response
        assert proxy.served.failure().subject == f"ws://127.0.0.1:{port}/"


def test_a_chain_of_relays_reaches_its_server(served: Served) -> None:
    with RawServer() as target:
        last = served.relay(target.url)
        with RawPeer(served.relay(f"ws://127.0.0.1:{last}")) as client:
            client.send(REQUEST)
            target.accept()
            target.send(OK)
            client.head()
            assert client.take(2) == b"hi"
            client.send(client.request("/chat"))
            target.send(response_to(target.head()))
            assert client.head().startswith(b"HTTP/1.1 101 ")


def test_a_relay_may_lead_to_a_listener_of_our_own(served: Served) -> None:
    with RawPeer(served.relay(served.url)) as client:
        client.open()
        client.frame(1, b"hello")
        served.captured(lambda reader: bool(messages_of(reader)), "it is recorded")
