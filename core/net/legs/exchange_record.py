"""What the capture gets to know of one exchange."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.capture.legs import LegChange
from core.capture.records import Direction
from core.capture.tracks import Opened
from core.net.legs.session import SessionHost
from core.net.tls.failures import TlsFailure
from core.protocol.events import (
    Event,
    ExchangeEnded,
    HandshakeDone,
    HandshakeFailed,
    HeadPassedOn,
    HeadRuled,
    ResponseReceived,
)
from core.protocol.handshake import Answer, head_missing, is_websocket_request
from core.protocol.http11 import HeadKind, HeadParser, ResponseHead, parsed_request, parsed_response
from core.protocol.http_message import RequestReader, ResponseReader
from core.protocol.limits import ConnectionLimits
from core.protocol.observer import Observer
from core.protocol.state import Role
from core.protocol.told_head import told_refused, without_credentials
from core.rules.handshakes import UNCHANGED, recorded
from core.rules.verdict import HandshakeVerdict


class ExchangeRecord:
    """The record of a request and its response, from the first byte on."""

    def __init__(
        self, host: SessionHost, opened: Opened, limits: ConnectionLimits, held_up: Callable[[], None]
    ) -> None:
        """`held_up` lets the client wait for the recorder."""
        self._recorder = host.recorder
        self._clock = host.clock
        self.id = self._recorder.open_connection(opened, self._clock())
        """The recorder's handle."""
        self.observer = Observer(limits)
        """Knows the heads that are recorded."""
        self._held_up = held_up
        self._own_length: int | None = None
        """Bytes of the body that Unmask has answered itself."""
        self._is_concluded = False
        self._look_whether_held_up(0)

    def ask(self, asked: RequestReader, verdict: HandshakeVerdict = UNCHANGED) -> None:
        """The client's request head is complete; rules may keep something of it out of the capture."""
        head, told = asked.head, asked.told
        if head is not None and told is not None:
            raw = recorded(told.raw, verdict)
            told = told if raw == told.raw else parsed_request(raw) or told
            events = self.observer.take_request(told, is_masked=told.raw != head.raw)
            self._record(Role.CLIENT, events, len(head.raw))

    def pass_on(self, head: bytes, verdict: HandshakeVerdict = UNCHANGED) -> None:
        """The server gets another head than the client has sent."""
        told = recorded(without_credentials(head), verdict)
        self._record(Role.CLIENT, [HeadPassedOn(told, is_masked=told != head)], len(head))

    def pass_back(self, head: bytes, verdict: HandshakeVerdict) -> None:
        """The client gets another head than the server has sent."""
        told = recorded(head, verdict)
        self._record(Role.SERVER, [HeadPassedOn(told, HeadKind.RESPONSE, told != head)], len(head))

    def rule(self, told: HeadRuled) -> None:
        """Rules were applied to a head that is recorded."""
        self._record(Role.CLIENT, [told], 0)

    def dial(self, place: str) -> None:
        """The server is about to be reached."""
        self._recorder.change_leg(self.id, self._clock(), LegChange(Role.SERVER, peer=place))

    def know(self, change: LegChange) -> None:
        """This is known of a leg, from an earlier exchange on it."""
        self._recorder.change_leg(self.id, self._clock(), change)

    def respond(self, head: ResponseHead, verdict: HandshakeVerdict = UNCHANGED) -> None:
        """The server has answered; rules may keep something of that out of the capture."""
        events = self.observer.take_response(head)
        raw = recorded(head.raw, verdict)
        if raw != head.raw:
            events = [
                replace(each, response=parsed_response(raw) or head, is_masked=True)
                if isinstance(each, ResponseReceived)
                else each
                for each in events
            ]
        self._record(Role.SERVER, events, len(head.raw))

    def answer(self, answer: Answer) -> None:
        """Unmask answers in the server's place."""
        self._own_length = answer.body_length
        self._record(Role.CLIENT, [HandshakeDone(answer)], len(answer.response))

    def fail(self, sender: Role, parser: HeadParser, answer: Answer) -> None:
        """What `sender` has sent is no head. A client gets `answer`."""
        raw = parser.raw
        if sender is Role.CLIENT:
            raw, self._own_length = told_refused(raw), answer.body_length
        self._record(sender, [HandshakeFailed(raw, answer, sender)], len(raw))

    def miss(self, asked: RequestReader, failure: TlsFailure | None) -> None:
        """The client has left within the head of its request, possibly as it could not be secured."""
        answer = head_missing(asked.parser) if failure is None else Answer(0, failure.sentence, b"")
        self.fail(Role.CLIENT, asked.parser, answer)

    def conclude(
        self, asked: RequestReader, answered: ResponseReader | None, broken_by: Role | None, reason: str = ""
    ) -> None:
        """The exchange is over; `reason` says what remained unfinished. Only the first call counts."""
        if self._is_concluded:
            return
        self._is_concluded = True
        is_plain = asked.head is not None and not is_websocket_request(asked.head)
        length = 0 if answered is None else answered.length
        if self._own_length is not None:
            length = self._own_length
        ended = ExchangeEnded(asked.length, length, is_plain, broken_by, reason)
        self._record(Role.CLIENT, [ended], 0)

    def _record(self, sender: Role, events: Sequence[Event], size: int) -> None:
        way = Direction.CLIENT_TO_SERVER if sender is Role.CLIENT else Direction.SERVER_TO_CLIENT
        self._look_whether_held_up(self._recorder.record(self.id, self._clock(), events, size, way))

    def _look_whether_held_up(self, size: int) -> None:
        """Let the client wait if the recorder does not keep up, of which so many bytes were its own doing."""
        if self._recorder.holds_up(size):
            self._held_up()
