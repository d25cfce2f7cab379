"""Sources that dial reach their servers through another proxy, and say apart what stands in the way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.capture.records import ConnectionState
from core.net.connect_request import ConnectRequest, parse_url
from core.net.dial import Outbound, dial
from core.net.failures import FailureKind
from core.net.host_list import parse_hosts
from core.net.loop import new_event_loop, wall_clock
from core.net.settings import EngineSettings
from core.net.tls.settings import TlsSettings
from core.net.tls.trust import Trust
from core.net.turns import Turns
from core.net.upstream import UpstreamFailure, UpstreamProblem, parse_upstream
from tests.tools.certificates import server_context
from tests.tools.proxies import HttpProxy, Socks5Proxy, TestProxy
from tests.tools.raw_peer import RawPeer
from tests.tools.raw_server import RawServer, response_to
from tests.tools.served import Served

KINDS = [HttpProxy, Socks5Proxy]


def settings(proxy: str, exceptions: str = "") -> EngineSettings:
    return EngineSettings(
        upstream=parse_upstream(proxy, parse_hosts(exceptions)),
        tls=TlsSettings(exceptions=parse_hosts("*")),
    )


@pytest.fixture(params=KINDS)
def proxy(request: pytest.FixtureRequest) -> Iterator[TestProxy]:
    with request.param() as running:
        yield running


def url_of(proxy: TestProxy, password: str = "") -> str:
    kind = "http" if isinstance(proxy, HttpProxy) else "socks5"
    return f"{kind}://{password}{proxy.place}"


def test_connect_goes_through_the_proxy_by_name(tmp_path: Path, proxy: TestProxy) -> None:
    with (
        RawServer() as server,
        Served(tmp_path / "a.unmask", settings(url_of(proxy))) as served,
    ):
        place = f"nowhere.example:{server.port}"
        served.host.connect(ConnectRequest(parse_url(f"ws://{place}/chat")))
        server.open()
        server.frame(1, b"hello")
        assert served.opened().path == "/chat"
        legs = served.reader.legs(1)
        assert [leg.peer for leg in legs] == [f"{place} via {url_of(proxy)}"]
        assert proxy.asked == [place]
        server.client.close()
        served.closed()


def test_tls_is_spoken_with_the_server_through_the_proxy(tmp_path: Path, proxy: TestProxy) -> None:
    proxy.pieces = True
    context = server_context("nowhere.example")
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        Served(tmp_path / "a.unmask", settings(url_of(proxy))) as served,
    ):
        port = listening.getsockname()[1]
        served.host.connect(ConnectRequest(parse_url(f"wss://nowhere.example:{port}/")))
        sock, _ = listening.accept()
        with context.wrap_socket(sock, server_side=True) as stream:
            head = b""
            while b"\r\n\r\n" not in head:
                head += stream.recv(65536)
            stream.sendall(response_to(head))
            served.opened()
        served.closed()


def test_a_relay_goes_through_the_proxy(tmp_path: Path, proxy: TestProxy) -> None:
    with (
        RawServer() as server,
        Served(tmp_path / "a.unmask", settings(url_of(proxy))) as served,
        RawPeer(served.relay(f"ws://nowhere.example:{server.port}/")) as client,
    ):
        client.send(client.request())
        head = server.open()
        assert f"Host: nowhere.example:{server.port}".encode() in head
        assert client.head().startswith(b"HTTP/1.1 101")
        server.frame(1, b"hello")
        assert client.take(7) == b"\x81\x05hello"
        assert proxy.asked == [f"nowhere.example:{server.port}"]


def test_exceptions_are_reached_directly(tmp_path: Path, proxy: TestProxy) -> None:
    with (
        RawServer() as server,
        Served(tmp_path / "a.unmask", settings(url_of(proxy), "127.0.0.0/8")) as served,
    ):
        served.host.connect(ConnectRequest(parse_url(server.url)))
        server.open()
        served.opened()
        assert proxy.asked == []
        server.client.close()
        served.closed()


@pytest.mark.parametrize("kind", KINDS)
def test_a_password_is_given(tmp_path: Path, kind: type[TestProxy]) -> None:
    with (
        kind("ann", "p@ss") as proxy,
        RawServer() as server,
        Served(tmp_path / "a.unmask", settings(url_of(proxy, "ann:p%40ss@"))) as served,
    ):
        served.host.connect(ConnectRequest(parse_url(f"ws://nowhere.example:{server.port}/")))
        server.open()
        served.opened()
        assert b"p@ss" not in (tmp_path / "a.unmask").read_bytes()
        server.client.close()
        served.closed()


def failure(proxy: str, target: str = "ws://nowhere.example:1/", seconds: float = 10.0) -> UpstreamFailure:
    """Why a server is not reached through `proxy`."""

    async def attempt() -> None:
        host = Host()
        outbound = Outbound(Trust(TlsSettings()), parse_upstream(proxy))
        await dial(host, asyncio.Protocol, parse_url(target), outbound, seconds, lambda _change: None)

    with asyncio.Runner(loop_factory=new_event_loop) as runner, pytest.raises(UpstreamFailure) as caught:
        runner.run(attempt())
    assert proxy.rpartition("@")[2].partition("//")[2] in str(caught.value)
    assert "secret" not in str(caught.value)
    return caught.value


class Host:
    """Whose loop and time a connection uses."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.clock = wall_clock()
        self.turns = Turns(self.loop, self.clock)


@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_that_wants_a_password_is_told_apart(kind: type[TestProxy]) -> None:
    with kind("ann", "right") as proxy:
        assert failure(url_of(proxy)).problem is UpstreamProblem.CREDENTIALS
        assert failure(url_of(proxy, "ann:secret@")).problem is UpstreamProblem.CREDENTIALS
        assert proxy.asked == []


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [(HttpProxy, b"HTTP/1.1 403 No\r\n\r\n"), (Socks5Proxy, b"\x05\x02\x00\x01" + bytes(6))],
)
def test_a_proxy_that_refuses_is_told_apart(kind: type[TestProxy], refusal: bytes) -> None:
    with kind(refusal=refusal) as proxy:
        assert failure(url_of(proxy)).problem is UpstreamProblem.REFUSED


def test_a_target_that_the_proxy_does_not_reach_is_told_apart(proxy: TestProxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = failure(url_of(proxy), f"ws://nowhere.example:{port}/")
    assert found.problem is UpstreamProblem.TARGET
    assert f"nowhere.example:{port}" in str(found)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_is_not_there_is_told_apart(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = failure(f"{scheme}://127.0.0.1:{port}")
    assert found.problem is UpstreamProblem.NOT_REACHED


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_silent_proxy_is_told_apart(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = failure(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}", seconds=0.2)
    assert found.problem is UpstreamProblem.SILENT


def test_a_proxy_of_the_other_kind_is_told_apart(proxy: TestProxy) -> None:
    wrong = "socks5" if isinstance(proxy, HttpProxy) else "http"
    assert failure(f"{wrong}://{proxy.place}").problem is UpstreamProblem.PROTOCOL


def test_what_stands_in_the_way_is_in_the_capture(tmp_path: Path, proxy: TestProxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Served(tmp_path / "a.unmask", settings(url_of(proxy))) as served:
        served.host.connect(ConnectRequest(parse_url(f"ws://nowhere.example:{port}/")))
        told = served.failure()
        assert told.kind is FailureKind.CONNECT
        record = served.closed()
        assert record.state is ConnectionState.REFUSED
        assert record.reason == told.sentence
        assert "cannot reach nowhere.example" in record.reason
