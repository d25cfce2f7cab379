"""The moments of a connection at which rules are asked though nothing has come: its opening, its end, and timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.rules.hearing import Hearing
from core.rules.verdict import Verdict

_TOLERANCE_SECONDS = 0.002


class RuleClock:
    """Asks the rules of one connection, and has their verdicts carried out. Lives on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], int],
        carry_out: Callable[[Hearing, Verdict], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._carry_out = carry_out
        self._hearing: Hearing | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def begin(self, hearing: Hearing | None) -> None:
        """Ask these rules from now on, about a connection that is open."""
        self._hearing = hearing
        if hearing is not None:
            hearing.start(self._clock())
        self.look()

    def opened(self) -> None:
        """The opening handshake has succeeded."""
        if self._hearing is not None:
            self._do(self._hearing.opened(self._clock()))
            self.look()

    def closed(self, code: int | None, reason: str) -> None:
        """The connection is over; nothing is asked any more."""
        self.stop()
        hearing, self._hearing = self._hearing, None
        if hearing is not None:
            hearing.closed(self._clock(), code, reason)

    def stop(self) -> None:
        """No timer runs any more."""
        self._is_over = True
        self._cancel()

    def look(self) -> None:
        """Rules may have started timers: see when the next one is due."""
        if self._hearing is None or self._is_over:
            self._cancel()
            return
        now = self._loop.time()
        seconds = self._hearing.wait_seconds(self._clock())
        if seconds is None:
            self._cancel()
        elif self._timer is None or abs(self._timer.when() - now - seconds) > _TOLERANCE_SECONDS:
            self._cancel()
            self._timer = self._loop.call_later(seconds, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._hearing is not None:
            self._do(self._hearing.timer(self._clock()))
        self.look()

    def _do(self, verdict: Verdict | None) -> None:
        if verdict is not None and self._hearing is not None:
            self._carry_out(self._hearing, verdict)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
