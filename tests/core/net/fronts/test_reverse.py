"""What a relay passes on to its target, and what it refuses."""

from __future__ import annotations

import pytest

from core.net.connect_request import parse_url
from core.net.fronts.reverse import ReverseRouter
from core.net.fronts.router import Route
from core.net.relay import Relay
from core.net.settings import ListenAddress
from core.protocol.handshake import Answer
from core.protocol.head_rewrite import rewrite
from core.protocol.http11 import RequestHead, parsed_request


def request(line: str) -> RequestHead:
    head = parsed_request(f"{line} HTTP/1.1\r\nHost: said.test\r\n\r\n".encode())
    assert head is not None
    return head


def passed_on(line: str, *, base: str = "", keep_host: bool = False) -> tuple[str, str]:
    """Request line and Host as the server at here.test gets them."""
    relay = Relay(ListenAddress("127.0.0.1", 0), parse_url(f"ws://here.test:81{base}"), keep_host=keep_host)
    asked = request(line)
    route = ReverseRouter(relay).route(asked)
    assert isinstance(route, Route)
    assert route.target is relay.target
    first, host, *_ = rewrite(asked, route.rewrite).decode().split("\r\n")
    return first.removesuffix(" HTTP/1.1"), host


@pytest.mark.parametrize(
    ("line", "base", "first"),
    [
        ("GET /a?b", "", "GET /a?b"),
        ("GET http://evil.test/a?b", "", "GET /a?b"),
        ("GET HTTPS://evil.test:99", "", "GET /"),
        ("GET http://evil.test/a?b", "/base/", "GET /base/a?b"),
        ("GET ws://evil.test?b", "/base", "GET /base/?b"),
        ("OPTIONS http://evil.test", "/base", "OPTIONS *"),
        ("OPTIONS *", "/base", "OPTIONS *"),
    ],
)
def test_a_url_becomes_a_path_of_the_target(line: str, base: str, first: str) -> None:
    """A server that follows the URL would be asked for another host than Host names."""
    assert passed_on(line, base=base) == (first, "Host: here.test:81")


def test_a_host_that_is_kept_is_that_of_the_url() -> None:
    assert passed_on("GET /a", keep_host=True) == ("GET /a", "Host: said.test")
    assert passed_on("GET http://other.test:82/a", keep_host=True) == ("GET /a", "Host: other.test:82")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET ftp://evil.test/a", 400),
        ("GET http://a@evil.test/a", 400),
        ("GET http:///a", 400),
        ("CONNECT evil.test:443", 501),
    ],
)
def test_what_names_no_server_is_refused(line: str, status: int) -> None:
    relay = Relay(ListenAddress("127.0.0.1", 0), parse_url("ws://here.test"))
    answer = ReverseRouter(relay).route(request(line))
    assert isinstance(answer, Answer)
    assert answer.response.startswith(f"HTTP/1.1 {status} ".encode())
