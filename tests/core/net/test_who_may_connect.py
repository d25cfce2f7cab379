"""Who is let in: by Origin, and by the Host that a client over loopback names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.capture.records import ConnectionState
from core.errors import AddressError
from core.net.settings import EngineSettings, is_loopback, parse_host_name, parse_origin
from core.protocol.handshake import client_request
from tests.tools.raw_peer import KEY, RawPeer
from tests.tools.served import Served

Serve = Callable[[EngineSettings], Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as running:
        yield lambda settings: running.enter_context(Served(tmp_path / "a.unmask", settings))


def status(served: Served, request: bytes) -> int:
    with RawPeer(served.port) as peer:
        peer.send(request)
        return int(peer.head().split()[1])


def from_origin(origin: str | None) -> bytes:
    return client_request("localhost", "/", KEY, origin=origin)


def test_all_origins_may_connect_unless_told_otherwise(serve: Serve) -> None:
    served = serve(EngineSettings())
    assert [status(served, from_origin(origin)) for origin in ("https://evil.test", "null", None)] == [
        101
    ] * 3


def test_only_listed_origins_may_connect(serve: Serve) -> None:
    served = serve(EngineSettings(allowed_origins=("https://good.test",)))
    tried = ("https://good.test", "HTTPS://GOOD.test", None, "https://evil.test", "http://good.test", "null")
    assert [status(served, from_origin(origin)) for origin in tried] == [101, 101, 101, 403, 403, 403]
    record = served.closed(4)
    assert (record.state, record.status, record.origin) == (ConnectionState.REFUSED, 403, "https://evil.test")
    assert "evil.test" in record.reason
    [broken] = served.reader.connection_violations(4)
    assert broken.rule.id == "origin-refused"
    assert record.request[broken.offset :][: broken.length].startswith(b"Origin: https://evil.test")


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:80", "127.9.9.9", "a.localhost"])
def test_names_of_loopback_are_let_in(serve: Serve, host: str) -> None:
    assert status(serve(EngineSettings()), client_request(host, "/", KEY)) == 101


def test_another_name_is_refused_over_loopback(serve: Serve) -> None:
    served = serve(EngineSettings(extra_hosts=("unmask.test",)))
    assert status(served, client_request("unmask.test:8080", "/", KEY)) == 101
    assert status(served, client_request("rebound.evil.test", "/", KEY)) == 403
    served.closed(2)
    assert [one.rule.id for one in served.reader.connection_violations(2)] == ["host-foreign"]


def test_the_check_can_be_switched_off(serve: Serve) -> None:
    served = serve(EngineSettings(check_host=False))
    assert status(served, client_request("rebound.evil.test", "/", KEY)) == 101


@pytest.mark.parametrize("target", [b"/", b"/favicon.ico"])
def test_the_test_page_too_is_only_for_names_of_loopback(serve: Serve, target: bytes) -> None:
    served = serve(EngineSettings(extra_hosts=("unmask.test",)))
    with RawPeer(served.port) as peer:
        peer.send(b"GET " + target + b" HTTP/1.1\r\nHost: rebound.evil.test\r\n\r\n")
        answer = peer.rest()
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"<html" not in answer
    record = served.closed()
    assert (record.state, record.status, record.violation_count) == (ConnectionState.REFUSED, 403, 1)
    assert status(served, b"GET / HTTP/1.1\r\nHost: unmask.test\r\n\r\n") == 200


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        (" https://Example.com/ ", "https://example.com"),
        ("http://a:80", "http://a"),
        ("https://a:443", "https://a"),
        ("https://a:80", "https://a:80"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("null", "null"),
        ("chrome-extension://abc", "chrome-extension://abc"),
    ],
)
def test_origins(text: str, origin: str) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize("text", ["", "example.com", "https://", "https://a/b", "https://a b", "https://u@a"])
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(AddressError, match="no origin"):
        parse_origin(text)


@pytest.mark.parametrize("text", ["", "a b", "a/b", "a:80", "ü.test", "http://a"])
def test_what_is_no_host_name(text: str) -> None:
    with pytest.raises(AddressError, match="no host name"):
        parse_host_name(text)


def test_host_names_and_loopback() -> None:
    assert (parse_host_name(" Unmask.TEST "), parse_host_name("[::1]")) == ("unmask.test", "[::1]")
    loopback = ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1")
    other = ("0.0.0.0", "::", "192.0.2.1", "::ffff:192.0.2.1", "localhost", "")
    assert [is_loopback(host) for host in (*loopback, *other)] == [True] * 4 + [False] * 6
