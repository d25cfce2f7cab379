"""The server's half of an exchange: the way to the server, and what it answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

from core.capture.tracks import Opened
from core.errors import BodyError, HeadError
from core.net.fronts.router import Route
from core.net.legs.about import about_both_heads
from core.net.legs.endpoint_session import connection_limits
from core.net.legs.exchange_phase import Phase
from core.net.legs.exchange_record import ExchangeRecord
from core.net.legs.forwarding import Forwarding, KeptServer
from core.net.legs.head_ruling import HeadRuling
from core.net.legs.leg import Leg, PauseReason
from core.net.legs.reception import Reception
from core.net.legs.relayed import Relayed
from core.net.legs.timers import Timers
from core.net.sockets import name_of
from core.protocol.handshake import Answer, is_websocket_request, refuse
from core.protocol.http11 import HeadKind, ResponseHead
from core.protocol.http_message import RequestReader, ResponseReader
from core.protocol.state import Role
from core.rules.decision import Decision, HeldMessage
from core.rules.handshakes import UNCHANGED, passed_on
from core.rules.verdict import HandshakeVerdict

ANSWER_SECONDS = 300.0
"""How long a server may take to begin its answer. Clients that are less patient leave by themselves."""
MOST_BEHIND = 64 * 1024
"""Bytes behind a request from which on no more is read before its exchange is over."""
LEFT = "The client left before it had the whole answer."

_REPEATABLE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
"""Methods that ask for nothing but an answer (RFC 9110 section 9.2.1)."""


class Answering(Forwarding):
    """A request that is under way to a server, and the response to it."""

    def __init__(
        self,
        reception: Reception,
        client: Leg | None = None,
        kept: KeptServer | None = None,
    ) -> None:
        """A new client; or the next request on the `client` leg, with the server of the one before if it is still
        there: then hand over the legs and call `begin`.
        """
        super().__init__(reception.host, reception.source, client, kept)
        self._reception = reception
        self._phase = Phase.ASKING
        self._head_limits = connection_limits(self._limits).head
        self._asked = RequestReader(self._head_limits)
        self._answered: ResponseReader | None = None
        self._record: ExchangeRecord
        """From `begin` on."""
        self._route: Route | None = None
        self._went = b""
        """The head of the response as it goes on."""
        self._to_send: list[bytes] = []
        """What goes to the server as soon as it is reached."""
        self._may_repeat = False
        """The server's leg served earlier requests, and may have ended before this one arrived."""
        self._broken_by: Role | None = None
        """Who has left the exchange unfinished."""
        self._heads = HeadRuling(reception.host)
        self._timers = Timers(reception.host.loop)
        """What rules let go on later."""
        self._late: bytearray | None = None
        """What has come of the server while rules hold its answer back; None: they do not."""

    # For the client's half.

    @abstractmethod
    def _look_whether_done(self) -> None:
        """Go on if request and response are complete."""

    def _open_record(self) -> None:
        client, limits = self._client, connection_limits(self._limits)
        mode, label = self._reception.mode, self.source.label
        opened = Opened(mode, name_of(client.peer_place), name_of(client.local_place), label)
        self._record = ExchangeRecord(self._host, opened, limits, lambda: self._wait_for_recorder(client))
        self.id = self._record.id

    @property
    def _place(self) -> str:
        return "The server" if self._route is None else self._route.target.place

    @property
    def _upgrades(self) -> bool:
        """Whether the request asks for another protocol (RFC 9110 section 7.8)."""
        return self._asked.head is not None and bool(self._asked.head.headers.tokens("Upgrade"))

    def _answer(self, answer: Answer) -> None:
        """Answer the client in the server's place, and end."""
        request = self._asked.head
        if request is not None and request.method == "HEAD":
            answer = answer.without_body()
        self._record.answer(answer)
        self._end_with(answer)

    def _end(self) -> None:
        self._phase = Phase.ENDING
        super()._end()

    def _conclude(self, broken_by: Role | None, reason: str = "") -> None:
        self._record.conclude(self._asked, self._answered, broken_by, reason)

    def _over(self) -> None:
        self._timers.stop()
        self._heads.stop()
        self._conclude(self._broken_by)

    # Called by the engine.

    def held(self) -> Iterator[HeldMessage]:
        return self._heads.held(self.id)

    def decide(self, ticket: int, decision: Decision) -> bool:
        return self._heads.decide(ticket, decision)

    # Rules.

    def _hear(self, kind: HeadKind, response: ResponseHead | None = None) -> HandshakeVerdict:
        """What rules make of a head. They are asked about opening handshakes only."""
        request = self._asked.told
        if request is None or not is_websocket_request(request):
            return UNCHANGED
        found = about_both_heads(
            self.number,
            self._reception.mode,
            self.source,
            self._client,
            request,
            response,
            self._host.clock(),
        )
        return self._heads.ask(kind, found) or UNCHANGED

    def _never_answer(self) -> None:
        """Let the client wait until it gives up."""
        self._leave_server()
        self._broken_by = Role.CLIENT
        self._phase = Phase.ENDING
        self._client.resume(PauseReason.HELD)

    # The way to the server.

    def _find_server(self, route: Route) -> None:
        server, request = self._server, self._asked.head
        if server is not None and server.is_open and route.target == self._url and request is not None:
            self._may_repeat = request.method in _REPEATABLE and self._asked.is_done
            self._record.know(self._known)
            self._ask(server)
        else:
            self._dial(route)

    def _dial(self, route: Route) -> None:
        self._phase = Phase.REACHING
        self._record.dial(route.target.place)
        self._reach(route.target, route.connect_seconds, route.allowed, route.server_name)

    def _ask(self, server: Leg) -> None:
        """Send the server what has come for it."""
        self._phase = Phase.WAITING
        server.write(self._to_send)
        if not self._may_repeat:
            self._to_send = []
        if self._client.has_ended:
            server.say_no_more(self._client.end)
        if len(self._asked.behind) <= MOST_BEHIND:
            self._client.resume(PauseReason.HELD)
        server.set_timer(ANSWER_SECONDS, self._answer_timed_out)

    def _unreachable(self, answer: Answer) -> None:
        if self._phase is Phase.REACHING:
            self._answer(answer)

    def _answer_timed_out(self) -> None:
        begun = self._answered is not None and self._answered.parser.held_bytes
        seconds = self._limits.handshake_seconds if begun else ANSWER_SECONDS
        what = "end the head of its answer" if begun else "answer"
        self._server_broke(f"{self._place} did not {what} within {seconds:g} s.", 504)

    # What the server sends.

    def _take_from_server(self, data: bytes) -> None:
        answered, server = self._answered, self._server
        if self._phase is Phase.IDLE:
            # It says something that nobody asked for (RFC 9112 section 9.3): the connection is spoilt.
            self._end()
        if self._phase not in (Phase.WAITING, Phase.ANSWERING) or answered is None or server is None:
            return
        if self._late is not None:
            self._late += data
            return
        was_silent = not answered.parser.held_bytes
        try:
            passed = answered.feed(data)
        except HeadError as error:
            self._server_broke(f"{self._place} did not answer in HTTP: {error}")
            return
        except BodyError as error:
            self._response_broke(f"The answer of {self._place} can't be followed: {error}.")
            return
        if self._phase is Phase.WAITING and answered.head is not None:
            self._begin_response(answered.head, passed)
            return
        if was_silent and answered.parser.held_bytes:
            server.set_timer(self._limits.handshake_seconds, self._answer_timed_out)
        if passed:
            self._client.write(passed)
        self._look_whether_done()

    def _begin_response(self, head: ResponseHead, passed: list[bytes]) -> None:
        if head.status == 101 and not (self._upgrades and self._asked.is_done):
            # RFC 9110 section 7.8.
            self._server_broke(f"{self._place} changes to a protocol that was not asked for.")
            return
        verdict = self._hear(HeadKind.RESPONSE, head)
        self._record.respond(head, verdict)
        self._to_send = []
        if self._server is not None:
            self._server.stop_timer()
        if verdict.hold is None or self._server is None:
            self._rule_response(head, passed, verdict)
            return
        self._keep_late(self._server)
        self._heads.hold(
            HeadKind.RESPONSE,
            head.raw,
            verdict,
            lambda decided: self._response_decided(head, passed, decided),
        )

    def _response_decided(self, head: ResponseHead, passed: list[bytes], verdict: HandshakeVerdict) -> None:
        if self._phase is Phase.WAITING:
            self._rule_response(head, passed, verdict)
            if not self._is_left:
                self._settle()

    def _rule_response(self, head: ResponseHead, passed: list[bytes], verdict: HandshakeVerdict) -> None:
        """Do with a response as rules and a person want, now or later."""
        self._went = head.raw if verdict is UNCHANGED else passed_on(head, verdict)
        if verdict is not UNCHANGED:
            if self._went != head.raw:
                self._record.pass_back(self._went, verdict)
            self._record.rule(self._heads.told(HeadKind.RESPONSE, verdict))
            if verdict.is_silent:
                self._never_answer()
                return
        passed = [self._went if each is head.raw else each for each in passed]
        if verdict.delay_seconds and self._server is not None:
            self._keep_late(self._server)
            self._timers.after(verdict.delay_seconds, lambda: self._respond_late(passed))
        elif self._late is not None:
            self._respond_late(passed)
        else:
            self._respond(passed)

    def _keep_late(self, server: Leg) -> None:
        """The response waits, and what comes behind it too."""
        if self._late is None:
            self._late = bytearray()
            server.pause(PauseReason.HELD)

    def _respond(self, passed: list[bytes]) -> None:
        """Let the answer go on."""
        self._phase = Phase.ANSWERING
        if passed:
            self._client.write(passed)
        self._look_whether_done()

    def _respond_late(self, passed: list[bytes]) -> None:
        answered, server, late = self._answered, self._server, self._late
        if self._phase is not Phase.WAITING or answered is None or server is None or late is None:
            return
        self._late = None
        server.resume(PauseReason.HELD)
        if answered.head is not None and answered.head.status == 101:
            answered.behind += bytes(late)
            self._respond(passed)
        else:
            self._respond(passed)
            if late and not self._is_left:
                self._take_from_server(bytes(late))

    def _switch(self, answered: ResponseReader, server: Leg) -> None:
        """What follows is of another protocol, and what came behind the request is too."""
        assert answered.head is not None, "its status is 101"
        client = self._client
        after = Relayed(
            self._host, self.source, self.id, client, server, self._record.observer, self._heads.hearing
        )
        self._is_left = True
        self._host.session_becomes(self, after)
        for leg in (client, server):
            leg.hand_over(after)
        client.write((self._went,))
        after.opened()
        client.give_back(bytes(self._asked.behind))
        server.give_back(answered.behind)
        client.resume(PauseReason.HELD)

    def _server_ended(self, server: Leg) -> None:
        """The stream of the server is over."""
        answered = self._answered
        if self._phase is Phase.IDLE:
            self._end()
        elif self._phase is Phase.ANSWERING and answered is not None:
            how = "broke" if server.was_reset else "ended"
            try:
                answered.end()
            except BodyError as error:
                self._response_broke(f"{self._place} {how} the connection within its answer: {error}.")
            else:
                # Where the request is not complete, nobody reads the rest.
                self._conclude(None)
                self._end()
        elif self._phase is Phase.WAITING and answered is not None:
            self._ended_unanswered(server, has_begun=bool(answered.parser.raw))

    def _ended_unanswered(self, server: Leg, *, has_begun: bool) -> None:
        if self._client.has_ended:
            self._conclude(Role.CLIENT, LEFT)
            self._end()
        elif self._may_repeat and not has_begun and self._route is not None:
            self._may_repeat = False
            self._dial(self._route)
        else:
            how = "broke" if server.was_reset else "ended"
            when = "in the middle of the head of its answer" if has_begun else "without an answer"
            failure = server.tls_failure
            ended = f"{self._place} {how} the connection {when}."
            self._server_broke(ended if failure is None else failure.sentence)

    def _response_broke(self, reason: str) -> None:
        """The response will not be complete."""
        if self._phase is Phase.WAITING:
            self._server_broke(reason)
            return
        self._conclude(Role.SERVER, reason)
        if self._server is not None and self._server.was_reset:
            self._phase = Phase.ENDING
            self._client.reset()
        else:
            self._end()

    def _server_broke(self, sentence: str, status: int = 502) -> None:
        """There will be no response that could be passed on."""
        assert self._answered is not None, "the server was asked"
        parser, self._broken_by = self._answered.parser, Role.SERVER
        if parser.raw:
            self._record.fail(Role.SERVER, parser, Answer(0, sentence, b"", violations=parser.violations))
        self._answer(refuse(status, sentence))
