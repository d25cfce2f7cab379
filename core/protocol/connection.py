"""One WebSocket connection as a state machine without I/O: bytes in, events and bytes out.

    connection = Connection(ServerSide(policy), limits)
    for event in connection.receive_data(data): ...      # RequestReceived
    for event in connection.answer(event.proposed): ...  # HandshakeDone, and frames that came with the request
    transport.write(connection.data_to_send())

Every frame received or sent comes out as an event, the automatic ones too, so who records the events has a
complete capture. Judging what a peer does wrong is `core.protocol.judge`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat

from core.errors import HeadError, NotOpenError, PayloadError
from core.protocol import close_codes, handshake
from core.protocol.deflate import DeflateParameters, Deflater, Inflater
from core.protocol.events import (
    ClosedBy,
    Completes,
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
    Frame,
    FrameDecoder,
    Opcode,
)
from core.protocol.headers import explain
from core.protocol.http11 import HeadKind, HeadLimits, HeadParser, RequestHead, ResponseHead
from core.protocol.judge import Judge, closing_payload
from core.protocol.messages import Assembler, too_big
from core.protocol.sender import Sender
from core.protocol.state import ReadyState, Role, Trigger, step
from core.protocol.violations import Judgement, Severity, Violation, violation

_OPEN = ReadyState.OPEN
_MAX_CONTROL = 125
_ITSELF = Completes.ITSELF
_new_received: Callable[[type[FrameReceived], Iterable[object]], FrameReceived] = tuple.__new__
_new_sent: Callable[[type[FrameSent], Iterable[object]], FrameSent] = tuple.__new__
_new_frame: Callable[[type[Frame], Iterable[object]], Frame] = tuple.__new__


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
        self._sender = Sender(self.role)
        kind = HeadKind.REQUEST if self.role is Role.SERVER else HeadKind.RESPONSE
        self._head: HeadParser | None = HeadParser(kind, self._limits.head, self._judgement)
        self._early = b""
        self._decoder = FrameDecoder(self._limits.message_bytes)
        self._frames: Iterator[Frame] = iter(())
        self._next: Frame | None = None
        self._judge = Judge(self.role)
        self._assembler = Assembler(self._limits.message_bytes, self._judgement)
        self._parameters: DeflateParameters | None = None
        self._failed = False
        self._undecodable = False
        self._close_sent = False
        self._close_received: tuple[int, str] | None = None
        self._closed_by = ClosedBy.NOBODY
        self._trailing = bytearray()
        self._trailing_length = 0
        if isinstance(side, ClientSide):
            self._sender.write(side.request)

    # What the caller asks.

    def data_to_send(self) -> bytes:
        """The bytes to hand to the transport; each is handed out once."""
        return self._sender.take()

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
            raw = self._head.raw
            broken = violation("head-incomplete", f"it ended after {len(raw)} bytes", 0, len(raw))
            # Nobody is left to read an answer: none is written.
            answer = handshake.Answer(0, explain((broken,)), b"", violations=(*self._head.violations, broken))
            events.append(HandshakeFailed(raw, answer))
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
        self._sender.write(answer.response)
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
        raw = self._head.raw
        broken = violation("head-timeout", f"{len(raw)} bytes came in {seconds:g} s", 0, len(raw))
        return [self._fail_handshake(self._head, 408, (*self._head.violations, broken))]

    def refuse_for_load(self, connections: int) -> list[Event]:
        """Answer 503 without waiting for a request: there are `connections` already."""
        answer = handshake.refuse(
            503, f"There are {connections} connections already, which is the limit. Try later."
        )
        self._sender.write(answer.response)
        self._refused()
        return [HandshakeFailed(b"", answer)]

    def send_message(
        self, opcode: int, payload: bytes, *, origin: Origin, fragments: int = 1, compress: bool = True
    ) -> list[Event]:
        """Send a whole message, in `fragments` frames of about the same size; compressed if negotiated."""
        self._require_open()
        return self._sender.message(opcode, payload, origin=origin, fragments=fragments, compress=compress)

    def send_messages(
        self, opcodes: Sequence[int], payloads: Sequence[bytes], *, origin: Origin
    ) -> list[Event]:
        """Send many messages, each as one frame: `send_message` for many at once."""
        self._require_open()
        return self._sender.messages(opcodes, payloads, origin=origin)

    def send_control(self, opcode: Opcode, payload: bytes, *, origin: Origin) -> list[Event]:
        """Send a ping or a pong."""
        self._require_open()
        if len(payload) > _MAX_CONTROL:
            raise PayloadError(
                f"A {opcode.name.lower()} carries at most 125 bytes; this payload has {len(payload)}. Shorten it."
            )
        return self._sender.control(opcode, payload, origin=origin)

    def send_close(self, code: int | None, reason: str = "", *, origin: Origin) -> list[Event]:
        """Begin the closing handshake (RFC 6455 section 7.1.2)."""
        self._require_open()
        payload = closing_payload(code, reason)
        self._closed_by = ClosedBy.US
        self.state = step(self.state, Trigger.CLOSE_SENT)
        self._close_sent = True
        return self._sender.control(Opcode.CLOSE, payload, origin=origin)

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
            events.append(self._fail_handshake(parser, error.status, parser.violations))
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

    def _fail_handshake(
        self, parser: HeadParser, status: int, broken: tuple[Violation, ...]
    ) -> HandshakeFailed:
        answer = handshake.refuse(status, explain(broken), broken)
        if self.role is Role.SERVER:
            self._sender.write(answer.response)
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
            self._sender.deflater = Deflater(deflate, self.role)
            self._assembler.inflater = Inflater(deflate, self.role)
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
            self._frames = chain(self._frames, self._decoder.feed(data))
        held, self._next = self._next, None
        if held is not None:
            self._receive_frame(held, events)
        judge = self._judge
        if self._takes_plain and not events:
            batch = list(self._frames)
            if len(batch) > 1 and judge.all_plain(batch):
                events += map(_new_received, repeat(FrameReceived), zip(batch, repeat(()), repeat(_ITSELF)))
            else:
                self._frames = iter(batch)
        for frame in self._frames:
            head, key, payload, _, length = frame
            # The short way for what nearly every frame is: a whole plain message that breaks no rule.
            if (
                (head == 0x82 or (head == 0x81 and payload.isascii()))
                and self._takes_plain
                and length <= self._limits.message_bytes
                and judge.is_plain(frame, key)
            ):
                events.append(FrameReceived(frame, (), _ITSELF))
            elif events:
                self._next = frame
                return
            else:
                self._receive_frame(frame, events)
        if self._decoder.overlong:
            self._fail_overlong(events)

    @property
    def _takes_plain(self) -> bool:
        """Nothing is under way that a plain message could disturb."""
        return self._assembler.idle and self._close_received is None and not self._failed

    def _receive_frame(self, frame: Frame, events: list[Event]) -> None:
        found = self._judge.frame(frame)
        if self._close_received is not None:
            # RFC 6455 section 5.5.1: data after a close frame is discarded; it stays visible.
            found.append(violation("frame-after-close", f"{len(frame.payload)} bytes of payload"))
            events.append(FrameReceived(frame, tuple(found), None))
            return
        completes: Message | Completes | None = None
        close: tuple[int, str] | None = None
        if not self._failed and not self._is_fatal(found):
            if frame.opcode == Opcode.CLOSE:
                close = self._judge.close(frame, found)
            elif not frame.is_control:
                completes = self._assembler.add(frame, found)
        elif frame.opcode == Opcode.CLOSE:
            # The answer to the close frame with which we failed the connection.
            close = self._judge.close(frame, found)
        events.append(FrameReceived(frame, tuple(found), completes))
        fatal = self._fatal(found)
        if fatal is not None and not self._failed:
            self._fail(fatal, events)
        elif frame.opcode == Opcode.CLOSE:
            self._receive_close(close or (1005, ""), events)
        elif frame.opcode == Opcode.PING and not self._failed:
            self._receive_ping(frame, events)

    def _receive_ping(self, frame: Frame, events: list[Event]) -> None:
        # RFC 6455 section 5.5.2: a ping is answered with a pong of the same payload, unless we are closing.
        if self.state is _OPEN and len(frame.payload) <= _MAX_CONTROL:
            events += self._sender.control(Opcode.PONG, frame.payload, origin=Origin.AUTOMATIC)

    def _receive_close(self, close: tuple[int, str], events: list[Event]) -> None:
        self._close_received = close
        if self._closed_by is ClosedBy.NOBODY:
            self._closed_by = ClosedBy.PEER
        if not self._close_sent:
            # RFC 6455 section 5.5.1: answer a close with a close, usually with the code received.
            code = close[0]
            payload = code.to_bytes(2, "big") if close_codes.is_defined_in_frame(code) else b""
            self._close_sent = True
            events += self._sender.control(Opcode.CLOSE, payload, origin=Origin.AUTOMATIC)
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
        self._assembler.drop()
        code = cause.rule.close_code
        events.append(ConnectionFailed(code, cause))
        if self._closed_by is ClosedBy.NOBODY:
            self._closed_by = ClosedBy.US
        self.state = step(self.state, Trigger.FAILED)
        self.wants_close = True
        if not self._close_sent:
            self._close_sent = True
            payload = closing_payload(code, cause.rule.sentence)
            events += self._sender.control(Opcode.CLOSE, payload, origin=Origin.AUTOMATIC)

    def _fail_overlong(self, events: list[Event]) -> None:
        """A header declares more than we hold: where the next frame begins can't be known without reading it."""
        self._undecodable = True
        frame, rest = self._decoder.take_partial()
        self._keep_trailing(rest)
        if frame is None:
            return
        found = self._judge.frame(frame)
        if frame.declared_length >> 63 == 0:
            found.append(too_big(frame.declared_length, self._limits.message_bytes))
        events.append(FrameReceived(frame, tuple(found), None))
        if not self._failed:
            self._fail(found[-1], events)

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

    def _require_open(self) -> None:
        if self.state is not _OPEN:
            raise NotOpenError(
                f"The connection is {self.state.name.lower()}, not open: nothing can be sent on it."
            )
