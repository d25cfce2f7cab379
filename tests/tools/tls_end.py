"""A layer of TLS as the server of a real socket, and what uses it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.capture.legs import Tls
from core.net.loop import wall_clock
from core.net.tls.failures import TlsFailure
from core.net.tls.layer import TlsLayer
from core.net.tls.openings import Opening
from core.net.tls.server import ServerOpening
from core.net.turns import Turns
from tests.tools.certificates import client_context, server_context
from tests.tools.tls_peer import TlsPeer
from tests.tools.waiting import PATIENCE_SECONDS

SERVER = server_context()
CLIENT = client_context()


class End(asyncio.Protocol):
    """Uses a layer, and keeps what it tells (`core.net.tls.listening.TlsListener`)."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.layer: TlsLayer
        self.received = bytearray()
        self.most_at_once = 0
        self.tls: Tls | None = None
        self.failure: TlsFailure | None = None
        self.plain: bytes | None = None
        self.echoes = False
        self.stays_open = True
        """After the peer's end of the stream."""
        self.is_stalled = False
        self.news = asyncio.Event()
        self.secured = asyncio.Event()
        self.ended = asyncio.Event()
        self.lost: asyncio.Future[Exception | None] = loop.create_future()

    def tls_began(self, layer: TlsLayer) -> None:
        self.layer = layer

    def tls_secured(self, layer: TlsLayer, tls: Tls) -> None:
        assert layer is self.layer
        self.tls = tls
        self.secured.set()

    def tls_failed(self, layer: TlsLayer, failure: TlsFailure, tls: Tls | None) -> None:  # noqa: ARG002
        assert self.failure is None
        self.failure = failure
        self.news.set()

    def tls_is_plain(self, layer: TlsLayer, transport: asyncio.Transport, first: bytes) -> bool:  # noqa: ARG002
        self.plain = first
        return False

    def data_received(self, data: bytes) -> None:
        assert not self.ended.is_set()
        self.received += data
        self.most_at_once = max(self.most_at_once, len(data))
        self.news.set()
        if self.echoes:
            self.layer.write(data)

    def eof_received(self) -> bool:
        assert not self.ended.is_set()
        self.ended.set()
        return self.stays_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)

    def pause_writing(self) -> None:
        assert not self.is_stalled
        self.is_stalled = True

    def resume_writing(self) -> None:
        assert self.is_stalled
        self.is_stalled = False

    async def until_received(self, count: int) -> None:
        while len(self.received) < count:
            self.news.clear()
            await self.news.wait()


def serving(context: ssl.SSLContext = SERVER) -> Opening:
    return ServerOpening(lambda _hello: context)


@asynccontextmanager
async def accepted(
    opening: Opening | None = None, client: ssl.SSLContext = CLIENT, seconds: float = PATIENCE_SECONDS
) -> AsyncIterator[tuple[End, TlsPeer]]:
    """A layer as the server of a client that has not said anything yet."""
    loop, clock, end = asyncio.get_running_loop(), wall_clock(), End()
    layer = TlsLayer(end, end, opening or serving(), Turns(loop, clock), clock)
    layer.limit(seconds)
    async with await loop.create_server(lambda: layer, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        peer = TlsPeer(*await asyncio.open_connection("127.0.0.1", port), client, "localhost")
        try:
            yield end, peer
        finally:
            peer.writer.close()
            with contextlib.suppress(OSError):
                await peer.writer.wait_closed()
            layer.abort()
            if end.secured.is_set():
                await end.lost


@asynccontextmanager
async def secured(
    opening: Opening | None = None, client: ssl.SSLContext = CLIENT
) -> AsyncIterator[tuple[End, TlsPeer]]:
    async with accepted(opening, client) as (end, peer):
        await peer.shake_hands()
        await end.secured.wait()
        yield end, peer
