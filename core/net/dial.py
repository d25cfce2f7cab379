"""Connects to a server over TCP and TLS, and explains failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from core.capture.legs import LegChange, Tls
from core.errors import ConnectError, StoppedError
from core.net.connect_request import ServerUrl
from core.net.reach import Reach
from core.net.reaching import reach
from core.net.sockets import name_of
from core.net.tls.failures import TlsError, TlsFailure
from core.net.tls.layer import TlsLayer
from core.net.tls.trust import ClientOpening, Trust
from core.net.turns import Turns
from core.net.upstream import UpstreamProxy
from core.protocol.state import Role


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
    allowed: Reach = field(default_factory=Reach)
    """Which addresses may be connected to."""
    server_name: str | None = None
    """The name that TLS is to be agreed on with; None: the host's."""
    ready: asyncio.Transport | None = None
    """A connection to the server that is used if it still stands. It belongs to whoever dials."""

    def way_to(self, url: ServerUrl) -> UpstreamProxy | None:
        """The proxy through which the way to this server leads."""
        return self.upstream if self.upstream and self.upstream.serves(url.host, url.port) else None


class Dialling:
    """An attempt to reach a server. Either the protocol gets its connection, or `failed` is called once."""

    def __init__(
        self,
        host: DialHost,
        factory: Callable[[], asyncio.Protocol],
        url: ServerUrl,
        outbound: Outbound,
        seconds: float,
        on_progress: Callable[[LegChange], None],
        failed: Callable[[ConnectError], None],
    ) -> None:
        """Begin at once. Arguments are those of `dial`."""
        self._host = host
        self._url = url
        self._failed = failed
        self._ready = outbound.ready
        self._task = host.loop.create_task(self._dial(factory, outbound, seconds, on_progress))
        self._task.add_done_callback(self._done)

    def stop(self) -> None:
        """Give up. Has no effect when it is over."""
        self._task.cancel()

    async def _dial(
        self,
        factory: Callable[[], asyncio.Protocol],
        outbound: Outbound,
        seconds: float,
        on_progress: Callable[[LegChange], None],
    ) -> None:
        url = self._url
        self._ready = None
        try:
            await dial(self._host, factory, url, outbound, seconds, on_progress)
        except ConnectError as error:
            self._failed(error)
        except Exception as error:
            fault = f"Connecting to {url.place} failed by a fault of Unmask ({error}). Please report it."
            self._failed(ConnectError(fault))
            self._host.loop.call_exception_handler({"message": "Dialling failed", "exception": error})

    def _done(self, task: asyncio.Task[None]) -> None:
        if self._ready is not None:
            # It was stopped before its first step.
            self._ready.abort()
        if task.cancelled():
            sentence = f"Connecting to {self._url.place} was stopped before there was an answer."
            self._failed(StoppedError(sentence))


async def dial(
    host: DialHost,
    factory: Callable[[], asyncio.Protocol],
    url: ServerUrl,
    outbound: Outbound,
    seconds: float,
    on_progress: Callable[[LegChange], None],
) -> None:
    """Connect the protocol that `factory` makes, within `seconds` for finding the server, reaching it, and TLS.

    All addresses of the host are tried in turn; a connection that is ready spares that. The protocol's
    `connection_made` is called once the stream is secured, where the URL asks for that. `on_progress` gets what becomes
    known on the way, and the certificates of a server that is not trusted. Raises ConnectError with the reason,
    TlsError and UpstreamFailure among them.
    """
    loop, upstream = host.loop, outbound.way_to(url)
    begun, ready = loop.time(), outbound.ready
    opening: ClientOpening | None = None
    secured: asyncio.Future[None] = loop.create_future()

    def reached(transport: asyncio.Transport, first: bytes) -> None:
        peer, local = (name_of(transport.get_extra_info(name)) for name in ("peername", "sockname"))
        if upstream is not None:
            peer = f"{url.place} via {upstream}"
        on_progress(LegChange(Role.SERVER, peer, local, connected_ns=host.clock()))
        protocol = factory()
        if opening is None:
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
            if first:
                protocol.data_received(first)
            secured.set_result(None)
        else:
            securing = _Securing(host, secured, opening, on_progress)
            layer = TlsLayer(protocol, securing, opening, host.turns, host.clock)
            layer.begin(transport, max(seconds - (loop.time() - begun), 0.0), first)

    try:
        if url.is_secure:
            opening = await outbound.trust.opening(outbound.server_name or url.host, url.port)
        if ready is not None and not ready.is_closing():
            taken, ready = ready, None
            reached(taken, b"")
        else:
            await reach(loop, url, outbound.allowed, upstream, seconds, reached)
        await secured
    finally:
        secured.cancel()
        if ready is not None:
            ready.abort()


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
            now, problem = self._host.clock(), self._opening.problem
            self._on_progress(LegChange(Role.SERVER, secured_ns=now, tls=tls, tls_problem=problem))
            self._secured.set_result(None)

    def tls_failed(self, layer: TlsLayer, failure: TlsFailure, tls: Tls | None) -> None:  # noqa: ARG002
        if not self._secured.done():
            self._on_progress(LegChange(Role.SERVER, tls=tls, tls_problem=failure.sentence))
            self._secured.set_exception(TlsError(failure))

    def tls_is_plain(self, layer: TlsLayer, transport: asyncio.Transport, first: bytes) -> bool:  # noqa: ARG002
        return False
