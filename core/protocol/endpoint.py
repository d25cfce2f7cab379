"""One end of a WebSocket connection as a state machine without I/O: bytes in, events and bytes out.

    endpoint = Endpoint(ServerSide(policy), limits)
    for event in endpoint.receive_data(data): ...      # RequestReceived
    for event in endpoint.answer(event.proposed): ...  # HandshakeDone, and frames that came with the request
    transport.write(endpoint.data_to_send())

Received bytes are processed in portions of about a millisecond: `has_more` says that `receive_data(b"")` has more to
do, and the caller decides when. Every frame received or sent gives an event, automatic frames too, so a recording of
the events is complete. `core.protocol.inbound` interprets the peer's bytes, and `core.protocol.judge` says which rules
they break.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import NotOpenError
from core.protocol import handshake
from core.protocol.close_codes import answering_payload, closing_payload
from core.protocol.deflate import DeflateParameters, Deflater
from core.protocol.events import (
    ClosedBy,
    ConnectionClosed,
    ConnectionFailed,
    Event,
    FrameReceived,
    Origin,
    Report,
    RequestSent,
    closed_by_role,
    singly,
)
from core.protocol.frames import LARGEST_CONTROL_PAYLOAD, Frame, Opcode
from core.protocol.http11 import parsed_request
from core.protocol.inbound import Inbound
from core.protocol.judge import fatal
from core.protocol.limits import ConnectionLimits as ConnectionLimits
from core.protocol.limits import Overlong
from core.protocol.opening import ClientSide as ClientSide
from core.protocol.opening import Opening
from core.protocol.opening import ServerSide as ServerSide
from core.protocol.sender import Sender, check_control_payload
from core.protocol.state import ReadyState, Role, Trigger, peer_of, step
from core.protocol.steps import Steps, finish
from core.protocol.violations import Violation, violation

_OPEN = ReadyState.OPEN


class Endpoint:
    """One end of a connection. `state` is the ReadyState; `wants_close` says that the stream should be ended."""

    def __init__(self, side: ServerSide | ClientSide, limits: ConnectionLimits | None = None) -> None:
        self._limits = limits or ConnectionLimits()
        if isinstance(side, ServerSide):
            self.role = Role.SERVER
            self._judgement = side.policy.judgement
        else:
            self.role = Role.CLIENT
            self._judgement = side.judgement
        self.state = ReadyState.CONNECTING
        self.wants_close = False
        self._sender = Sender(self.role)
        self._opening = Opening(side, self._limits.head, self._limits.trailing_bytes)
        self._inbound = Inbound(peer_of(self.role), self._limits, self._judgement, Overlong.ENDS)
        self._sending: Steps[Sequence[Report]] | None = None
        """Unfinished work of `send_messages`; until it is done, no other message is received or sent."""
        self._parameters: DeflateParameters | None = None
        self._failed = False
        self._unreachable = False
        self._close_sent = False
        self._closed_by = ClosedBy.NOBODY
        self._side = side

    # Requests of the caller.

    def begin(self) -> list[Event]:
        """Send the request as the client; a server has nothing to send yet."""
        if isinstance(self._side, ServerSide):
            return []
        request = self._side.request
        self._sender.write(request)
        return [RequestSent(request, parsed_request(request), self._side.broken)]

    def data_to_send(self) -> bytes:
        """The bytes for the transport; each byte is given once."""
        return b"".join(self._sender.take())

    def pieces_to_send(self) -> list[bytes]:
        """`data_to_send` in pieces, without a copy of large payloads."""
        return self._sender.take()

    @property
    def deflate(self) -> DeflateParameters | None:
        """The negotiated permessage-deflate parameters."""
        return self._parameters

    @property
    def has_more(self) -> bool:
        """Whether `receive_data(b"")` has more to do: frames are waiting, or a large message is being processed.

        Each call stops at a frame that may change the state, so that a caller's reply to a message goes out before the
        answer to a close frame behind it.
        """
        return self._sending is not None or self._inbound.has_more

    @property
    def is_sending(self) -> bool:
        """Whether `send_messages` has unfinished work."""
        return self._sender.busy

    @property
    def held_bytes(self) -> int:
        """Bytes held: unfinished heads, frames and messages, kept bytes outside of frames, and the state of
        compression.
        """
        return self._opening.held_bytes + self._inbound.held_bytes + self._sender.held_bytes

    def receive_data(self, data: bytes) -> list[Event]:
        """The meaning of received bytes. Repeat with b"" while `has_more`; the result may be empty for a while."""
        return singly(self.receive_runs(data))

    def receive_runs(self, data: bytes) -> list[Report]:
        """`receive_data` with runs of plain messages as columns, at a fraction of the cost."""
        if self.state is _OPEN or self.state is ReadyState.CLOSING:
            alone = self._inbound.take_alone(data) if data and self._sending is None else None
            if alone is not None:
                return [alone]
            self._inbound.feed(data)
            return [*self._go_on(self._sending)] if self._sending is not None else self._receive_portion()
        if self.state is ReadyState.CONNECTING:
            return [*self._settle(self._opening.receive(data))]
        self._inbound.trailing.add(data)
        return []

    def lose_peer(self) -> None:
        """The peer can no longer be reached: received bytes are still reported, and no longer answered."""
        self._unreachable = True
        self._drop_sending()

    def receive_eof(self) -> list[Event]:
        """The stream has ended or broken. Gives what is left of a frame, then ConnectionClosed."""
        events: list[Event] = []
        while self.has_more:
            events += self.receive_data(b"")
        inbound = self._inbound
        if self._opening.outcome is None:
            events += self._opening.end()
            inbound.trailing.add(self._opening.take_glued())
        events += inbound.end()
        events += singly(self._sender.end())
        self.state = step(self.state, Trigger.EOF)
        # RFC 6455 section 7.1.5: 1006 if no close frame was received.
        code, reason = inbound.closing or (1006, "")
        vanished = self._closed_by is ClosedBy.NOBODY
        closed_by = closed_by_role(peer_of(self.role)) if vanished else self._closed_by
        kept, length = self._opening.told_behind(inbound.trailing.kept), inbound.trailing.length
        events.append(ConnectionClosed(code, reason, closed_by, vanished, kept, length))
        return events

    def answer(self, answer: handshake.Answer) -> list[Event]:
        """Answer the request of `RequestReceived`; frames received together with it are processed.

        Nothing happens if the handshake has ended without the caller: refused, or the stream was lost.
        """
        return self._settle(self._opening.answer(answer))

    def handshake_timed_out(self, seconds: float) -> list[Event]:
        """Answer 408, because the head is incomplete after `seconds`. Nothing happens if it is complete."""
        return self._settle(self._opening.time_out(seconds))

    def abandon(self, reason: str) -> list[Event]:
        """Expect no response any more, as a client whose server can't be reached, or who has stopped waiting."""
        return self._settle(self._opening.abandon(reason))

    def refuse_for_load(self, connections: int) -> list[Event]:
        """Answer 503 without waiting for a request, because there are `connections` already."""
        return self._settle(self._opening.refuse_for_load(connections))

    def fail_for_memory(self, held: int, total: int) -> list[Event]:
        """Fail because all peers hold the `total` bytes allowed, and this one the most of them: `held` bytes.

        Unfinished heads, frames and messages are dropped. Nothing happens if the connection has failed or is closing.
        """
        found = violation("memory-exhausted", f"{held} bytes are held for it, the limit for all is {total}")
        if self.state is ReadyState.CONNECTING:
            return self._settle(self._opening.refuse_for_memory(found))
        if self.state is not _OPEN:
            return []
        self._drop_sending()
        told = self._inbound.let_go(found)
        events: list[Event] = [] if told is None else [told]
        self._fail(found, events, frameless=told is None)
        return events

    def send_message(
        self, opcode: int, payload: bytes, *, origin: Origin, fragments: int = 1, compress: bool = True
    ) -> list[Event]:
        """Send a whole message in `fragments` frames of similar size; compressed if negotiated."""
        self._require_open()
        before = self._finish_sending()
        return [
            *before,
            *self._sender.message(opcode, payload, origin=origin, fragments=fragments, compress=compress),
        ]

    def send_messages(
        self, opcodes: Sequence[int], payloads: list[bytes], *, origin: Origin
    ) -> Sequence[Report]:
        """Send many messages with one frame each.

        If there is much to compress, their frames come out of `receive_data(b"")` while `has_more`.
        """
        self._require_open()
        if self._sender.deflater is None:
            return self._sender.messages(opcodes, payloads, origin=origin)
        before = self._finish_sending()
        return [*before, *self._go_on(self._sender.deflating(opcodes, payloads, origin=origin))]

    def send_control(self, opcode: Opcode, payload: bytes, *, origin: Origin) -> list[Event]:
        """Send a ping or a pong."""
        self._require_open()
        return self._sender.control(opcode, check_control_payload(payload), origin=origin)

    def send_close(self, code: int | None, reason: str = "", *, origin: Origin) -> list[Event]:
        """Begin the closing handshake (RFC 6455 section 7.1.2)."""
        self._require_open()
        payload = closing_payload(code, reason)
        before = self._finish_sending()
        self._closed_by = ClosedBy.UNMASK
        self.state = step(self.state, Trigger.CLOSE_SENT)
        self._close_sent = True
        return [*before, *self._sender.control(Opcode.CLOSE, payload, origin=origin)]

    def begin_raw(self) -> list[Event]:
        """Prepare for `send_raw`; until `end_raw`, all else that is sent waits. Also allowed after a close frame."""
        if self.state is not _OPEN and (self.state is not ReadyState.CLOSING or self.wants_close):
            raise NotOpenError(f"The connection is {self.state.name.lower()}: no bytes can be sent on it.")
        before = self._finish_sending()
        self._sender.begin_raw(self._limits, self._parameters)
        return before

    def send_raw(self, data: bytes, *, origin: Origin) -> list[Event]:
        """Send bytes as they are; gives the frames that they complete, with the rules that these break."""
        events = singly(self._sender.raw(data, origin))
        if self._sender.has_closed and not self._close_sent:
            self._close_sent = True
            if self.state is _OPEN:
                self._closed_by = ClosedBy.UNMASK
                self.state = step(self.state, Trigger.CLOSE_SENT)
        return events

    def end_raw(self) -> list[Event]:
        """Send what has waited for the end of the raw bytes."""
        return singly(self._sender.end_raw())

    def _drop_sending(self) -> None:
        self._sending = None
        self._sender.busy = False

    def _finish_sending(self) -> list[Event]:
        """Finish what `send_messages` left: nothing may go out in the middle of it or before it."""
        steps, self._sending = self._sending, None
        return [] if steps is None else singly(finish(steps))

    def _go_on(self, steps: Steps[Sequence[Report]]) -> Sequence[Report]:
        """Run the next step of sending; gives the result if it was the last."""
        try:
            next(steps)
        except StopIteration as done:
            self._sending = None
            reports: Sequence[Report] = done.value
            return reports
        self._sending = steps
        return ()

    def _reply(self, opcode: Opcode, payload: bytes, events: list[Event]) -> None:
        """Send a control frame that the RFC demands, if the peer can still receive it."""
        if not self._unreachable:
            events += self._sender.control(opcode, payload, origin=Origin.AUTOMATIC)

    # The opening handshake.

    def _settle(self, events: list[Event]) -> list[Event]:
        """Act on the end of the handshake, if it just ended, and process what followed the head."""
        outcome = self._opening.outcome
        if outcome is None or self.state is not ReadyState.CONNECTING:
            return events
        self._sender.write(outcome.response)
        if outcome.accepted:
            self._open(outcome.deflate)
        else:
            self.state = step(self.state, Trigger.HANDSHAKE_REFUSED)
            self._closed_by = ClosedBy.UNMASK
            self.wants_close = True
        glued = self._opening.take_glued()
        self._opening.forget()
        if glued:
            events += self.receive_data(glued)
        return events

    def _open(self, deflate: DeflateParameters | None) -> None:
        self.state = step(self.state, Trigger.HANDSHAKE_ACCEPTED)
        self._parameters = deflate
        if deflate is not None:
            self._sender.deflater = Deflater(deflate, self.role)
            self._inbound.start_compression(deflate)

    # Received frames.

    def _receive_portion(self) -> list[Report]:
        """What arrived, up to the next frame that may change the state, and the consequences of that frame."""
        inbound = self._inbound
        was_closing = inbound.closing is not None
        reports = inbound.receive()
        if len(reports) != 1 or was_closing:
            return reports
        (report,) = reports
        # RFC 6455 section 5.5: control frames are those with the opcode's highest bit.
        if not isinstance(report, FrameReceived) or not (report.violations or report.frame.head & 0x08):
            return reports
        events: list[Event] = [report]
        error = fatal(report.violations, self._judgement)
        if inbound.ended:
            # Nothing can be decoded after a frame too long to hold: tolerant mode ends here too.
            error = error or report.violations[-1]
        if error is not None and not self._failed:
            self._fail(error, events)
        if inbound.closing is not None:
            self._receive_close(inbound.closing, events)
        elif report.frame.opcode == Opcode.PING:
            self._receive_ping(report.frame, events)
        return [*events]

    def _receive_ping(self, frame: Frame, events: list[Event]) -> None:
        # RFC 6455 section 5.5.2: answer a ping with a pong of the same payload, unless the connection is closing.
        if self.state is _OPEN and len(frame.payload) <= LARGEST_CONTROL_PAYLOAD:
            self._reply(Opcode.PONG, frame.payload, events)

    def _receive_close(self, close: tuple[int, str], events: list[Event]) -> None:
        if self._closed_by is ClosedBy.NOBODY:
            self._closed_by = closed_by_role(peer_of(self.role))
        if not self._close_sent:
            payload = answering_payload(*close)
            self._close_sent = True
            self._reply(Opcode.CLOSE, payload, events)
        self.state = step(self.state, Trigger.CLOSE_EXCHANGED)
        self.wants_close = True

    # Failing.

    def _fail(self, cause: Violation, events: list[Event], *, frameless: bool = False) -> None:
        """_Fail the WebSocket Connection_ (RFC 6455 section 7.1.7)."""
        self._failed = True
        self._inbound.stop_assembling()
        code = cause.rule.close_code
        events.append(ConnectionFailed(code, cause, frameless))
        if self._closed_by is ClosedBy.NOBODY:
            self._closed_by = ClosedBy.UNMASK
        self.state = step(self.state, Trigger.FAILED)
        self.wants_close = True
        if not self._close_sent:
            self._close_sent = True
            payload = closing_payload(code, cause.rule.sentence)
            self._reply(Opcode.CLOSE, payload, events)

    def _require_open(self) -> None:
        if self.state is not _OPEN:
            raise NotOpenError(
                f"The connection is {self.state.name.lower()}, not open: nothing can be sent on it."
            )
