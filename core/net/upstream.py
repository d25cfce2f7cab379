"""Another proxy that Unmask goes through to reach servers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import unquote

from core.errors import AddressError, ConnectError
from core.net.host_list import NO_HOSTS, HostList
from core.protocol.proxy_request import Authority, ProxyCredentials
from core.protocol.upstream_handshake import HttpTunnel, Socks5Tunnel, UpstreamHandshake

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?:(?P<name>[^:@/?#]*)(?::(?P<password>[^@/?#]*))?@)?"
    r"(?:\[(?P<literal>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:@/?#\[\]]+))(?::(?P<port>[0-9]{1,5}))?/?"
)


class UpstreamKind(Enum):
    """What a proxy speaks."""

    HTTP = "http"
    """HTTP with CONNECT."""
    SOCKS5 = "socks5"


_DEFAULT_PORTS = {UpstreamKind.HTTP: 3128, UpstreamKind.SOCKS5: 1080}
_KINDS = {"http": UpstreamKind.HTTP, "socks5": UpstreamKind.SOCKS5, "socks5h": UpstreamKind.SOCKS5}


class UpstreamProblem(Enum):
    """Why a server was not reached through another proxy."""

    NOT_REACHED = "not reached"
    """The proxy itself."""
    CREDENTIALS = "credentials"
    """The proxy demands a user name and password, or others."""
    REFUSED = "refused"
    """The proxy does not want to."""
    TARGET = "target"
    """The proxy can't reach the server."""
    SILENT = "silent"
    """The proxy does not answer."""
    PROTOCOL = "protocol"
    """What the proxy says is not understood."""


class UpstreamFailure(ConnectError):
    """A server could not be reached through another proxy."""

    def __init__(self, problem: UpstreamProblem, message: str) -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class UpstreamProxy:
    """A proxy to go through. Names of servers are resolved by it."""

    kind: UpstreamKind
    place: Authority
    credentials: ProxyCredentials | None = field(default=None, repr=False)
    exceptions: HostList = NO_HOSTS
    """Hosts that are connected to directly."""

    def __str__(self) -> str:
        return f"{self.kind.value}://{self.place}"

    def serves(self, host: str, port: int) -> bool:
        """Whether the way to this host leads through the proxy."""
        return not self.exceptions.matches(host, port)

    def handshake(self, target: Authority) -> UpstreamHandshake:
        """A conversation that asks for a tunnel. Raises ValueError where the proxy's protocol can't carry it."""
        tunnel = HttpTunnel if self.kind is UpstreamKind.HTTP else Socks5Tunnel
        return tunnel(target, self.credentials)


def parse_upstream(text: str, exceptions: HostList = NO_HOSTS) -> UpstreamProxy:
    """`http://[USER:PASSWORD@]HOST[:PORT]` or `socks5://…`, as in the variable HTTPS_PROXY. Raises AddressError."""
    found = _URL.fullmatch(text.strip())
    kind = _KINDS.get(found["scheme"].lower()) if found else None
    if found is None or kind is None:
        # The text is not quoted: it may hold a password.
        raise AddressError(
            "That is no proxy to go through: write http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before "
            "the host if it asks for them."
        )
    port = int(found["port"] or _DEFAULT_PORTS[kind])
    if not 0 < port < 65536:
        raise AddressError(f"“{found['port']}” is no port: write a number from 1 to 65535.")
    credentials = None
    if found["name"]:
        credentials = ProxyCredentials(unquote(found["name"]), unquote(found["password"] or ""))
    place = Authority(found["literal"] or found["host"], port)
    return UpstreamProxy(kind, place, credentials, exceptions)
