"""Keeps the connection of a source to its server: dials, follows redirects, and dials again after a loss."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

from core.errors import CallerError
from core.net.client_status import NO_PULSE, ClientStatus, Pulse
from core.net.connect_request import ConnectRequest
from core.net.legs.connecting import Connecting, ConnectWatcher, Outcome
from core.net.redirect import Redirect, follow
from core.net.sources import SourceState
from core.protocol.events import ConnectionClosed, Origin
from core.protocol.outgoing import OutgoingClose
from core.protocol.state import Role

SILENT_PINGS = 3
"""Unanswered pings after which a connection that may be made anew counts as lost."""
_WORTH_TRYING = frozenset((408, 425, 429))
"""Statuses below 500 that may be others later (RFC 9110 section 15.5, RFC 6585, RFC 8470)."""

Dial = Callable[[ConnectRequest, ConnectWatcher], Connecting]
"""Makes a session and starts it; raises CallerError if there may be no more."""


class Connector:
    """One client, until it is stopped, has failed for good, or was closed. Lives on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], int],
        request: ConnectRequest,
        dial: Dial,
        changed: Callable[[str], None],
    ) -> None:
        """`changed` is told that `state` or `client` has changed, and why it failed or waits."""
        self._loop = loop
        self._clock = clock
        self._request = request
        self._dial = dial
        self._changed = changed
        self._attempt: _Attempt | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.state = SourceState.STARTING
        self.client = ClientStatus(request.shown_url)

    @property
    def addresses(self) -> tuple[str, ...]:
        return ()

    def start(self) -> None:
        """Dial for the first time. Raises CallerError if there may be no more connections."""
        self._attempt = _Attempt(self, self._request)
        self._attempt.dial(self._dial)
        self.client = replace(self.client, connection=self._attempt.connection)

    def stop(self) -> None:
        """Close the connection, and dial no more. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.close()
        self.state = SourceState.STOPPED

    # Called by the attempt that is current.

    def opened(self, attempt: _Attempt) -> None:
        if attempt is self._attempt:
            self._change(SourceState.RUNNING, pulse=NO_PULSE, close_code=None)

    def refused(self, attempt: _Attempt, outcome: Outcome) -> None:
        """The handshake has failed."""
        if attempt is not self._attempt:
            return
        if attempt.is_left:
            self._change(SourceState.STOPPED)
        elif outcome.location is not None:
            self._redirected(attempt, outcome, outcome.location)
        elif _may_change(outcome):
            self._try_again(outcome.reason)
        else:
            self._give_up(outcome.reason)

    def pulsed(self, attempt: _Attempt, pulse: Pulse) -> None:
        if attempt is not self._attempt:
            return
        self._change(self.state, pulse=pulse)
        if self._request.reconnect is not None and pulse.unanswered >= SILENT_PINGS:
            attempt.cut()

    def lost(self, attempt: _Attempt, seconds: float, closed: ConnectionClosed | None) -> None:
        """A connection that was open for `seconds` is over."""
        if attempt is not self._attempt:
            return
        self._attempt = None
        if closed is not None and not attempt.is_left:
            self.client = replace(self.client, close_code=closed.code)
        reconnect = self._request.reconnect
        if attempt.is_left or reconnect is None:
            self._change(SourceState.STOPPED)
            return
        if seconds >= reconnect.steady_seconds:
            self.client = replace(self.client, failures=0)
        self._try_again(_why(self.client.pulse, closed))

    # Internals.

    def _redirected(self, attempt: _Attempt, outcome: Outcome, location: Redirect) -> None:
        request = attempt.request
        following = follow(request, location.url)
        where = following.request.shown_url
        said = f"{request.shown_url} answers {location.status} and sends to {where}."
        if request.follows <= 0:
            why = "more redirects than were asked to be followed" if self._request.follows else ""
            self._give_up(
                f"{outcome.reason} {said} " + (f"Those are {why}." if why else "It was not followed.")
            )
            return
        if following.withheld:
            said += f" That is another server, which does not get {', '.join(following.withheld)}."
        self._change(self.state, url=where, news=(said,))
        self._begin(following.request)

    def _try_again(self, reason: str) -> None:
        """Wait, and dial again, unless that was done too often."""
        reconnect, failures = self._request.reconnect, self.client.failures
        if reconnect is None:
            self._give_up(reason)
        elif failures >= reconnect.attempts:
            self._give_up(f"{reason} {failures} attempts in a row have failed; no more are made.")
        else:
            seconds = reconnect.wait(failures, random.random())
            self._attempt = None
            self._timer = self._loop.call_later(seconds, self._due)
            news = f"{reason} Attempt {failures + 1} of {reconnect.attempts} follows in {seconds:.1f} s."
            at = self._clock() + round(seconds * 1e9)
            self._change(
                SourceState.STARTING,
                reason,
                failures=failures + 1,
                next_attempt_ns=at,
                pulse=NO_PULSE,
                news=(news,),
            )

    def _due(self) -> None:
        self._timer = None
        self._begin(self._request)

    def _begin(self, request: ConnectRequest) -> None:
        self._attempt = attempt = _Attempt(self, request)
        try:
            attempt.dial(self._dial)
        except CallerError as error:
            self._give_up(str(error))
            return
        self._change(
            SourceState.STARTING, url=request.shown_url, connection=attempt.connection, next_attempt_ns=None
        )

    def _give_up(self, reason: str) -> None:
        self._attempt = None
        self._change(SourceState.FAILED, reason, next_attempt_ns=None)

    def _change(
        self, state: SourceState, failure: str = "", *, news: tuple[str, ...] = (), **client: object
    ) -> None:
        self.state = state
        self.client = replace(self.client, news=news, **client)  # type: ignore[arg-type]
        self._changed(failure)


class _Attempt:
    """One connection (`ConnectWatcher`)."""

    def __init__(self, connector: Connector, request: ConnectRequest) -> None:
        self.request = request
        self._connector = connector
        self._session: Connecting | None = None
        self._opened_at: float | None = None

    @property
    def connection(self) -> int:
        """The connection's handle."""
        return 0 if self._session is None else self._session.id

    @property
    def is_left(self) -> bool:
        """Whether the person has closed it."""
        return self._session is not None and self._session.is_left

    def dial(self, dial: Dial) -> None:
        self._session = dial(self.request, self)

    def close(self) -> None:
        session = self._session
        if session is None:
            return
        if not session.is_open:
            if self._opened_at is None:
                session.disconnect()
            return
        try:
            session.send(OutgoingClose(), Role.SERVER, Origin.AUTOMATIC)
        except CallerError:
            session.disconnect()

    def cut(self) -> None:
        if self._session is not None:
            self._session.disconnect()

    # ConnectWatcher.

    def decided(self, outcome: Outcome) -> None:
        if outcome.reason:
            self._connector.refused(self, outcome)
        else:
            self._opened_at = asyncio.get_running_loop().time()
            self._connector.opened(self)

    def pulsed(self, pulse: Pulse) -> None:
        self._connector.pulsed(self, pulse)

    def ended(self, closed: ConnectionClosed | None) -> None:
        if self._opened_at is not None:
            self._connector.lost(self, asyncio.get_running_loop().time() - self._opened_at, closed)


def _may_change(outcome: Outcome) -> bool:
    """Whether another attempt may succeed: not where the server has said what is wrong with the request."""
    response = outcome.response
    return response is None or response.status >= 500 or response.status in _WORTH_TRYING


def _why(pulse: Pulse, closed: ConnectionClosed | None) -> str:
    """Why a connection was lost."""
    if pulse.unanswered >= SILENT_PINGS:
        return f"The server has not answered {pulse.unanswered} pings."
    if closed is None or closed.vanished:
        return "The server has vanished."
    return f"The connection was closed with {closed.code}."
