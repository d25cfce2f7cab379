"""A client that has come in and the server that it is relayed to: two legs, and an observer of what passes.

Bytes are handed on before they are looked at, and as they came; of the request head alone a few lines change. What
client and server negotiate, is negotiated between the two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from core.capture.legs import LegChange
from core.capture.records import Direction, Mode
from core.capture.tracks import Opened
from core.errors import ConnectError, NotOpenError
from core.net.dial import dial
from core.net.failures import Failure, FailureKind
from core.net.legs.endpoint_session import connection_limits
from core.net.legs.leg import Leg, PauseReason
from core.net.legs.session import Session, SessionHost
from core.net.outgoing import Outgoing
from core.net.relay import Relay
from core.net.sockets import name_of
from core.net.sources import SourceTag
from core.protocol.events import (
    Event,
    HandshakeDone,
    HandshakeFailed,
    HeadPassedOn,
    Origin,
    Report,
    RequestSent,
)
from core.protocol.handshake import Answer, is_websocket_request, refuse
from core.protocol.head_rewrite import rewrite
from core.protocol.http11 import RequestHead
from core.protocol.observer import Observer
from core.protocol.state import ReadyState, Role, peer_of

_DIRECTIONS = {Role.CLIENT: Direction.CLIENT_TO_SERVER, Role.SERVER: Direction.SERVER_TO_CLIENT}


class Relayed(Session):
    """One client and its server."""

    def __init__(
        self, host: SessionHost, source: SourceTag, relay: Relay, admit: Callable[[Relayed], bool]
    ) -> None:
        """`admit` is asked once the session has an id: whether there is room for one more."""
        super().__init__(host, source)
        self._relay = relay
        self._admit = admit
        self._limits = host.settings.limits
        self._client = Leg(self, host.loop, host.turns, host.clock)
        self._server = Leg(self, host.loop, host.turns, host.clock)
        self._observer = Observer(connection_limits(self._limits))
        self._dialing: asyncio.Task[None] | None = None
        self._pending: list[bytes] = []
        """What goes to the server as soon as it is reached."""
        self._request: RequestHead | None = None
        self._answered = False
        """Unmask itself has answered the client: nothing is relayed."""
        self._unrecorded = {Role.CLIENT: 0, Role.SERVER: 0}
        """Bytes received of either that no event has told of yet."""
        self._first: Role | None = None
        """Whose stream ended first."""
        self._finished: set[Role] = set()

    @property
    def client(self) -> Leg:
        return self._client

    # What the engine asks.

    @property
    def legs(self) -> tuple[Leg, ...]:
        return (self._client, self._server)

    @property
    def sides(self) -> tuple[Role, ...]:
        """What goes to either is the other's to say."""
        return ()

    @property
    def is_open(self) -> bool:
        return self._observer.state is ReadyState.OPEN and self._client.is_open and self._server.is_open

    @property
    def held_bytes(self) -> int:
        return self._observer.held_bytes + sum(map(len, self._pending))

    def send(self, outgoing: Outgoing, toward: Role, origin: Origin) -> None:  # noqa: ARG002
        raise NotOpenError(f"Connection #{self.number} is relayed: what its ends say, they say themselves.")

    def disconnect(self) -> None:
        if self._dialing is not None:
            self._dialing.cancel()
        super().disconnect()

    def give_up(self, held: int, total: int) -> None:  # noqa: ARG002
        """An observer can't fail what it looks at, so it looks away: what passes goes on, and is not read any more."""
        self.go_on()
        self._observer.look_away()
        self._settle()

    # What the legs tell.

    def leg_made(self, leg: Leg) -> None:
        host = self._host
        if leg is self._client:
            opened = Opened(Mode.RELAY, name_of(leg.peer_place), name_of(leg.local_place), self.source.label)
            self.id = host.recorder.open_connection(opened, host.clock())
            if not self._admit(self):
                reason = (
                    f"There are {host.served_connections} connections already, which is the limit. Try later."
                )
                self._answer(refuse(503, reason))
                return
            leg.set_timer(self._limits.handshake_seconds, self._request_timed_out)
            return
        leg.write(self._pending)
        self._pending.clear()
        self._client.resume(PauseReason.HELD)
        if self._client.has_ended:
            leg.say_no_more()

    def leg_received(self, leg: Leg, data: bytes, now: int, until: int) -> bool:
        sender = self._side(leg)
        other = self._other(leg)
        is_relaying = self._request is not None and not self._answered
        if data and is_relaying:
            # Before it is looked at: the other side need not wait for that.
            other.write((data,)) if other.is_connected else self._pending.append(data)
        self._unrecorded[sender] += len(data)
        events: list[Report] = [*self._observer.feed(sender, data)] if data else []
        if sender is Role.CLIENT and not is_relaying and not self._answered:
            self._record(sender, events, now)
            self._follow_request(events, data)
            events = []
        for each in (sender, peer_of(sender)):
            while self._observer.has_more(each):
                found = self._observer.receive(each)
                if each is sender:
                    events += found
                else:
                    self._record(each, found, now)
                if self._host.clock() >= until:
                    break
        size = self._record(sender, events, now)
        if self._host.recorder.holds_up(size):
            self._wait_for_recorder(leg)
        self._settle()
        return self._observer.has_more(sender)

    def leg_has_more(self, leg: Leg) -> bool:
        return self._observer.has_more(self._side(leg))

    def leg_stalls(self, leg: Leg) -> None:
        self._other(leg).pause(PauseReason.PEER)
        self._host.session_stalls(self)

    def leg_flows(self, leg: Leg) -> None:
        self._other(leg).resume(PauseReason.PEER)
        self._host.session_flows(self)
        self._settle()

    def leg_ended(self, leg: Leg) -> bool:
        self._note_first(leg)
        if leg is self._client and self._dialing is None:
            # There is no server that would say anything: the client gets what is written for it.
            return False
        self._other(leg).say_no_more()
        return True

    def leg_lost(self, leg: Leg) -> None:
        self._note_first(leg)
        other = self._other(leg)
        if self._dialing is not None and leg is self._client:
            self._dialing.cancel()
        if leg.was_reset:
            other.abort()
        else:
            other.close()

    def leg_finished(self, leg: Leg) -> None:
        side = self._side(leg)
        self._finished.add(side)
        self._record(side, self._observer.end(side), self._host.clock())
        if self._dialing is None:
            self._finished.add(Role.SERVER)
        if len(self._finished) == len(Role):
            self._end()

    def _end(self) -> None:
        """Both legs are gone, and all that came over them is recorded."""
        self._record(Role.CLIENT, self._observer.close(self._first), self._host.clock())
        self._finish()

    # The request.

    def _follow_request(self, events: Sequence[Report], data: bytes) -> None:
        """Dial the server once the request is whole, and hand on what has come."""
        for event in events:
            if isinstance(event, RequestSent) and event.request is not None:
                self._begin_relaying(event.request, data)
            elif isinstance(event, HandshakeFailed):
                self._answer(refuse(400, event.answer.reason))

    def _begin_relaying(self, request: RequestHead, data: bytes) -> None:
        self._client.stop_timer()
        self._request = request
        wanted = self._relay.rewrite(request, closes=not is_websocket_request(request))
        head = rewrite(request, wanted)
        behind = data[len(data) - self._observer.behind_head(Role.CLIENT) :]
        self._pending = [head, behind] if behind else [head]
        if head != request.raw:
            self._record(Role.CLIENT, [HeadPassedOn(head)], self._host.clock())
        # Until the server is reached, no more is read of what is to go there.
        self._client.pause(PauseReason.HELD)
        self._dialing = self._host.loop.create_task(self._dial())

    async def _dial(self) -> None:
        target = self._relay.target
        try:
            await dial(
                self._host,
                lambda: self._server,
                target,
                self._host.outbound,
                self._relay.connect_seconds,
                self._note,
            )
        except ConnectError as error:
            self._unreachable(502, str(error))
        except asyncio.CancelledError:
            self._unreachable(502, f"Connecting to {target.place} was stopped before there was an answer.")
        except Exception as error:
            self._unreachable(502, f"Connecting to {target.place} failed by a fault of Unmask ({error}).")
            self._host.loop.call_exception_handler({"message": "Dialling failed", "exception": error})

    def _note(self, change: LegChange) -> None:
        self._host.recorder.change_leg(self.id, self._host.clock(), change)

    def _unreachable(self, status: int, sentence: str) -> None:
        if self._server.is_connected:
            return
        self._dialing = None
        self._client.resume(PauseReason.HELD)
        if self._client.is_connected:
            self._host.tell_failure(Failure(FailureKind.CONNECT, self._relay.target.text, sentence))
            self._answer(refuse(status, sentence))
        elif Role.CLIENT in self._finished:
            self._end()

    def _request_timed_out(self) -> None:
        seconds = self._limits.handshake_seconds
        self._answer(refuse(408, f"The request was not complete after {seconds:g} s."))

    def _answer(self, answer: Answer) -> None:
        """Answer the client in the server's place."""
        self._answered = True
        self._client.stop_timer()
        self._client.write((answer.response,))
        self._record(Role.CLIENT, [HandshakeDone(answer)], self._host.clock())
        self._client.say_no_more()
        self._client.set_timer(self._limits.close_seconds, self.disconnect)

    # Within.

    def _side(self, leg: Leg) -> Role:
        return Role.CLIENT if leg is self._client else Role.SERVER

    def _other(self, leg: Leg) -> Leg:
        return self._server if leg is self._client else self._client

    def _note_first(self, leg: Leg) -> None:
        if self._first is None:
            self._first = self._side(leg)

    def _record(self, sender: Role, events: Sequence[Report | Event], now: int) -> int:
        """Have what `sender` did recorded; how much that is to the recorder."""
        if not events:
            return 0
        size, self._unrecorded[sender] = self._unrecorded[sender], 0
        return self._host.recorder.record(self.id, now, list(events), size, _DIRECTIONS[sender])
