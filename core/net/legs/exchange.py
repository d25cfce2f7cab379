"""One request of a client, and what its server answers to it.

Both pass as they come, except for the lines that the router changes in the request's head. When both are complete, the
legs stay for the client's next request, which becomes an exchange of its own; so a client's requests are passed on one
after the other, however far ahead it sends them. A response of 101 makes a `Relayed` of the exchange.
"""

from __future__ import annotations

from dataclasses import replace

from core.errors import BodyError, HeadError
from core.net.fronts.router import Route, Tunnel
from core.net.legs.answering import LEFT, MOST_BEHIND, Answering
from core.net.legs.exchange_phase import Phase
from core.net.legs.forwarding import KeptServer
from core.net.legs.leg import Leg, PauseReason
from core.net.legs.reception import Asked
from core.protocol.handshake import Answer, refuse
from core.protocol.head_rewrite import rewrite
from core.protocol.http11 import HeadKind, RequestHead, parsed_request
from core.protocol.http_message import ResponseReader, persists
from core.protocol.state import Role
from core.rules.handshakes import UNCHANGED, asked, canned
from core.rules.verdict import HandshakeVerdict


class Exchange(Answering):
    """A request of a client, and its response."""

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
        client = self._client
        self._open_record()
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
        verdict = self._hear(HeadKind.REQUEST)
        self._record.ask(self._asked, verdict)
        if verdict.hold is None:
            self._rule_request(request, body, verdict)
            return
        self._phase = Phase.REACHING
        self._heads.hold(
            HeadKind.REQUEST,
            request.raw,
            verdict,
            lambda decided: self._request_decided(request, body, decided),
        )

    def _request_decided(self, request: RequestHead, body: bytes, verdict: HandshakeVerdict) -> None:
        if self._phase is Phase.REACHING and self._client.is_connected:
            # More of the body may have come meanwhile.
            self._rule_request(request, b"".join((body, *self._to_send)), verdict)
            if not self._is_left:
                self._settle()

    def _rule_request(self, request: RequestHead, body: bytes, verdict: HandshakeVerdict) -> None:
        """Do with a request as rules and a person want."""
        if verdict.head is not None:
            request, verdict = parsed_request(verdict.head) or request, replace(verdict, head=None)
        route = self._client.refusal or self._asked.refusal or self._reception.route(self._client, request)
        if verdict is not UNCHANGED and not isinstance(route, Answer):
            self._record.rule(self._heads.told(HeadKind.REQUEST, verdict))
            if verdict.answer is not None and verdict.answer.status != 101:
                route = canned(verdict.answer)
            elif verdict.is_silent:
                self._never_answer()
                return
        if isinstance(route, Answer):
            self._answer(route)
        elif isinstance(route, Tunnel):
            self._open_tunnel(Asked(self.id, self._client, request, bytes(self._asked.behind)), route)
        else:
            self._send_on(request, body, route, verdict)

    def _send_on(self, request: RequestHead, body: bytes, route: Route, verdict: HandshakeVerdict) -> None:
        """Let a request go on, now or later."""
        self._route = route
        head = rewrite(request, route.rewrite)
        if verdict is not UNCHANGED:
            head = asked(parsed_request(head) or request, verdict).raw
        if self._asked.head is None or head != self._asked.head.raw:
            self._record.pass_on(head, verdict)
        self._answered = ResponseReader(request, self._head_limits)
        self._to_send = [head, body] if body else [head]
        if not verdict.delay_seconds:
            self._find_server(route)
            return
        self._phase = Phase.REACHING
        self._client.pause(PauseReason.HELD)
        self._timers.after(verdict.delay_seconds, lambda: self._find_server_late(route))

    def _find_server_late(self, route: Route) -> None:
        if self._phase is Phase.REACHING and self._client.is_connected:
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
        held = sum(map(len, self._to_send)) if self._heads.is_holding else 0
        if len(self._asked.behind) + held > MOST_BEHIND:
            self._client.pause(PauseReason.HELD)
        self._look_whether_done()

    def _client_ended(self) -> bool:
        if self._heads.is_holding:
            # It has given up.
            return False
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
        told = self._heads.abandon()
        if told is not None:
            self._record.rule(told)
        self._leave_server(reset=self._client.was_reset)
        self._stop_dialling()
        if self._phase is Phase.ASKING:
            self._record.miss(self._asked, self._client.tls_failure)
        elif self._phase not in (Phase.IDLE, Phase.ENDING):
            self._conclude(Role.CLIENT, LEFT)

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

    # The end.

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
