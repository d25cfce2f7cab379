"""Sessions that dial a server for their client, and can answer the client themselves."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from dataclasses import dataclass, replace

from core.capture.legs import LegChange
from core.capture.records import Mode
from core.errors import ConnectError, SilentError, StoppedError
from core.net.connect_request import ServerUrl
from core.net.dial import Dialling
from core.net.failures import Failure, FailureKind
from core.net.legs.between import Between
from core.net.legs.leg import Leg, PauseReason
from core.net.legs.session import SessionHost
from core.net.reach import Reach, Refusal, RefusedAddress
from core.net.sockets import KNOWS_UNTAKEN
from core.net.sources import SourceTag
from core.net.tls.failures import TlsError, TlsFailureKind
from core.net.upstream import UpstreamFailure, UpstreamProblem
from core.protocol.handshake import Answer, refuse
from core.protocol.state import Role

# Where the system does not tell what it holds, only our own queue is seen, which moves in large steps.
_MOST_IDLE = 1 if KNOWS_UNTAKEN else 6
"""So many times in a row a client may take nothing before it is cut."""


@dataclass(frozen=True, slots=True)
class KeptServer:
    """A server that an earlier request has been sent to."""

    leg: Leg
    url: ServerUrl
    change: LegChange
    """What is known of the leg."""


class Forwarding(Between):
    """What sessions share that find their own way to a server. They are over when no leg is left."""

    def __init__(
        self,
        host: SessionHost,
        source: SourceTag,
        client: Leg | None,
        kept: KeptServer | None,
    ) -> None:
        """None: a leg that is to be made."""
        super().__init__(host, source, client, None if kept is None else kept.leg)
        self._url = None if kept is None else kept.url
        """Where the server's leg leads."""
        self._known = LegChange(Role.SERVER) if kept is None else kept.change
        self._dialling: Dialling | None = None
        self._alive: set[Leg] = {leg for leg in self.legs if leg.is_connected}
        self._is_left = False
        """It is over, or another session has the legs."""

    @property
    def is_open(self) -> bool:
        return False

    def disconnect(self) -> None:
        self._stop_dialling()
        super().disconnect()

    def leg_made(self, leg: Leg) -> None:
        self._alive.add(leg)
        if leg is not self._client:
            self._dialling = None
            self._server = leg
            self._host.chains.dialled(leg, self._client, self.source.id)

    def leg_finished(self, leg: Leg) -> None:
        self._alive.discard(leg)
        self._end_if_alone()

    # For subclasses.

    @abstractmethod
    def _unreachable(self, answer: Answer) -> None:
        """The server was not reached, and the client is still there; `answer` tells it why."""

    @abstractmethod
    def _over(self) -> None:
        """Both legs are gone; record the end."""

    def _take_ready(self, target: ServerUrl) -> asyncio.Transport | None:
        """The server's leg as a bare connection, if it leads to the target and TLS can begin on it."""
        server, url = self._server, self._url
        if server is None or url is None or url.is_secure or not target.is_secure:
            return None
        if (url.host, url.port) != (target.host, target.port) or server.has_ended:
            return None
        self._server = None
        self._alive.discard(server)
        return server.release()

    def _reach(
        self, target: ServerUrl, seconds: float, allowed: Reach, server_name: str | None = None
    ) -> None:
        """Dial the server, and leave the one before: then `leg_made` or `_unreachable` follows. Until then nothing is
        read of the client.
        """
        ready = self._take_ready(target)
        self._leave_server()
        outbound = replace(self._host.outbound, allowed=allowed, server_name=server_name, ready=ready)
        self._client.pause(PauseReason.HELD)
        self._url, self._known = target, LegChange(Role.SERVER)
        host = self._host
        leg = Leg(self, host.loop, host.turns, host.clock)
        self._dialling = Dialling(
            host, lambda: leg, target, outbound, seconds, self._note, self._dialled_in_vain
        )

    def _note(self, change: LegChange) -> None:
        self._known = self._known.with_(change)
        self._host.recorder.change_leg(self.id, self._host.clock(), change)

    def _stop_dialling(self) -> None:
        if self._dialling is not None:
            self._dialling.stop()

    def _dialled_in_vain(self, error: ConnectError) -> None:
        self._dialling = None
        if self._client.is_connected and self._url is not None:
            label = self.source.label
            # Clients of a proxy ask for many servers, of which some are not there.
            concerns_person = label is None or label.mode is not Mode.PROXY
            if concerns_person and not isinstance(error, StoppedError):
                self._host.tell_failure(Failure(FailureKind.CONNECT, self._url.text, str(error)))
            self._unreachable(refuse(_status_of(error), str(error)))
        self._end_if_alone()

    def _end_with(self, answer: Answer) -> None:
        """Write the client an answer of our own, and end."""
        self._client.write((answer.response,))
        self._end()

    def _end(self) -> None:
        """Let the client have what is written, and end both legs."""
        self._leave_server()
        self._client.resume(PauseReason.HELD)
        self._client.say_no_more()
        self._give_time(None)

    def _give_time(self, left: int | None, idle: int = 0) -> None:
        """Cut the client when it neither leaves nor reads.

        `left` was still to be read of it when its time began, and nothing was in the `idle` times before.
        """
        untaken = self._client.untaken_bytes
        idle = 0 if left is None or untaken < left else idle + 1
        if left is None or (untaken and idle < _MOST_IDLE):
            self._client.set_timer(self._limits.close_seconds, lambda: self._give_time(untaken, idle))
        else:
            self.disconnect()

    def _leave_server(self, *, reset: bool = False) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop_timer()
            # A leg that is not read would never be told to be over.
            server.resume(PauseReason.HELD)
            server.reset() if reset else server.close()

    def _end_if_alone(self) -> None:
        if not (self._alive or self._dialling or self._is_left):
            self._is_left = True
            self._over()
            self._finish()


def _status_of(error: ConnectError) -> int:
    """What a client is answered whose server can't be reached."""
    if isinstance(error, RefusedAddress):
        # RFC 5842 section 7.2, RFC 9110 section 15.5.4.
        return 508 if error.refusal is Refusal.LOOP else 403
    # RFC 9110 sections 15.6.3 and 15.6.5.
    match error:
        case UpstreamFailure():
            is_silent = error.problem is UpstreamProblem.SILENT
        case TlsError():
            is_silent = error.failure.kind is TlsFailureKind.TIMED_OUT
        case _:
            is_silent = isinstance(error, SilentError)
    return 504 if is_silent else 502
