"""What a client asks of a proxy: a tunnel to a host, or one request to pass on.

Source: RFC 9112 section 3.2 (forms of a request target), RFC 9110 sections 7.6.1 (fields for one hop alone), 9.3.6
(CONNECT) and 11.7 (proxy authentication).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass, field
from enum import Enum

from core.errors import HeadError
from core.protocol.headers import place_text, quoted
from core.protocol.http11 import RequestHead

CREDENTIALS_HEADER = "Proxy-Authorization"
FOR_THE_PROXY = ("proxy-connection", "proxy-authorization")
"""Headers that speak to the proxy alone and do not go on, in lower case."""

_AUTHORITY = re.compile(
    r"(?:\[(?P<literal>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9\-._~!$&'()*+,;=%]+))(?::(?P<port>[0-9]{0,5}))?"
)
_ABSOLUTE = re.compile(r"(?P<scheme>https?|wss?)://(?P<authority>[^/?#]*)(?P<rest>[/?][^#]*)?", re.IGNORECASE)
_LOOKS_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class RequestForm(Enum):
    """How a request names what it wants (RFC 9112 section 3.2)."""

    ORIGIN = "origin"
    """`/path`, or `*`: it means us."""
    ABSOLUTE = "absolute"
    """`http://host/path`: we pass it on."""
    AUTHORITY = "authority"
    """`host:port`, with CONNECT."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A host, as a name or an IP address without brackets, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return place_text(self.host, self.port)


@dataclass(frozen=True, slots=True)
class AbsoluteTarget:
    """A request target in absolute form, in its parts."""

    is_secure: bool
    """Whether it is to be reached by TLS."""
    authority: Authority
    host_header: str
    """The authority as it is written in Host (RFC 9112 section 3.2.2)."""
    origin_form: str
    """Path and query, as a server wants them."""


def form_of(request: RequestHead) -> RequestForm:
    """The form of the request's target, whether or not it is well written."""
    if request.method == "CONNECT":
        return RequestForm.AUTHORITY
    return RequestForm.ABSOLUTE if _LOOKS_ABSOLUTE.match(request.target) else RequestForm.ORIGIN


def connect_authority(request: RequestHead) -> Authority:
    """Where a CONNECT request wants a tunnel to. Raises HeadError (400)."""
    found = _AUTHORITY.fullmatch(request.target)
    port = int(found["port"] or 0) if found else 0
    if found is None or not 0 < port < 65536:
        # RFC 9110 section 9.3.6: an empty or invalid port is refused with 400.
        raise HeadError(
            400,
            f"{quoted(request.target)} is nothing to connect to: CONNECT takes HOST:PORT, such as example.com:443.",
            "request-target-bad",
        )
    return Authority((found["literal"] or found["name"]).lower(), port)


def absolute_target(request: RequestHead) -> AbsoluteTarget:
    """Where a request in absolute form wants to go. Raises HeadError (400)."""
    found = _ABSOLUTE.fullmatch(request.target)
    if found is None:
        raise _bad_target(request, "is no http://, https://, ws:// or wss:// URL")
    if "@" in found["authority"]:
        # RFC 9110 section 4.2.4: userinfo hides whom a URL means.
        raise _bad_target(request, "has a user name in it, which no request may")
    scheme = found["scheme"].lower()
    place = _AUTHORITY.fullmatch(found["authority"])
    port = int(place["port"] or _DEFAULT_PORTS[scheme]) if place else 0
    if place is None or not 0 < port < 65536:
        raise _bad_target(request, "names no host to connect to")
    rest = found["rest"] or ""
    if not rest and request.method == "OPTIONS":
        # RFC 9112 section 3.2.4: without a path, OPTIONS means the server as a whole.
        rest = "*"
    return AbsoluteTarget(
        is_secure=scheme in ("https", "wss"),
        authority=Authority((place["literal"] or place["name"]).lower(), port),
        host_header=found["authority"],
        # RFC 9112 section 3.2.1: an empty path is sent as "/".
        origin_form=rest if rest.startswith(("/", "*")) else "/" + rest,
    )


def _bad_target(request: RequestHead, why: str) -> HeadError:
    return HeadError(400, f"{quoted(request.target)} {why}.", "request-target-bad")


@dataclass(frozen=True, slots=True)
class ProxyCredentials:
    """The user name and password that clients of a proxy must give."""

    username: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The value of Proxy-Authorization (RFC 7617 section 2)."""
        pair = f"{self.username}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")

    def are_given(self, request: RequestHead) -> bool:
        """Whether the request has them. Takes the same time wherever they differ."""
        wanted = f"{self.username}:{self.password}".encode()
        found = False
        for value in request.headers.get_all(CREDENTIALS_HEADER):
            scheme, _, token = value.partition(" ")
            try:
                given = base64.b64decode(token.strip().encode("latin-1"), validate=True)
            except binascii.Error:
                continue
            found |= scheme.lower() == "basic" and hmac.compare_digest(given, wanted)
        return found
