"""The router of a proxy: requests in absolute form go where they say, CONNECT opens a tunnel, all else is for us."""

from __future__ import annotations

from typing import Protocol

from core.errors import AddressError, HeadError
from core.net.connect_request import ServerUrl, parse_url
from core.net.fronts.router import Route, Tunnel
from core.net.proxy import PAGE_HOST, Proxy
from core.net.reach import Reach
from core.protocol.handshake import Answer, is_websocket_request, refuse
from core.protocol.handshake_rules import check_host_is_local
from core.protocol.head_rewrite import HeadRewrite
from core.protocol.headers import explain, quoted
from core.protocol.http11 import RequestHead
from core.protocol.proxy_request import (
    FOR_THE_PROXY,
    AbsoluteTarget,
    Authority,
    RequestForm,
    absolute_target,
    connect_authority,
    form_of,
)
from core.protocol.told_head import told_head


class Manners(Protocol):
    """What a proxy does, now."""

    @property
    def proxy(self) -> Proxy: ...

    @property
    def allowed(self) -> Reach: ...

    @property
    def own_names(self) -> tuple[str, ...] | None:
        """Names beside those of loopback by which clients may call the proxy itself; None: any."""

    def page(self, method: str, path: str) -> Answer:
        """The proxy's own page."""


class ForwardRouter:
    """Decides for each request of a client that speaks to the proxy itself."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners

    def route(self, request: RequestHead) -> Route | Tunnel | Answer:
        """Where it goes; 400, 407 or the proxy's own page."""
        credentials = self._manners.proxy.credentials
        if credentials is not None and not credentials.are_given(request):
            # RFC 9110 section 15.5.8.
            challenge = [("Proxy-Authenticate", 'Basic realm="Unmask", charset="UTF-8"')]
            return refuse(407, "This proxy demands a user name and a password.", extra_headers=challenge)
        # What is said of it from here on must not give its credentials away.
        request = told_head(request)
        try:
            match form_of(request):
                case RequestForm.AUTHORITY:
                    return self._tunnel(connect_authority(request))
                case RequestForm.ABSOLUTE:
                    return self._absolute(request, absolute_target(request))
                case RequestForm.ORIGIN:
                    return self._own(request)
        except (HeadError, AddressError) as error:
            return refuse(400, str(error))

    def _own(self, request: RequestHead) -> Answer:
        """The answer to a client that takes the proxy for a server."""
        foreign = tuple(check_host_is_local(request.headers, self._manners.own_names))
        if foreign:
            # DNS rebinding: the page names the authority, by which a site could recognize this machine.
            return refuse(403, explain(foreign), foreign)
        if is_websocket_request(request):
            return refuse(
                400,
                "This is a proxy, no WebSocket server. Name it to the client as its HTTP proxy, or let Unmask "
                "listen or relay.",
            )
        return self._manners.page(request.method, path_of(request.target))

    def _tunnel(self, authority: Authority) -> Tunnel | Answer:
        if authority.host == PAGE_HOST:
            return refuse(403, f"The page of this proxy is http://{PAGE_HOST}/, without TLS and a tunnel.")
        return Tunnel(authority.host, authority.port)

    def _absolute(self, request: RequestHead, target: AbsoluteTarget) -> Route | Answer:
        if target.authority.host == PAGE_HOST:
            return self._manners.page(request.method, path_of(target.origin_form))
        rewrite = HeadRewrite(
            target=target.origin_form,
            # RFC 9112 section 3.2.2: the target counts, whatever Host says.
            host=target.host_header,
            removed=FOR_THE_PROXY,
        )
        url = server_url(target.authority, is_secure=target.is_secure)
        return Route(url, rewrite, self._manners.proxy.connect_seconds, self._manners.allowed)


class InsideRouter:
    """Sends each request inside a tunnel to the tunnel's end."""

    def __init__(self, manners: Manners, target: ServerUrl, server_name: str | None) -> None:
        """`server_name`: as whom the client means the server, in TLS."""
        self._manners = manners
        self._target = target
        self._server_name = server_name

    def route(self, request: RequestHead) -> Route | Answer:
        """The server for all but CONNECT."""
        if form_of(request) is RequestForm.AUTHORITY:
            return refuse(501, f"{quoted(told_head(request).target)}: inside of a tunnel there is no other.")
        manners = self._manners
        return Route(
            self._target, HeadRewrite(), manners.proxy.connect_seconds, manners.allowed, self._server_name
        )


def server_url(authority: Authority, *, is_secure: bool) -> ServerUrl:
    """The URL of a server's root. Raises AddressError."""
    return parse_url(f"{'wss' if is_secure else 'ws'}://{authority}")


def path_of(target: str) -> str:
    """A request target without its query."""
    return target.partition("?")[0]
