"""Listening sockets of a source."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from core.errors import ListenError
from core.net import descriptors
from core.net.legs.leg import Leg
from core.net.settings import ListenAddress
from core.net.sockets import SocketAddress, listening_sockets, name_of, places_of, sockets_at
from core.net.sources import Source, SourceState, SourceTag

NewLeg = Callable[[SourceTag], Leg]
"""Makes the leg, with its session, of a client that comes in."""


class Accepting:
    """Accepts clients at one address until it is stopped."""

    def __init__(self, loop: asyncio.AbstractEventLoop, source: Source, new_leg: NewLeg) -> None:
        self._loop = loop
        self._source = source
        self._new_leg = new_leg
        self._servers: list[asyncio.Server] = []

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses listened on, such as `127.0.0.1:8080`."""
        return tuple(name_of(place) for _, place in self.places())

    @property
    def state(self) -> SourceState:
        return SourceState.RUNNING

    @property
    def client(self) -> None:
        return None

    def stop(self) -> None:
        """Accept no more clients. Idempotent."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def start(self, address: ListenAddress, before: Accepting | None) -> None:
        """Listen there. If the port belongs to `before`, it is taken from it. Raises ListenError."""
        places = await places_of(self._loop, address)
        try:
            sockets = listening_sockets(address, places)
        except ListenError as error:
            if before is None or not before._has_port(address.port):
                raise
            sockets = await before._give_way(address, places, error)
        await self._serve(sockets)

    async def _serve(self, sockets: Sequence[socket.socket]) -> None:
        tag = self._source.tag(tuple(name_of(sock.getsockname()) for sock in sockets))
        try:
            for sock in sockets:
                # The loop calls listen again, by default with a backlog of a hundred.
                server = await self._loop.create_server(
                    lambda: self._new_leg(tag), sock=sock, backlog=descriptors.waiting()
                )
                self._servers.append(server)
        except BaseException:
            self.stop()
            for sock in sockets:
                sock.close()
            raise

    def places(self) -> list[SocketAddress]:
        """The socket addresses listened on."""
        return [(sock.family, sock.getsockname()) for server in self._servers for sock in server.sockets]

    def _has_port(self, port: int) -> bool:
        return any(place[1] == port for _, place in self.places())

    async def _give_way(
        self, address: ListenAddress, places: Sequence[SocketAddress], error: ListenError
    ) -> list[socket.socket]:
        """Stop in favour of that address, whose sockets are given; or listen as before, and raise ListenError."""
        before = self.places()
        self.stop()
        try:
            return listening_sockets(address, places)
        except ListenError as second:
            await self._serve(sockets_at(before))
            raise second from error
