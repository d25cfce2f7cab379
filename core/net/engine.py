"""The façade that the app sees: listen, send, close, stop. Everything here runs on the loop's thread.

Connections go by the handles that the recorder gives them; numbers of a capture stand in sentences only.
"""

from __future__ import annotations

import asyncio
import heapq
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.capture.recorder import Recorder
from core.errors import CallerError, ListenError, NotOpenError
from core.net import descriptors
from core.net.budget import MemoryBudget
from core.net.outgoing import Outgoing, OutgoingClose
from core.net.session import PauseReason, Session
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.net.sockets import Place, listening_sockets, name_of, sockets_at
from core.net.test_page import TestPage
from core.net.turns import Turns
from core.protocol.events import Origin
from core.protocol.handshake import Answer, is_websocket_request, refuse, serve
from core.protocol.headers import explain
from core.protocol.http11 import RequestHead
from core.protocol.violations import Judgement

_GOING_AWAY = 1001
_STOP_SECONDS = 1.0
_TOLD_NS = 60 * 10**9
_GAUGE_SECONDS = 0.5
_MOST_SLOW = 1000


@dataclass(frozen=True, slots=True)
class SlowPeer:
    """A peer that does not read what we send."""

    connection: int
    queued_bytes: int


class Engine:
    """The servers and their sessions. Make it on the loop's thread."""

    def __init__(
        self,
        recorder: Recorder,
        settings: EngineSettings,
        page: TestPage,
        clock: Callable[[], int],
        tell: Callable[[str], None],
    ) -> None:
        """`tell` gets a sentence where connections are turned away for the machine's sake."""
        self.recorder = recorder
        self.settings = settings
        self.clock = clock
        self._page = page
        self._tell = tell
        self._told_ns: int | None = None
        """When it was last told that there are no more descriptors."""
        self._loop = asyncio.get_running_loop()
        self.budget = MemoryBudget(settings.limits.memory_bytes, self._loop, lambda: recorder.is_behind)
        self.turns = Turns(self._loop, clock)
        """In which what the sessions' peers sent is worked off."""
        self._servers: list[asyncio.Server] = []
        self._sessions: dict[int, Session] = {}
        self._turned_away: dict[int, Session] = {}
        """Sessions over the limit that have got their 503 and linger."""
        self._waiting: set[Session] = set()
        self._stalled: set[Session] = set()
        self._slow_peers: tuple[SlowPeer, ...] = ()
        self._gauging: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    # What the app asks.

    async def listen(self, address: ListenAddress) -> tuple[str, ...]:
        """Listen, in place of wherever we listened before; the real addresses.

        ListenError if that can't be: then we go on listening where we did.
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
        """Where we listen, such as `127.0.0.1:8080`."""
        return tuple(name_of(place) for _, place in self._places())

    def _places(self) -> list[Place]:
        return [(sock.family, sock.getsockname()) for server in self._servers for sock in server.sockets]

    async def _take_own_port(self, address: ListenAddress, error: ListenError) -> list[socket.socket]:
        """Sockets for `address` where `error` may come of our listening on its port already."""
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

    async def _serve(self, sock: socket.socket) -> asyncio.Server:
        # The loop listens once more, by default with a hundred that may wait.
        waiting = descriptors.waiting()
        return await self._loop.create_server(self._new_session, sock=sock, backlog=waiting)

    def stop_listening(self) -> None:
        """Accept no more; the sessions that there are go on."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    def send(self, connection_id: int | None, outgoing: Outgoing, origin: Origin = Origin.COMPOSED) -> int:
        """Send to one connection, or with None to all that are open; to how many it went. CallerError if to none."""
        if connection_id is not None:
            return self.send_to((connection_id,), outgoing, origin)
        everybody = [session.id for session in self._sessions.values() if session.is_open]
        if not everybody:
            raise NotOpenError("No connection is open: connect a client first.")
        return self.send_to(everybody, outgoing, origin)

    def send_to(
        self, connection_ids: Sequence[int], outgoing: Outgoing, origin: Origin = Origin.COMPOSED
    ) -> int:
        """Send to each of these and to no other; to how many it went. CallerError, why not to the first, if to none."""
        failures: list[CallerError] = []
        for connection_id in connection_ids:
            try:
                session = self._sessions.get(connection_id)
                if session is None:
                    number = self._number(connection_id)
                    raise NotOpenError(f"Connection #{number} is closed: nothing can be sent on it.")
                session.send(outgoing, origin)
            except CallerError as error:
                failures.append(error)
        if failures and len(failures) == len(connection_ids):
            raise failures[0]
        return len(connection_ids) - len(failures)

    def _number(self, connection_id: int) -> int:
        """What a connection is called in the capture."""
        return self.recorder.numbering.number(connection_id) or connection_id

    def disconnect(self, connection_id: int) -> None:
        """Cut one TCP connection without a closing handshake."""
        session = self._sessions.get(connection_id)
        if session is None:
            raise NotOpenError(f"Connection #{self._number(connection_id)} is closed already.")
        session.disconnect()

    def set_settings(self, settings: EngineSettings) -> None:
        """Takes effect with the next connection; auto-reply with the next message, the bound on memory at once."""
        self.settings = settings
        self.budget.total = settings.limits.memory_bytes

    def set_auto_reply(self, auto_reply: AutoReply) -> None:
        """Takes effect with the next message."""
        self.settings = replace(self.settings, auto_reply=auto_reply)

    def set_judgement(self, judgement: Judgement) -> None:
        """Takes effect with the next connection."""
        self.settings = replace(self.settings, judgement=judgement)

    def queued_bytes(self) -> dict[int, int]:
        """Bytes that wait for each peer that does not read fast enough."""
        return {
            session.id: session.queued_bytes for session in self._sessions.values() if session.queued_bytes
        }

    @property
    def slow_peers(self) -> tuple[SlowPeer, ...]:
        """Peers that do not read what we send, as of half a second ago at most. Any thread may ask."""
        return self._slow_peers

    @property
    def open_connections(self) -> int:
        """How many TCP connections there are. Any thread may ask."""
        return len(self._sessions)

    def resume(self) -> None:
        """The recorder is drained: read on."""
        waiting, self._waiting = self._waiting, set()
        for session in waiting:
            session.resume(PauseReason.RECORDER)

    async def stop(self) -> None:
        """Close all connections as the RFC wants it (1001), cut those that do not follow within a second."""
        self.stop_listening()
        for session in tuple(self._sessions.values()):
            try:
                session.send(OutgoingClose(_GOING_AWAY, "Unmask stops"), Origin.AUTOMATIC)
            except CallerError:
                session.disconnect()
        try:
            await asyncio.wait_for(self._empty.wait(), _STOP_SECONDS)
        except TimeoutError:
            for session in tuple(self._sessions.values()):
                session.disconnect()
            await self._empty.wait()

    # What sessions ask.

    def session_opened(self, session: Session, descriptor: int) -> bool:
        room = self.served_connections < self.settings.limits.connections
        if descriptors.is_kept_back(descriptor):
            room = False
            self.tell_scarcity()
        self._sessions[session.id] = session
        self._empty.clear()
        if not room:
            self._turned_away[session.id] = session
            if len(self._turned_away) > descriptors.lingering():
                next(iter(self._turned_away.values())).disconnect()
        return room

    @property
    def served_connections(self) -> int:
        """How many there are that were not turned away."""
        return len(self._sessions) - len(self._turned_away)

    def tell_scarcity(self) -> None:
        """Say that there are no more descriptors, unless that was said lately."""
        now = self.clock()
        if self._told_ns is None or now - self._told_ns > _TOLD_NS:
            self._told_ns = now
            self._tell(
                f"Of the {descriptors.limit()} files and connections that Unmask may have open nearly all are in use: "
                "new clients are turned away. Disconnect some, or let it have more (ulimit -n)."
            )

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

    def respond(self, request: RequestHead, proposed: Answer) -> Answer:
        """The test page for a plain HTTP GET; for a WebSocket handshake, good or bad, what the RFC says."""
        if proposed.accepted or _means_websocket(request):
            return proposed
        if request.method not in ("GET", "HEAD"):
            return proposed
        foreign = tuple(one for one in proposed.violations if one.rule.id == "host-foreign")
        if foreign:
            return refuse(403, explain(foreign), foreign)
        if request.target == "/favicon.ico":
            return refuse(404, "There is no icon here.")
        headers = (
            ("Content-Security-Policy", self._page.content_security_policy),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
        )
        page = serve(200, "text/html; charset=utf-8", self._page.body, headers)
        return page.without_body() if request.method == "HEAD" else page

    def _gauge(self) -> None:
        """Look how much waits for whom, again and again for as long as anything does."""
        worst = heapq.nlargest(_MOST_SLOW, self._stalled, key=lambda session: session.queued_bytes)
        self._slow_peers = tuple(SlowPeer(session.id, session.queued_bytes) for session in worst)
        self._gauging = self._loop.call_later(_GAUGE_SECONDS, self._gauge) if self._stalled else None

    def _new_session(self) -> Session:
        return Session(self, self._loop)


def _means_websocket(request: RequestHead) -> bool:
    """Whether the request is an opening handshake, be it a broken one."""
    named = (name.lower() for name, _ in request.headers.items)
    return is_websocket_request(request) or any(name.startswith("sec-websocket-") for name in named)
