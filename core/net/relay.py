"""What a relay does with each client: where it connects for it, and what it changes in the request."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.net.connect_request import CONNECT_SECONDS, ServerUrl, parse_url
from core.net.settings import ListenAddress, parse_address
from core.net.tls.settings import ServerTls
from core.protocol.head_rewrite import HeadRewrite, OriginHeader
from core.protocol.http11 import RequestHead
from core.protocol.proxy_request import RequestForm, absolute_target, form_of

_RELAY = re.compile(r"(?P<address>(?:[a-zA-Z]+://)?[^/?#=]+)/?=(?P<url>.*)", re.DOTALL)
_SECURE = {"wss": "ws", "https": "http"}


@dataclass(frozen=True, slots=True)
class Relay:
    """An address, a target, and the manners of a relay between them."""

    address: ListenAddress
    """Where clients connect."""
    target: ServerUrl
    keep_host: bool = False
    """Host stays what the client said, where the target would not mind; else it names the target."""
    origin: OriginHeader = OriginHeader.KEPT
    connect_seconds: float = CONNECT_SECONDS
    """How long finding the target and connecting to it may take."""
    tls: ServerTls | None = None
    """What clients are shown; None: they come without TLS."""

    def rewrite(self, request: RequestHead) -> HeadRewrite:
        """What is changed in a request that goes on. Raises HeadError (400)."""
        base_path = self.target.target.partition("?")[0].rstrip("/")
        host = None if self.keep_host and "host" in request.headers else self.target.host_header
        target = None
        if form_of(request) is RequestForm.ABSOLUTE:
            # RFC 9112 sections 3.2.1 and 3.2.2: the URL counts, whatever Host says, and a server is asked for its path.
            absolute = absolute_target(request)
            path = absolute.origin_form
            target = base_path + path if path.startswith("/") else path
            host = absolute.host_header if self.keep_host else host
        return HeadRewrite(
            host=host,
            origin=self.origin,
            target_origin=self.target.http_origin,
            base_path=base_path,
            target=target,
        )


def parse_relay(text: str) -> Relay:
    """`ws://HOST:PORT/base` or `ADDRESS=ws://HOST:PORT/base`: where to relay from, and where to. AddressError.

    An address that begins with wss:// or https:// has TLS.
    """
    parts = _RELAY.fullmatch(text.strip())
    if parts is None:
        return Relay(ListenAddress("127.0.0.1", 0), parse_url(text))
    address, tls = parse_server_address(parts["address"])
    return Relay(address, parse_url(parts["url"]), tls=tls)


def parse_server_address(text: str) -> tuple[ListenAddress, ServerTls | None]:
    """An address as `parse_address` reads it, and with TLS if it begins with wss:// or https://. AddressError."""
    scheme, sign, place = text.strip().partition("://")
    if sign and scheme.lower() in _SECURE:
        return parse_address(f"{_SECURE[scheme.lower()]}://{place}"), ServerTls()
    return parse_address(text), None
