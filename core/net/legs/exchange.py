"""One request of a client, and what its server answers to it.

Both pass as they come, except for the lines that the router changes in the request's head. When both are complete, the
legs stay for the client's next request, which becomes an exchange of its own; so a client's requests are passed on one
after the other, however far ahead it sends them. A response of 101 makes a `Relayed` of the exchange.
"""

from __future__ import annotations

from core.capture.tracks import Opened
from core.errors import BodyError, HeadError
from core.net.fronts.router import Route, Tunnel
from core.net.legs.endpoint_session import connection_limits
from core.net.legs.exchange_phase import Phase
from core.net.legs.exchange_record import ExchangeRecord
from core.net.legs.forwarding import Forwarding, KeptServer
from core.net.legs.leg import Leg, PauseReason
from core.net.legs.reception import Asked, Reception
from core.net.legs.relayed import Relayed
from core.net.sockets import name_of
from core.protocol.handshake import Answer, refuse
from core.protocol.head_rewrite import rewrite
from core.protocol.http11 import RequestHead, ResponseHead
from core.protocol.http_message import RequestReader, ResponseReader, persists
from core.protocol.state import Role

ANSWER_SECONDS = 300.0
"""How long a server may take to begin its answer. Clients that are less patient leave by themselves."""
_MOST_BEHIND = 64 * 1024
"""Bytes behind a request from which on no more is read before its exchange is over."""
_REPEATABLE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
"""Methods that ask for nothing but an answer (RFC 9110 section 9.2.1)."""

_LEFT = "The client left before it had the whole answer."


class Exchange(Forwarding):
    """A request of a client, and its response."""

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
        self._to_send: list[bytes] = []
        """What goes to the server as soon as it is reached."""
        self._may_repeat = False
        """The server's leg served earlier requests, and may have ended before this one arrived."""
        self._broken_by: Role | None = None
        """Who has left the exchange unfinished."""

    # Called by the engine.

    @property
    def held_bytes(self) -> int:
        answer = 0 if self._answered is None else self._answered.parser.held_bytes
        rest = sum(leg.rest_bytes for leg in self.legs)
        return self._asked.held_bytes + answer + rest + sum(map(len, self._to_send))

    def give_up(self, held: int, total: int) -> None:
        self._conclude(None, f"Unmask cut it: {held} bytes were held for it, the limit for all is {total}.")
        self.disconnect()

    def begin(self) -> None:
        """Open the record. For a client's first request this is done when its leg is made."""
        client, limits = self._client, connection_limits(self._limits)
        mode, label = self._reception.mode, self.source.label
        opened = Opened(mode, name_of(client.peer_place), name_of(client.local_place), label)
        self._record = ExchangeRecord(self._host, opened, limits, lambda: self._wait_for_recorder(client))
        self.id = self._record.id
        self._note_tls(client)
        client.set_timer(self._limits.handshake_seconds, self._request_timed_out)

    # Called by the legs.

    def leg_made(self, leg: Leg) -> None:
        super().leg_made(leg)
        if leg is self._client:
            self.begin()
            if not self._reception.admit(self):
                count = self._host.served_connections
                self._answer(
                    refuse(503, f"There are {count} connections already, which is the limit. Try later.")
                )
        elif self._client.is_connected:
            self._ask(leg)
        else:
            self._leave_server()

    def leg_received(self, leg: Leg, data: bytes, now: int, until: int) -> bool:  # noqa: ARG002
        if leg is self._client:
            self._take_from_client(data)
        elif leg is self._server:
            self._take_from_server(data)
        if not self._is_left:
            self._settle()
        return leg.has_more

    def leg_has_more(self, leg: Leg) -> bool:  # noqa: ARG002
        return False

    def leg_wants_portions(self, leg: Leg) -> bool:
        reader = self._asked if leg is self._client else self._answered
        return reader is not None and reader.has_lines

    def leg_ended(self, leg: Leg) -> bool:
        if leg is self._client:
            return self._client_ended()
        if leg is self._server:
            self._server_ended(leg)
        return False

    def leg_lost(self, leg: Leg) -> None:
        if leg is self._client:
            leg.drop_rest()
            self._client_lost()
        elif leg is self._server and not leg.has_more:
            self._server_ended(leg)

    def leg_finished(self, leg: Leg) -> None:
        if leg is self._server:
            self._server_ended(leg)
        super().leg_finished(leg)

    # What the client sends.

    def _take_from_client(self, data: bytes) -> None:
        if self._phase is Phase.ENDING:
            return
        if self._phase is Phase.IDLE:
            self._follow(data)
            return
        asked = self._asked
        was_asking = asked.head is None
        try:
            body = asked.feed(data)
        except HeadError as error:
            answer = refuse(error.status, str(error), asked.parser.violations)
            self._record.fail(Role.CLIENT, asked.parser, answer)
            self._end_with(answer)
            return
        except BodyError as error:
            self._client_broke(f"The body of the request is not framed as its head says: {error}.")
            return
        if asked.head is None:
            return
        if was_asking:
            self._go(asked.head, body)
        else:
            self._pass_request(body)

    def _go(self, request: RequestHead, body: bytes) -> None:
        """Send a request where it belongs, with what has come of its body."""
        self._client.stop_timer()
        self._record.ask(self._asked)
        route = self._client.refusal or self._asked.refusal or self._reception.route(self._client, request)
        if isinstance(route, Answer):
            self._answer(route)
        elif isinstance(route, Tunnel):
            self._open_tunnel(Asked(self.id, self._client, request, bytes(self._asked.behind)), route)
        else:
            self._route = route
            head = rewrite(request, route.rewrite)
            if head != request.raw:
                self._record.pass_on(head)
            self._answered = ResponseReader(request, self._head_limits)
            self._to_send = [head, body] if body else [head]
            self._find_server(route)

    def _open_tunnel(self, asked: Asked, tunnel: Tunnel) -> None:
        open_tunnel = self._reception.open_tunnel
        assert open_tunnel is not None, "the router knows tunnels"
        self._leave_server()
        self._is_left = True
        self._host.session_becomes(self, open_tunnel(asked, tunnel))

    def _pass_request(self, body: bytes) -> None:
        """Pass on what belongs to the request. What comes behind it waits for its own turn."""
        if body and self._phase is Phase.REACHING:
            self._to_send.append(body)
        elif body and self._server is not None:
            self._server.write((body,))
        if len(self._asked.behind) > _MOST_BEHIND:
            self._client.pause(PauseReason.HELD)
        self._look_whether_done()

    def _client_ended(self) -> bool:
        if self._phase is Phase.REACHING:
            return True
        if self._phase in (Phase.WAITING, Phase.ANSWERING) and self._server is not None:
            # A half-closed stream stays one.
            self._server.say_no_more(self._client.end)
            return True
        if self._phase is Phase.IDLE:
            self._leave_server()
        return False

    def _client_lost(self) -> None:
        self._leave_server(reset=self._client.was_reset)
        self._stop_dialling()
        if self._phase is Phase.ASKING:
            self._record.miss(self._asked, self._client.tls_failure)
        elif self._phase not in (Phase.IDLE, Phase.ENDING):
            self._conclude(Role.CLIENT, _LEFT)

    def _client_broke(self, reason: str) -> None:
        """The request can't be passed on further."""
        if self._phase is Phase.ASKING:
            self._record.ask(self._asked)
        if self._phase is Phase.ANSWERING:
            self._conclude(Role.CLIENT, reason)
            self._phase = Phase.ENDING
            self.disconnect()
            return
        self._leave_server(reset=True)
        self._stop_dialling()
        self._answer(refuse(400, reason))

    def _request_timed_out(self) -> None:
        seconds = self._limits.handshake_seconds
        self._answer(refuse(408, f"The request was not complete after {seconds:g} s."))

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
        if len(self._asked.behind) <= _MOST_BEHIND:
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
        self._record.respond(head)
        self._phase = Phase.ANSWERING
        self._to_send = []
        if self._server is not None:
            self._server.stop_timer()
        if passed:
            self._client.write(passed)
        self._look_whether_done()

    def _switch(self, answered: ResponseReader, server: Leg) -> None:
        """What follows is of another protocol, and what came behind the request is too."""
        assert answered.head is not None, "its status is 101"
        client = self._client
        after = Relayed(self._host, self.source, self.id, client, server, self._record.observer)
        self._is_left = True
        self._host.session_becomes(self, after)
        for leg in (client, server):
            leg.hand_over(after)
        client.write((answered.head.raw,))
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
            self._conclude(Role.CLIENT, _LEFT)
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

    # The end.

    @property
    def _place(self) -> str:
        return "The server" if self._route is None else self._route.target.place

    @property
    def _upgrades(self) -> bool:
        """Whether the request asks for another protocol (RFC 9110 section 7.8)."""
        return self._asked.head is not None and bool(self._asked.head.headers.tokens("Upgrade"))

    def _look_whether_done(self) -> None:
        """Go on if request and response are complete."""
        asked, answered, server = self._asked, self._answered, self._server
        if self._phase is not Phase.ANSWERING or answered is None or answered.head is None or server is None:
            return
        if answered.head.status == 101:
            self._switch(answered, server)
        elif asked.is_done and answered.is_done:
            self._conclude(None)
            if not self._may_continue(answered, server):
                self._end()
                return
            self._phase = Phase.IDLE
            self._client.resume(PauseReason.HELD)
            if asked.behind:
                self._follow(bytes(asked.behind))

    def _may_continue(self, answered: ResponseReader, server: Leg) -> bool:
        """Whether the legs can serve another request."""
        if answered.is_spoilt or server.has_more:
            return False
        if self._upgrades and (self._asked.behind or self._client.has_more):
            # What came behind may be meant for the protocol that the server refused: it is no request.
            return False
        legs_last = all(leg.is_open and not leg.has_ended for leg in (self._client, server))
        return legs_last and all(head and persists(head) for head in (self._asked.head, answered.head))

    def _follow(self, data: bytes) -> None:
        """Begin the exchange of the next request, on the same legs."""
        server, url = self._server, self._url
        kept = None if server is None or url is None else KeptServer(server, url, self._known)
        after = Exchange(self._reception, self._client, kept)
        self._is_left = True
        for leg in after.legs:
            leg.hand_over(after)
        after.begin()
        self._host.session_becomes(self, after)
        self._client.give_back(data)

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
        self._conclude(self._broken_by)
