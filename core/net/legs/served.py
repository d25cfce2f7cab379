"""A client that connected to Unmask as a server."""

from __future__ import annotations

from collections.abc import Callable

from core.capture.records import ConnectionRecord, Direction, Mode
from core.capture.tracks import Opened
from core.net.fronts.front import Front
from core.net.legs.about import about
from core.net.legs.endpoint_session import EndpointSession, connection_limits
from core.net.legs.leg import Leg
from core.net.legs.session import SessionHost
from core.net.settings import EngineSettings, is_loopback
from core.net.sockets import name_of
from core.net.sources import SourceTag
from core.protocol.deflate import DeflatePolicy
from core.protocol.endpoint import Endpoint, ServerSide
from core.protocol.events import HandshakeFailed, Report, RequestReceived
from core.protocol.handshake import Answer, ServerPolicy
from core.protocol.http11 import RequestHead


class Served(EndpointSession):
    """The client of one accepted socket."""

    def __init__(
        self, host: SessionHost, source: SourceTag, front: Front, admit: Callable[[Served], bool]
    ) -> None:
        """`admit` is asked once the session has an id: it tells whether there is room for another one."""
        super().__init__(host, source, Direction.CLIENT_TO_SERVER)
        self._front = front
        self._admit = admit
        self._opened_by: tuple[RequestHead, Answer] | None = None

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
                answer = self._leg.refusal or self._front.answer(event.request, event.policy)
                answer = answer or event.proposed
                self._opened_by = event.request, answer
                events += self.endpoint.answer(answer)
            elif isinstance(event, HandshakeFailed):
                self._is_opening = False

    def _about(self) -> ConnectionRecord:
        request, answer = self._opened_by or (None, None)
        return about(
            self.number,
            Mode.LISTEN,
            self.source,
            self._leg,
            request,
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
