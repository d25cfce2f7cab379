"""Asks the rules about the heads of one opening handshake, and keeps one that waits for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

from core.capture.records import ConnectionRecord
from core.net.legs.held_head import HeldHead
from core.net.legs.session import SessionHost
from core.protocol.events import HeadRuled
from core.protocol.http11 import HeadKind
from core.rules.decision import Decision, HeldMessage
from core.rules.hearing import Hearing
from core.rules.moment import Moment
from core.rules.verdict import HandshakeVerdict, Onward

_MOMENTS = {HeadKind.REQUEST: Moment.REQUEST, HeadKind.RESPONSE: Moment.RESPONSE}
_SECOND = 10**9

GoOn = Callable[[HandshakeVerdict], None]


class HeadRuling:
    """One connection's. What it has heard goes on with its messages."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self.hearing: Hearing | None = None
        """What rules have made of the connection so far."""
        self._held: HeldHead | None = None
        self._go_on: GoOn | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._waited_ns = 0
        """How long the head was held that is told next."""

    def ask(self, kind: HeadKind, about: ConnectionRecord) -> HandshakeVerdict | None:
        """What becomes of a head, which `about` has; None: it passes."""
        rules, moment = self._host.ruling.rules, _MOMENTS[kind]
        if rules is None or not rules.by_moment[moment]:
            return None
        if self.hearing is None:
            self.hearing = rules.hearing(about)
        asked = self.hearing.request if moment is Moment.REQUEST else self.hearing.response
        return asked(about, self._host.clock())

    def told(self, kind: HeadKind, verdict: HandshakeVerdict) -> HeadRuled:
        """What the capture gets to know of that."""
        held_ns = self._waited_ns + int(verdict.delay_seconds * _SECOND) or None
        self._waited_ns = 0
        return HeadRuled(kind, self._names(verdict), held_ns)

    # What waits for a person.

    def hold(self, kind: HeadKind, raw: bytes, verdict: HandshakeVerdict, go_on: GoOn) -> None:
        """Keep a head until somebody decides; `go_on` gets what is to be done then."""
        assert verdict.hold is not None, "the verdict says so"
        seconds, now = verdict.hold.seconds, self._host.clock()
        until = now + int(seconds * _SECOND)
        self._held = HeldHead(kind, raw, verdict, now, until, self._names(verdict))
        self._go_on = go_on
        self._timer = self._host.loop.call_later(seconds, self._time_is_up)
        self._host.ruling.held_changed()

    @property
    def is_holding(self) -> bool:
        """Whether a head waits for a person."""
        return self._held is not None

    def held(self, connection: int) -> Iterator[HeldMessage]:
        """The head that waits."""
        return iter(()) if self._held is None else iter((self._held.as_held(connection),))

    def decide(self, ticket: int, decision: Decision) -> bool:
        """Let the head that waits go on, or not. False if it does not wait. Raises PayloadError."""
        held, go_on = self._held, self._go_on
        if held is None or go_on is None or held.ticket != ticket:
            return False
        verdict = held.decided(decision)
        self._waited_ns = self._host.clock() - held.since_ns
        self.stop()
        go_on(verdict)
        return True

    def abandon(self) -> HeadRuled | None:
        """Whoever waited for the head has gone; gives what the capture gets to know of it."""
        held = self._held
        if held is None:
            return None
        self._waited_ns = self._host.clock() - held.since_ns
        self.stop()
        return self.told(held.kind, replace(held.verdict, delay_seconds=0.0))

    def stop(self) -> None:
        """Nothing waits any more."""
        if self._held is not None:
            self._host.ruling.held_changed()
        self._held = self._go_on = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_up(self) -> None:
        if self._held is not None:
            self.decide(self._held.ticket, Onward.PASS)

    def _names(self, verdict: HandshakeVerdict) -> tuple[str, ...]:
        return () if self.hearing is None else self.hearing.names(verdict.hits)
