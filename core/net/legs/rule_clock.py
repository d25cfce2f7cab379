"""The moments of a connection at which rules are asked though nothing has come: its opening, its end, and timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.net.legs.advice import Advice
from core.protocol.events import ClosedBy, ConnectionClosed, Report
from core.protocol.state import Role
from core.rules.hearing import Hearing
from core.rules.moment import Moment
from core.rules.verdict import Verdict

_TOLERANCE_SECONDS = 0.002


class RuleClock:
    """Asks the rules of one connection, and has their verdicts carried out. Lives on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], int],
        carry_out: Callable[[Verdict, tuple[str, ...]], None],
    ) -> None:
        """`carry_out` gets the names of the rules that applied too."""
        self._loop = loop
        self._clock = clock
        self._carry_out = carry_out
        self._hearing: Hearing | None = None
        self._advice: Advice | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def begin(self, hearing: Hearing | None, advice: Advice | None) -> None:
        """Ask these from now on, about a connection that is open."""
        self._hearing, self._advice = hearing, advice
        if hearing is not None:
            hearing.start(self._clock())
        self.look()

    def opened(self) -> None:
        """The opening handshake has succeeded."""
        if self._hearing is not None:
            self._do(self._hearing.opened(self._clock()))
            self.look()
        if self._advice is not None and self._advice.is_asked(Moment.OPEN, Role.SERVER):
            self._advice.ask(Moment.OPEN, Role.SERVER, 0, b"", self._do_as_advised)

    def closed(self, closed: Report) -> None:
        """The connection is over; nothing is asked any more."""
        self.stop()
        hearing, self._hearing = self._hearing, None
        advice, self._advice = self._advice, None
        if not isinstance(closed, ConnectionClosed):
            return
        if hearing is not None:
            hearing.closed(self._clock(), closed.code, closed.reason)
        side = Role.CLIENT if closed.closed_by is ClosedBy.CLIENT else Role.SERVER
        if advice is not None and advice.is_asked(Moment.CLOSE, side):
            advice.ask(Moment.CLOSE, side, 0, b"", self._do_as_advised)

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
            self._carry_out(verdict, self._hearing.names(verdict.hits))

    def _do_as_advised(self, verdict: Verdict) -> None:
        if not self._is_over:
            self._carry_out(verdict, ())

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
