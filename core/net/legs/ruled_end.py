"""A connection that ends at Unmask, as far as rules are concerned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from core.capture.records import ConnectionRecord
from core.net.legs.advice import Advice
from core.net.legs.end_rules import EndRules
from core.net.legs.glut import Glut
from core.net.legs.leg import Leg, PauseReason
from core.net.legs.rule_clock import RuleClock
from core.net.legs.secrets import without_secrets
from core.net.legs.session import SessionHost
from core.net.legs.timers import Timers
from core.protocol.endpoint import Endpoint
from core.protocol.events import Event, Origin, Report
from core.protocol.handling import DecidedBy
from core.protocol.outgoing import Outgoing
from core.protocol.state import ReadyState, Role, peer_of
from core.rules.book import RuleBook
from core.rules.decision import Decision, HeldMessage
from core.rules.hearing import Hearing
from core.rules.verdict import Cut, Verdict


class End(Protocol):
    """The session that the rules apply to."""

    endpoint: Endpoint

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The only one."""

    def put(self, outgoing: Outgoing, origin: Origin) -> list[Event]:
        """Send to the peer, without writing or recording it. Raises CallerError."""

    def after(self, events: Sequence[Report]) -> None:
        """Write and record what was made of anything other than received bytes."""


class RuledEnd:
    """Lives on the loop's thread."""

    def __init__(
        self, end: End, host: SessionHost, connection: int, peer: Role, heard: Hearing | None = None
    ) -> None:
        """`heard`: what rules have made of the opening handshake."""
        self.loop, self.clock = host.loop, host.clock
        self._end = end
        self._host = host
        self._timers = Timers(host.loop)
        self._glut = Glut(host, connection)
        self._rules = EndRules(self, peer, host.settings.limits, self._timers)
        self._rule_clock = RuleClock(host.loop, host.clock, self._carry_out)
        self._hearing = heard
        self._advice: Advice | None = None

    # Called by the session.

    @property
    def is_needless(self) -> bool:
        """Whether nothing is asked, and nothing waits."""
        return self._rules.is_needless and self._hearing is None and self._advice is None

    @property
    def is_full(self) -> bool:
        """Whether no more may be read."""
        return self._rules.is_full

    @property
    def held_bytes(self) -> int:
        return self._rules.held_bytes

    def hear(self, rules: RuleBook | None, connection: int, about: ConnectionRecord) -> None:
        """Let these rules apply from now on."""
        self._hearing = None if rules is None else rules.hearing(about, before=self._hearing)
        adviser = self._host.ruling.advising.adviser
        self._advice = None if adviser is None else Advice(adviser, connection, about)
        self._rules.hear(self._hearing, self._advice)
        self._rule_clock.begin(self._hearing, self._advice)

    def opened(self) -> None:
        """The opening handshake has succeeded."""
        self._rule_clock.opened()

    def take(self, events: Sequence[Report], now: int, *, echoes: bool) -> list[Report]:
        """What is to be recorded of what was received, and of what was sent because of it."""
        reports = self._rules.take(events, now, echoes=echoes)
        self._rule_clock.look()
        return reports

    def without_secrets(self, events: list[Report], now: int) -> list[Report]:
        """The events as they may be recorded, as far as they tell what Unmask has sent."""
        return without_secrets(events, self._hearing, peer_of(self._rules.sender), now)

    def held(self, connection: int) -> Iterator[HeldMessage]:
        """What waits for a person, in order."""
        return self._rules.held(connection)

    def decide(self, ticket: int, decision: Decision) -> bool:
        """Let a message be answered as usual, or not. False if it does not wait."""
        return self._rules.decide(ticket, decision, DecidedBy.PERSON)

    def lose_peer(self) -> None:
        """Nothing reaches the peer any more."""
        self.after(self._rules.lose_peer())
        self._timers.stop()
        self._rule_clock.stop()
        self._host.ruling.held_changed()

    def end(self) -> None:
        """Nothing more comes."""
        self.after(self._rules.end())

    def closed(self, closed: Report) -> None:
        """The connection is over; `closed` is its last event."""
        self._rule_clock.closed(closed)

    def stop(self) -> None:
        """The connection is over, or no rule applies any more."""
        self._timers.stop()
        self._rule_clock.stop()

    # Called by the rules.

    def put(self, outgoing: Outgoing, origin: Origin) -> Sequence[Report]:
        if self._glut.is_there(self._leg.queued_bytes):
            return ()
        return self._end.put(outgoing, origin)

    def put_all(self, opcodes: Sequence[int], payloads: list[bytes]) -> Sequence[Report]:
        endpoint = self._end.endpoint
        if endpoint.state is not ReadyState.OPEN or not self._leg.is_connected:
            return ()
        return endpoint.send_messages(opcodes, payloads, origin=Origin.RULE)

    def after(self, reports: Sequence[Report]) -> None:
        if reports:
            self._end.after(reports)

    def cut(self, cut: Cut) -> None:
        leg = self._leg
        if cut is Cut.RESET:
            leg.reset()
        else:
            leg.say_no_more()

    def stop_reading(self) -> None:
        self._leg.pause(PauseReason.HELD)
        self._host.ruling.held_changed()

    def go_on_reading(self) -> None:
        self._leg.resume(PauseReason.HELD)
        self._host.ruling.held_changed()

    def held_changed(self) -> None:
        self._host.ruling.held_changed()

    # Internals.

    @property
    def _leg(self) -> Leg:
        return self._end.legs[0]

    def _carry_out(self, verdict: Verdict, rules: tuple[str, ...]) -> None:
        """Do as the rules say of a moment at which nothing has come."""
        for send in verdict.sends:
            self._rules.send(send, rules)
        if verdict.cut is not None:
            self.cut(verdict.cut)
