"""A whole connection in either role: what comes, what the person does, how it ends; a peer reads what goes out.

The opening handshake that most inputs begin with is always the same, so only one in `_SHAKEN` goes through it;
the others begin where it has ended. What goes out is read by a peer for one in `_READ`.
"""

from __future__ import annotations

from functools import cache

from core.errors import NotOpenError, PayloadError
from core.protocol import handshake
from core.protocol.deflate import DeflateParameters, DeflatePolicy, Deflater
from core.protocol.endpoint import ClientSide, ConnectionLimits, Endpoint, ServerSide
from core.protocol.events import (
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
    singly,
)
from core.protocol.frames import RSV1, Opcode, make_frame
from core.protocol.handshake import ServerPolicy, accept_key, client_request
from core.protocol.http11 import HeadLimits, RequestHead, write_response
from core.protocol.state import ReadyState, Role
from core.protocol.violations import Judgement, Severity
from tests.fuzz.head import KEY
from tests.fuzz.script import Script, one_in, pieces

_OFFERS = (
    None,
    "permessage-deflate",
    "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; client_max_window_bits=9; server_max_window_bits=9",
)
_SHAKEN = 8
_READ = 4
_MOST_STEPS = 20
_MOST_IN_VAIN = 10_000
_MOST_FED = 3000
"""Bytes, after which a talk is over: a few long ones would take all the time."""
_TOLERANT = ServerPolicy(judgement=Judgement.TOLERANT)
_NOTES = frozenset({"masking-key-zero", "masking-key-reused"})


@cache
def _request(offer: str | None) -> bytes:
    return client_request("localhost", "/", KEY, deflate=offer)


@cache
def _response(offer: str | None) -> bytes:
    extensions = [("Sec-WebSocket-Extensions", offer)] if offer else []
    accept = ("Sec-WebSocket-Accept", accept_key(KEY))
    return write_response(101, [("Upgrade", "websocket"), ("Connection", "Upgrade"), accept, *extensions])


def run(data: bytes) -> None:
    """First byte: options. Then steps, see `Talk.step`."""
    script = Script(data)
    options = script.byte()
    talk = Talk(options)
    if not options & 64:
        if one_in(_SHAKEN, data):
            talk.shake_hands()
        else:
            talk.begin_after(_opened(options))
    for _ in range(_MOST_STEPS):
        if not script.more or talk.over or talk.fed > _MOST_FED:
            break
        talk.step(script)
    talk.end()
    talk.check()
    if one_in(_READ, data):
        talk.check_peer()


@cache
def _opened(options: int) -> Talk:
    """One whose opening handshake is over."""
    talk = Talk(options)
    talk.shake_hands()
    assert talk.connection.state is ReadyState.OPEN
    return talk


class Talk:
    """One connection and all that became of it."""

    def __init__(self, options: int) -> None:
        self.judgement = Judgement.TOLERANT if options & 2 else Judgement.STRICT
        self._offer = _OFFERS[options >> 2 & 3]
        self._echo = bool(options & 16)
        self._limit = 256 if options & 32 else 4096
        limits = ConnectionLimits(HeadLimits(1024, 16), self._limit, trailing_bytes=64)
        request = _request(self._offer)
        if options & 1:
            side = ClientSide(request, KEY, deflate_offer=self._offer, judgement=self.judgement)
            self.connection = Endpoint(side, limits)
            self.connection.begin()
            self._opening = _response(self._offer)
        else:
            policy = ServerPolicy(deflate=DeflatePolicy(), judgement=self.judgement)
            self.connection = Endpoint(ServerSide(policy), limits)
            self._opening = request
        self.over = False
        self._fed = bytearray()
        self._events: list[Event] = []
        self._request: RequestReceived | None = None
        self._deflater: Deflater | None = None
        self._out = bytearray()

    def shake_hands(self) -> None:
        """The peer's part of the opening handshake comes."""
        self._feed(self._opening)

    def begin_after(self, opened: Talk) -> None:
        """Become what `opened` is, with which nothing else has happened than that it was opened."""
        self._fed += opened._fed
        self._events += opened._events
        self._out += opened._out
        self._request = opened._request
        connection, other = self.connection, opened.connection
        connection.data_to_send()
        connection._opening.outcome = other._opening.outcome
        connection._open(other.deflate)

    @property
    def fed(self) -> int:
        """How many bytes the peer has sent."""
        return len(self._fed)

    @property
    def _is_server(self) -> bool:
        return self.connection.role is Role.SERVER

    # What happens.

    def step(self, script: Script) -> None:
        """One thing that the peer, the person or the network does."""
        match script.byte() & 15:
            case 0 | 1:
                self._feed(script.take(script.byte()))
            case 2 | 3:
                self._feed(self._frame(script.byte(), script.byte(), script.take(script.byte() & 127)))
            case 4:
                head, size = script.byte(), script.number() & 0x3FF
                self._feed(self._frame(head, 1, (script.take(4) or b"x") * (size // 4)))
            case 5:
                self._feed(self._compressed(script.byte(), script.take(script.byte())))
            case 6:
                cut = script.byte()
                for piece in pieces(script.take(script.byte()), cut):
                    self._feed(piece)
            case 7:
                opcode = Opcode.TEXT if script.byte() & 1 else Opcode.BINARY
                self._say(opcode, 1 + (script.byte() & 3), script.take(script.byte()))
            case 8:
                self._control(Opcode.PING if script.byte() & 1 else Opcode.PONG, script.take(script.byte()))
            case 9:
                self._close(
                    script.number(), script.take(script.byte() & 127).decode("utf-8", "surrogateescape")
                )
            case 10:
                self._keep(self.connection.handshake_timed_out(10))
            case 11:
                self._refuse_for_load()
            case 12:
                self._feed(self._opening)
            case 13:
                self._echo = not self._echo
            case 14:
                self._hold_answer(script.byte())
            case _:
                self.end()

    def _frame(self, head: int, mask: int, payload: bytes) -> bytes:
        """A frame as it is on the wire, masked as the peer must do it, or wrongly if `mask` is 0."""
        masked = self._is_server is bool(mask)
        key = bytes((mask, 1, 2, 3)) if masked else None
        return make_frame(0, payload, masking_key=key)._replace(head=head).wire()

    def _compressed(self, how: int, payload: bytes) -> bytes:
        """A well-compressed message in one to four frames."""
        parameters = self.connection.deflate or DeflateParameters()
        if self._deflater is None:
            self._deflater = Deflater(parameters, Role.CLIENT if self._is_server else Role.SERVER)
        data = self._deflater.compress(payload * (1 + (how >> 4)))
        count = 1 + (how & 3)
        size = len(data) // count + 1
        heads = [RSV1 | (1 if how & 4 else 2), *[0] * (count - 1)]
        heads[-1] |= 0x80
        return b"".join(
            self._frame(head, 1, data[number * size : (number + 1) * size])
            for number, head in enumerate(heads)
        )

    def _feed(self, data: bytes) -> None:
        if self.over:
            return
        was = self.connection.state
        self._fed += data
        new = self.connection.receive_data(data)
        assert was is not ReadyState.CLOSED or not new
        self._keep(new)
        in_vain = 0
        while self.connection.has_more:
            more = self.connection.receive_data(b"")
            # A large message takes some steps.
            in_vain = 0 if more else in_vain + 1
            assert in_vain < _MOST_IN_VAIN, "has_more, and nothing came"
            self._keep(more)

    def _keep(self, events: list[Event]) -> None:
        """What a session does with them: answer and echo."""
        self._events += events
        for event in events:
            if isinstance(event, RequestReceived):
                self._request = event
                if self.connection.state is ReadyState.CONNECTING and not self._fed.endswith(b"wait"):
                    self._answer(event.proposed)
            elif isinstance(event, FrameReceived) and self._echo and event.message is not None:
                message = event.message
                if self.connection.state is ReadyState.OPEN:
                    said = self.connection.send_messages(
                        [message.opcode], [message.payload], origin=Origin.RULE
                    )
                    self._events += singly(said)
        self._out += self.connection.data_to_send()

    def _answer(self, answer: handshake.Answer) -> None:
        self._keep(self.connection.answer(answer))

    def _hold_answer(self, choice: int) -> None:
        """Another answer than the proposed one, or one that comes twice or too late."""
        if self._request is None:
            return
        if choice & 3 == 0:
            self._answer(self._request.proposed)
        elif choice & 3 == 1:
            self._answer(handshake.serve(200, "text/html", b"<p>"))
        else:
            self._answer(handshake.refuse(404, "There is nothing here."))

    def _refuse_for_load(self) -> None:
        if not self._events and not self.over and self._is_server:
            self._keep(self.connection.refuse_for_load(4))

    def _say(self, opcode: Opcode, fragments: int, payload: bytes) -> None:
        if opcode is Opcode.TEXT:
            payload = payload.decode("latin-1").encode()
        is_open = self.connection.state is ReadyState.OPEN
        try:
            self._keep(
                self.connection.send_message(opcode, payload, origin=Origin.COMPOSED, fragments=fragments)
            )
        except NotOpenError:
            assert not is_open
        else:
            assert is_open

    def _control(self, opcode: Opcode, payload: bytes) -> None:
        is_open = self.connection.state is ReadyState.OPEN
        try:
            self._keep(self.connection.send_control(opcode, payload, origin=Origin.COMPOSED))
        except NotOpenError:
            assert not is_open
        except PayloadError:
            assert len(payload) > 125

    def _close(self, code: int, reason: str) -> None:
        is_open = self.connection.state is ReadyState.OPEN
        try:
            self._keep(self.connection.send_close(code or None, reason, origin=Origin.COMPOSED))
        except NotOpenError:
            assert not is_open
        except PayloadError:
            assert is_open

    def end(self) -> None:
        """The stream ends; nothing comes after that."""
        if self.over:
            return
        self.over = True
        self._keep(self.connection.receive_eof())
        assert self.connection.state is ReadyState.CLOSED
        assert self.connection.receive_data(b"late") == []
        assert self.connection.state is ReadyState.CLOSED

    # What must hold.

    def check(self) -> None:
        closed = self._events[-1]
        assert isinstance(closed, ConnectionClosed)
        assert sum(isinstance(event, ConnectionClosed) for event in self._events) == 1
        self._check_bytes_in(closed)
        self._check_judgement()
        self._check_sent()

    def _check_bytes_in(self, closed: ConnectionClosed) -> None:
        """The heads, the frames and what is behind them are all that came."""
        told = bytearray()
        for event in self._events:
            if isinstance(event, RequestReceived):
                told += event.request.raw
            elif isinstance(event, ResponseReceived):
                told += event.response.raw
            elif isinstance(event, HandshakeFailed):
                told += event.raw
            elif isinstance(event, FrameReceived):
                wire = event.frame.wire()
                told += wire
                for found in event.violations:
                    assert 0 <= found.offset <= found.offset + found.length <= len(wire), (found, len(wire))
                    assert found.detail.isprintable(), found
                message = event.message
                assert message is None or len(message.payload) <= self._limit
        told += closed.trailing
        # What is secret in a head is told as asterisks.
        assert len(told) <= len(self._fed)
        assert all(was == shown or shown == ord("*") for was, shown in zip(self._fed, told, strict=False))
        assert len(told) - len(closed.trailing) + closed.trailing_length == len(self._fed)
        assert len(closed.trailing) == min(closed.trailing_length, 64)

    def _check_judgement(self) -> None:
        failed = [number for number, event in enumerate(self._events) if isinstance(event, ConnectionFailed)]
        assert len(failed) <= 1
        received = [event for event in self._events if isinstance(event, FrameReceived)]
        bad = any(found.rule.severity is Severity.ERROR for event in received for found in event.violations)
        if self.judgement is Judgement.STRICT and self.connection.wants_close and not failed:
            # It closed in peace: only what comes behind a close frame may be wrong.
            at_close = next((n for n, event in enumerate(received) if event.frame.opcode == Opcode.CLOSE), 0)
            assert not any(
                found.rule.severity is Severity.ERROR
                for event in received[:at_close]
                for found in event.violations
            )
        if not failed:
            return
        assert bad
        for event in self._events[failed[0] :]:
            assert not isinstance(event, FrameReceived) or event.completes is None
            assert not isinstance(event, FrameSent) or event.frame.opcode == Opcode.CLOSE

    def _check_sent(self) -> None:
        """Every byte that went out is told of; nothing goes out behind a close frame."""
        sent = [event for event in self._events if isinstance(event, FrameSent)]
        closes = [number for number, event in enumerate(sent) if event.frame.opcode == Opcode.CLOSE]
        assert closes in ([], [len(sent) - 1])
        told = b"".join(event.frame.wire() for event in sent)
        head = bytearray()
        for event in self._events:
            if isinstance(event, (HandshakeDone, HandshakeFailed)):
                head += event.answer.response
        if not self._is_server:
            head[:0] = _request(self._offer)
        assert self._out == head + told

    def check_peer(self) -> None:
        """A peer that is not ours to tell what came understands every byte of it."""
        if not any(isinstance(event, FrameSent) for event in self._events):
            return
        peer = self._client() if self._is_server else Endpoint(ServerSide(_TOLERANT))
        heard: list[Event] = []
        out = bytes(self._out)
        events = peer.receive_data(out)
        for event in tuple(events):
            if isinstance(event, RequestReceived):
                events += peer.answer(self._as_agreed(event.proposed))
        heard += events
        while peer.has_more:
            heard += peer.receive_data(b"")
        heard += peer.receive_eof()
        received = [event for event in heard if isinstance(event, FrameReceived)]
        allowed = set(_NOTES)
        if self.judgement is Judgement.TOLERANT and self._echo_happened:
            allowed.add("text-not-utf8")
        broken = {found.rule.id for event in received for found in event.violations}
        assert broken <= allowed, broken
        said = [event for event in self._events if isinstance(event, FrameSent)]
        assert len(said) == len(received)
        ours: list[Message | None] = [event.message for event in said]
        assert ours == [event.message for event in received], (ours, received)

    @property
    def _echo_happened(self) -> bool:
        return any(isinstance(event, FrameSent) and event.origin is Origin.RULE for event in self._events)

    def _as_agreed(self, proposed: handshake.Answer) -> handshake.Answer:
        """The answer as it came to our client, whatever the peer would have chosen."""
        deflate = self.connection.deflate
        return handshake.Answer(101, "", proposed.response, deflate=deflate)

    def _client(self) -> Endpoint:
        """The client of the request that came, as tolerant as we are."""
        head: RequestHead | None = self._request.request if self._request else None
        key, offer = KEY, self._offer
        if head is not None:
            key = head.headers.get("Sec-WebSocket-Key") or ""
            offer = ", ".join(head.headers.get_all("Sec-WebSocket-Extensions")) or None
        subprotocols = head.headers.tokens("Sec-WebSocket-Protocol") if head is not None else ()
        side = ClientSide(b"", key, subprotocols, offer, Judgement.TOLERANT)
        return Endpoint(side, ConnectionLimits(message_bytes=self._limit * 1024))
