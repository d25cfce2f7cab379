"""What a person asks of Unmask as a client: where to connect, and with which request."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote

from core.errors import AddressError, CallerError
from core.net.upstream import UpstreamProxy
from core.protocol.deflate import parse_extensions
from core.protocol.handshake import client_request
from core.protocol.handshake_rules import (
    EXTENSIONS_HEADER,
    KEY_HEADER,
    PROTOCOL_HEADER,
    VERSION_HEADER,
)
from core.protocol.headers import bracketed, explain, is_token, place_text, quoted
from core.protocol.outgoing import RawEnd

USUAL_OFFER = "permessage-deflate; client_max_window_bits"
"""What browsers offer."""
CONNECT_SECONDS = 10.0
HANDSHAKE_SECONDS = 10.0
SECRET_AT_LEAST = 4
"""Characters of a secret that is looked for in what a server says."""

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<place>[^/?#]*)(?P<target>[^#]*)(?P<fragment>#.*)?"
)
_PLACE = re.compile(r"(?:\[(?P<literal>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s\[\]:@]+))(?::(?P<port>[0-9]{1,5})?)?")
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_DEFAULT_PORTS = {"ws": 80, "wss": 443}
_SAFE = "/?:@!$&'()*+,;=%-._~[]|\\^`{}\"<>"
"""Characters left as they are in path and query, beside letters and digits, so that what was typed is sent."""
_OWN = ("Upgrade", "Connection", KEY_HEADER, VERSION_HEADER, PROTOCOL_HEADER, EXTENSIONS_HEADER)
"""Headers that the handshake itself sets."""


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """A ws:// or wss:// URL (RFC 6455 section 3), in its parts."""

    text: str
    """The text that the person wrote."""
    scheme: str
    """`ws` or `wss`."""
    host: str
    """A name in ASCII, or an IP address without brackets."""
    port: int
    target: str
    """Path and query, percent-encoded; "/" if there is none."""

    @property
    def place(self) -> str:
        """Host and port, such as `127.0.0.1:8080` or `[::1]:8080`."""
        return place_text(self.host, self.port)

    @property
    def host_header(self) -> str:
        """The value of Host (RFC 6455 section 4.1), without the port if it is the scheme's default."""
        return bracketed(self.host) if self.port == _DEFAULT_PORTS[self.scheme] else self.place

    @property
    def is_secure(self) -> bool:
        """Whether TLS stands between."""
        return self.scheme == "wss"

    @property
    def http_origin(self) -> str:
        """The origin (RFC 6454 section 6.2) of a page that the same server serves."""
        return f"{'https' if self.is_secure else 'http'}://{self.host_header}"


def parse_url(text: str) -> ServerUrl:
    """Parse a URL to connect to, as a person writes or pastes it. Raises AddressError."""
    url = _URL.fullmatch(text.strip())
    if url is None:
        raise AddressError(f"“{text}” is no URL to connect to: write one such as ws://127.0.0.1:8080/path.")
    scheme = _SCHEMES.get(url["scheme"].lower())
    if scheme is None:
        raise AddressError(
            f"“{url['scheme']}” is no scheme to connect by: write a URL with ws:// or wss:// (http:// and https:// "
            "mean the same)."
        )
    if url["fragment"] is not None:
        # RFC 6455 section 3.
        raise AddressError(
            f"“{text}” has a fragment, which no WebSocket URL may: write # as %23 if it is meant."
        )
    place = _PLACE.fullmatch(url["place"])
    if place is None:
        # Before an @ there may be a password.
        userinfo, at, host = url["place"].rpartition("@")
        shown = "*" * len(userinfo) + at + host
        raise AddressError(f"“{shown}” is no host: write a name or an IP address, and a port if need be.")
    port = int(place["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port < 65536:
        raise AddressError(f"“{place['port']}” is no port to connect to: write a number from 1 to 65535.")
    target = in_url(url["target"])
    return ServerUrl(
        text.strip(),
        scheme,
        place["literal"] or _ascii(place["name"]),
        port,
        target if target.startswith("/") else "/" + target,
    )


def in_url(text: str) -> str:
    """`text` as it is sent where it stands in the path or the query of a URL."""
    return quote(text, safe=_SAFE)


def _ascii(name: str) -> str:
    """A host name in the form that DNS and Host require (RFC 5890)."""
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        raise AddressError(f"“{name}” is no host name: a part of it is empty or too long.") from None


@dataclass(frozen=True, slots=True)
class Reconnect:
    """How often and when to connect again after a loss."""

    first_seconds: float = 1.0
    """The wait before the first attempt; it doubles with each attempt that fails."""
    longest_seconds: float = 30.0
    attempts: int = 20
    """Attempts in a row that may fail."""
    steady_seconds: float = 10.0
    """A connection that was open for so long begins the count anew."""

    def wait(self, failures: int, random: float) -> float:
        """Seconds before the next attempt after so many in a row have failed; `random` from 0 to 1 spreads them."""
        longest = min(self.longest_seconds, self.first_seconds * 2.0 ** min(failures, 32))
        return longest * (0.5 + random / 2)


@dataclass(frozen=True, slots=True)
class ReadyHead:
    """A request as it is, which may be wrong on purpose."""

    raw: bytes = field(repr=False)
    """The head, or what stands in its place."""
    key: str
    """The Sec-WebSocket-Key that the response is held against."""
    end: RawEnd = RawEnd.GO_ON
    """What becomes of our half of the stream behind it."""


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """A connection to make. Raises CallerError if no such request can be written."""

    url: ServerUrl = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Headers beside those of the handshake, in order. A Host among them replaces the URL's."""
    subprotocols: tuple[str, ...] = ()
    """Subprotocols to offer, best first."""
    compression: str = USUAL_OFFER
    """The Sec-WebSocket-Extensions to offer, such as `permessage-deflate; client_no_context_takeover`; "" for none."""
    connect_seconds: float = CONNECT_SECONDS
    """Time for finding the host and connecting to it."""
    handshake_seconds: float = HANDSHAKE_SECONDS
    """Time for the response after that."""
    follows: int = 0
    """Redirects that are followed, one after the other."""
    reconnect: Reconnect | None = None
    """None: a connection that is lost stays so."""
    ping_seconds: float = 0.0
    """Time between pings; 0 sends none."""
    upstream: UpstreamProxy | None = None
    """A proxy on the way; None: that of the settings, if there is one."""
    accepts_any_certificate: bool = False
    """Whether the server's certificate is taken unseen."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Texts of the head that may not be recorded, the longest first."""
    ready: ReadyHead | None = None
    """Sent in the place of the request that the other fields make."""

    def __post_init__(self) -> None:
        own = {name.lower() for name in _OWN}
        for name, _ in self.headers:
            if name.lower() in own:
                raise CallerError(f"{name} follows from the handshake: leave it out of the headers.")
        for name in self.subprotocols:
            # RFC 6455 section 4.1: tokens, each once.
            if not is_token(name) or self.subprotocols.count(name) > 1:
                raise CallerError(f"{quoted(name)} can't be offered: a subprotocol is one word, named once.")
        _, broken = parse_extensions((self.compression,)) if self.compression else ((), ())
        if broken:
            raise CallerError(f"{quoted(self.compression)} can't be offered: {explain(broken)}")
        self.head("")

    @property
    def shown_url(self) -> str:
        """The URL as the person wrote it, without the secrets."""
        return self.masked(self.url.text)

    def masked(self, text: str) -> str:
        """`text` of a server, or about it, without the secrets. Very short ones stand there by chance, and stay."""
        for secret in self.secrets:
            if len(secret) >= SECRET_AT_LEAST:
                text = text.replace(secret, "*" * len(secret))
        return text

    def head(self, key: str) -> bytes:
        """The request head with this Sec-WebSocket-Key."""
        hosts = [value for name, value in self.headers if name.lower() == "host"]
        return client_request(
            hosts[0] if hosts else self.url.host_header,
            self.url.target,
            key,
            subprotocols=self.subprotocols,
            deflate=self.compression or None,
            extra_headers=[(name, value) for name, value in self.headers if name.lower() != "host"],
        )
