"""Routers: where the requests of a client go that came in through a relay or a proxy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from core.net.connect_request import CONNECT_SECONDS, ServerUrl
from core.net.reach import Reach
from core.protocol.handshake import Answer
from core.protocol.head_rewrite import HeadRewrite
from core.protocol.http11 import RequestHead


@dataclass(frozen=True, slots=True)
class Route:
    """Where one request goes, and what is changed in its head."""

    target: ServerUrl
    rewrite: HeadRewrite
    connect_seconds: float = CONNECT_SECONDS
    """How long finding the target and connecting to it may take."""
    allowed: Reach = field(default_factory=Reach)
    """Which addresses may be connected to."""
    server_name: str | None = None
    """The name that TLS is to be agreed on with; None: the target's host."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """The client asks for a connection to a host, for bytes of any kind (CONNECT, RFC 9110 section 9.3.6)."""

    host: str
    """A name in ASCII, or an IP address without brackets."""
    port: int


class Router(Protocol):
    """Decides for each request of a client."""

    def route(self, request: RequestHead) -> Route | Tunnel | Answer:
        """Where it goes; or what Unmask answers, after which the connection ends."""
