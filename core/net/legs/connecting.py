"""A connection to a server that Unmask dials as a client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.capture.legs import LegChange
from core.capture.records import Direction, Mode
from core.capture.tracks import Opened
from core.errors import ConnectError
from core.net.connect_request import ConnectRequest
from core.net.dial import dial
from core.net.legs.endpoint_session import EndpointSession, connection_limits
from core.net.legs.leg import Leg
from core.net.legs.session import SessionHost
from core.net.sources import SourceTag
from core.protocol.endpoint import ClientSide, Endpoint
from core.protocol.events import HandshakeFailed, Report, ResponseReceived
from core.protocol.handshake import new_key
from core.protocol.headers import explain


class Connecting(EndpointSession):
    """The server of one URL. The connection is recorded from the moment of dialling, whether or not it succeeds."""

    def __init__(
        self,
        host: SessionHost,
        source: SourceTag,
        request: ConnectRequest,
        decided: Callable[[str], None],
    ) -> None:
        """`decided` is told once how the handshake ended: why it failed, or "" if it succeeded."""
        super().__init__(host, source, Direction.SERVER_TO_CLIENT)
        self._request = request
        self._tell_decided = decided
        key = new_key()
        head = request.head(key)
        self._request_bytes = len(head)
        side = ClientSide(
            head, key, request.subprotocols, request.compression or None, host.settings.judgement
        )
        self.endpoint = Endpoint(side, connection_limits(self._limits))
        opened = Opened(Mode.CONNECT, request.url.place, "", source.label)
        self.id = host.recorder.open_connection(opened, host.clock())
        self._dialing: asyncio.Task[None] | None = None
        self._is_reached = False

    def dial(self) -> None:
        """Start to connect. The result is recorded in the capture."""
        self._dialing = self._host.loop.create_task(self._dial())

    def disconnect(self) -> None:
        if self._dialing is not None:
            # Has no effect when dialling is over.
            self._dialing.cancel()
        super().disconnect()

    def leg_made(self, leg: Leg) -> None:
        self._is_reached = True
        self._after(self.endpoint.begin())
        leg.set_timer(self._request.handshake_seconds, self._handshake_timeout)

    async def _dial(self) -> None:
        url = self._request.url
        try:
            await dial(
                self._host,
                lambda: self._leg,
                url,
                self._host.outbound,
                self._request.connect_seconds,
                self._note,
            )
        except ConnectError as error:
            self._abandon(str(error))
        except asyncio.CancelledError:
            self._abandon(f"Connecting to {url.place} was stopped before there was an answer.")
        except Exception as error:
            self._abandon(
                f"Connecting to {url.place} failed by a fault of Unmask ({error}). Please report it."
            )
            self._host.loop.call_exception_handler({"message": "Dialling failed", "exception": error})

    def _note(self, change: LegChange) -> None:
        self._host.recorder.change_leg(self.id, self._host.clock(), change)

    def _abandon(self, reason: str) -> None:
        """Record that there is no connection and will be none."""
        if not self._is_reached:
            self._after(self.endpoint.abandon(reason))
            self.leg_finished(self._leg)

    def _follow_opening(self, events: list[Report]) -> None:
        """Tell how the handshake ended."""
        for event in events:
            if isinstance(event, ResponseReceived):
                # RFC 6455 section 7.1.1: the server closes the TCP connection first, also after an HTTP answer; but
                # after a 101 that we refuse, it waits for frames.
                self._peer_ends_first = event.accepted or event.response.status != 101
                self._decided("" if event.accepted else explain(event.verdict.violations))
            elif isinstance(event, HandshakeFailed):
                self._decided(event.answer.reason)

    def _decided(self, reason: str) -> None:
        """The handshake is over; `reason` says why it failed, "" means that it succeeded."""
        self._is_opening = False
        self._leg.stop_timer()
        self._tell_decided(reason)

    def _handshake_timeout(self) -> None:
        self._after(self.endpoint.handshake_timed_out(self._request.handshake_seconds))
