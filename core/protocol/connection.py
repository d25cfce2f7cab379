"""One WebSocket connection as a state machine without I/O: bytes in, events and bytes out.

    connection = Connection(ServerSide(policy), limits)
    for event in connection.receive_data(data): ...      # RequestReceived
    for event in connection.answer(event.proposed): ...  # HandshakeDone, and frames that came with the request
    transport.write(connection.data_to_send())

Every frame received or sent comes out as an event, the automatic ones too, so who records the events has a
complete capture. Judging what a peer does wrong is `core.protocol.judge`'s.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from core.errors import HeadError, InflateError, NotOpenError, PayloadError
from core.protocol import close_codes, handshake
from core.protocol.deflate import DeflateParameters, Deflater, Inflater
from core.protocol.events import (
    ClosedBy,
    ConnectionClosed,
    ConnectionFailed,
    Event,
    FrameReceived,
    FrameSent,
    HandshakeDone,
    HandshakeFailed,
    Message,
    Origin,
    RequestReceived,
    ResponseReceived,
)
from core.protocol.frames import (
    FIN,
    RSV1,
    Frame,
    FrameDecoder,
    Opcode,
    encode_header,
    new_masking_key,
    shortest_length_form,
)
from core.protocol.http11 import HeadKind, HeadLimits, HeadParser, RequestHead, ResponseHead
from core.protocol.judge import Judge, closing_payload, utf8_violation
from core.protocol.messages import Fragments, Utf8Check
from core.protocol.state import ReadyState, Role, Trigger, step
from core.protocol.violations import Judgement, Severity, Violation, violation

_OPEN = ReadyState.OPEN
_MAX_CONTROL = 125
_NO_VIOLATIONS: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds on what a peer can make us hold. Sizes in bytes."""

    head: HeadLimits = field(default_factory=HeadLimits)
    message_bytes: int = 64 * 1024 * 1024
    trailing_bytes: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServerSide:
    """We are the server and answer by this policy."""

    policy: handshake.ServerPolicy = field(default_factory=handshake.ServerPolicy)


@dataclass(frozen=True, slots=True)
class ClientSide:
    """We are the client and have asked this."""

    request: bytes
    key: str
    subprotocols: tuple[str, ...] = ()
    deflate_offer: str | None = None
    judgement: Judgement = Judgement.STRICT


class Connection:
    """One connection. `state` is the ReadyState; `wants_close` says that we have no more to say: end the stream."""

    def __init__(self, side: ServerSide | ClientSide, limits: ConnectionLimits | None = None) -> None:
        self._side = side
        self._limits = limits or ConnectionLimits()
        if isinstance(side, ServerSide):
            self.role = Role.SERVER
            self._judgement = side.policy.judgement
        else:
            self.role = Role.CLIENT
            self._judgement = side.judgement
        self.state = ReadyState.CONNECTING
        self.wants_close = False
        self._out: list[bytes] = []
        kind = HeadKind.REQUEST if self.role is Role.SERVER else HeadKind.RESPONSE
        self._head: HeadParser | None = HeadParser(kind, self._limits.head, self._judgement)
        self._early = b""
        self._decoder = FrameDecoder(self._limits.message_bytes)
        self._frames: Iterator[Frame] = iter(())
        self._next: Frame | None = None
        self._judge = Judge(self.role)
        self._fragments: Fragments | None = None
        self._deflater: Deflater | None = None
        self._inflater: Inflater | None = None
        self._parameters: DeflateParameters | None = None
        self._peer_masks = self.role is Role.SERVER
        self._failed = False
        self._undecodable = False
        self._close_sent = False
        self._close_received: tuple[int, str] | None = None
        self._closed_by = ClosedBy.NOBODY
        self._trailing = bytearray()
        self._trailing_length = 0
        if isinstance(side, ClientSide):
            self._out.append(side.request)

    # What the caller asks.

    def data_to_send(self) -> bytes:
        """The bytes to hand to the transport; each is handed out once."""
        if not self._out:
            return b""
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return data

    @property
    def deflate(self) -> DeflateParameters | None:
        """What was negotiated of permessage-deflate."""
        return self._parameters

    @property
    def has_more(self) -> bool:
        """Frames that came already wait until `receive_data(b"")` is called.

        Frames come out up to the next one that may change the state, so that what a caller replies to a message
        goes out before the answer to a close frame behind it.
        """
        return self._next is not None

    def receive_data(self, data: bytes) -> list[Event]:
        """What the bytes that have just come mean. Repeat with b"" while `has_more`."""
        events: list[Event] = []
        if self.state is _OPEN or self.state is ReadyState.CLOSING:
            self._receive_frames(data, events)
        elif self.state is ReadyState.CONNECTING:
            self._receive_head(data, events)
        else:
            self._keep_trailing(data)
        return events

    def receive_eof(self) -> list[Event]:
        """The stream has ended, or broke. What is left of a frame comes out, then ConnectionClosed."""
        events: list[Event] = []
        if self.state is ReadyState.CONNECTING and self._head is not None:
            # Nobody is left to read an answer: none is written.
            reason, violations = str(self._head.ended()), self._head.violations
            events.append(
                HandshakeFailed(self._head.raw, handshake.Answer(0, reason, b"", violations=violations))
            )
        self._take_partial(events)
        self.state = step(self.state, Trigger.EOF)
        if self._close_received is not None:
            code, reason = self._close_received
        else:
            code, reason = 1006, ""  # RFC 6455 section 7.1.5: no close frame was received
        closed_by = self._closed_by if self._closed_by or self._failed else ClosedBy.VANISHED
        events.append(ConnectionClosed(code, reason, closed_by, bytes(self._trailing), self._trailing_length))
        return events

    def answer(self, answer: handshake.Answer) -> list[Event]:
        """Answer the request that `RequestReceived` reported; frames glued behind it are processed."""
        if self._early:
            hasty = violation("data-before-answer", f"{len(self._early)} bytes")
            answer = replace(answer, violations=(*answer.violations, hasty))
        self._out.append(answer.response)
        events: list[Event] = [HandshakeDone(answer)]
        if not answer.accepted:
            self._refused()
        else:
            self._open(answer.deflate)
        early, self._early = self._early, b""
        if early:
            events += self.receive_data(early)
        return events

    def handshake_timed_out(self, seconds: float) -> list[Event]:
        """Answer 408: the head is not complete after `seconds`. Nothing happens if it is."""
        if self._head is None:
            return []
        return [self._fail_handshake(self._head, self._head.timed_out(seconds))]

    def refuse_for_load(self, connections: int) -> list[Event]:
        """Answer 503 without waiting for a request: there are `connections` already."""
        answer = handshake.refuse(
            503, f"There are {connections} connections already, which is the limit. Try later."
        )
        self._out.append(answer.response)
        self._refused()
        return [HandshakeFailed(b"", answer)]

    def send_message(
        self, opcode: int, payload: bytes, *, origin: Origin, fragments: int = 1, compress: bool = True
    ) -> list[Event]:
        """Send a whole message, in `fragments` frames of about the same size; compressed if negotiated."""
        if self.state is not _OPEN:
            raise self._not_open()
        deflater = self._deflater
        if deflater is None or not compress:
            if fragments == 1:
                message = Message(opcode, payload, False, 1, len(payload))
                return [self._send_frame(FIN | opcode, payload, origin, message)]
            data, rsv = payload, 0
        else:
            data, rsv = deflater.compress(payload), RSV1  # RFC 7692 section 6.1
        events: list[Event] = []
        # RFC 6455 section 5.4: the opcode stands on the first frame, FIN on the last.
        size = max(1, -(-len(data) // fragments))
        pieces = [data[start : start + size] for start in range(0, len(data), size)] or [b""]
        pieces += [b""] * (fragments - len(pieces))
        for index, piece in enumerate(pieces):
            head = (opcode | rsv) if index == 0 else Opcode.CONTINUATION
            done = None
            if index == len(pieces) - 1:
                head |= FIN
                done = Message(opcode, payload, rsv != 0, len(pieces), len(data))
            events.append(self._send_frame(head, piece, origin, done))
        return events

    def send_control(self, opcode: Opcode, payload: bytes, *, origin: Origin) -> list[Event]:
        """Send a ping or a pong."""
        if self.state is not _OPEN:
            raise self._not_open()
        if len(payload) > _MAX_CONTROL:
            raise PayloadError(
                f"A {opcode.name.lower()} carries at most 125 bytes; this payload has {len(payload)}. Shorten it."
            )
        return [self._send_frame(FIN | opcode, payload, origin, None)]

    def send_close(self, code: int | None, reason: str = "", *, origin: Origin) -> list[Event]:
        """Begin the closing handshake (RFC 6455 section 7.1.2)."""
        if self.state is not _OPEN:
            raise self._not_open()
        payload = closing_payload(code, reason)
        self._closed_by = ClosedBy.US
        self.state = step(self.state, Trigger.CLOSE_SENT)
        self._close_sent = True
        return [self._send_frame(FIN | Opcode.CLOSE, payload, origin, None)]

    # The opening handshake.

    def _receive_head(self, data: bytes, events: list[Event]) -> None:
        parser = self._head
        if parser is None:
            # The request is whole and waits for its answer.
            if len(self._early) + len(data) > self._limits.trailing_bytes:
                self._keep_trailing(data)
            else:
                self._early += data
            return
        try:
            head = parser.feed(data)
        except HeadError as error:
            events.append(self._fail_handshake(parser, error))
            return
        if head is None:
            return
        self._head = None
        if isinstance(head, RequestHead):
            assert isinstance(self._side, ServerSide)
            self._early = parser.leftover
            events.append(RequestReceived(head, handshake.propose(head, self._side.policy)))
        else:
            self._receive_response(head, parser.leftover, events)

    def _fail_handshake(self, parser: HeadParser, error: HeadError) -> HandshakeFailed:
        answer = handshake.refuse(error.status, str(error), parser.violations)
        if self.role is Role.SERVER:
            self._out.append(answer.response)
        raw = parser.raw
        self._refused()
        return HandshakeFailed(raw, answer)

    def _receive_response(self, response: ResponseHead, leftover: bytes, events: list[Event]) -> None:
        side = self._side
        assert isinstance(side, ClientSide)
        verdict = handshake.check_response(
            response, key=side.key, offered_subprotocols=side.subprotocols, offered_deflate=side.deflate_offer
        )
        events.append(ResponseReceived(response, verdict))
        broken = any(found.rule.severity is Severity.ERROR for found in verdict.violations)
        if response.status != 101 or (broken and self._judgement is Judgement.STRICT):
            # RFC 6455 section 4.1: the client must fail the connection.
            self._refused()
        else:
            self._open(verdict.deflate)
        if leftover:
            events += self.receive_data(leftover)

    def _open(self, deflate: DeflateParameters | None) -> None:
        self.state = step(self.state, Trigger.HANDSHAKE_ACCEPTED)
        self._head = None
        self._parameters = deflate
        if deflate is not None:
            self._deflater = Deflater(deflate, self.role)
            self._inflater = Inflater(deflate, self.role)
            self._judge.compression = True

    def _refused(self) -> None:
        self.state = step(self.state, Trigger.HANDSHAKE_REFUSED)
        self._head = None
        self.wants_close = True

    # Frames that come.

    def _receive_frames(self, data: bytes, events: list[Event]) -> None:
        if self._undecodable:
            self._keep_trailing(data)
            return
        if data:
            # Frames held back are the caller's to fetch first; never lost if it does not.
            self._frames = itertools.chain(self._frames, self._decoder.feed(data))
        held, self._next = self._next, None
        if held is not None:
            self._receive_frame(held, events)
        judge = self._judge
        new: Callable[[type[FrameReceived], Iterable[object]], FrameReceived] = tuple.__new__
        new_message: Callable[[type[Message], Iterable[object]], Message] = tuple.__new__
        limit = self._limits.message_bytes
        append = events.append
        simple = self._fragments is None and self._close_received is None and not self._failed
        for frame in self._frames:
            head, key, payload, _, length = frame
            # The short way for what nearly every frame is: a whole plain message that breaks no rule.
            if (
                simple
                and (head == 0x82 or (head == 0x81 and payload.isascii()))
                and length <= limit
                and judge.is_plain(frame, key)
            ):
                message = new_message(Message, (head & 0x0F, payload, False, 1, length))
                append(new(FrameReceived, (frame, _NO_VIOLATIONS, message)))
            elif events:
                self._next = frame
                return
            else:
                self._receive_frame(frame, events)
                simple = self._fragments is None and self._close_received is None and not self._failed
        if self._decoder.overlong:
            self._fail_overlong(events)

    def _receive_frame(self, frame: Frame, events: list[Event]) -> None:
        found = self._judge.frame(frame)
        if self._close_received is not None:
            # RFC 6455 section 5.5.1: data after a close frame is discarded; it stays visible.
            found.append(violation("frame-after-close", f"{len(frame.payload)} bytes of payload"))
            events.append(FrameReceived(frame, tuple(found), None))
            return
        message: Message | None = None
        close: tuple[int, str] | None = None
        if not self._failed and not self._is_fatal(found):
            if frame.opcode == Opcode.CLOSE:
                close = self._judge.close(frame, found)
            elif not frame.is_control:
                message = self._receive_data_frame(frame, found)
        elif frame.opcode == Opcode.CLOSE:
            # The answer to the close frame with which we failed the connection.
            close = self._judge.close(frame, found)
        events.append(FrameReceived(frame, tuple(found), message))
        fatal = self._fatal(found)
        if fatal is not None and not self._failed:
            self._fail(fatal, events)
        elif frame.opcode == Opcode.CLOSE:
            self._receive_close(close or (1005, ""), events)
        elif frame.opcode == Opcode.PING and not self._failed:
            self._receive_ping(frame, events)

    def _receive_data_frame(self, frame: Frame, found: list[Violation]) -> Message | None:
        """Add a data frame to its message; the message if it is complete now."""
        opcode = frame.opcode
        if opcode == Opcode.CONTINUATION:
            if self._fragments is None:
                # RFC 6455 section 5.4: a continuation continues something.
                found.append(violation("continuation-without-start", "", 0, 1))
                return None
        elif opcode in (Opcode.TEXT, Opcode.BINARY):
            if self._fragments is not None:
                # RFC 6455 section 5.4: fragments of two messages must not be interleaved.
                found.append(
                    violation(
                        "data-inside-message", f"{self._fragments.frame_count} frames were unfinished", 0, 1
                    )
                )
                if self._judgement is Judgement.STRICT:
                    return None
            self._fragments = Fragments(opcode, compressed=frame.rsv1 and self._inflater is not None)
        else:
            return None
        fragments = self._fragments
        assert fragments is not None
        if fragments.wire_length + len(frame.payload) > self._limits.message_bytes:
            found.append(self._too_big(fragments.wire_length + len(frame.payload)))
            self._fragments = None
            return None
        fragments.add(frame)
        if fragments.utf8 is not None:
            bad = fragments.utf8.feed(frame.payload, final=frame.fin)
            if bad is not None:
                found.append(utf8_violation("text-not-utf8", frame, bad))
                fragments.utf8 = None
        if not frame.fin:
            return None
        self._fragments = None
        return self._complete(fragments, frame, found)

    def _complete(self, fragments: Fragments, frame: Frame, found: list[Violation]) -> Message | None:
        payload = fragments.joined() if fragments.frame_count > 1 else frame.payload
        if fragments.compressed:
            assert self._inflater is not None
            wire_length = len(payload)
            try:
                payload = self._inflater.inflate(payload, self._limits.message_bytes)
            except InflateError as error:
                found.append(violation(error.rule, str(error), len(frame.header()), len(frame.payload)))
                self._inflater.reset()
                return None
            if fragments.opcode == Opcode.TEXT:
                bad = Utf8Check().feed(payload, final=True)
                if bad is not None:
                    found.append(violation("text-not-utf8", f"byte {bad} of the inflated message"))
            return Message(fragments.opcode, payload, True, fragments.frame_count, wire_length)
        return Message(fragments.opcode, payload, False, fragments.frame_count, len(payload))

    def _receive_ping(self, frame: Frame, events: list[Event]) -> None:
        # RFC 6455 section 5.5.2: a ping is answered with a pong of the same payload, unless we are closing.
        if self.state is _OPEN and len(frame.payload) <= _MAX_CONTROL:
            events.append(self._send_frame(FIN | Opcode.PONG, frame.payload, Origin.AUTOMATIC, None))

    def _receive_close(self, close: tuple[int, str], events: list[Event]) -> None:
        self._close_received = close
        if self._closed_by is ClosedBy.NOBODY:
            self._closed_by = ClosedBy.PEER
        if not self._close_sent:
            # RFC 6455 section 5.5.1: answer a close with a close, usually with the code received.
            code = close[0]
            payload = code.to_bytes(2, "big") if close_codes.is_defined_in_frame(code) else b""
            self._close_sent = True
            events.append(self._send_frame(FIN | Opcode.CLOSE, payload, Origin.AUTOMATIC, None))
        self.state = step(self.state, Trigger.CLOSE_EXCHANGED)
        self.wants_close = True

    # Failing.

    def _is_fatal(self, found: list[Violation]) -> bool:
        return self._fatal(found) is not None

    def _fatal(self, found: list[Violation]) -> Violation | None:
        """The violation that ends the connection: in strict mode the first error, in tolerant mode none."""
        if self._judgement is Judgement.STRICT:
            for each in found:
                if each.rule.severity is Severity.ERROR:
                    return each
        return None

    def _fail(self, cause: Violation, events: list[Event]) -> None:
        """_Fail the WebSocket Connection_ (RFC 6455 section 7.1.7)."""
        self._failed = True
        self._fragments = None
        code = cause.rule.close_code
        events.append(ConnectionFailed(code, cause))
        if self._closed_by is ClosedBy.NOBODY:
            self._closed_by = ClosedBy.US
        self.state = step(self.state, Trigger.FAILED)
        self.wants_close = True
        if not self._close_sent:
            self._close_sent = True
            payload = closing_payload(code, cause.rule.sentence)
            events.append(self._send_frame(FIN | Opcode.CLOSE, payload, Origin.AUTOMATIC, None))

    def _fail_overlong(self, events: list[Event]) -> None:
        """A header declares more than we hold: where the next frame begins can't be known without reading it."""
        self._undecodable = True
        frame, rest = self._decoder.take_partial()
        self._keep_trailing(rest)
        if frame is None:
            return
        found = self._judge.frame(frame)
        if frame.declared_length >> 63 == 0:
            found.append(self._too_big(frame.declared_length))
        events.append(FrameReceived(frame, tuple(found), None))
        if not self._failed:
            self._fail(found[-1], events)

    def _too_big(self, length: int) -> Violation:
        limit = self._limits.message_bytes
        return violation("message-too-big", f"{length} bytes, the limit is {limit}", 1, 1)

    # The end.

    def _take_partial(self, events: list[Event]) -> None:
        if self._undecodable:
            return
        frame, rest = self._decoder.take_partial()
        if frame is not None:
            found = self._judge.frame(frame)
            detail = f"{len(frame.payload)} of {frame.declared_length} payload bytes came"
            found.append(violation("frame-truncated", detail))
            events.append(FrameReceived(frame, tuple(found), None))
        self._keep_trailing(rest)

    def _keep_trailing(self, data: bytes) -> None:
        room = self._limits.trailing_bytes - len(self._trailing)
        self._trailing += data[: max(room, 0)]
        self._trailing_length += len(data)

    # What goes out.

    def _not_open(self) -> NotOpenError:
        return NotOpenError(
            f"The connection is {self.state.name.lower()}, not open: nothing can be sent on it."
        )

    def _send_frame(self, head: int, payload: bytes, origin: Origin, message: Message | None) -> FrameSent:
        """The one way by which a frame goes out."""
        length = len(payload)
        form = 0 if length < 126 else int(shortest_length_form(length))
        if self.role is Role.SERVER:
            # RFC 6455 section 5.1: a server must not mask.
            frame = Frame(head, None, payload, form, length)
            if form == 0:
                self._out.append(bytes((head, length)) + payload)
            else:
                self._out += (encode_header(head, None, length, form), payload)
        else:
            # RFC 6455 section 5.3: a client masks each frame with a fresh key.
            frame = Frame(head, new_masking_key(), payload, form, length)
            self._out.append(frame.wire())
        return FrameSent(frame, origin, message)
