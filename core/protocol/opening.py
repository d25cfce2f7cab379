"""The opening handshake as it happens: a head arrives in pieces and is answered or judged; frames may follow at once.

`core.protocol.handshake` decides what to answer and how to judge an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core.errors import HeadError
from core.protocol import handshake
from core.protocol.deflate import DeflateParameters
from core.protocol.events import (
    Event,
    HandshakeDone,
    HandshakeFailed,
    RequestReceived,
    ResponseReceived,
    WrongAnswer,
)
from core.protocol.headers import explain
from core.protocol.http11 import HeadKind, HeadLimits, HeadParser, RequestHead, ResponseHead
from core.protocol.state import Role
from core.protocol.told_head import last_line, told_behind, told_head, told_refused
from core.protocol.violations import Judgement, Severity, Violation, violation


@dataclass(frozen=True, slots=True)
class ServerSide:
    """Unmask is the server and answers by this policy."""

    policy: handshake.ServerPolicy = field(default_factory=handshake.ServerPolicy)


@dataclass(frozen=True, slots=True)
class ClientSide:
    """Unmask is the client and sent this request."""

    request: bytes
    key: str
    subprotocols: tuple[str, ...] = ()
    deflate_offer: str | None = None
    judgement: Judgement = Judgement.STRICT
    broken: tuple[Violation, ...] = ()
    """The rules that this request breaks on purpose."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an opening handshake ended."""

    accepted: bool
    response: bytes = b""
    """What we have to send in consequence."""
    deflate: DeflateParameters | None = None


class Opening:
    """One opening handshake. `outcome` is None until it is decided; after that, nothing may be received."""

    def __init__(self, side: ServerSide | ClientSide, limits: HeadLimits, glued_limit: int) -> None:
        self._side = side
        self._glued_limit = glued_limit
        self._limits = limits
        self._request: RequestHead | None = None
        self._glued = bytearray()
        self._broken_off = b""
        """The last line that was told of a head that never became complete."""
        self._parser = self._new_parser()
        self.outcome: Outcome | None = None

    def receive(self, data: bytes) -> list[Event]:
        """RequestReceived or ResponseReceived when the head is complete, HandshakeFailed when it never will be."""
        if self._request is not None:
            return self._hold_back(data)
        try:
            head = self._feed(data)
        except HeadError as error:
            return [self._fail(error.status, self._parser.violations)]
        if isinstance(head, RequestHead):
            assert isinstance(self._side, ServerSide)
            self._request = head
            told = told_head(head)
            received = RequestReceived(told, self._side.policy, is_masked=told.raw != head.raw)
            return [received, *self._hold_back(self._parser.leftover)]
        return [] if head is None else [self._judge(head)]

    def _feed(self, data: bytes) -> RequestHead | ResponseHead | None:
        try:
            head = self._parser.feed(data)
        except HeadError:
            # It fails again, for the same reason, and quotes nothing that must not be told.
            told, self._parser = self._raw + self._parser.beyond, self._new_parser()
            head = self._parser.feed(told)
        while isinstance(head, ResponseHead) and head.is_interim:
            # RFC 9110 section 15.2: the final response follows.
            self._limits = self._limits.behind(head)
            data, self._parser = self._parser.leftover, self._new_parser()
            head = self._parser.feed(data)
        return head

    @property
    def _raw(self) -> bytes:
        """What came of the head, as it may be told."""
        raw = self._parser.raw
        return told_refused(raw) if isinstance(self._side, ServerSide) else raw

    def _new_parser(self) -> HeadParser:
        if isinstance(self._side, ServerSide):
            return HeadParser(HeadKind.REQUEST, self._limits, self._side.policy.judgement)
        return HeadParser(HeadKind.RESPONSE, self._limits, self._side.judgement)

    def answer(self, answer: handshake.Answer) -> list[Event]:
        """Answer the request; nothing happens if the handshake was decided without the caller."""
        if self.outcome is not None:
            return []
        if self._glued:
            hasty = violation("data-before-answer", f"{len(self._glued)} bytes")
            answer = replace(answer, violations=(*answer.violations, hasty))
        self.outcome = Outcome(answer.accepted, answer.response, answer.deflate)
        if not (answer.pretends and self._request is not None):
            return [HandshakeDone(answer)]
        return [
            HandshakeDone(answer),
            WrongAnswer(handshake.judged_response(self._request, answer.response)),
        ]

    @property
    def _sender(self) -> Role:
        """The side that sends the head."""
        return Role.CLIENT if isinstance(self._side, ServerSide) else Role.SERVER

    def time_out(self, seconds: float) -> list[Event]:
        """Answer 408 if the head is incomplete after `seconds`."""
        if self._request is not None or self.outcome is not None:
            return []
        raw = self._raw
        late = violation("head-timeout", f"{len(raw)} bytes came in {seconds:g} s", 0, len(raw))
        return [self._fail(408, (*self._parser.violations, late))]

    @property
    def held_bytes(self) -> int:
        """Bytes of the head, and of what follows it and waits for the answer."""
        return self._parser.held_bytes + len(self._glued)

    def refuse_for_memory(self, found: Violation) -> list[Event]:
        """Answer 503 if the head is incomplete, because there is no room for the rest of it."""
        if self._request is not None or self.outcome is not None:
            return []
        return [self._fail(503, (*self._parser.violations, found))]

    def abandon(self, reason: str) -> list[Event]:
        """Expect no head any more, through nobody's fault; `reason` says why. Nothing happens if it is decided."""
        if self._request is not None or self.outcome is not None:
            return []
        self.outcome = Outcome(False)
        return [self._failed(self._raw, handshake.Answer(0, reason, b""))]

    def refuse_for_load(self, connections: int) -> list[Event]:
        """Answer 503, whatever has arrived."""
        reason = f"There are {connections} connections already, which is the limit. Try later."
        answer = handshake.refuse(503, reason)
        self.outcome = Outcome(False, answer.response)
        return [self._failed(self._raw, answer)]

    def end(self) -> list[Event]:
        """The stream has ended before the handshake was over. No answer is written, since nobody could read it."""
        self.outcome = Outcome(False)
        if self._request is not None:
            return []
        raw = self._raw
        cut = violation("head-incomplete", f"it ended after {len(raw)} bytes", 0, len(raw))
        broken = (*self._parser.violations, cut)
        answer = handshake.Answer(0, explain((cut,)), b"", violations=broken)
        return [self._failed(raw, answer)]

    def forget(self) -> None:
        """Release the head: the handshake is over and was reported."""
        self._request = None
        self._parser = HeadParser(HeadKind.REQUEST)
        if self.outcome is not None:
            self.outcome = replace(self.outcome, response=b"")

    def take_glued(self) -> bytes:
        """The bytes after the head: the first frames, or anything if the handshake was refused."""
        glued = bytes(self._glued)
        self._glued.clear()
        return glued

    def told_behind(self, behind: bytes) -> bytes:
        """What came behind the head, as it may be told: where a request was refused, credentials may go on there."""
        is_open = self.outcome is not None and self.outcome.accepted
        if is_open or isinstance(self._side, ClientSide):
            return behind
        return told_behind(self._broken_off, behind)

    def _hold_back(self, data: bytes) -> list[Event]:
        """Keep bytes that come before the answer, within bounds."""
        self._glued += data
        if len(self._glued) <= self._glued_limit:
            return []
        hasty = violation("data-before-answer", f"{len(self._glued)} bytes, the limit is {self._glued_limit}")
        return self.answer(handshake.refuse(400, explain((hasty,)), (hasty,)))

    def _fail(self, status: int, broken: tuple[Violation, ...]) -> HandshakeFailed:
        raw = self._raw
        if isinstance(self._side, ClientSide):
            answer = handshake.Answer(0, explain(broken), b"", violations=broken)
        else:
            answer = handshake.refuse(status, explain(broken), broken)
        # Bytes beyond the limit on heads do not belong to the raw head.
        self._glued += self._parser.beyond
        self.outcome = Outcome(False, answer.response)
        return self._failed(raw, answer)

    def _failed(self, raw: bytes, answer: handshake.Answer) -> HandshakeFailed:
        self._broken_off = last_line(raw)
        return HandshakeFailed(raw, answer, self._sender)

    def _judge(self, response: ResponseHead) -> ResponseReceived:
        side = self._side
        assert isinstance(side, ClientSide)
        verdict = handshake.check_response(
            response, key=side.key, offered_subprotocols=side.subprotocols, offered_deflate=side.deflate_offer
        )
        broken = any(found.rule.severity is Severity.ERROR for found in verdict.violations)
        # RFC 6455 section 4.1: the client must fail the connection.
        refused = response.status != 101 or (broken and side.judgement is Judgement.STRICT)
        self._glued += self._parser.leftover
        self.outcome = Outcome(not refused, b"", verdict.deflate)
        return ResponseReceived(response, verdict, not refused)
