"""One WebSocket connection as a state machine without I/O: bytes in, events and bytes out.

    connection = Connection(ServerSide(policy), limits)
    for event in connection.receive_data(data): ...      # RequestReceived
    for event in connection.answer(event.proposed): ...  # HandshakeDone, and frames that came with the request
    transport.write(connection.data_to_send())

What came is worked off in portions of about a millisecond: `has_more` says that `receive_data(b"")` has more to do,
and whoever calls decides when. Every frame received or sent comes out as an event, the automatic ones too, so who
records the events has a complete capture. Judging what a peer does wrong is `core.protocol.judge`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import NotOpenError, PayloadError
from core.protocol import handshake
from core.protocol.arrivals import Arrivals
from core.protocol.deflate import DeflateParameters, Deflater, Inflater
from core.protocol.events import (
    ClosedBy,
    Completes,
    ConnectionClosed,
    ConnectionFailed,
    Event,
    FrameReceived,
    Message,
    Origin,
    Report,
    singly,
)
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import LARGEST_CONTROL_PAYLOAD, Frame, Opcode
from core.protocol.judge import Judge, answering_payload, closing_payload, fatal
from core.protocol.limits import ConnectionLimits as ConnectionLimits
from core.protocol.messages import Assembler, too_big
from core.protocol.opening import ClientSide as ClientSide
from core.protocol.opening import Opening
from core.protocol.opening import ServerSide as ServerSide
from core.protocol.sender import Sender
from core.protocol.state import ReadyState, Role, Trigger, step
from core.protocol.steps import Steps, finish
from core.protocol.trailing import Trailing
from core.protocol.utf8 import PIECE, is_utf8
from core.protocol.violations import Violation, violation

_OPEN = ReadyState.OPEN
_ITSELF = Completes.ITSELF


class Connection:
    """One connection. `state` is the ReadyState; `wants_close` says that we have no more to say: end the stream."""

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
        self._arrivals = Arrivals(self._limits.message_bytes, self._is_plain_run)
        self._decoder = self._arrivals.decoder
        self._under_way: Steps[Sequence[Report]] | None = None
        """Work on a large message, before which nothing else is received or sent in messages."""
        self._large: Frame | None = None
        """The peer's frame that is worked on where it is one."""
        self._judge = Judge(self.role)
        self._assembler = Assembler(self._limits.message_bytes, self._judgement)
        self._parameters: DeflateParameters | None = None
        self._failed = False
        self._unreachable = False
        self._undecodable = False
        self._close_sent = False
        self._close_received: tuple[int, str] | None = None
        self._closed_by = ClosedBy.NOBODY
        self._trailing = Trailing(self._limits.trailing_bytes)
        if isinstance(side, ClientSide):
            self._sender.write(side.request)

    # What the caller asks.

    def data_to_send(self) -> bytes:
        """The bytes to hand to the transport; each is handed out once."""
        return b"".join(self._sender.take())

    def pieces_to_send(self) -> list[bytes]:
        """`data_to_send` in pieces, without a copy of large payloads."""
        return self._sender.take()

    @property
    def deflate(self) -> DeflateParameters | None:
        """What was negotiated of permessage-deflate."""
        return self._parameters

    @property
    def has_more(self) -> bool:
        """Frames that came already wait until `receive_data(b"")` is called, or a large message is being worked on.

        Frames come out up to the next one that may change the state, so that what a caller replies to a message
        goes out before the answer to a close frame behind it.
        """
        if self._under_way is not None or self._arrivals.has_more:
            return True
        return self._decoder.overlong and not self._undecodable

    @property
    def is_sending(self) -> bool:
        """`send_messages` has left something under way."""
        return self._sender.busy

    @property
    def held_bytes(self) -> int:
        """Bytes held of what is not done: heads, frames and messages on their way, what is kept of bytes that are no
        frame, and what compression takes between messages."""
        return (
            self._opening.held_bytes
            + self._decoder.held_bytes
            + self._assembler.held_bytes
            + self._sender.held_bytes
            + self._trailing.held_bytes
        )

    def receive_data(self, data: bytes) -> list[Event]:
        """What the bytes that have just come mean. Repeat with b"" while `has_more`; it may be nothing for a while."""
        return singly(self.receive_runs(data))

    def receive_runs(self, data: bytes) -> list[Report]:
        """`receive_data` with runs of plain messages by columns, which costs a fraction."""
        if self.state is _OPEN or self.state is ReadyState.CLOSING:
            return [*self._receive_frames(data)]
        if self.state is ReadyState.CONNECTING:
            return [*self._settle(self._opening.receive(data))]
        self._trailing.add(data)
        return []

    def lose_peer(self) -> None:
        """The peer cannot be reached any more: what came is still told, and no longer answered."""
        self._unreachable = True
        self._drop_sending()

    def receive_eof(self) -> list[Event]:
        """The stream has ended, or broke. What is left of a frame comes out, then ConnectionClosed."""
        events: list[Event] = []
        while self.has_more:
            events += self.receive_data(b"")
        if self._opening.outcome is None:
            events += self._opening.end()
            self._trailing.add(self._opening.take_glued())
        self._take_partial(events)
        self.state = step(self.state, Trigger.EOF)
        if self._close_received is not None:
            code, reason = self._close_received
        else:
            code, reason = 1006, ""  # RFC 6455 section 7.1.5: no close frame was received
        closed_by = self._closed_by or ClosedBy.VANISHED
        events.append(ConnectionClosed(code, reason, closed_by, self._trailing.kept, self._trailing.length))
        return events

    def answer(self, answer: handshake.Answer) -> list[Event]:
        """Answer the request that `RequestReceived` reported; frames glued behind it are processed.

        Nothing happens where the handshake ended without the caller: refused, or the stream was lost.
        """
        return self._settle(self._opening.answer(answer))

    def handshake_timed_out(self, seconds: float) -> list[Event]:
        """Answer 408: the head is not complete after `seconds`. Nothing happens if it is."""
        return self._settle(self._opening.time_out(seconds))

    def refuse_for_load(self, connections: int) -> list[Event]:
        """Answer 503 without waiting for a request: there are `connections` already."""
        return self._settle(self._opening.refuse_for_load(connections))

    def fail_for_memory(self, held: int, total: int) -> list[Event]:
        """Fail because all peers have the `total` bytes that they may, and this one has `held`, most of them.

        Let go of what is on its way. Nothing happens where the connection has failed or is closing.
        """
        found = violation("memory-exhausted", f"{held} bytes are held for it, the limit for all is {total}")
        if self.state is ReadyState.CONNECTING:
            return self._settle(self._opening.refuse_for_memory(found))
        if self.state is not _OPEN:
            return []
        events: list[Event] = []
        told = self._let_go(found, events)
        self._fail(found, events, frameless=not told)
        return events

    def _let_go(self, found: Violation, events: list[Event]) -> bool:
        """Let go of what is on its way; whether a frame of the peer's has told why."""
        self._drop_sending()
        if self._under_way is not None and self._large is not None:
            self._under_way = None
            events.append(FrameReceived(self._large, (found,), None))
            return True
        if self._arrivals.decoded or not self._decoder.holds_header:
            return False
        # RFC 6455 section 5.2: where the next frame begins can't be known without reading the rest of this one.
        self._undecodable = True
        frame, rest = self._decoder.take_partial()
        assert frame is not None, "it holds a header"
        events.append(FrameReceived(frame, (found,), None))
        self._trailing.add(rest)
        return True

    def send_message(
        self, opcode: int, payload: bytes, *, origin: Origin, fragments: int = 1, compress: bool = True
    ) -> list[Event]:
        """Send a whole message, in `fragments` frames of about the same size; compressed if negotiated."""
        self._require_open()
        before = self._finish_sending()
        return [
            *before,
            *self._sender.message(opcode, payload, origin=origin, fragments=fragments, compress=compress),
        ]

    def send_messages(
        self, opcodes: Sequence[int], payloads: list[bytes], *, origin: Origin
    ) -> Sequence[Report]:
        """Send many messages, each as one frame: `send_message` for many at once, only while nothing is under way.

        Where much is to be compressed, their frames come out of `receive_data(b"")` while `has_more`.
        """
        self._require_open()
        if self._sender.deflater is None:
            return self._sender.messages(opcodes, payloads, origin=origin)
        return self._go_on(self._sender.deflating(opcodes, payloads, origin=origin))

    def send_control(self, opcode: Opcode, payload: bytes, *, origin: Origin) -> list[Event]:
        """Send a ping or a pong."""
        self._require_open()
        if len(payload) > LARGEST_CONTROL_PAYLOAD:
            raise PayloadError(
                f"A {opcode.name.lower()} carries at most 125 bytes; this payload has {len(payload)}. Shorten it."
            )
        return self._sender.control(opcode, payload, origin=origin)

    def send_close(self, code: int | None, reason: str = "", *, origin: Origin) -> list[Event]:
        """Begin the closing handshake (RFC 6455 section 7.1.2)."""
        self._require_open()
        payload = closing_payload(code, reason)
        before = self._finish_sending()
        self._closed_by = ClosedBy.US
        self.state = step(self.state, Trigger.CLOSE_SENT)
        self._close_sent = True
        return [*before, *self._sender.control(Opcode.CLOSE, payload, origin=origin)]

    def _drop_sending(self) -> None:
        if self.is_sending:
            self._under_way = None
            self._sender.busy = False

    def _finish_sending(self) -> list[Event]:
        """Send the whole of what `send_messages` left under way: nothing may go out in its midst or before it."""
        steps = self._under_way
        if steps is None or not self.is_sending:
            return []
        self._under_way = None
        return singly(finish(steps))

    def _reply(self, opcode: Opcode, payload: bytes, events: list[Event]) -> None:
        """Send a control frame that the RFC demands, as long as somebody is there to get it."""
        if not self._unreachable:
            events += self._sender.control(opcode, payload, origin=Origin.AUTOMATIC)

    # The opening handshake.

    def _settle(self, events: list[Event]) -> list[Event]:
        """Act on how the handshake ended, if it just did, and go on with what came behind the head."""
        outcome = self._opening.outcome
        if outcome is None or self.state is not ReadyState.CONNECTING:
            return events
        self._sender.write(outcome.response)
        if outcome.accepted:
            self._open(outcome.deflate)
        else:
            self.state = step(self.state, Trigger.HANDSHAKE_REFUSED)
            self._closed_by = ClosedBy.US
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
            self._assembler.inflater = Inflater(deflate, self.role)
            self._judge.compression = True

    # Frames that come.

    def _receive_frames(self, data: bytes) -> Sequence[Report]:
        decoder = self._decoder
        if decoder.overlong or self._undecodable:
            self._trailing.add(data)
        else:
            self._arrivals.feed(data)
        if self._under_way is not None:
            return self._go_on(self._under_way)
        reports = self._receive_portion()
        if not reports and decoder.overlong and not self._undecodable and self._under_way is None:
            return self._fail_overlong()
        return reports

    def _receive_portion(self) -> list[Report]:
        """What is decoded, up to the next frame that may change the state."""
        reports: list[Report] = []
        while frame := self._arrivals.next_frame(reports):
            head, key, payload, _, length = frame
            # The short way for what nearly every frame is: a whole plain message that breaks no rule.
            if (
                (head == 0x82 or (head == 0x81 and length <= PIECE and is_utf8(payload)))
                and self._takes_plain
                and length <= self._limits.message_bytes
                and self._judge.is_plain(frame, key)
            ):
                reports.append(FrameReceived(frame, (), _ITSELF))
            elif reports:
                self._arrivals.put_back(frame)
                break
            else:
                reports += self._go_on(self._receiving(frame))
                if self._under_way is not None:
                    self._large = frame
                    break
        return reports

    def _is_plain_run(self, run: FrameColumns) -> bool:
        return self._takes_plain and self._judge.all_plain(run, self._limits.message_bytes)

    def _go_on(self, steps: Steps[Sequence[Report]]) -> Sequence[Report]:
        """The next step, and what came of it if it was the last."""
        try:
            next(steps)
        except StopIteration as done:
            self._under_way = self._large = None
            reports: Sequence[Report] = done.value
            return reports
        self._under_way = steps
        return ()

    @property
    def _takes_plain(self) -> bool:
        """Nothing is under way that a plain message could disturb."""
        return self._assembler.idle and self._close_received is None and not self._failed

    def _receiving(self, frame: Frame) -> Steps[Sequence[Report]]:
        """What a frame means that is no whole plain message."""
        found = self._judge.frame(frame)
        if self._close_received is not None:
            self._note_after_close(frame, found)
            return [FrameReceived(frame, tuple(found), None)]
        completes: Message | Completes | None = None
        close: tuple[int, str] | None = None
        if frame.opcode == Opcode.CLOSE:
            close = self._judge.close(frame, found)
        elif not frame.is_control and not self._failed and fatal(found, self._judgement) is None:
            completes = yield from self._assembler.adding(frame, found)
        events: list[Event] = [FrameReceived(frame, tuple(found), completes)]
        error = fatal(found, self._judgement)
        if error is not None and not self._failed:
            self._fail(error, events)
        if close is not None:
            self._receive_close(close, events)
        elif (
            frame.opcode == Opcode.PING
            and self.state is _OPEN
            and len(frame.payload) <= LARGEST_CONTROL_PAYLOAD
        ):
            # RFC 6455 section 5.5.2: a ping is answered with a pong of the same payload, unless we are closing.
            self._reply(Opcode.PONG, frame.payload, events)
        return events

    def _note_after_close(self, frame: Frame, found: list[Violation]) -> None:
        if self._close_received is not None:
            # RFC 6455 section 5.5.1: data after a close frame is discarded; it stays visible.
            found.append(violation("frame-after-close", f"{len(frame.payload)} bytes of payload"))

    def _receive_close(self, close: tuple[int, str], events: list[Event]) -> None:
        self._close_received = close
        if self._closed_by is ClosedBy.NOBODY:
            self._closed_by = ClosedBy.PEER
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
        self._assembler.drop()
        code = cause.rule.close_code
        events.append(ConnectionFailed(code, cause, frameless))
        if self._closed_by is ClosedBy.NOBODY:
            self._closed_by = ClosedBy.US
        self.state = step(self.state, Trigger.FAILED)
        self.wants_close = True
        if not self._close_sent:
            self._close_sent = True
            payload = closing_payload(code, cause.rule.sentence)
            self._reply(Opcode.CLOSE, payload, events)

    def _fail_overlong(self) -> list[Event]:
        """A header declares more than we hold: where the next frame begins can't be known without reading it."""
        self._undecodable = True
        frame, _ = self._decoder.take_partial()
        assert frame is not None, "a decoder is overlong by a whole header"
        found = self._judge.frame(frame)
        if frame.declared_length >> 63 == 0:
            found.append(too_big(frame.declared_length, self._limits.message_bytes))
        self._note_after_close(frame, found)
        events: list[Event] = [FrameReceived(frame, tuple(found), None)]
        if not self._failed and self._close_received is None:
            self._fail(fatal(found, self._judgement) or found[-1], events)
        return events

    # The end.

    def _take_partial(self, events: list[Event]) -> None:
        if self._undecodable:
            return
        frame, rest = self._decoder.take_partial()
        if frame is not None:
            found = self._judge.frame(frame)
            detail = f"{len(frame.payload)} of {frame.declared_length} payload bytes came"
            found.append(violation("frame-truncated", detail))
            self._note_after_close(frame, found)
            events.append(FrameReceived(frame, tuple(found), None))
        self._trailing.add(rest)

    def _require_open(self) -> None:
        if self.state is not _OPEN:
            raise NotOpenError(
                f"The connection is {self.state.name.lower()}, not open: nothing can be sent on it."
            )
