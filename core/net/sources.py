"""Sources, through which traffic comes in: what a person starts, and what is told of it. Plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from core.capture.records import Mode, SourceLabel
from core.net.client_status import ClientStatus
from core.net.connect_request import ConnectRequest
from core.net.proxy import Proxy
from core.net.relay import Relay, parse_server_address
from core.net.settings import ListenAddress
from core.net.tls.settings import ServerTls


@dataclass(frozen=True, slots=True)
class Listen:
    """Unmask is the server of who connects there."""

    address: ListenAddress
    tls: ServerTls | None = None
    """What clients are shown; None: they come without TLS."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Unmask is the client."""

    request: ConnectRequest


def parse_listen(text: str) -> Listen:
    """An address as `parse_address` reads it; one that begins with wss:// or https:// has TLS. AddressError."""
    address, tls = parse_server_address(text)
    return Listen(address, tls)


What = Listen | Relay | Proxy | Connect
_MODES: dict[type, Mode] = {Listen: Mode.LISTEN, Relay: Mode.RELAY, Proxy: Mode.PROXY, Connect: Mode.CONNECT}


@dataclass(frozen=True, slots=True)
class Source:
    """Something that can be started."""

    id: int
    """Chosen by who starts it, from 1. Starting another source of this id replaces the one that runs. 0 is the one of
    `EngineHost.listen`.
    """
    name: str
    """What the person calls it; connections are found by it."""
    what: What

    @property
    def mode(self) -> Mode:
        """Its kind."""
        return _MODES[type(self.what)]

    @property
    def address(self) -> ListenAddress | None:
        """Where it is to listen; None if it does not."""
        return None if isinstance(self.what, Connect) else self.what.address

    @property
    def tls(self) -> ServerTls | None:
        """What its clients are shown; None: they come without TLS."""
        return self.what.tls if isinstance(self.what, Listen | Relay) else None

    @property
    def target(self) -> str:
        """The URL that it connects to; "" if it has none of its own."""
        if isinstance(self.what, Relay):
            return self.what.target.text
        return self.what.request.shown_url if isinstance(self.what, Connect) else ""

    @property
    def scheme(self) -> str:
        """The scheme of the URLs by which clients come to it."""
        if isinstance(self.what, Proxy):
            return "http"
        return "ws" if self.tls is None else "wss"

    def label(self, addresses: tuple[str, ...]) -> SourceLabel:
        """What a capture says of it while it listens on these addresses."""
        return SourceLabel(self.mode, self.name, ", ".join(addresses), self.target)

    def tag(self, addresses: tuple[str, ...]) -> SourceTag:
        """What its connections know of it while it listens on these addresses."""
        return SourceTag(self.id, self.label(addresses))


@dataclass(frozen=True, slots=True)
class SourceTag:
    """What a connection knows of its source."""

    id: int
    label: SourceLabel | None
    """What the capture is to say of the source."""


NO_SOURCE = SourceTag(-1, None)
"""For a connection that was asked for by itself."""


def named(whats: Iterable[What]) -> tuple[Source, ...]:
    """Sources with ids from 1, each with a name that says what it is: its kind, or where it connects to."""
    counts: Counter[str] = Counter()
    sources = []
    for number, what in enumerate(whats, 1):
        name = _usual_name(what)
        counts[name] += 1
        sources.append(Source(number, name if counts[name] == 1 else f"{name} {counts[name]}", what))
    return tuple(sources)


def _usual_name(what: What) -> str:
    if isinstance(what, Relay):
        return what.target.host_header
    if isinstance(what, Connect):
        return what.request.url.host_header
    return "proxy" if isinstance(what, Proxy) else "listen"


class SourceState(Enum):
    """What a source does."""

    STOPPED = "stopped"
    """It takes on no connections. Earlier ones may be open."""
    STARTING = "starting"
    RUNNING = "running"
    """It takes on connections, or it is connected."""
    FAILED = "failed"
    """It could not be started, or ended by a failure."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """What is told of a source at one moment."""

    id: int
    state: SourceState
    addresses: tuple[str, ...] = ()
    """The real addresses listened on, such as `127.0.0.1:8080`."""
    open_connections: int = 0
    """Number of its connections that are not over."""
    failure: str = ""
    """Why it failed, or why it goes on as it was before the last start; "" if neither."""
    client: ClientStatus | None = None
    """What its client does, if it connects to a server."""


class OpenConnections(Enum):
    """What becomes of a source's connections when it is stopped."""

    GO_ON = "go on"
    CLOSE = "close"
