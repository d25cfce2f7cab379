"""Where a proxy sends what its clients ask for."""

from __future__ import annotations

import pytest

from core.net.connect_request import parse_url
from core.net.fronts.forward import ForwardRouter, InsideRouter
from core.net.fronts.router import Route, Tunnel
from core.net.proxy import Proxy
from core.net.reach import Reach
from core.protocol.handshake import Answer, serve
from core.protocol.head_rewrite import rewrite
from core.protocol.http11 import RequestHead, parsed_request
from core.protocol.proxy_request import ProxyCredentials

ANN = ProxyCredentials("ann", "secret")


class Manners:
    """A proxy whose page says which path was asked for."""

    def __init__(self, proxy: Proxy | None = None) -> None:
        self.proxy = proxy or Proxy()
        self.allowed = Reach()
        self.own_names: tuple[str, ...] | None = ("other",)

    def page(self, method: str, path: str) -> Answer:
        return serve(200, "text/plain", f"{method} {path}".encode())


def request(line: str, *headers: str) -> RequestHead:
    head = parsed_request("\r\n".join((f"{line} HTTP/1.1", "Host: other", *headers, "", "")).encode())
    assert head is not None
    return head


def routed(line: str, *headers: str, proxy: Proxy | None = None) -> Route | Tunnel | Answer:
    return ForwardRouter(Manners(proxy)).route(request(line, *headers))


def test_an_absolute_request_goes_on_as_its_server_wants_it() -> None:
    asked = request(
        "GET http://Example.com:81/a?b",
        "Proxy-Connection: keep-alive",
        "Accept: */*",
        f"Proxy-Authorization: {ANN.basic}",
        "Connection: keep-alive",
    )
    route = ForwardRouter(Manners()).route(asked)
    assert isinstance(route, Route)
    assert route.target.place == "example.com:81"
    assert not route.target.is_secure
    assert rewrite(asked, route.rewrite) == (
        b"GET /a?b HTTP/1.1\r\nHost: Example.com:81\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"
    )


def test_an_absolute_request_may_ask_for_tls() -> None:
    route = routed("GET wss://example.com/")
    assert isinstance(route, Route)
    assert (route.target.place, route.target.is_secure) == ("example.com:443", True)


def test_requests_to_one_server_have_one_target() -> None:
    one, other = routed("GET http://h/a"), routed("GET http://h/b")
    assert isinstance(one, Route)
    assert isinstance(other, Route)
    assert one.target == other.target


def test_connect_asks_for_a_tunnel() -> None:
    assert routed("CONNECT Example.com:443") == Tunnel("example.com", 443)
    assert routed("CONNECT [::1]:80") == Tunnel("::1", 80)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("GET /", "GET /"),
        ("HEAD /x?y", "HEAD /x"),
        ("GET http://unmask.local/unmask-ca.pem?x", "GET /unmask-ca.pem"),
        ("POST http://UNMASK.local", "POST /"),
    ],
)
def test_its_own_page_is_served(line: str, said: str) -> None:
    answer = routed(line)
    assert isinstance(answer, Answer)
    assert answer.response.endswith(said.encode())


def test_a_site_that_poses_as_this_machine_does_not_get_the_page() -> None:
    manners = Manners()
    manners.own_names = ()
    answer = ForwardRouter(manners).route(request("GET /"))
    assert isinstance(answer, Answer)
    assert answer.status == 403
    # For a client that goes through the proxy, Host says where it wants to go.
    through = ForwardRouter(manners).route(request("GET http://unmask.local/"))
    assert isinstance(through, Answer)
    assert through.status == 200


def test_a_websocket_client_that_takes_it_for_a_server_is_told() -> None:
    answer = routed("GET /chat", "Upgrade: websocket", "Connection: Upgrade")
    assert isinstance(answer, Answer)
    assert answer.status == 400
    assert "This is a proxy" in answer.reason


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("CONNECT example.com", 400),
        ("CONNECT unmask.local:443", 403),
        ("GET ftp://example.com/", 400),
        ("GET http://user@example.com/", 400),
        (f"GET http://{'a' * 70}.example/", 400),
    ],
)
def test_what_leads_nowhere_is_refused(line: str, status: int) -> None:
    answer = routed(line)
    assert isinstance(answer, Answer)
    assert answer.status == status
    assert answer.reason


@pytest.mark.parametrize("line", ["GET http://h/", "CONNECT h:443", "GET /"])
def test_a_password_is_demanded_for_everything(line: str) -> None:
    locked = Proxy(credentials=ANN)
    answer = routed(line, proxy=locked)
    assert isinstance(answer, Answer)
    assert answer.status == 407
    assert b"\r\nProxy-Authenticate: Basic realm=" in answer.response
    allowed = routed(line, f"Proxy-Authorization: {ANN.basic}", proxy=locked)
    assert not isinstance(allowed, Answer) or allowed.status == 200


def test_inside_of_a_tunnel_everything_goes_to_its_end_unchanged() -> None:
    target = parse_url("wss://10.0.0.1:8443")
    router = InsideRouter(Manners(), target, "api.example.com")
    asked = request("GET http://elsewhere/x", "Proxy-Authorization: Basic eA==")
    route = router.route(asked)
    assert isinstance(route, Route)
    assert (route.target, route.server_name) == (target, "api.example.com")
    assert rewrite(asked, route.rewrite) == asked.raw
    refused = router.route(request("CONNECT h:1"))
    assert isinstance(refused, Answer)
    assert refused.status == 501
