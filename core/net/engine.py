"""The façade for the app: sources, connect, send, close, stop. Everything here runs on the loop's thread.

Connections are identified by the handles that the recorder gives them; their numbers in a capture appear only in
sentences.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from core.capture.recorder import Recorder
from core.capture.records import Mode
from core.errors import CallerError, NoRoomError, NotOpenError, TargetError
from core.net import descriptors
from core.net.accepting import Accepting
from core.net.budget import MemoryBudget
from core.net.connect_request import ConnectRequest
from core.net.connector import Connector
from core.net.dial import Outbound
from core.net.failures import Failure, FailureKind
from core.net.fronts.front import Front
from core.net.fronts.reverse import ReverseRouter
from core.net.host_list import HostList
from core.net.legs.between import Between
from core.net.legs.chains import Chains
from core.net.legs.connecting import Connecting, ConnectWatcher
from core.net.legs.exchange import Exchange
from core.net.legs.leg import Leg
from core.net.legs.reception import Reception
from core.net.legs.served import Served
from core.net.legs.session import Session
from core.net.once import Once
from core.net.proxy import Proxy
from core.net.proxying import Proxying
from core.net.relay import Relay
from core.net.ruling import Ruling
from core.net.running import Running, RunningSources, Starter
from core.net.settings import AutoReply, EngineSettings
from core.net.sources import (
    NO_SOURCE,
    Connect,
    Listen,
    OpenConnections,
    Source,
    SourceStatus,
    SourceTag,
)
from core.net.tls.services import TlsServices
from core.net.turns import Turns
from core.protocol.events import Origin
from core.protocol.outgoing import Outgoing, OutgoingClose, Target
from core.protocol.violations import Judgement
from core.rules.verdict import Cut

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
    """The sources and the sessions. Must be made on the loop's thread."""

    def __init__(
        self,
        recorder: Recorder,
        settings: EngineSettings,
        front: Front,
        clock: Callable[[], int],
        tell_failure: Callable[[Failure], None],
        tell_source: Callable[[SourceStatus], None],
        tell_held: Callable[[], None],
    ) -> None:
        """`front` answers requests that are not opening handshakes. `tell_held`: `ruling.held` has changed."""
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
        self.chains = Chains()
        self.tls = TlsServices(settings.tls)
        self.outbound = Outbound(self.tls.trust, settings.upstream)
        self._sources = RunningSources(
            self.loop,
            {
                Listen: self._accepting(self._served),
                Relay: self._accepting(self._relayed),
                Proxy: self._proxying,
                Connect: self._connecting,
            },
            tell_source,
            tell_failure,
        )
        self._fronts: dict[int, Front] = {}
        """What comes before the handshake in place of the usual front, by source."""
        self._proxies: dict[int, Proxying] = {}
        """Those that run or ran, by their source."""
        self._sessions: dict[int, Session] = {}
        self.ruling = Ruling(self.loop, self._sessions, tell_held)
        self._turned_away: dict[int, Session] = {}
        """Sessions over the limit that have got their 503 and linger."""
        self._waiting: set[Session] = set()
        self._stalled: set[Session] = set()
        self._slow_peers: tuple[SlowPeer, ...] = ()
        self._gauging: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    # Called by the app.

    def start_source(self, source: Source) -> None:
        """Start a source beside all others, or replace the one of its id that runs, which stays if that fails.

        What becomes of it is told as `SourceStatus`, a failure as `Failure` too.
        """
        self._sources.start(source)

    def stop_source(self, source_id: int, connections: OpenConnections = OpenConnections.GO_ON) -> None:
        """Let a source take on no more connections, and possibly close those that it has."""
        self._sources.stop(source_id)
        if connections is OpenConnections.CLOSE:
            asked = [session for session in self._sessions.values() if session.source.id == source_id]
            self._bid_farewell(asked)
            self.loop.call_later(_STOP_SECONDS, self._cut, asked)

    def set_front(self, source_id: int, front: Front) -> None:
        """What answers the requests that come through a listening source from now on."""
        self._fronts[source_id] = front

    @property
    def sources(self) -> tuple[SourceStatus, ...]:
        """The sources that run or have open connections. Any thread."""
        return self._sources.statuses

    def let_pass(self, source_id: int, hosts: HostList) -> None:
        """Let the TLS of these hosts pass a proxy untouched from now on. Raises NotOpenError if it does not run."""
        proxying = self._proxies.get(source_id)
        if proxying is None:
            raise NotOpenError("The proxy does not run: start it first.")
        proxying.proxy = proxying.proxy.passing(hosts)

    def connect(self, request: ConnectRequest, watcher: ConnectWatcher | None = None) -> int:
        """Connect to a server once; gives the connection's handle. Raises NoRoomError.

        The result is recorded in the capture. A failure is reported as a `Failure` where there is no `watcher`.
        """
        return self._dial(NO_SOURCE, request, watcher or Once(request.shown_url, self.tell_failure)).id

    def send(self, target: Target, outgoing: Outgoing, origin: Origin = Origin.COMPOSED) -> None:
        """Send to one side of one connection. Raises CallerError."""
        self._session(target).send(outgoing, target.toward, origin)

    def cut(self, target: Target, how: Cut) -> None:
        """End one side of a connection without a close frame, or only the stream toward it. Raises CallerError."""
        self._session(target).cut(target.toward, how)

    def _session(self, target: Target) -> Session:
        """The session with that side; raises CallerError."""
        session = self._sessions.get(target.connection)
        if session is None:
            number = self._number(target.connection)
            raise NotOpenError(f"Connection #{number} is closed: nothing can be sent on it.")
        if target.toward not in session.sides:
            raise TargetError(
                f"Connection #{session.number} has no {target.toward.name.lower()} that Unmask could send to."
            )
        return session

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
        """Send to every peer that talks to Unmask; gives the number reached. Raises CallerError if there is none."""
        everybody = [
            Target(session.id, side)
            for session in self._sessions.values()
            if session.is_open
            for side in session.ends
        ]
        if not everybody:
            raise NotOpenError("No connection is open: connect a client first.")
        return self.send_to(everybody, outgoing, origin)

    def _number(self, connection_id: int) -> int:
        """The connection's number in the capture."""
        return self.recorder.numbering.number(connection_id) or connection_id

    def stop_sending(self, connection_id: int) -> None:
        """Send no more of the raw bytes that are under way on a connection, if there are any."""
        if (session := self._sessions.get(connection_id)) is not None:
            session.stop_sending()

    def disconnect(self, connection_id: int) -> None:
        """Cut one TCP connection without a closing handshake."""
        session = self._sessions.get(connection_id)
        if session is None:
            raise NotOpenError(f"Connection #{self._number(connection_id)} is closed already.")
        session.hang_up()

    def set_settings(self, settings: EngineSettings) -> None:
        """Applies to new connections; auto-reply to the next message, the bound on memory at once."""
        self.tls.set_settings(settings.tls)
        self.outbound = replace(self.outbound, trust=self.tls.trust, upstream=settings.upstream)
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
        self._bid_farewell(tuple(self._sessions.values()))
        self._sources.stop_all()
        try:
            await asyncio.wait_for(self._empty.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._cut(tuple(self._sessions.values()))
            await self._process_rests()
        await self.ruling.close()

    @staticmethod
    def _bid_farewell(sessions: Sequence[Session]) -> None:
        for session in sessions:
            try:
                if not session.ends:
                    # What stands between two peers has no word of its own for them.
                    session.disconnect()
                for side in session.ends:
                    session.send(OutgoingClose(_GOING_AWAY, "Unmask stops"), side, Origin.AUTOMATIC)
            except CallerError:
                session.disconnect()

    def _cut(self, sessions: Sequence[Session]) -> None:
        for session in sessions:
            if session.id in self._sessions:
                session.disconnect()

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
        if self._sessions.pop(session.id, None) is not None:
            self._sources.left(session.source.id)
        self._turned_away.pop(session.id, None)
        self._waiting.discard(session)
        self._stalled.discard(session)
        if not self._sessions:
            self._empty.set()

    def session_becomes(self, before: Session, after: Session) -> None:
        for sessions in (self._sessions, self._turned_away):
            if sessions.pop(before.id, None) is not None:
                sessions[after.id] = after
        for those in (self._waiting, self._stalled):
            if before in those:
                those.discard(before)
                those.add(after)
        self.budget.forget(before)

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
        self._sources.joined(session.source.id)
        self._empty.clear()

    def _admit(self, session: Served | Between) -> bool:
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

    # Starters of sources.

    def _accepting(self, new_leg: Callable[[Any, SourceTag], Leg]) -> Starter:
        """Starts sources that accept clients, whose legs `new_leg` makes of `Source.what`."""

        async def start(source: Source, before: Running | None) -> Running:
            assert source.address is not None
            meeting = None
            if source.tls is not None:
                meeting = self.tls.meeting(source.tls, self.settings.limits.handshake_seconds)

            def made(tag: SourceTag) -> Leg:
                leg = new_leg(source.what, tag)
                leg.meeting = meeting
                return leg

            accepting = Accepting(self.loop, source, made)
            await accepting.start(source.address, before if isinstance(before, Accepting) else None)
            return accepting

        return start

    def _served(self, _listen: Listen, tag: SourceTag) -> Leg:
        return Served(self, tag, self._fronts.get(tag.id, self._front), self._admit).client

    def _relayed(self, relay: Relay, tag: SourceTag) -> Leg:
        return Exchange(Reception(self, tag, Mode.RELAY, ReverseRouter(relay), self._admit)).client

    async def _proxying(self, source: Source, before: Running | None) -> Running:
        proxy = source.what
        assert isinstance(proxy, Proxy)
        # Made now, so that a failure is the source's and not that of its first client.
        self.tls.store.authority()
        proxying = Proxying(self, proxy, self.tls, self._admit, lambda: accepting.places())
        accepting = Accepting(self.loop, source, proxying.new_leg)
        await accepting.start(proxy.address, before if isinstance(before, Accepting) else None)
        earlier = self._proxies.get(source.id)
        if earlier is not None:
            # Clients that are still there come under it too.
            earlier.proxy = proxy
        self._proxies[source.id] = proxying
        return accepting

    async def _connecting(self, source: Source, _before: Running | None) -> Running:
        assert isinstance(source.what, Connect)

        def changed(failure: str) -> None:
            self._sources.note(connector, source.id, failure)

        tag = source.tag(())
        dial = partial(self._dial, tag)
        connector = Connector(self.loop, self.clock, source.what.request, dial, changed)
        connector.start()
        return connector

    def _dial(self, tag: SourceTag, request: ConnectRequest, watcher: ConnectWatcher) -> Connecting:
        """Connect to a server. Raises NoRoomError."""
        if not self._has_room:
            raise NoRoomError(
                f"There are {self.served_connections} connections already, which is the limit. Close some of them."
            )
        session = Connecting(self, tag, request, watcher)
        self._add(session)
        session.dial()
        return session
