"""The façade for the app: listen, connect, send, close, stop. Everything here runs on the loop's thread.

Connections are identified by the handles that the recorder gives them; their numbers in a capture appear only in
sentences.
"""

from __future__ import annotations

import asyncio
import heapq
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.capture.recorder import Recorder
from core.errors import CallerError, ListenError, NoRoomError, NotOpenError, TargetError
from core.net import descriptors
from core.net.budget import MemoryBudget
from core.net.connect_request import ConnectRequest
from core.net.failures import Failure, FailureKind
from core.net.fronts.front import Front
from core.net.legs.connecting import Connecting
from core.net.legs.leg import Leg
from core.net.legs.relayed import Relayed
from core.net.legs.served import Served
from core.net.legs.session import Session
from core.net.outgoing import Outgoing, OutgoingClose, Target
from core.net.relay import Relay
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.net.sockets import SocketAddress, listening_sockets, name_of, sockets_at
from core.net.turns import Turns
from core.protocol.events import Origin
from core.protocol.violations import Judgement

_GOING_AWAY = 1001
_STOP_SECONDS = 1.0
_REST_SECONDS = 5.0
"""How long `stop` processes what peers had sent before."""
_TOLD_NS = 60 * 10**9
_GAUGE_SECONDS = 0.5
_MOST_SLOW = 1000


@dataclass(frozen=True, slots=True)
class SlowPeer:
    """A peer that does not read what we send."""

    connection: int
    queued_bytes: int


class Engine:
    """The listening sockets and the sessions. Must be made on the loop's thread."""

    def __init__(
        self,
        recorder: Recorder,
        settings: EngineSettings,
        front: Front,
        clock: Callable[[], int],
        tell_failure: Callable[[Failure], None],
    ) -> None:
        """`front` answers requests that are not opening handshakes."""
        self.recorder = recorder
        self.settings = settings
        self.clock = clock
        self.tell_failure = tell_failure
        self._front = front
        self._told_ns: int | None = None
        """When the lack of descriptors was last reported."""
        self.loop = asyncio.get_running_loop()
        self.budget = MemoryBudget(settings.limits.memory_bytes, self.loop, lambda: recorder.is_behind)
        self.turns = Turns(self.loop, clock)
        """The turns in which what peers sent is processed."""
        self._servers: list[asyncio.Server] = []
        self._relays: list[asyncio.Server] = []
        self._sessions: dict[int, Session] = {}
        self._turned_away: dict[int, Session] = {}
        """Sessions over the limit that have got their 503 and linger."""
        self._waiting: set[Session] = set()
        self._stalled: set[Session] = set()
        self._slow_peers: tuple[SlowPeer, ...] = ()
        self._gauging: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    # Called by the app.

    async def listen(self, address: ListenAddress) -> tuple[str, ...]:
        """Listen on this address instead of the previous one; gives the real addresses.

        Raises ListenError if that fails; then the previous listener stays.
        """
        try:
            sockets = listening_sockets(address)
        except ListenError as error:
            sockets = await self._take_own_port(address, error)
        servers = [await self._serve(sock) for sock in sockets]
        self.stop_listening()
        self._servers = servers
        return self.addresses

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses listened on, such as `127.0.0.1:8080`."""
        return tuple(name_of(place) for _, place in self._places())

    def _places(self) -> list[SocketAddress]:
        return [(sock.family, sock.getsockname()) for server in self._servers for sock in server.sockets]

    async def _take_own_port(self, address: ListenAddress, error: ListenError) -> list[socket.socket]:
        """Sockets for `address` if `error` may be due to our own listener on its port."""
        before = self._places()
        if any(place[1] == address.port for _, place in before):
            self.stop_listening()
            try:
                return listening_sockets(address)
            except ListenError as second:
                error = second
            for sock in sockets_at(before):
                self._servers.append(await self._serve(sock))
        if self._servers:
            kept = ", ".join(self.addresses)
            raise ListenError(f"{error} Unmask goes on listening on {kept}.") from error
        raise error

    async def _serve(self, sock: socket.socket, new_leg: Callable[[], Leg] | None = None) -> asyncio.Server:
        # Here the loop calls listen again, by default with a backlog of a hundred.
        waiting = descriptors.waiting()
        return await self.loop.create_server(new_leg or self._new_leg, sock=sock, backlog=waiting)

    def stop_listening(self) -> None:
        """Accept no more connections; existing sessions continue."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def relay(self, address: ListenAddress, relay: Relay) -> tuple[str, ...]:
        """Relay who connects there, beside all other relays; the real addresses. ListenError if that can't be."""

        def new_leg() -> Leg:
            return Relayed(self, relay, self._admit).client

        servers = [await self._serve(sock, new_leg) for sock in listening_sockets(address)]
        self._relays += servers
        return tuple(name_of(sock.getsockname()) for server in servers for sock in server.sockets)

    def connect(self, request: ConnectRequest) -> int:
        """Connect to a server; gives the connection's handle. Raises CallerError if there may be no more connections.

        The result is recorded in the capture, and a failure is reported as a `Failure`.
        """
        if not self._has_room:
            raise NoRoomError(
                f"There are {self.served_connections} connections already, which is the limit. Close some of them."
            )
        session = Connecting(self, request)
        self._add(session)
        session.dial()
        return session.id

    def send(self, target: Target, outgoing: Outgoing, origin: Origin = Origin.COMPOSED) -> None:
        """Send to one side of one connection. Raises CallerError."""
        session = self._sessions.get(target.connection)
        if session is None:
            number = self._number(target.connection)
            raise NotOpenError(f"Connection #{number} is closed: nothing can be sent on it.")
        if target.toward not in session.sides:
            raise TargetError(
                f"Connection #{session.number} has no {target.toward.name.lower()} that Unmask could send to."
            )
        session.send(outgoing, target.toward, origin)

    def send_to(self, targets: Sequence[Target], outgoing: Outgoing, origin: Origin = Origin.COMPOSED) -> int:
        """Send to exactly these targets; gives the number reached.

        If there is none, raises CallerError with the reason for the first.
        """
        failures: list[CallerError] = []
        for target in targets:
            try:
                self.send(target, outgoing, origin)
            except CallerError as error:
                failures.append(error)
        if failures and len(failures) == len(targets):
            raise failures[0]
        return len(targets) - len(failures)

    def send_to_all(self, outgoing: Outgoing, origin: Origin = Origin.COMPOSED) -> int:
        """Send to every peer of every open connection; gives the number reached. Raises CallerError if there is
        none.
        """
        everybody = [
            Target(session.id, side)
            for session in self._sessions.values()
            if session.is_open
            for side in session.sides
        ]
        if not everybody:
            raise NotOpenError("No connection is open: connect a client first.")
        return self.send_to(everybody, outgoing, origin)

    def _number(self, connection_id: int) -> int:
        """The connection's number in the capture."""
        return self.recorder.numbering.number(connection_id) or connection_id

    def disconnect(self, connection_id: int) -> None:
        """Cut one TCP connection without a closing handshake."""
        session = self._sessions.get(connection_id)
        if session is None:
            raise NotOpenError(f"Connection #{self._number(connection_id)} is closed already.")
        session.disconnect()

    def set_settings(self, settings: EngineSettings) -> None:
        """Applies to new connections; auto-reply to the next message, the bound on memory at once."""
        self.settings = settings
        self.budget.total = settings.limits.memory_bytes

    def set_auto_reply(self, auto_reply: AutoReply) -> None:
        """Applies to the next message."""
        self.settings = replace(self.settings, auto_reply=auto_reply)

    def set_judgement(self, judgement: Judgement) -> None:
        """Applies to new connections."""
        self.settings = replace(self.settings, judgement=judgement)

    def queued_bytes(self) -> dict[int, int]:
        """Bytes waiting for each peer that does not read fast enough."""
        return {
            session.id: session.queued_bytes for session in self._sessions.values() if session.queued_bytes
        }

    @property
    def slow_peers(self) -> tuple[SlowPeer, ...]:
        """Peers that do not read what we send, at most half a second ago. Any thread."""
        return self._slow_peers

    @property
    def open_connections(self) -> int:
        """Number of TCP connections. Any thread."""
        return len(self._sessions)

    def resume(self) -> None:
        """The recorder is drained: continue reading."""
        waiting, self._waiting = self._waiting, set()
        for session in waiting:
            session.recorder_drained()

    async def stop(self) -> None:
        """Close all connections as the RFC demands (1001), and cut those that do not follow within a second."""
        self.stop_listening()
        for server in self._relays:
            server.close()
        self._relays.clear()
        for session in tuple(self._sessions.values()):
            try:
                for side in session.sides:
                    session.send(OutgoingClose(_GOING_AWAY, "Unmask stops"), side, Origin.AUTOMATIC)
            except CallerError:
                session.disconnect()
        try:
            await asyncio.wait_for(self._empty.wait(), _STOP_SECONDS)
        except TimeoutError:
            for session in tuple(self._sessions.values()):
                session.disconnect()
            await self._process_rests()

    async def _process_rests(self) -> None:
        """Record what peers had sent, as far as time allows. The capture has no end of those that are left then."""
        try:
            await asyncio.wait_for(self._empty.wait(), _REST_SECONDS)
        except TimeoutError:
            sentence = (
                "Unmask ends before it has processed all that peers had sent: the rest is not in the capture. "
                f"Connections concerned, marked there as lost: {len(self._sessions)}."
            )
            self.tell_failure(Failure(FailureKind.CAPTURE, "", sentence))

    # Called by sessions.

    @property
    def served_connections(self) -> int:
        """Number of connections that were not turned away."""
        return len(self._sessions) - len(self._turned_away)

    def tell_scarcity(self) -> None:
        """Report the lack of descriptors, unless that was done recently."""
        now = self.clock()
        if self._told_ns is None or now - self._told_ns > _TOLD_NS:
            self._told_ns = now
            sentence = (
                f"Of the {descriptors.limit()} files and connections that Unmask may have open nearly all are in use: "
                "new clients are turned away. Disconnect some, or let it have more (ulimit -n)."
            )
            self.tell_failure(Failure(FailureKind.NETWORK, "", sentence))

    def session_closed(self, session: Session) -> None:
        self._sessions.pop(session.id, None)
        self._turned_away.pop(session.id, None)
        self._waiting.discard(session)
        self._stalled.discard(session)
        if not self._sessions:
            self._empty.set()

    def session_waits(self, session: Session) -> None:
        self._waiting.add(session)

    def session_stalls(self, session: Session) -> None:
        self._stalled.add(session)
        if self._gauging is None:
            self._gauge()

    def session_flows(self, session: Session) -> None:
        self._stalled.discard(session)

    def _gauge(self) -> None:
        """Measure the waiting bytes repeatedly, as long as there are any."""
        worst = heapq.nlargest(_MOST_SLOW, self._stalled, key=lambda session: session.queued_bytes)
        self._slow_peers = tuple(SlowPeer(session.id, session.queued_bytes) for session in worst)
        self._gauging = self.loop.call_later(_GAUGE_SECONDS, self._gauge) if self._stalled else None

    @property
    def _has_room(self) -> bool:
        return self.served_connections < self.settings.limits.connections

    def _add(self, session: Session) -> None:
        self._sessions[session.id] = session
        self._empty.clear()

    def _admit(self, session: Served | Relayed) -> bool:
        # Here the loop calls listen again, by default with a backlog of a hundred.
        room = self._has_room
        if descriptors.is_kept_back(session.client.descriptor):
            room = False
            self.tell_scarcity()
        self._add(session)
        if not room:
            self._turned_away[session.id] = session
            if len(self._turned_away) > descriptors.lingering():
                next(iter(self._turned_away.values())).disconnect()
        return room

    def _new_leg(self) -> Leg:
        return Served(self, self._front, self._admit).client
