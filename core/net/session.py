"""One live socket, its `Connection` and its place in the capture."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Protocol, cast

from core.capture.recorder import Recorder
from core.capture.records import Direction, Mode
from core.capture.tracks import Opened
from core.errors import NotOpenError, PeerNotReadingError
from core.net.budget import MemoryBudget
from core.net.outgoing import Compression, Outgoing, OutgoingClose, OutgoingMessage, OutgoingPing
from core.net.settings import AutoReply, EngineSettings, is_loopback
from core.net.sockets import has_unread, name_of, receive_buffer_bytes
from core.net.turns import FIRST_NS, READ_ON_NS, Turns
from core.protocol.deflate import DeflatePolicy
from core.protocol.endpoint import ConnectionLimits, Endpoint, ServerSide
from core.protocol.events import (
    Completes,
    Event,
    FrameReceived,
    Message,
    Origin,
    Report,
    RequestReceived,
    RunReceived,
)
from core.protocol.frames import Opcode
from core.protocol.handshake import Answer, ServerPolicy
from core.protocol.http11 import HeadLimits, RequestHead
from core.protocol.state import ReadyState
from core.sizes import byte_size

_WRITE_HIGH = 1024 * 1024


class PauseReason(Enum):
    """Why a session does not read."""

    RECORDER = auto()
    """The disk is slower than the wire."""
    PEER = auto()
    """The peer does not read what we send."""
    MEMORY = auto()
    """More is held of the peer than is left over for others."""
    TURN = auto()
    """What it sent before waits to be worked off, or it has just been served for a while."""


_BACK_PRESSURE = frozenset((PauseReason.RECORDER, PauseReason.PEER))
"""While these hold, what has been read waits too."""


class SessionHost(Protocol):
    """What a session needs of the engine."""

    settings: EngineSettings
    recorder: Recorder
    budget: MemoryBudget
    clock: Callable[[], int]
    turns: Turns

    @property
    def served_connections(self) -> int:
        """How many there are that were not turned away."""

    def session_opened(self, session: Session, descriptor: int) -> bool:
        """Whether there is room for one more, whose socket has that number."""

    def session_closed(self, session: Session) -> None: ...

    def session_waits(self, session: Session) -> None:
        """The session has paused until the recorder is drained."""

    def session_stalls(self, session: Session) -> None:
        """The peer does not read what we send."""

    def session_flows(self, session: Session) -> None:
        """The peer reads again."""

    def respond(self, request: RequestHead, proposed: Answer) -> Answer:
        """What to answer: the page for plain HTTP, else what was proposed."""


class Session(asyncio.Protocol):
    """A client that has connected. Lives on the loop's thread."""

    def __init__(self, host: SessionHost, loop: asyncio.AbstractEventLoop) -> None:
        self._host = host
        self._loop = loop
        self._limits = host.settings.limits
        self.connection: Endpoint
        """From `connection_made` on."""
        self.id = 0
        """The recorder's handle of it."""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._overdue: Callable[[], None] | None = None
        """What is done for a timer that has run out, as soon as all is read that had come by then."""
        self._overdue_from = 0
        """Of `_received`: all that had come by then is read."""
        self._received = 0
        """Bytes."""
        self._eof = False
        self._paused: set[PauseReason] = set()
        self._ending = False
        self._events: list[Report] = []
        """To be recorded; with what a message that is under way adds to them."""
        self._events_ns = 0
        """When the first of them came."""
        self._unrecorded = 0
        """Bytes that they hold, and those received that no event has told of yet."""
        self._request_bytes = 0
        """Length of the request head, which the recorder holds for as long as the connection is open."""
        self._held = 0
        """What the budget was told last."""

    @property
    def number(self) -> int:
        """What the connection is called in the capture."""
        return self._host.recorder.numbering.number(self.id) or self.id

    @property
    def is_open(self) -> bool:
        transport = self._transport
        return (
            self.connection.state is ReadyState.OPEN and transport is not None and not transport.is_closing()
        )

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait for the peer to read."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        transport = cast(asyncio.Transport, transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=_WRITE_HIGH)
        self.connection = _server_connection(self._host.settings, transport.get_extra_info("sockname"))
        opened = Opened(
            Mode.LISTEN,
            name_of(transport.get_extra_info("peername")),
            name_of(transport.get_extra_info("sockname")),
        )
        self.id = self._host.recorder.open_connection(opened, self._host.clock())
        if not self._host.session_opened(self, transport.get_extra_info("socket").fileno()):
            self._after(self.connection.refuse_for_load(self._host.served_connections))
            return
        self._set_timer(self._limits.handshake_seconds, self._handshake_timeout)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        self._unrecorded += len(data)
        self._receive(data, self._host.clock() + FIRST_NS)

    def eof_received(self) -> bool:
        # False: the transport closes itself once what we had to say is out, if the peer reads it.
        self._eof = True
        self._set_timer(self._limits.close_seconds, self.disconnect)
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._stop_timer()
        self._transport = None
        self.connection.lose_peer()
        self._paused.discard(PauseReason.PEER)
        self._host.turns.add(self)

    def pause_writing(self) -> None:
        self.pause(PauseReason.PEER)
        self._host.session_stalls(self)

    def resume_writing(self) -> None:
        self.resume(PauseReason.PEER)
        self._host.session_flows(self)
        self._settle()

    # What the budget asks (`core.net.budget.Holder`).

    def measure(self) -> int:
        told = self._unrecorded if self._events else 0
        self._held = self.connection.held_bytes + self._request_bytes + self.queued_bytes + told
        return self._held

    def wait_for_room(self) -> None:
        self.pause(PauseReason.MEMORY)

    def go_on(self) -> None:
        self.resume(PauseReason.MEMORY)

    def give_up(self, held: int, total: int) -> None:
        """Fail. Who does not read what we say, or has failed before, is cut off."""
        self.resume(PauseReason.MEMORY)
        is_reading = self.queued_bytes <= _WRITE_HIGH
        events = self.connection.fail_for_memory(held, total)
        self._after(events)
        if not (events and is_reading):
            self.disconnect()

    # What the engine asks.

    def send(self, outgoing: Outgoing, origin: Origin) -> None:
        """Send; CallerError where that can't be."""
        if self._transport is None or self._transport.is_closing():
            raise NotOpenError(f"The peer of #{self.number} has gone: nothing can be sent to it.")
        queued = self.queued_bytes
        if queued > self._limits.queued_bytes:
            raise PeerNotReadingError(
                f"The peer of #{self.number} is not reading: {byte_size(queued)} are queued for it. "
                "Wait, or disconnect it."
            )
        connection = self.connection
        if isinstance(outgoing, OutgoingMessage):
            events = connection.send_message(
                outgoing.opcode,
                outgoing.payload,
                origin=origin,
                fragments=max(1, outgoing.fragments),
                compress=outgoing.compression is Compression.AS_NEGOTIATED,
            )
        elif isinstance(outgoing, OutgoingClose):
            events = connection.send_close(outgoing.code, outgoing.reason, origin=origin)
            self._set_timer(self._limits.close_seconds, self.disconnect)
        else:
            opcode = Opcode.PING if isinstance(outgoing, OutgoingPing) else Opcode.PONG
            events = connection.send_control(opcode, outgoing.payload, origin=origin)
        self._after(events)

    def disconnect(self) -> None:
        """Cut the TCP connection, without a closing handshake."""
        if self._transport is not None:
            self._transport.abort()

    def pause(self, reason: PauseReason) -> None:
        if self._transport is not None and not self._paused and not self._transport.is_closing():
            self._transport.pause_reading()
        self._paused.add(reason)

    def resume(self, reason: PauseReason) -> None:
        if reason not in self._paused:
            return
        self._paused.discard(reason)
        if self._transport is None or PauseReason.TURN in self._paused:
            self._host.turns.add(self)
        elif not self._paused:
            if not self._transport.is_closing():
                self._transport.resume_reading()
            self._judge_overdue()

    # What turns ask.

    def work(self, until: int) -> None:
        """Go on with what the peer has sent."""
        if not self._paused.isdisjoint(_BACK_PRESSURE):
            return  # `resume` brings it here again
        if self.connection.has_more:
            self._receive(b"", until)
        elif self._transport is None:
            self._finish()
        else:
            self.resume(PauseReason.TURN)

    # Within.

    def _receive(self, data: bytes, until: int) -> None:
        """Work on `data` and on what came before it, until then."""
        connection, clock = self.connection, self._host.clock
        now = clock()
        events = connection.receive_runs(data)
        if connection.state is ReadyState.CONNECTING:
            self._answer(events)
        echoes = self._host.settings.auto_reply is AutoReply.ECHO and self._transport is not None
        if echoes:
            events += self._echo(events)
        while connection.has_more and clock() < until:
            more = connection.receive_runs(b"")
            events += more
            if echoes:
                events += self._echo(more)
        # Before it is recorded: the peer need not wait for that.
        sent = self._write()
        if connection.deflate is not None:
            sent += _inflated_bytes(events)
        size = self._record(now, events, sent)
        if connection.wants_close:
            self._end()
        if self._host.recorder.holds_up(size):
            self.pause(PauseReason.RECORDER)
            self._host.session_waits(self)
        self._settle()
        if connection.has_more or self._transport is None or clock() - now > READ_ON_NS:
            self.pause(PauseReason.TURN)
            self._host.turns.add(self)
        elif PauseReason.TURN in self._paused:
            # Nothing is left of what waited for a turn.
            self.resume(PauseReason.TURN)
        else:
            self._judge_overdue()

    def _finish(self) -> None:
        """All that came is worked off, and the stream is over."""
        try:
            self._record(self._host.clock(), [*self.connection.receive_eof()], 0)
        finally:
            self._host.budget.forget(self)
            self._host.session_closed(self)

    def _answer(self, events: list[Report]) -> None:
        """Answer the request if it has come, and go on with what came behind it."""
        for event in tuple(events):
            if isinstance(event, RequestReceived):
                self._stop_timer()
                self._request_bytes = len(event.request.raw)
                events += self.connection.answer(self._host.respond(event.request, event.proposed))

    def _echo(self, events: Sequence[Report]) -> Sequence[Report]:
        """What goes back."""
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
        if not opcodes or self.connection.state is not ReadyState.OPEN:
            return ()
        return self.connection.send_messages(opcodes, payloads, origin=Origin.RULE)

    def _after(self, events: Sequence[Event]) -> None:
        """Record and write what `Connection` made of something."""
        self._record(self._host.clock(), [*events], self._write())
        if self.connection.wants_close:
            self._end()
        self._settle()

    def _settle(self) -> None:
        """Tell the budget what is held, if that has changed."""
        before = self._held
        held = self.measure()
        if held != before:
            self._host.budget.settle(self, held)

    def _record(self, now: int, events: list[Report], size: int) -> int:
        """Record them, together with those of an echo that is under way: so its payload is stored once.

        How much was handed over.
        """
        self._unrecorded += size
        if not self._events:
            self._events, self._events_ns = events, now
        else:
            self._events += events
        if self._events and not self.connection.is_sending:
            taken = self._host.recorder.record(
                self.id, self._events_ns, self._events, self._unrecorded, Direction.CLIENT_TO_SERVER
            )
            self._events, self._unrecorded = [], 0
            return taken
        return 0

    def _write(self) -> int:
        """Write what the connection has to say; how many bytes."""
        pieces = self.connection.pieces_to_send()
        if not pieces:
            return 0
        if self._transport is not None:
            if len(pieces) == 1:
                self._transport.write(pieces[0])
            else:
                self._transport.writelines(pieces)
        return sum(map(len, pieces))

    def _end(self) -> None:
        """We have no more to say. The peer gets a while to close its side, so that what it still sends is seen."""
        if self._ending or self._transport is None:
            return
        self._ending = True
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()
        self._set_timer(self._limits.close_seconds, self.disconnect)

    def _handshake_timeout(self) -> None:
        self._after(self.connection.handshake_timed_out(self._limits.handshake_seconds))

    def _set_timer(self, seconds: float, action: Callable[[], None]) -> None:
        """Unless stopped before, do `action` then. What the peer has sent by then is read first: it may stop this."""
        self._stop_timer()
        self._timer = self._loop.call_later(seconds, self._time_is_up, action)

    def _stop_timer(self) -> None:
        self._overdue = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_up(self, action: Callable[[], None]) -> None:
        self._timer = None
        self._overdue = action
        self._overdue_from = self._received + receive_buffer_bytes(self._transport)
        # What it sent is read, even if it does not read itself.
        self.resume(PauseReason.PEER)
        self._judge_overdue()

    def _judge_overdue(self) -> None:
        """Whether the peer was really silent: with nothing of it unread, or nothing that came in time."""
        action = self._overdue
        if action is None:
            return
        waits = bool(self._paused) or self.connection.has_more
        in_time = self._received < self._overdue_from and has_unread(self._transport)
        if self._eof or not (waits or in_time):
            self._overdue = None
            action()


def _server_connection(settings: EngineSettings, local: object) -> Endpoint:
    """The server's side of a connection that came in at the socket address `local`."""
    over_loopback = isinstance(local, tuple) and is_loopback(str(local[0]))
    policy = ServerPolicy(
        deflate=DeflatePolicy() if settings.compression else None,
        judgement=settings.judgement,
        origins=settings.allowed_origins,
        hosts=settings.extra_hosts if settings.check_host and over_loopback else None,
    )
    limits = settings.limits
    return Endpoint(
        ServerSide(policy),
        ConnectionLimits(
            HeadLimits(limits.head_bytes, limits.header_count), limits.message_bytes, limits.trailing_bytes
        ),
    )


def _inflated_bytes(events: list[Report]) -> int:
    """Payload bytes of the messages received, where they are not those of frames."""
    return sum(
        len(event.completes.payload)
        for event in events
        if type(event) is FrameReceived and type(event.completes) is Message
    )
