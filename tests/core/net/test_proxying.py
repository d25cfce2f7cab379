"""A running proxy: who may use it, where it does not go, its page, and many tunnels at once."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from core.capture.records import ConnectionState
from core.errors import NotOpenError
from core.net.host_list import parse_hosts
from core.net.proxy import Proxy
from core.net.settings import EngineSettings
from core.net.sources import Source, SourceState
from core.net.tls.settings import TlsSettings
from core.net.upstream import parse_upstream
from core.protocol.proxy_request import ProxyCredentials
from tests.tools.proxied import ANYWHERE, Proxied, echoing, proxied, proxy_settings, secured_echo
from tests.tools.proxies import HttpProxy, Socks5Proxy, TestProxy
from tests.tools.raw_peer import RawPeer
from tests.tools.raw_server import RawServer
from tests.tools.served import Served, messages_of, on_loop

ANN = ProxyCredentials("ann", "very secret")
TOKEN = base64.b64encode(b"ann:very secret")


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxied]:
    with proxied(tmp_path) as running:
        yield running


def said(proxy: Proxied, request: str) -> bytes:
    """The whole answer to one request, given by its first line and headers."""
    with RawPeer(proxy.port) as client:
        client.send(request.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        return client.rest()


# The page.


@pytest.mark.parametrize(
    "line",
    ["GET http://unmask.local/ HTTP/1.1\nHost: x", "GET / HTTP/1.1\nHost: localhost", "GET / HTTP/1.0"],
)
def test_its_page_offers_the_certificate(proxy: Proxied, line: str) -> None:
    answer = said(proxy, line)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"Content-Security-Policy: default-src 'none'" in answer
    assert proxy.place.encode() in answer
    assert proxy.served.closed(1).bytes_out == len(answer.partition(b"\r\n\r\n")[2])
    pem = said(proxy, line.replace("/ HTTP", "/unmask-ca.pem HTTP")).partition(b"\r\n\r\n")[2]
    assert pem == proxy.ca_file.read_bytes()
    assert b"PRIVATE" not in said(proxy, line.replace("/ HTTP", "/unmask-ca.p12 HTTP"))


# Where it does not go.


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "127.1"])
@pytest.mark.parametrize("line", ["GET http://{}/ HTTP/1.1\nHost: x", "CONNECT {} HTTP/1.1\nHost: x"])
def test_it_does_not_connect_to_itself(proxy: Proxied, host: str, line: str) -> None:
    answer = said(proxy, line.format(f"{host}:{proxy.port}"))
    assert answer.startswith(b"HTTP/1.1 508 Loop Detected")
    assert b"does not connect to itself" in answer


@pytest.mark.parametrize("line", ["GET http://{}/ HTTP/1.1\nHost: x", "CONNECT {}:80 HTTP/1.1\nHost: x"])
@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "[::ffff:169.254.169.254]"])
def test_it_does_not_hand_out_the_keys_of_the_machine(proxy: Proxied, host: str, line: str) -> None:
    answer = said(proxy, line.format(host))
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"link-local" in answer


def test_its_other_sources_may_be_reached(proxy: Proxied) -> None:
    answer = said(proxy, f"GET http://127.0.0.1:{proxy.served.port}/ HTTP/1.1\nHost: x")
    assert b"Unmask test page" in answer


def test_it_does_not_go_through_itself(proxy: Proxied) -> None:
    """The proxy to go through is this one: each request would be one more to itself, without an end."""
    settings = proxy_settings(Path(proxy.ca_file).parent)
    upstream = parse_upstream(proxy.url)
    on_loop(proxy.served, lambda engine: engine.set_settings(replace(settings, upstream=upstream)))
    for line in ("CONNECT example.com:443 HTTP/1.1\nHost: x", "GET http://example.com/ HTTP/1.1\nHost: x"):
        assert said(proxy, line).startswith(b"HTTP/1.1 508")


@pytest.mark.parametrize("kind", [HttpProxy, Socks5Proxy])
def test_tunnels_go_through_another_proxy(tmp_path: Path, kind: type[TestProxy]) -> None:
    with kind() as other, secured_echo("api.example") as port:
        scheme = "http" if kind is HttpProxy else "socks5"
        settings = replace(proxy_settings(tmp_path), upstream=parse_upstream(f"{scheme}://{other.place}"))
        with Served(tmp_path / "a.unmask", settings) as served:
            proxy = Proxied(served, tmp_path, Proxy(ANYWHERE, pass_hosts=parse_hosts("pinned.example")))
            for host in ("api.example", "pinned.example"):
                peer = proxy.tunnel(f"{host}:{port}")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                with context.wrap_socket(peer.socket, server_hostname=host) as client:
                    client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                    assert client.recv(65536).startswith(b"HTTP/1.1 4")
            states = [each.state for each in proxy.records(3)]
        # One connection for each tunnel: the one that TLS is opened in goes on with it.
        assert other.asked == [f"api.example:{port}", f"pinned.example:{port}"]
    assert states[0] is states[1] is ConnectionState.EXCHANGED
    assert states[2] is ConnectionState.TUNNELLED


# Who may use it.


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Proxied]:
    with proxied(tmp_path, Proxy(ANYWHERE, credentials=ANN)) as running:
        yield running


def test_a_password_is_demanded_and_never_written_down(locked: Proxied, tmp_path: Path) -> None:
    with echoing() as port:
        refused = said(locked, f"GET http://127.0.0.1:{port}/ HTTP/1.1\nHost: x")
        assert refused.startswith(b"HTTP/1.1 407")
        wrong = f"Proxy-Authorization: Basic {base64.b64encode(b'ann:guess').decode()}"
        assert said(locked, f"CONNECT 127.0.0.1:{port} HTTP/1.1\n{wrong}").startswith(b"HTTP/1.1 407")
        right = f"Proxy-Authorization: Basic {TOKEN.decode()}"
        assert said(locked, f"GET http://127.0.0.1:{port}/ HTTP/1.1\nHost: x\n{right}").startswith(
            b"HTTP/1.1 426"
        )
        with RawPeer(locked.port) as cut:
            cut.send(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n{right}\r\nX-More".encode())
    records = locked.records(4)
    assert b"Proxy-Authorization: Basic ****" in records[2].request
    assert [b"*" * len(TOKEN) in each.request for each in records] == [False, False, True, True]
    locked.served.host.stop()
    for file in tmp_path.glob("a.unmask*"):
        content = file.read_bytes()
        assert TOKEN not in content
        assert b"very secret" not in content


def test_real_clients_give_the_password(locked: Proxied) -> None:
    async def talk(port: int) -> str | bytes:
        url = f"http://ann:very%20secret@{locked.place}"
        async with connect(f"ws://127.0.0.1:{port}/chat", proxy=url) as client:
            await client.send("hello")
            return await client.recv()

    with echoing() as port:
        assert asyncio.run(talk(port)) == "hello"
    locked.records(2)
    assert [each.payload for each in messages_of(locked.served.reader)] == [b"hello", b"hello"]


# The source.


def test_it_needs_an_authority(tmp_path: Path) -> None:
    with Served(tmp_path / "a.unmask", EngineSettings(tls=TlsSettings())) as served:
        served.host.start_source(Source(1, "", Proxy(ANYWHERE)))
        assert served.source(1, SourceState.FAILED).failure
        assert served.failure().sentence


def test_hosts_pass_only_a_proxy_that_runs(proxy: Proxied) -> None:
    with pytest.raises(NotOpenError):
        on_loop(proxy.served, lambda engine: engine.let_pass(99, parse_hosts("a")))


# Many.


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
def test_five_hundred_tunnels_come_and_go_and_leave_nothing(proxy: Proxied) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with RawServer() as server:
        for _ in range(5):
            with ExitStack() as open_ones:
                place = f"127.0.0.1:{server.port}"
                clients = [open_ones.enter_context(proxy.ask(place)) for _ in range(100)]
                servers = [open_ones.enter_context(server.accepted()) for _ in clients]
                for number, client in enumerate(clients):
                    client.head()
                    # A third says nothing, a third something, and a third begins TLS and stops.
                    client.send((b"", b"\x00hello", b"\x16\x03\x01")[number % 3])
                for each in servers[:50]:
                    each.reset()
    records = proxy.records(500)
    assert {each.state for each in records} <= {ConnectionState.TUNNELLED, ConnectionState.EXCHANGED}
    assert proxy.served.host.open_connections == 0
    tasks = on_loop(proxy.served, lambda engine: len(asyncio.all_tasks(engine.loop)))
    assert tasks == 1
    with suppress(FileNotFoundError):
        assert len(os.listdir("/proc/self/fd")) <= before + 2
