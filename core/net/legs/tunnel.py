"""What a client does inside a tunnel that it asked a proxy for (CONNECT, RFC 9110 section 9.3.6).

Whoever speaks first tells what the tunnel is for. Where the client begins with TLS, it is opened or passes, as the
proxy's lists say; where it begins with HTTP, its requests are passed on one by one; anything else passes as it comes,
and is counted.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from enum import Enum, auto
from typing import Protocol

from core.capture.records import Direction
from core.net.connect_request import ServerUrl
from core.net.fronts.router import Router
from core.net.legs.exchange import Exchange
from core.net.legs.forwarding import Forwarding, KeptServer
from core.net.legs.leg import Leg, PauseReason
from core.net.legs.reception import Asked, Reception
from core.net.proxy import Proxy, TlsTreatment
from core.net.reach import Reach
from core.net.tls.failures import TlsFailure, TlsFailureKind
from core.net.tls.openings import Opening
from core.protocol.client_hello import ClientHello, read_client_hello
from core.protocol.events import Event, HandshakeDone, TunnelEnded, TunnelPassed
from core.protocol.first_bytes import FirstBytes, judge_first_bytes
from core.protocol.handshake import Answer
from core.protocol.state import Role

HALF_OPEN_SECONDS = 300.0
"""How long a tunnel lasts of which one side has ended and the other is silent."""
_ESTABLISHED = Answer(200, "", b"HTTP/1.1 200 Connection established\r\n\r\n")
_HTTP = "http/1.1"
_REPORT_SECONDS = 1.0
"""How often the bytes of a tunnel that passes are recorded."""
_ENDED_EARLY = "One side ended its half of the stream before it was known what the tunnel is for."
_UNUSED = (
    "The client ended the connection after the TLS handshake, before it asked for anything: it may insist on a "
    "certificate that it knows, or had no use for the connection."
)
_DISTRUST = frozenset((TlsFailureKind.CERTIFICATE_REFUSED, TlsFailureKind.VANISHED))
"""How a client ends the handshake that does not want our certificate."""


class _Phase(Enum):
    REACHING = auto()
    """The server is being dialled."""
    PEEKING = auto()
    """It is reached, and nobody has said what the tunnel is for."""
    PASSING = auto()
    """Bytes pass as they come."""
    SECURING = auto()
    """The client's TLS is being opened."""
    SECURED = auto()
    """It is open, and the client has said nothing inside of it."""
    ENDING = auto()
    """Nothing passes any more."""


class TunnelKeeper(Protocol):
    """What a tunnel needs of its proxy."""

    @property
    def proxy(self) -> Proxy:
        """What the person wants, now."""

    @property
    def allowed(self) -> Reach:
        """Which addresses may be connected to."""

    def opening(self, host: str) -> Opening:
        """Our side of a handshake with a client that means this host."""

    def tell_refused(self, name: str, sentence: str) -> None:
        """A client does not take the certificate for this host."""

    def router_inside(self, target: ServerUrl, server_name: str | None) -> Router:
        """The router of the requests inside of a tunnel to this server, for which TLS names it so."""


class Tunnelled(Forwarding):
    """A client and the server that it wants to speak with, until it is known what they speak."""

    def __init__(self, reception: Reception, keeper: TunnelKeeper, asked: Asked, target: ServerUrl) -> None:
        """Take over the client that `asked` for a tunnel to `target`, a ws:// URL."""
        super().__init__(reception.host, reception.source, asked.client, None)
        self._reception = reception
        self.id = asked.id
        self._keeper = keeper
        self._target = target
        self._phase = _Phase.REACHING
        self._first = bytearray(asked.behind)
        """What the client has said, until it is known what it is."""
        self._passed = {Role.CLIENT: 0, Role.SERVER: 0}
        """Bytes received of either."""
        self._reporting: asyncio.TimerHandle | None = None
        self._why = ""
        """Why bytes pass as they come."""
        self._hello = ClientHello()
        self._is_inside = False
        """Whether TLS with the client is open."""
        self._ended = TunnelEnded(None)
        self._idle: asyncio.TimerHandle | None = None
        self._client.hand_over(self)

    def begin(self) -> None:
        """Reach the server."""
        self._reach(self._target, self._keeper.proxy.connect_seconds, self._keeper.allowed)

    # Called by the engine.

    @property
    def held_bytes(self) -> int:
        return len(self._first)

    def give_up(self, held: int, total: int) -> None:
        reason = f"Unmask cut it: {held} bytes were held for it, the limit for all is {total}."
        self._ended = TunnelEnded(None, failure=reason)
        self.disconnect()

    # Called by the legs.

    def leg_made(self, leg: Leg) -> None:
        super().leg_made(leg)
        if leg is not self._server:
            return
        if not self._is_inside:
            self._client.write((_ESTABLISHED.response,))
            self._tell(HandshakeDone(_ESTABLISHED))
        self._phase = _Phase.PEEKING
        self._client.resume(PauseReason.HELD)
        if self._client.has_ended:
            self._pass(_ENDED_EARLY)
        else:
            self._judge()

    def leg_received(self, leg: Leg, data: bytes, now: int, until: int) -> bool:  # noqa: ARG002
        is_client = leg is self._client
        match self._phase:
            case _Phase.REACHING if is_client:
                self._first += data
            case _Phase.PEEKING if is_client:
                self._first += data
                self._judge()
            case _Phase.PEEKING:
                self._pass("The server speaks first.")
                self._hand_on(leg, data)
            case _Phase.PASSING:
                self._hand_on(leg, data)
            case _Phase.SECURED if is_client:
                self._first += data
                self._judge_inside()
            case _:
                # Before TLS begins with it, a server has nothing to say.
                pass
        if not self._is_left:
            self._settle()
        return False

    def leg_has_more(self, leg: Leg) -> bool:  # noqa: ARG002
        return False

    def leg_ended(self, leg: Leg) -> bool:
        if self._forgets(leg):
            return False
        self._note_end(leg)
        if self._phase is _Phase.PEEKING:
            self._pass(_ENDED_EARLY)
        other = self._other(leg)
        if self._phase is _Phase.PASSING and other is not None:
            other.say_no_more()
            self._watch_half()
        return self._phase in (_Phase.PASSING, _Phase.REACHING)

    def leg_lost(self, leg: Leg) -> None:
        if self._forgets(leg):
            return
        self._note_end(leg, was_reset=leg.was_reset)
        self._stop_dialling()
        other = self._other(leg)
        if other is not None and leg.was_reset:
            other.reset()
        elif other is not None:
            other.close()

    # What the tunnel is for.

    def _judge(self) -> None:
        """Find out from what the client has said so far."""
        first = bytes(self._first)
        kind = judge_first_bytes(first)
        if kind is FirstBytes.TLS and self._is_inside:
            kind = FirstBytes.OTHER
        hello = read_client_hello(first) if kind is FirstBytes.TLS else None
        if kind is None or (kind is FirstBytes.TLS and hello is None):
            if first:
                self._client.set_timer(self._keeper.proxy.peek_seconds, self._peeked_in_vain)
            return
        self._client.stop_timer()
        if hello is not None:
            self._follow_tls(hello)
        elif kind is FirstBytes.HTTP:
            self._enter()
        else:
            self._pass(
                "Inside of TLS it is not HTTP/1." if self._is_inside else "It is neither TLS nor HTTP/1."
            )

    def _peeked_in_vain(self) -> None:
        self._pass("The client did not say enough in time to tell what it speaks.")

    def _follow_tls(self, hello: ClientHello) -> None:
        proxy, target = self._keeper.proxy, self._target
        names = {target.host, hello.server_name or target.host}
        if any(proxy.treatment(name, target.port) is TlsTreatment.PASS for name in names):
            self._pass("Its TLS passes untouched, as the proxy's lists say.")
        elif hello.alpn and _HTTP not in hello.alpn:
            self._pass(f"It is TLS for another protocol than HTTP/1.1: {', '.join(hello.alpn)}.")
        else:
            self._open_tls(hello)

    # Bytes that pass.

    def _pass(self, why: str) -> None:
        self._phase, self._why = _Phase.PASSING, why
        self._client.stop_timer()
        first, self._first = bytes(self._first), bytearray()
        self._hand_on(self._client, first)
        self._report()

    def _hand_on(self, leg: Leg, data: bytes) -> None:
        other = self._other(leg)
        if data and other is not None:
            other.write((data,))
        self._passed[self._side(leg)] += len(data)
        if self._reporting is None:
            self._reporting = self._host.loop.call_later(_REPORT_SECONDS, self._report)

    def _watch_half(self) -> None:
        """End the tunnel if nothing more comes of the half that is left: nobody may be there any more."""
        passed = dict(self._passed)

        def look() -> None:
            if self._passed == passed:
                self.disconnect()
            else:
                self._watch_half()

        if self._idle is not None:
            self._idle.cancel()
        self._idle = self._host.loop.call_later(HALF_OPEN_SECONDS, look)

    def _report(self) -> None:
        if self._reporting is not None:
            self._reporting.cancel()
            self._reporting = None
        self._tell(TunnelPassed(self._passed[Role.CLIENT], self._passed[Role.SERVER], self._why))

    # TLS that is opened.

    def _open_tls(self, hello: ClientHello) -> None:
        self._phase, self._hello = _Phase.SECURING, hello
        first, self._first = bytes(self._first), bytearray()
        if self._client.is_open:
            opening = self._keeper.opening(self._target.host)
            self._client.secure(opening, self._limits.handshake_seconds, first)

    def leg_secured(self, leg: Leg) -> None:
        super().leg_secured(leg)
        self._phase, self._is_inside = _Phase.SECURED, True
        self._client.set_timer(self._keeper.proxy.peek_seconds, self._reach_inside)

    def leg_unsecured(self, leg: Leg, failure: TlsFailure) -> None:  # noqa: ARG002
        self._phase = _Phase.ENDING
        sentence = failure.sentence
        if failure.kind in _DISTRUST:
            name = self._hello.server_name or self._target.host
            sentence = (
                f"{sentence} It may not trust Unmask's authority, or insist on a certificate that it knows. Let it "
                f"trust the authority, or let {name} pass through."
            )
            self._keeper.tell_refused(name, sentence)
        self._ended = TunnelEnded(Role.CLIENT, failure=sentence)

    def _judge_inside(self) -> None:
        """Find out what the client says inside of TLS. Requests are left to find their own way to the server."""
        kind = judge_first_bytes(bytes(self._first))
        if kind is FirstBytes.HTTP:
            self._enter()
        elif kind is not None:
            self._reach_inside()

    def _reach_inside(self) -> None:
        """Speak TLS with the server too, since the client waits for it, or does not speak HTTP."""
        self._client.stop_timer()
        self._phase = _Phase.REACHING
        keeper = self._keeper
        self._reach(
            self._target_inside, keeper.proxy.connect_seconds, keeper.allowed, self._hello.server_name
        )

    @property
    def _target_inside(self) -> ServerUrl:
        return replace(self._target, scheme="wss") if self._is_inside else self._target

    # Requests inside of the tunnel.

    def _enter(self) -> None:
        """The client's requests begin; from here on each is an exchange of its own."""
        first, self._first = bytes(self._first), bytearray()
        router = self._keeper.router_inside(self._target_inside, self._hello.server_name)
        reception = replace(self._reception, router=router, open_tunnel=None)
        server, url = self._server, self._url
        kept = None if server is None or url is None else KeptServer(server, url, self._known)
        after = Exchange(reception, self._client, kept)
        self._is_left = True
        for leg in after.legs:
            leg.hand_over(after)
        after.begin()
        self._host.session_becomes(self, after)
        self._tell(self._ended)
        self._client.give_back(first)

    # The end.

    def _unreachable(self, answer: Answer) -> None:
        self._phase = _Phase.ENDING
        if self._is_inside:
            # It has asked for nothing yet that could be answered.
            self._ended = TunnelEnded(None, failure=answer.reason)
            self._end()
        else:
            self._tell(HandshakeDone(answer))
            self._end_with(answer)

    def _forgets(self, leg: Leg) -> bool:
        """Whether its end means nothing: once TLS is opened, each request finds its own way to the server."""
        if leg is self._server and self._phase in (_Phase.SECURING, _Phase.SECURED):
            self._server = None
        return leg not in (self._client, self._server)

    def _note_end(self, leg: Leg, *, was_reset: bool = False) -> None:
        """Note whose stream ended first, and how."""
        if self._phase is _Phase.SECURED and leg is self._client:
            self._ended = TunnelEnded(Role.CLIENT, was_reset, remark=_UNUSED)
        elif self._ended.first is None and not self._ended.failure:
            self._ended = TunnelEnded(self._side(leg), was_reset)
        elif was_reset and self._ended.first is self._side(leg):
            self._ended = TunnelEnded(self._ended.first, was_reset, self._ended.failure)

    def _over(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._phase is _Phase.PASSING:
            self._report()
        self._tell(self._ended)

    def _tell(self, event: Event) -> None:
        host = self._host
        host.recorder.record(self.id, host.clock(), [event], 0, Direction.CLIENT_TO_SERVER)
