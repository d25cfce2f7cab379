"""A connection that ends at Unmask: one leg, and an `Endpoint` that judges and answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from core.capture.records import ConnectionRecord, Direction
from core.errors import NotOpenError, PayloadError, PeerNotReadingError, UnderWayError
from core.net.legs.dripping import Dripping
from core.net.legs.head_ruling import HeadRuling
from core.net.legs.leg import Leg, PauseReason
from core.net.legs.ruled_end import RuledEnd
from core.net.legs.session import Session, SessionHost
from core.net.settings import AutoReply, Limits
from core.net.sources import SourceTag
from core.net.tls.failures import TlsFailure
from core.protocol.endpoint import ConnectionLimits, Endpoint
from core.protocol.events import Completes, Event, FrameReceived, Message, Origin, Report, RunReceived
from core.protocol.frames import Opcode
from core.protocol.http11 import HeadKind, HeadLimits
from core.protocol.outgoing import (
    Compression,
    Outgoing,
    OutgoingClose,
    OutgoingMessage,
    OutgoingPing,
    OutgoingRaw,
    RawEnd,
)
from core.protocol.state import ReadyState, Role, peer_of
from core.rules.book import RuleBook
from core.rules.decision import Decision, HeldMessage
from core.sizes import byte_size


class EndpointSession(Session):
    """What accepted and dialled connections share."""

    def __init__(self, host: SessionHost, source: SourceTag, received: Direction) -> None:
        """`received` is the direction of the peer's frames."""
        super().__init__(host, source)
        self._received = received
        self._limits = host.settings.limits
        self._leg = Leg(self, host.loop, host.turns, host.clock)
        self._legs = (self._leg,)
        self.endpoint: Endpoint
        """Set in `leg_made` at the latest."""
        self._is_opening = True
        """Whether the handshake is undecided."""
        self._is_ending = False
        self._peer_ends_first = False
        """Whether the peer must end the stream first after the last write."""
        self._events: list[Report] = []
        """Events to record, while an unfinished message may add to them."""
        self._events_ns = 0
        """Time of the first of these events."""
        self._unrecorded = 0
        """Bytes held by these events, and bytes received that no event has reported yet."""
        self._request_bytes = 0
        """Length of the request head, which the recorder holds while the connection is open."""
        self._heads = HeadRuling(host)
        self._ruled: RuledEnd | None = None
        """What rules make of the messages, if there are any."""
        self._dripping: Dripping | None = None
        """Raw bytes that are under way."""

    # Called by the engine.

    @property
    def legs(self) -> tuple[Leg, ...]:
        return self._legs

    @property
    def sides(self) -> tuple[Role, ...]:
        return (peer_of(self.endpoint.role),)

    @property
    def is_open(self) -> bool:
        return self.endpoint.state is ReadyState.OPEN and self._leg.is_open

    @property
    def held_bytes(self) -> int:
        told = self._unrecorded if self._events else 0
        ruled = 0 if self._ruled is None else self._ruled.held_bytes
        dripping = 0 if self._dripping is None else self._dripping.left_bytes
        return self.endpoint.held_bytes + self._request_bytes + told + ruled + dripping

    @property
    def queued_bytes(self) -> int:
        return self._leg.queued_bytes

    def send(self, outgoing: Outgoing, toward: Role, origin: Origin) -> None:
        assert toward is not self.endpoint.role, "the engine has looked at `sides`"
        endpoint, leg = self.endpoint, self._leg
        has_gone = not leg.is_open or leg.has_said_all
        if has_gone and endpoint.state is not ReadyState.CONNECTING:
            raise NotOpenError(f"The peer of #{self.number} has gone: nothing can be sent to it.")
        queued = leg.queued_bytes
        if queued > self._limits.queued_bytes:
            raise PeerNotReadingError(
                f"The peer of #{self.number} is not reading: {byte_size(queued)} are queued for it. "
                "Wait, or disconnect it."
            )
        if isinstance(outgoing, OutgoingRaw):
            self._send_raw(outgoing, origin)
            return
        self._after(self.put(outgoing, origin))

    def put(self, outgoing: Outgoing, origin: Origin) -> list[Event]:
        """Send to the peer, without writing or recording it. Raises CallerError."""
        endpoint = self.endpoint
        if isinstance(outgoing, OutgoingRaw):
            raise PayloadError("Raw bytes are sent by themselves, not in answer to a message.")
        if isinstance(outgoing, OutgoingMessage):
            return endpoint.send_message(
                outgoing.opcode,
                outgoing.payload,
                origin=origin,
                fragments=max(1, outgoing.fragments),
                compress=outgoing.compression is Compression.AS_NEGOTIATED,
            )
        if isinstance(outgoing, OutgoingClose):
            events = endpoint.send_close(outgoing.code, outgoing.reason, origin=origin)
            self._leg.set_timer(self._limits.close_seconds, self.disconnect)
            return events
        opcode = Opcode.PING if isinstance(outgoing, OutgoingPing) else Opcode.PONG
        return endpoint.send_control(opcode, outgoing.payload, origin=origin)

    def hear(self, rules: RuleBook | None) -> None:
        if self._is_opening or self.endpoint.state is not ReadyState.OPEN:
            # They are asked for once it is open.
            return
        if self._ruled is None and (rules is not None or self._host.ruling.advising.adviser is not None):
            self._ruled = RuledEnd(
                self, self._host, self.id, peer_of(self.endpoint.role), self._heads.hearing
            )
        if self._ruled is not None:
            self._ruled.hear(rules, self.id, self._about())
            if self._ruled.is_needless:
                self._ruled.stop()
                self._ruled = None

    @property
    def is_stuck(self) -> bool:
        return self._ruled is not None and self._ruled.is_full

    def held(self) -> Iterator[HeldMessage]:
        yield from self._heads.held(self.id)
        if self._ruled is not None:
            yield from self._ruled.held(self.id)

    def decide(self, ticket: int, decision: Decision) -> bool:
        if self._heads.decide(ticket, decision):
            return True
        return self._ruled is not None and self._ruled.decide(ticket, decision)

    def stop_sending(self) -> None:
        """Send no more of the raw bytes that are under way; what waits behind them goes out."""
        dripping, self._dripping = self._dripping, None
        if dripping is not None:
            dripping.stop()
            self._after(self.endpoint.end_raw())

    # Called by the budget.

    def give_up(self, held: int, total: int) -> None:
        """Fail the connection. A peer that does not read, or has failed before, is cut off."""
        self.go_on()
        is_reading = not self._leg.is_stalled
        events = self.endpoint.fail_for_memory(held, total)
        self._after(events)
        if not (events and is_reading):
            self.disconnect()

    # Called by the leg.

    def leg_unsecured(self, leg: Leg, failure: TlsFailure) -> None:
        super().leg_unsecured(leg, failure)
        self._after(self.endpoint.abandon(failure.sentence))

    @abstractmethod
    def leg_made(self, leg: Leg) -> None: ...

    def leg_received(self, leg: Leg, data: bytes, now: int, until: int) -> bool:
        endpoint, clock = self.endpoint, self._host.clock
        if self._rest_waits(leg, data):
            return True
        self._unrecorded += len(data)
        events = endpoint.receive_runs(data)
        if self._is_opening:
            self._follow_opening(events)
            self._hear_at_opening()
        echoes = self._echoes
        ruled = self._ruled
        if ruled is not None:
            events = ruled.take(events, now, echoes=echoes)
        elif echoes:
            events += self._echo(events)
        while (has_more := endpoint.has_more) and clock() < until:
            more = endpoint.receive_runs(b"")
            if ruled is not None:
                events += ruled.take(more, now, echoes=echoes)
                if ruled.is_full:
                    has_more = endpoint.has_more
                    break
                continue
            events += more
            if echoes:
                events += self._echo(more)
        # Written before it is recorded, so that the peer does not wait for that.
        sent = self._write()
        if endpoint.deflate is not None:
            sent += _inflated_bytes(events)
        size = self._record(now, events, sent)
        if endpoint.wants_close:
            self._end()
        if self._host.recorder.holds_up(size):
            self._wait_for_recorder(leg)
        self._settle_read(len(data), grows=has_more or endpoint.deflate is not None)
        return has_more

    def leg_has_more(self, leg: Leg) -> bool:  # noqa: ARG002
        return self.endpoint.has_more

    def leg_stalls(self, leg: Leg) -> None:
        leg.pause(PauseReason.PEER)
        self._host.session_stalls(self)

    def leg_flows(self, leg: Leg) -> None:
        leg.resume(PauseReason.PEER)
        self._host.session_flows(self)
        if self._dripping is not None:
            self._dripping.flows()
        self._settle()

    def leg_ended(self, leg: Leg) -> bool:
        leg.set_timer(self._limits.close_seconds, self.disconnect)
        return False

    def leg_lost(self, leg: Leg) -> None:
        if self._dripping is not None:
            self._dripping.stop()
        self.endpoint.lose_peer()
        told = self._heads.abandon()
        if told is not None and told.kind is HeadKind.REQUEST:
            # An answer that was held is not recorded, since it was not given.
            self._after((told,))
        if self._ruled is not None:
            self._ruled.lose_peer()
        if leg.tls_failure is not None:
            self._note_tls_failure(peer_of(self.endpoint.role), leg.tls_failure)
            self._after(self.endpoint.abandon(leg.tls_failure.sentence))

    def leg_finished(self, leg: Leg) -> None:  # noqa: ARG002
        self._heads.stop()
        try:
            if self._ruled is not None:
                self._ruled.end()
            events = self.endpoint.receive_eof()
            self._after(events)
            if self._ruled is not None and events:
                self._ruled.closed(events[-1])
        finally:
            if self._ruled is not None:
                self._ruled.stop()
            self._finish()

    # For subclasses.

    @abstractmethod
    def _follow_opening(self, events: list[Report]) -> None:
        """React to the handshake's `events`, and append what follows. Called while `_is_opening`."""

    def after(self, events: Sequence[Report]) -> None:
        """Write and record what rules have made of anything other than received bytes."""
        self._after(events)

    def _after(self, events: Sequence[Report]) -> None:
        """Write and record what the endpoint made of anything other than received bytes."""
        told: list[Report] = [*events]
        if self._is_opening:
            self._follow_opening(told)
        self._record(self._host.clock(), told, self._write())
        if self.endpoint.wants_close:
            self._end()
        self._settle()

    @abstractmethod
    def _about(self) -> ConnectionRecord:
        """What rules can know of the connection."""

    # Internals.

    def _hear_at_opening(self) -> None:
        """Ask the rules from the first message on, if the handshake has just succeeded."""
        ruling = self._host.ruling
        if not self._is_opening and not (ruling.rules is None and ruling.advising.adviser is None):
            self.hear(ruling.rules)
            if self._ruled is not None:
                self._ruled.opened()

    def _send_raw(self, raw: OutgoingRaw, origin: Origin) -> None:
        endpoint = self.endpoint
        if self._dripping is not None:
            raise UnderWayError(
                f"Bytes are still being sent to #{self.number}, {byte_size(self._dripping.left_bytes)} are left: wait "
                "for their end, or stop them."
            )

        def write(data: bytes) -> None:
            self._after(endpoint.send_raw(data, origin=origin))

        before = endpoint.begin_raw()
        self._dripping = Dripping(
            self._host.loop, lambda: self._leg.is_stalled, raw.pieces, write, lambda: self._end_raw(raw.end)
        )
        self._after(before)
        self._dripping.start()

    def _end_raw(self, end: RawEnd) -> None:
        """All raw bytes have gone out."""
        leg = self._leg
        self.stop_sending()
        if end is RawEnd.RESET:
            leg.reset()
        elif end is RawEnd.HALF_CLOSE:
            self.endpoint.lose_peer()
            leg.say_no_more()
        if end is not RawEnd.GO_ON or self.endpoint.state is ReadyState.CLOSING:
            leg.set_timer(self._limits.close_seconds, self.disconnect)

    @property
    def _echoes(self) -> bool:
        """Whether messages are sent back by the settings."""
        return self._host.settings.auto_reply is AutoReply.ECHO and self._leg.is_connected

    def _react(self, events: list[Report]) -> list[Report]:
        """What is to be recorded of messages that came, and of what was sent because of them."""
        if self._ruled is not None:
            return self._ruled.take(events, self._host.clock(), echoes=self._echoes)
        return [*events, *self._echo(events)] if self._echoes else events

    def _echo(self, events: Sequence[Report]) -> Sequence[Report]:
        """Send messages back; gives what was sent."""
        opcodes: list[int] = []
        payloads: list[bytes] = []
        for event in events:
            if type(event) is RunReceived:
                opcodes += [head & 0x0F for head in event.frames.heads]
                payloads += event.frames.payloads
            elif type(event) is FrameReceived:
                frame, completes = event.frame, event.completes
                if completes is Completes.ITSELF:
                    opcodes.append(frame[0] & 0x0F)
                    payloads.append(frame[2])
                elif completes is not None:
                    opcodes.append(completes.opcode)
                    payloads.append(completes.payload)
        if not opcodes or self.endpoint.state is not ReadyState.OPEN:
            return ()
        return self.endpoint.send_messages(opcodes, payloads, origin=Origin.RULE)

    def _record(self, now: int, events: list[Report], size: int) -> int:
        """Record events, together with those of an unfinished echo, so that its payload is stored once.

        Gives the number of bytes handed over.
        """
        size += self._unrecorded
        if self._events:
            now, events = self._events_ns, self._events + events
            self._events = []
        if events and not self.endpoint.is_sending:
            self._unrecorded = 0
            if self._ruled is not None:
                events = self._ruled.without_secrets(events, now)
            return self._host.recorder.record(self.id, now, events, size, self._received)
        self._events, self._events_ns, self._unrecorded = events, now, size
        return 0

    def _write(self) -> int:
        """Write the endpoint's output; gives its number of bytes."""
        pieces = self.endpoint.pieces_to_send()
        if not pieces:
            return 0
        self._leg.write(pieces)
        return sum(map(len, pieces))

    def _end(self) -> None:
        """Finish sending. The peer gets some time to close its side, so that what it still sends is recorded."""
        if self._is_ending or not self._leg.is_connected:
            return
        self._is_ending = True
        self.stop_sending()
        if not self._peer_ends_first:
            self._leg.say_no_more()
        self._leg.set_timer(self._limits.close_seconds, self.disconnect)


def connection_limits(limits: Limits) -> ConnectionLimits:
    """The limits that concern a single connection."""
    return ConnectionLimits(
        HeadLimits(limits.head_bytes, limits.header_count), limits.message_bytes, limits.trailing_bytes
    )


def _inflated_bytes(events: list[Report]) -> int:
    """Payload bytes of received messages that differ from their frames' payloads."""
    return sum(
        len(event.completes.payload)
        for event in events
        if type(event) is FrameReceived and type(event.completes) is Message
    )
