"""A connection to a server that Unmask dials as a client."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from core.capture.legs import LegChange
from core.capture.records import ConnectionRecord, Direction, Mode
from core.capture.tracks import Opened
from core.errors import AddressError, ConnectError, NotOpenError, PeerNotReadingError, StoppedError
from core.net.client_status import Pulse
from core.net.connect_request import ConnectRequest, ReadyHead
from core.net.dial import Dialling, Outbound
from core.net.host_list import parse_hosts
from core.net.legs.about import about_both_heads
from core.net.legs.endpoint_session import EndpointSession, connection_limits
from core.net.legs.leg import Leg
from core.net.legs.masking import Masking
from core.net.legs.pinging import Pinging
from core.net.legs.session import SessionHost
from core.net.legs.timers import Timers
from core.net.redirect import Redirect, redirect_of
from core.net.sources import SourceTag
from core.net.tls.trust import Trust
from core.protocol.endpoint import ClientSide, Endpoint
from core.protocol.events import (
    ConnectionClosed,
    FrameReceived,
    HandshakeFailed,
    Origin,
    Report,
    RequestSent,
    ResponseReceived,
)
from core.protocol.frames import Opcode
from core.protocol.handshake import judged_request, new_key
from core.protocol.handshake_rules import EXTENSIONS_HEADER, KEY_HEADER, PROTOCOL_HEADER
from core.protocol.headers import explain
from core.protocol.http11 import HeadKind, RequestHead, ResponseHead, parsed_request, parsed_response
from core.protocol.outgoing import Outgoing, OutgoingClose, OutgoingPing, RawEnd
from core.protocol.state import Role
from core.rules.handshakes import UNCHANGED, asked, recorded
from core.rules.verdict import HandshakeVerdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an opening handshake ended."""

    reason: str
    """Why it failed; "" if it succeeded."""
    response: ResponseHead | None = None
    """What the server answered, without secrets."""
    location: Redirect | None = None
    """Where the server sends instead."""


class ConnectWatcher(Protocol):
    """Is told what becomes of a connection."""

    def decided(self, outcome: Outcome) -> None:
        """The handshake is over; called once."""

    def pulsed(self, pulse: Pulse) -> None:
        """What the pings say has changed."""

    def ended(self, closed: ConnectionClosed | None) -> None:
        """The connection is over and completely recorded: the last call. None if it never began."""


def usual_head(request: ConnectRequest) -> ReadyHead:
    """The head that a request asks for, with a key of its own."""
    key = new_key()
    return ReadyHead(request.head(key), key)


class Connecting(EndpointSession):
    """The server of one URL. The connection is recorded from the moment of dialling, whether or not it succeeds."""

    def __init__(
        self,
        host: SessionHost,
        source: SourceTag,
        request: ConnectRequest,
        watcher: ConnectWatcher,
    ) -> None:
        super().__init__(host, source, Direction.SERVER_TO_CLIENT)
        self._request = request
        self._watcher = watcher
        self._masking = Masking(request)
        self._pinging: Pinging | None = None
        self._closed: ConnectionClosed | None = None
        self._asked: RequestHead | None = None
        """The request, without secrets."""
        self._answered_by: ResponseHead | None = None
        """The response, without secrets."""
        self._is_refused = False
        """The handshake has failed, whatever still comes."""
        self.is_left = False
        """Whether the person has closed it."""
        self._asks = UNCHANGED
        """What rules make of the request."""
        self._timers = Timers(host.loop)
        self._ready = request.ready or usual_head(request)
        self._request_bytes = len(self._ready.raw)
        side = ClientSide(
            self._ready.raw,
            self._ready.key,
            request.subprotocols,
            request.compression or None,
            host.settings.judgement,
            () if request.ready is None else judged_request(request.ready.raw),
        )
        self.endpoint = Endpoint(side, connection_limits(self._limits))
        opened = Opened(Mode.CONNECT, request.url.place, "", source.label)
        self.id = host.recorder.open_connection(opened, host.clock())
        self._dialling: Dialling | None = None
        self._is_reached = False

    def dial(self) -> None:
        """Start to connect. The result is recorded in the capture."""
        host, request = self._host, self._request
        self._dialling = Dialling(
            host,
            lambda: self._leg,
            request.url,
            self._outbound,
            request.connect_seconds,
            self._note,
            self._abandon,
        )

    def disconnect(self) -> None:
        if self._dialling is not None:
            self._dialling.stop()
        super().disconnect()

    def hang_up(self) -> None:
        self.is_left = True
        self.disconnect()

    def send(self, outgoing: Outgoing, toward: Role, origin: Origin) -> None:
        super().send(outgoing, toward, origin)
        if isinstance(outgoing, OutgoingClose):
            self._stop_pinging()
            self.is_left |= origin is Origin.COMPOSED

    def leg_lost(self, leg: Leg) -> None:
        self._stop_pinging()
        super().leg_lost(leg)

    def leg_finished(self, leg: Leg) -> None:
        self._timers.stop()
        super().leg_finished(leg)
        self._watcher.ended(self._closed)

    def leg_made(self, leg: Leg) -> None:
        self._is_reached = True
        if self._request.ready is None:
            # A head that the person has made stays what it is.
            self._asked = parsed_request(self._ready.raw)
            self._asks = self._heads.ask(HeadKind.REQUEST, self._about()) or UNCHANGED
        if self._asks.hold is None:
            self._ask_as_ruled(leg)
        else:
            self._heads.hold(
                HeadKind.REQUEST,
                self._ready.raw,
                self._asks,
                lambda decided: self._request_decided(leg, decided),
            )

    def _request_decided(self, leg: Leg, verdict: HandshakeVerdict) -> None:
        self._asks = verdict
        if verdict.is_silent:
            leg.abort()
        else:
            self._ask_as_ruled(leg)

    def _ask_as_ruled(self, leg: Leg) -> None:
        """Send the request as rules and a person want it, now or later."""
        if self._asked is not None and self._asks is not UNCHANGED:
            self._ask_otherwise(asked(self._asked, self._asks))
        if self._asks.delay_seconds:
            self._timers.after(self._asks.delay_seconds, lambda: self._begin(leg))
        else:
            self._begin(leg)

    def _begin(self, leg: Leg) -> None:
        if not leg.is_connected:
            return
        self._after(self.endpoint.begin())
        leg.set_timer(self._request.handshake_seconds, self._handshake_timeout)
        if self._ready.end is RawEnd.HALF_CLOSE:
            self.endpoint.lose_peer()
            leg.say_no_more()

    def _ask_otherwise(self, request: RequestHead) -> None:
        """Send another request; the response is judged by what it offers."""
        headers = request.headers
        side = ClientSide(
            request.raw,
            headers.get(KEY_HEADER) or self._ready.key,
            headers.tokens(PROTOCOL_HEADER),
            ", ".join(headers.get_all(EXTENSIONS_HEADER)) or None,
            self._host.settings.judgement,
        )
        self._request_bytes = len(request.raw)
        self.endpoint = Endpoint(side, connection_limits(self._limits))

    @property
    def _outbound(self) -> Outbound:
        """How the server is reached."""
        outbound, request = self._host.outbound, self._request
        if request.upstream is not None:
            outbound = replace(outbound, upstream=request.upstream)
        if request.accepts_any_certificate:
            trust = replace(outbound.trust.settings, exceptions=parse_hosts("*"))
            outbound = replace(outbound, trust=Trust(trust))
        return outbound

    def _note(self, change: LegChange) -> None:
        self._host.recorder.change_leg(self.id, self._host.clock(), change)

    def _abandon(self, error: ConnectError) -> None:
        """Record that there is no connection and will be none."""
        if not self._is_reached:
            self._after(self.endpoint.abandon(str(error)))
            self.leg_finished(self._leg)
        elif isinstance(error, StoppedError):
            # It was reached at the last moment.
            self._leg.abort()

    def _follow_opening(self, events: list[Report]) -> None:
        """Tell how the handshake ended. From here on the events are without secrets."""
        locations = [self._location(event) for event in events if isinstance(event, ResponseReceived)]
        self._masking.mask(events)
        self._rule_heads(events)
        for event in events:
            if isinstance(event, RequestSent):
                self._asked = event.request
            elif isinstance(event, ResponseReceived):
                # RFC 6455 section 7.1.1: the server closes the TCP connection first, also after an HTTP answer; but
                # after a 101 that we refuse, it waits for frames.
                self._peer_ends_first = event.accepted or event.response.status != 101
                reason = "" if event.accepted else explain(event.verdict.violations)
                self._answered_by = event.response
                self._decided(Outcome(reason, event.response, locations[0]))
            elif isinstance(event, HandshakeFailed):
                self._decided(Outcome(event.answer.reason))

    def _rule_heads(self, events: list[Report]) -> None:
        """Leave out of the heads what rules keep out of the capture, and tell which rules applied to them."""
        for at, event in reversed(tuple(enumerate(events))):
            if isinstance(event, RequestSent) and self._asks is not UNCHANGED:
                raw = recorded(event.raw, self._asks)
                is_masked = event.is_masked or raw != event.raw
                told = replace(event, raw=raw, request=parsed_request(raw), is_masked=is_masked)
                events[at : at + 1] = [told, self._heads.told(HeadKind.REQUEST, self._asks)]
            elif isinstance(event, ResponseReceived):
                self._answered_by = event.response
                verdict = self._heads.ask(HeadKind.RESPONSE, self._about())
                if verdict is None:
                    continue
                raw = recorded(event.response.raw, verdict)
                if raw != event.response.raw:
                    event = replace(event, response=parsed_response(raw) or event.response, is_masked=True)
                events[at : at + 1] = [event, self._heads.told(HeadKind.RESPONSE, verdict)]

    def _about(self) -> ConnectionRecord:
        response = self._answered_by
        return about_both_heads(
            self.number,
            Mode.CONNECT,
            self.source,
            self._leg,
            self._asked,
            response,
            self._host.clock(),
        )

    def _location(self, event: ResponseReceived) -> Redirect | None:
        try:
            return redirect_of(self._request.url, event.response)
        except AddressError:
            # The head that names no place stands in the capture.
            return None

    def _decided(self, outcome: Outcome) -> None:
        self._is_opening = False
        self._is_refused = bool(outcome.reason)
        self._leg.stop_timer()
        if not outcome.reason and self._request.ping_seconds:
            self._pinging = Pinging(
                self._host.loop,
                self._host.clock,
                self._request.ping_seconds,
                self._ping,
                self._watcher.pulsed,
            )
            self._pinging.start()
        self._watcher.decided(outcome)

    def _ping(self, payload: bytes) -> None:
        try:
            self.send(OutgoingPing(payload), Role.SERVER, Origin.RULE)
        except NotOpenError:
            self._stop_pinging()
        except PeerNotReadingError:
            # It counts as unanswered.
            pass

    def _stop_pinging(self) -> None:
        if self._pinging is not None:
            self._pinging.stop()

    def _record(self, now: int, events: list[Report], size: int) -> int:
        if self._pinging is not None:
            for event in events:
                if type(event) is FrameReceived and event.frame.opcode == Opcode.PONG:
                    self._pinging.ponged(event.frame.payload, now)
        if events and type(closed := events[-1]) is ConnectionClosed:
            self._closed = events[-1] = self._masking.mask_body(closed) if self._is_refused else closed
        return super()._record(now, events, size)

    def _handshake_timeout(self) -> None:
        self._after(self.endpoint.handshake_timed_out(self._request.handshake_seconds))
