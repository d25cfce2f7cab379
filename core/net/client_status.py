"""What is told of a source that connects to a server. Plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pulse:
    """What the pings of one connection say."""

    round_trip_ns: int | None = None
    """Time from the last answered ping to its pong."""
    unanswered: int = 0
    """Pings since then that were not answered before the next was due."""


NO_PULSE = Pulse()


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """What the client of a source does."""

    url: str
    """Where it connects to: after a redirect another place than was asked for. Secrets in it are masked."""
    connection: int = 0
    """Handle of its newest connection; 0 before the first."""
    failures: int = 0
    """Attempts in a row that have failed."""
    next_attempt_ns: int | None = None
    """When it tries again (ns since the epoch); None if it does not wait for that."""
    pulse: Pulse = NO_PULSE
    close_code: int | None = None
    """How its connection ended: 1006 where it vanished; None while it is open, or where the person closed it."""
    news: tuple[str, ...] = ()
    """What has happened since the status before, in sentences: redirects, losses, attempts to come."""
