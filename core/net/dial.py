"""Connects to a server over TCP and TLS, and explains failures."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from core.capture.legs import LegChange, Tls
from core.errors import ConnectError
from core.net.connect_request import ServerUrl
from core.net.sockets import name_of
from core.net.tls.failures import TlsError, TlsFailure
from core.net.tls.layer import TlsLayer
from core.net.tls.trust import ClientOpening, Trust
from core.net.turns import Turns
from core.net.upstream import UpstreamProxy
from core.protocol.state import Role

_NO_WAY = frozenset((errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT))
_NOT_PERMITTED = frozenset((errno.EACCES, errno.EPERM))


class DialHost(Protocol):
    """Whose loop and time a connection uses."""

    loop: asyncio.AbstractEventLoop
    turns: Turns
    clock: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Outbound:
    """How servers are reached."""

    trust: Trust
    upstream: UpstreamProxy | None = None
    """The proxy to go through."""


async def dial(
    host: DialHost,
    factory: Callable[[], asyncio.Protocol],
    url: ServerUrl,
    outbound: Outbound,
    seconds: float,
    on_progress: Callable[[LegChange], None],
) -> None:
    """Connect the protocol that `factory` makes, within `seconds` for finding the server, reaching it, and TLS.

    All addresses of the host are tried in turn. The protocol's `connection_made` is called once the stream is secured,
    where the URL asks for that. `on_progress` gets what becomes known on the way, and the certificates of a server that
    is not trusted. Raises ConnectError with the reason, TlsError among them.
    """
    loop = host.loop
    begun = loop.time()
    opening = await outbound.trust.opening(url.host, url.port) if url.is_secure else None
    secured: asyncio.Future[None] = loop.create_future()

    def reached(transport: asyncio.Transport) -> None:
        peer, local = (name_of(transport.get_extra_info(name)) for name in ("peername", "sockname"))
        on_progress(LegChange(Role.SERVER, peer, local, connected_ns=host.clock()))
        protocol = factory()
        if opening is None:
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
            secured.set_result(None)
        else:
            securing = _Securing(host, secured, opening, on_progress)
            layer = TlsLayer(protocol, securing, opening, host.turns, host.clock)
            layer.begin(transport, max(seconds - (loop.time() - begun), 0.0))

    try:
        await _reach(loop, url, begun + seconds, seconds, reached)
        await secured
    finally:
        secured.cancel()


async def _reach(
    loop: asyncio.AbstractEventLoop,
    url: ServerUrl,
    deadline: float,
    seconds: float,
    reached: Callable[[asyncio.Transport], None],
) -> None:
    """Connect over TCP; `reached` gets the transport before anything is read. Raises ConnectError."""
    try:
        async with asyncio.timeout_at(deadline):
            found = await loop.getaddrinfo(
                url.host, url.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
            )
        first_failure: OSError | None = None
        for tried, (family, _, _, _, address) in enumerate(found):
            # An address that never answers leaves time for those after it.
            left = max(deadline - loop.time(), 0.0) / (len(found) - tried)
            try:
                async with asyncio.timeout(left):
                    await loop.create_connection(
                        lambda: _Arrival(reached), str(address[0]), int(address[1]), family=family
                    )
            except OSError as error:
                first_failure = first_failure or error
            else:
                return
        raise first_failure or OSError(errno.EADDRNOTAVAIL, "it has no address")
    except socket.gaierror as error:
        raise ConnectError(
            f"{url.host} is no host that this machine can find ({error.strerror}). Check its name, or write an IP "
            "address."
        ) from error
    except TimeoutError as error:
        raise ConnectError(
            f"{url.place} did not answer within {seconds:g} s. Check host and port, and whether a firewall stands "
            "between."
        ) from error
    except OSError as error:
        raise ConnectError(_why(url.place, error)) from error


class _Arrival(asyncio.Protocol):
    """Hands a new transport on before it is read."""

    def __init__(self, reached: Callable[[asyncio.Transport], None]) -> None:
        self._reached = reached

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's classes.
        self._reached(cast(asyncio.Transport, transport))


class _Securing:
    """Waits for the handshake with a server (`core.net.tls.layer.TlsListener`)."""

    def __init__(
        self,
        host: DialHost,
        secured: asyncio.Future[None],
        opening: ClientOpening,
        on_progress: Callable[[LegChange], None],
    ) -> None:
        self._host = host
        self._secured = secured
        self._opening = opening
        self._on_progress = on_progress

    def tls_began(self, layer: TlsLayer) -> None:
        self._secured.add_done_callback(lambda done: layer.abort() if done.cancelled() else None)

    def tls_secured(self, layer: TlsLayer, tls: Tls) -> None:  # noqa: ARG002
        if not self._secured.done():
            self._on_progress(LegChange(Role.SERVER, secured_ns=self._host.clock(), tls=tls))
            self._secured.set_result(None)

    def tls_failed(self, layer: TlsLayer, failure: TlsFailure, tls: Tls | None) -> None:  # noqa: ARG002
        if not self._secured.done():
            if tls is not None:
                self._on_progress(LegChange(Role.SERVER, tls=tls))
            self._secured.set_exception(TlsError(failure))

    def tls_is_plain(self, layer: TlsLayer, transport: asyncio.Transport, first: bytes) -> bool:  # noqa: ARG002
        return False


def _why(place: str, error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.errno == errno.ECONNREFUSED:
        return f"{place} refuses the connection: nothing listens there. Start the server, or check host and port."
    if error.errno in _NO_WAY:
        return f"No way leads from this machine to {place} ({reason}). Check the address and the network."
    if error.errno in _NOT_PERMITTED:
        return f"The system does not permit connecting to {place} ({reason}). Check its firewall."
    return f"Connecting to {place} failed ({reason}). Check host and port."
