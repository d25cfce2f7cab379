"""Watches a connection that was asked for by itself."""

from __future__ import annotations

from collections.abc import Callable

from core.net.client_status import Pulse
from core.net.failures import Failure, FailureKind
from core.net.legs.connecting import Outcome
from core.protocol.events import ConnectionClosed


class Once:
    """Reports the failure of a connection that was asked for by itself."""

    def __init__(self, url: str, tell_failure: Callable[[Failure], None]) -> None:
        self._url = url
        self._tell_failure = tell_failure

    def decided(self, outcome: Outcome) -> None:
        if outcome.reason:
            self._tell_failure(Failure(FailureKind.CONNECT, self._url, outcome.reason))

    def pulsed(self, pulse: Pulse) -> None:
        pass

    def ended(self, closed: ConnectionClosed | None) -> None:
        pass
