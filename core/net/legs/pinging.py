"""Pings a peer at an interval, and measures how long it takes to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.net.client_status import NO_PULSE, Pulse

_PREFIX = b"unmask "


class Pinging:
    """Pings until it is stopped. Lives on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], int],
        seconds: float,
        ping: Callable[[bytes], None],
        tell: Callable[[Pulse], None],
    ) -> None:
        """`ping` sends a ping with that payload; `tell` is told each change."""
        self._loop = loop
        self._clock = clock
        self._seconds = seconds
        self._ping = ping
        self._tell = tell
        self._pulse = NO_PULSE
        self._timer: asyncio.TimerHandle | None = None
        self._count = 0
        self._sent_ns: int | None = None
        """When the last ping went out; None once it is answered."""

    def start(self) -> None:
        self._timer = self._loop.call_later(self._seconds, self._due)

    def stop(self) -> None:
        """Ping no more. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def ponged(self, payload: bytes, now: int) -> None:
        """A pong has come. One that answers an earlier ping, or none, says nothing (RFC 6455 section 5.5.3)."""
        if self._sent_ns is not None and payload == self._payload:
            self._change(Pulse(now - self._sent_ns))
            self._sent_ns = None

    @property
    def _payload(self) -> bytes:
        return _PREFIX + b"%d" % self._count

    def _due(self) -> None:
        if self._sent_ns is not None:
            self._change(Pulse(self._pulse.round_trip_ns, self._pulse.unanswered + 1))
        # It may have been stopped by who was told.
        if self._timer is not None:
            self.start()
            self._count += 1
            self._sent_ns = self._clock()
            self._ping(self._payload)

    def _change(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._tell(pulse)
