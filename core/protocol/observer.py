"""Judges and reports both directions of a connection between a client and a server that somebody else relays.

    observer = Observer(limits, judgement)
    observer.feed(Role.CLIENT, data)
    while observer.has_more(Role.CLIENT): reports = observer.receive(Role.CLIENT)

An observer answers nothing, fails nothing and changes no byte: the relay passes each byte on before it is examined.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import HeadError
from core.protocol import handshake
from core.protocol.deflate import DeflateParameters
from core.protocol.events import (
    ClosedBy,
    ConnectionClosed,
    Event,
    FrameReceived,
    HandshakeFailed,
    LookedAway,
    Report,
    RequestSent,
    ResponseReceived,
    StreamEnded,
    closed_by_role,
)
from core.protocol.http11 import HeadKind, HeadParser, RequestHead, ResponseHead
from core.protocol.inbound import Inbound
from core.protocol.limits import ConnectionLimits, Overlong
from core.protocol.state import ReadyState, Role
from core.protocol.trailing import Trailing
from core.protocol.violations import Judgement, violation

_OPEN = ReadyState.OPEN
_WATCHED = handshake.ServerPolicy(judgement=Judgement.TOLERANT)
"""An observer has no preferences: it judges a request by the RFC alone."""


class _Stream:
    """What one side sends: a head, and then frames."""

    def __init__(self, sender: Role, limits: ConnectionLimits) -> None:
        self._kind = HeadKind.REQUEST if sender is Role.CLIENT else HeadKind.RESPONSE
        self._limits = limits
        self.inbound = Inbound(sender, limits, Judgement.TOLERANT, Overlong.READ_PAST)
        self.head_done = False
        """Whether the head is complete, or never will be."""
        self.waiting = Trailing(limits.trailing_bytes)
        """Bytes after the head that arrived before the negotiation was known."""
        self.begin_head()

    def begin_head(self) -> None:
        """Expect a head next. It cannot be refused, so it is read as far as possible."""
        self.parser = HeadParser(self._kind, self._limits.head, Judgement.TOLERANT)

    @property
    def held_bytes(self) -> int:
        head = 0 if self.head_done else len(self.parser.raw)
        return head + self.waiting.held_bytes + self.inbound.held_bytes

    def stop_reading(self) -> None:
        """There are no frames, or none that can be delimited: everything further is trailing."""
        self.inbound.ended = True
        self.take_waiting()

    def take_waiting(self) -> None:
        """Read the bytes that waited."""
        waiting, self.waiting = self.waiting, Trailing(0)
        if waiting.length > waiting.held_bytes:
            # Some bytes are lost, and with them the frame boundaries.
            self.inbound.ended = True
        self.inbound.feed(waiting.kept)
        if waiting.length > waiting.held_bytes:
            self.inbound.trailing.miss(waiting.length - waiting.held_bytes)


class Observer:
    """One connection. `state` is its state as client and server see it."""

    def __init__(self, limits: ConnectionLimits | None = None) -> None:
        self._limits = limits or ConnectionLimits()
        self._directions = {role: _Stream(role, self._limits) for role in Role}
        self.request: RequestHead | None = None
        """What the client has asked for."""
        self.response: ResponseHead | None = None
        """The final response."""
        self._closing: tuple[Role | None, int, str] | None = None
        """The first close frame: sender, code and reason. None: Unmask sent it."""
        self.state = ReadyState.CONNECTING
        self.deflate: DeflateParameters | None = None
        """The permessage-deflate parameters agreed between client and server."""

    @property
    def held_bytes(self) -> int:
        """Bytes held: unfinished heads, frames and messages, and bytes outside of frames."""
        return sum(direction.held_bytes for direction in self._directions.values())

    def take_alone(self, sender: Role, data: bytes) -> FrameReceived | None:
        """See `Inbound.take_alone`."""
        return self._directions[sender].inbound.take_alone(data) if self.state is _OPEN else None

    def has_more(self, sender: Role) -> bool:
        """Whether `receive` can do more with bytes already received from that side."""
        return self._directions[sender].inbound.has_more

    def inbound(self, sender: Role) -> Inbound:
        """What is known of the bytes of that side."""
        return self._directions[sender].inbound

    def behind_head(self, sender: Role) -> int:
        """How many bytes came behind the head, as long as it is not known what they mean."""
        return self._directions[sender].waiting.length

    def look_away(self, held: int, total: int, follows: str = "what follows passes unread") -> list[Event]:
        """Let go of all that is held, and read nothing any more: of the `total` bytes allowed for all peers, `held` are
        held of these two. `follows` says what becomes of them.
        """
        for role in Role:
            direction = self._directions[role] = _Stream(role, ConnectionLimits(trailing_bytes=0))
            direction.head_done = True
            direction.stop_reading()
        detail = f"{held} bytes are held of it, the limit for all is {total}; {follows}"
        return [LookedAway(violation("memory-exhausted", detail))]

    def feed(self, sender: Role, data: bytes) -> list[Event]:
        """Take bytes from one side; the events tell what its head means if it is now complete. Then call `receive`."""
        direction = self._directions[sender]
        if direction.head_done:
            self._feed_behind_head(direction, data)
            return []
        while True:
            try:
                head = direction.parser.feed(data)
            except HeadError as error:
                return self._fail(sender, error)
            if head is None:
                return []
            data = direction.parser.leftover
            if isinstance(head, RequestHead) or not head.is_interim:
                break
            # RFC 9110 section 15.2: the final response follows.
            direction.begin_head()
        direction.head_done = True
        direction.waiting.add(data)
        return self._requested(head) if isinstance(head, RequestHead) else self._responded(head)

    def take_request(self, request: RequestHead, *, is_masked: bool = False) -> list[Event]:
        """Take a request that somebody else has read, and that its server will get, perhaps without its secrets."""
        self._directions[Role.CLIENT].head_done = True
        return self._requested(request, is_masked=is_masked)

    def take_response(self, response: ResponseHead) -> list[Event]:
        """Take the final response to it."""
        self._directions[Role.SERVER].head_done = True
        return self._responded(response)

    def receive(self, sender: Role) -> list[Report]:
        """A portion of what arrived from one side; see `Inbound.receive`."""
        inbound = self._directions[sender].inbound
        reports = inbound.receive()
        if self._closing is None and inbound.closing is not None:
            self._closing = (sender, *inbound.closing)
        return reports

    def note_close(self, code: int | None, reason: str) -> None:
        """Unmask has sent a close frame to one of them."""
        if self._closing is None:
            # RFC 6455 section 7.1.5: 1005 where the frame has no code.
            self._closing = (None, 1005 if code is None else code, reason)

    def end(self, sender: Role) -> Sequence[Event]:
        """End one side's stream after everything was received; gives what is left of a last frame, and the rest."""
        direction = self._directions[sender]
        if not direction.head_done:
            direction.head_done = True
            direction.waiting.add(direction.parser.raw)
        if self.state is not ReadyState.OPEN:
            direction.stop_reading()
        trailing = direction.inbound.trailing
        return [*direction.inbound.end(), StreamEnded(sender, trailing.kept, trailing.length)]

    def close(self, first: Role | None) -> list[Event]:
        """Both streams are over. `first` is the side whose stream ended first, None if Unmask cut them."""
        events: list[Event] = []
        if self.request is None and self.state is ReadyState.CONNECTING:
            events.append(self._no_request())
        self.state = ReadyState.CLOSED
        if self._closing is not None:
            sender, code, reason = self._closing
            by = ClosedBy.UNMASK if sender is None else closed_by_role(sender)
            return [*events, ConnectionClosed(code, reason, by)]
        closed_by = ClosedBy.UNMASK if first is None else closed_by_role(first)
        # RFC 6455 section 7.1.5: 1006 where no close frame was seen.
        return [*events, ConnectionClosed(1006, "", closed_by, vanished=first is not None)]

    # Internals.

    def _feed_behind_head(self, direction: _Stream, data: bytes) -> None:
        if self.state is ReadyState.CONNECTING:
            direction.waiting.add(data)
        else:
            direction.inbound.feed(data)

    def _requested(self, request: RequestHead, *, is_masked: bool = False) -> list[Event]:
        self.request = request
        broken = handshake.propose(request, _WATCHED).violations if self._is_handshake else request.violations
        return [RequestSent(request.raw, request, broken, is_masked)]

    @property
    def _is_handshake(self) -> bool:
        """Whether the request means to open a WebSocket connection."""
        return self.request is not None and handshake.is_websocket_request(self.request)

    def _responded(self, response: ResponseHead) -> list[Event]:
        """Start both directions as the response says."""
        self.response = response
        request = self.request
        if request is None or not self._is_handshake:
            # The server speaks unasked, or answers a plain request.
            verdict = handshake.ResponseVerdict(response.violations)
        else:
            verdict = handshake.check_observed(request, response)
        accepted = self._is_handshake and response.status == 101
        self.state = ReadyState.OPEN if accepted else ReadyState.CLOSED
        self.deflate = verdict.deflate if accepted else None
        for direction in self._directions.values():
            if self.deflate is not None:
                direction.inbound.start_compression(self.deflate)
            if accepted:
                direction.take_waiting()
            else:
                direction.stop_reading()
        return [ResponseReceived(response, verdict, accepted, is_plain=not self._is_handshake)]

    def _fail(self, sender: Role, error: HeadError) -> list[Event]:
        """Handle an unreadable head: nothing from either side can be read any more."""
        direction = self._directions[sender]
        parser = direction.parser
        direction.head_done = True
        direction.waiting.add(parser.beyond)
        self.state = ReadyState.CLOSED
        for each in self._directions.values():
            each.stop_reading()
        answer = handshake.Answer(0, str(error), b"", violations=parser.violations)
        return [HandshakeFailed(parser.raw, answer, sender)]

    def _no_request(self) -> HandshakeFailed:
        parser = self._directions[Role.CLIENT].parser
        return HandshakeFailed(parser.raw, handshake.head_missing(parser), Role.CLIENT)
