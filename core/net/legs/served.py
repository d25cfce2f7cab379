"""A client that connected to Unmask as a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.capture.records import ConnectionRecord, Direction, Mode
from core.capture.tracks import Opened
from core.net.fronts.front import Front
from core.net.legs.about import about
from core.net.legs.endpoint_session import EndpointSession, connection_limits
from core.net.legs.leg import Leg, PauseReason
from core.net.legs.session import SessionHost
from core.net.legs.timers import Timers
from core.net.settings import EngineSettings, is_loopback
from core.net.sockets import name_of
from core.net.sources import SourceTag
from core.protocol.deflate import DeflatePolicy
from core.protocol.endpoint import Endpoint, ServerSide
from core.protocol.events import HandshakeDone, HandshakeFailed, HeadRuled, Report, RequestReceived
from core.protocol.handshake import Answer, ServerPolicy, propose
from core.protocol.http11 import HeadKind, RequestHead, parsed_request
from core.protocol.state import ReadyState
from core.protocol.violations import Judgement
from core.rules.handshakes import answered, asked, canned, recorded
from core.rules.verdict import HandshakeVerdict


class Served(EndpointSession):
    """The client of one accepted socket."""

    def __init__(
        self, host: SessionHost, source: SourceTag, front: Front, admit: Callable[[Served], bool]
    ) -> None:
        """`admit` is asked once the session has an id: it tells whether there is room for another one."""
        super().__init__(host, source, Direction.CLIENT_TO_SERVER)
        self._front = front
        self._admit = admit
        self._asked: RequestHead | None = None
        self._answered: Answer | None = None
        self._timers = Timers(host.loop)
        """Answers that are given later."""

    @property
    def client(self) -> Leg:
        return self._leg

    def leg_made(self, leg: Leg) -> None:
        host = self._host
        policy = _policy(host.settings, leg.local_place)
        self.endpoint = Endpoint(ServerSide(policy), connection_limits(self._limits))
        opened = Opened(Mode.LISTEN, name_of(leg.peer_place), name_of(leg.local_place), self.source.label)
        self.id = host.recorder.open_connection(opened, host.clock())
        if not self._admit(self):
            self._after(self.endpoint.refuse_for_load(host.served_connections))
            return
        leg.set_timer(self._limits.handshake_seconds, self._handshake_timeout)

    def _follow_opening(self, events: list[Report]) -> None:
        """Answer the request if it has arrived, and continue with what followed it."""
        for event in tuple(events):
            if isinstance(event, RequestReceived):
                self._is_opening = False
                self._leg.stop_timer()
                self._request_bytes = len(event.request.raw)
                at = events.index(event)
                events[at : at + 1] = self._take_request(event)
            elif isinstance(event, HandshakeFailed):
                self._is_opening = False

    def leg_finished(self, leg: Leg) -> None:
        self._timers.stop()
        super().leg_finished(leg)

    # The answer.

    def _take_request(self, event: RequestReceived) -> list[Report]:
        """What is to be recorded of a request, and of the answer if it is given at once."""
        self._asked = event.request
        front = self._leg.refusal or self._front.answer(event.request, event.policy)
        verdict = None if front is not None else self._heads.ask(HeadKind.REQUEST, self._about())
        if verdict is None:
            return [event, *self._answer(front or event.proposed, may_rule=front is None)]
        raw = recorded(event.request.raw, verdict)
        if raw != event.request.raw:
            event = replace(event, request=parsed_request(raw) or event.request, is_masked=True)
        if verdict.hold is None:
            return [event, *self._rule_request(event, verdict)]
        self._heads.hold(
            HeadKind.REQUEST,
            self._asked.raw,
            verdict,
            lambda decided: self._go_on_late(lambda: self._rule_request(event, decided)),
        )
        return [event]

    def _rule_request(self, event: RequestReceived, verdict: HandshakeVerdict) -> list[Report]:
        """Do with a request as rules and a person want, now or later."""
        reports: list[Report] = [self._heads.told(HeadKind.REQUEST, verdict)]
        if verdict.is_silent:
            return reports
        answer = self._ruled_answer(event, verdict)
        if verdict.delay_seconds:
            self._timers.after(
                verdict.delay_seconds,
                lambda: self._go_on_late(lambda: self._answer(answer, may_rule=True)),
            )
            return reports
        return [*reports, *self._answer(answer, may_rule=True)]

    def _ruled_answer(self, event: RequestReceived, verdict: HandshakeVerdict) -> Answer:
        """The answer to a request as rules want it to be."""
        assert self._asked is not None, "a request has come"
        found = propose(self._asked, event.policy)
        if verdict.answer is not None and verdict.answer.status != 101:
            return canned(verdict.answer, found.violations)
        request = asked(self._asked, verdict)
        policy = event.policy
        if verdict.answer is not None:
            # RFC 6455 section 4.2.2 lets a server refuse for its origin, and a rule has said otherwise.
            policy = replace(policy, origins=None, hosts=None, judgement=Judgement.TOLERANT)
        answer = propose(request, policy)
        # What the client has broken stays so.
        return replace(answer, violations=found.violations)

    def _answer(self, answer: Answer, *, may_rule: bool) -> list[Report]:
        """Give an answer, and what is to be recorded of it. Rules may change it, hold it back or keep it."""
        self._answered = answer
        verdict = self._heads.ask(HeadKind.RESPONSE, self._about()) if may_rule else None
        if verdict is None:
            return [*self.endpoint.answer(answer)]
        if verdict.hold is None:
            return self._rule_answer(answer, verdict)
        self._heads.hold(
            HeadKind.RESPONSE,
            answer.head,
            verdict,
            lambda decided: self._go_on_late(lambda: self._rule_answer(answer, decided)),
        )
        return []

    def _rule_answer(self, answer: Answer, verdict: HandshakeVerdict) -> list[Report]:
        """Give an answer as rules and a person want it, now or later."""
        told = self._heads.told(HeadKind.RESPONSE, verdict)
        if verdict.is_silent:
            return [told]
        self._answered = answered(answer, verdict)
        if verdict.delay_seconds:
            self._timers.after(
                verdict.delay_seconds, lambda: self._go_on_late(lambda: self._give(verdict, told))
            )
            return []
        return self._give(verdict, told)

    def _give(self, verdict: HandshakeVerdict, told: HeadRuled) -> list[Report]:
        assert self._answered is not None, "it is about to be given"
        reports: list[Report] = [*self.endpoint.answer(self._answered)]
        for at, event in enumerate(reports):
            if isinstance(event, HandshakeDone):
                shown = replace(event.answer, response=recorded(event.answer.response, verdict))
                reports[at : at + 1] = [replace(event, answer=shown), told]
                break
        return reports

    def _go_on_late(self, make: Callable[[], list[Report]]) -> None:
        """Do what has waited, if the client still waits for its answer."""
        if self._waits:
            self._go_on(make())

    @property
    def _waits(self) -> bool:
        """Whether the client is there and has no answer."""
        return self._leg.is_connected and self.endpoint.state is ReadyState.CONNECTING

    def _go_on(self, reports: list[Report]) -> None:
        self._hear_at_opening()
        self._after(self._react(reports))
        # Frames may have come behind the request.
        self._leg.pause(PauseReason.TURN)
        self._host.turns.add(self._leg)

    def _about(self) -> ConnectionRecord:
        answer = self._answered
        return about(
            self.number,
            Mode.LISTEN,
            self.source,
            self._leg,
            self._asked,
            b"" if answer is None else answer.response,
            None if answer is None else answer.subprotocol,
            self._host.clock(),
        )

    def _handshake_timeout(self) -> None:
        self._after(self.endpoint.handshake_timed_out(self._limits.handshake_seconds))


def _policy(settings: EngineSettings, local: object) -> ServerPolicy:
    """The policy for a client that connected to the socket address `local`."""
    over_loopback = isinstance(local, tuple) and is_loopback(str(local[0]))
    return ServerPolicy(
        deflate=DeflatePolicy() if settings.compression else None,
        judgement=settings.judgement,
        origins=settings.allowed_origins,
        hosts=settings.extra_hosts if settings.check_host and over_loopback else None,
    )
