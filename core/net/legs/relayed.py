"""A client and its server after the opening handshake: two legs, and an observer of what passes.

Bytes are handed on before they are looked at, and as they came; except in a direction in which rules may change
something, or in which Unmask sends something along: that has a `Passage` as long as it needs one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.capture.records import ConnectionRecord, Mode
from core.errors import NotOpenError, PeerNotReadingError
from core.net.legs.about import about_both_heads
from core.net.legs.advice import Advice
from core.net.legs.between import Between
from core.net.legs.crossings import DIRECTIONS, Crossings
from core.net.legs.leg import Leg, PauseReason
from core.net.legs.outlet import Sending
from core.net.legs.passage import Passage
from core.net.legs.rule_clock import RuleClock
from core.net.legs.session import SessionHost
from core.net.sources import SourceTag
from core.protocol.events import Origin, Report
from core.protocol.observer import Observer
from core.protocol.outgoing import Outgoing
from core.protocol.state import ReadyState, Role
from core.rules.book import RuleBook
from core.rules.decision import Decision, HeldMessage
from core.rules.hearing import Hearing
from core.rules.verdict import Cut, Verdict
from core.sizes import byte_size


class Relayed(Between):
    """One client and its server, which have agreed on what follows."""

    def __init__(
        self,
        host: SessionHost,
        source: SourceTag,
        connection: int,
        client: Leg,
        server: Leg,
        observer: Observer,
        heard: Hearing | None = None,
    ) -> None:
        """`observer` knows request and response, `heard` what rules have made of them. Hand over both legs after
        this.
        """
        super().__init__(host, source, client, server)
        self.id = connection
        self._observer = observer
        self._unrecorded = {Role.CLIENT: 0, Role.SERVER: 0}
        """Bytes received of either that no event has told of yet."""
        self._first: Role | None = None
        """Whose stream ended first."""
        self._finished: set[Role] = set()
        self._is_given_up = False
        self._ending: set[Role] = set()
        """Whose stream has ended, though what came of it has not all gone on."""
        legs = {Role.CLIENT: client, Role.SERVER: server}
        self._crossings = Crossings(host, connection, observer, legs, self._tell, self._advised)
        self._passages = self._crossings.passages
        self._hearing = heard
        self._rule_clock = RuleClock(host.loop, host.clock, self._carry_out)
        self.hear(host.ruling.rules)

    def opened(self) -> None:
        """The client has been told that the connection is open."""
        self._rule_clock.opened()

    # Called by the engine.

    @property
    def sides(self) -> tuple[Role, ...]:
        return (Role.CLIENT, Role.SERVER)

    @property
    def is_open(self) -> bool:
        return self._observer.state is ReadyState.OPEN and all(leg.is_open for leg in self.legs)

    @property
    def held_bytes(self) -> int:
        return self._observer.held_bytes + self._crossings.held_bytes

    def send(self, outgoing: Outgoing, toward: Role, origin: Origin) -> None:
        leg = self._client if toward is Role.CLIENT else self._server
        is_reachable = leg is not None and leg.is_open and self._crossings.takes_more(toward)
        if not is_reachable or self._observer.state is not ReadyState.OPEN:
            raise NotOpenError(
                f"The {toward.name.lower()} of #{self.number} has gone: nothing can be sent to it."
            )
        queued = self._crossings.waiting_bytes(toward)
        if queued > self._limits.queued_bytes:
            raise PeerNotReadingError(
                f"The {toward.name.lower()} of #{self.number} is not reading: {byte_size(queued)} are queued for it. "
                "Wait, or disconnect it."
            )
        origin = Origin.INJECTED if origin is Origin.COMPOSED else origin
        self._crossings.send(Sending(outgoing, origin), toward)
        self._settle()

    def stop_sending(self) -> None:
        """Send no more of the raw bytes that are under way; what waits behind them goes out."""
        self._crossings.stop_raw()

    def hear(self, rules: RuleBook | None) -> None:
        if self._observer.state is not ReadyState.OPEN:
            return
        adviser = self._host.ruling.advising.adviser
        about = None if rules is None and adviser is None else self._about()
        self._hearing = None if rules is None or about is None else rules.hearing(about, before=self._hearing)
        advice = None if adviser is None or about is None else Advice(adviser, self.id, about)
        self._crossings.hear(self._hearing, advice)
        self._rule_clock.begin(self._hearing, advice)

    def cut(self, side: Role, how: Cut) -> None:
        self._crossings.cut_side(side, how)

    @property
    def is_stuck(self) -> bool:
        return self._crossings.is_stuck

    @property
    def held_count(self) -> int:
        return self._crossings.held_count

    def held(self) -> Iterator[HeldMessage]:
        return self._crossings.held()

    def decide(self, ticket: int, decision: Decision) -> bool:
        is_decided = self._crossings.decide(ticket, decision)
        self._settle()
        return is_decided

    def disconnect(self) -> None:
        self._crossings.has_cut = True
        # What is held reaches nobody.
        for side in Role:
            self._crossings.lose(side)
        super().disconnect()

    # Called by the budget.

    def give_up(self, held: int, total: int) -> None:
        """An observer can't fail what it looks at, so it looks away: what passes goes on, and is not read any more."""
        self.go_on()
        is_ruled = any(passage is not None for passage in self._passages.values())
        # What rules would change or hold must not pass unseen.
        follows = "Unmask cuts it, as rules apply to it" if is_ruled else "what follows passes unread"
        if not self._is_given_up:
            # What is being cut is met again, until its legs are gone.
            self._is_given_up = True
            self._tell(Role.CLIENT, self._observer.look_away(held, total, follows), self._host.clock())
        if is_ruled:
            self.disconnect()
        self._settle()

    # Called by the legs.

    def leg_made(self, leg: Leg) -> None:
        raise AssertionError(f"the leg to {leg.peer_place} was made before the handshake")

    def leg_received(self, leg: Leg, data: bytes, now: int, until: int) -> bool:
        sender, other = self._side(leg), self._other(leg)
        passage = self._passages[sender]
        if passage is not None:
            return self._receive_ruled(leg, passage, data, now, until)
        if data and other is not None:
            # Before it is looked at: the other side need not wait for that.
            other.write((data,))
            alone = self._observer.take_alone(sender, data)
            if alone is not None:
                self._unrecorded[sender] += len(data)
                self._tell_read(leg, sender, (alone,), now)
                self._settle_read(len(data), grows=False)
                return False
        if self._rest_waits(leg, data):
            return True
        self._unrecorded[sender] += len(data)
        observer, clock = self._observer, self._host.clock
        events: list[Report] = [*observer.feed(sender, data)] if data else []
        while has_more := observer.has_more(sender):
            events += observer.receive(sender)
            if clock() >= until:
                has_more = observer.has_more(sender)
                break
        self._tell_read(leg, sender, events, now)
        self._settle_read(len(data), grows=has_more or observer.deflate is not None)
        if self._crossings.wanted:
            self._crossings.begin_wanted()
        return has_more

    def leg_has_more(self, leg: Leg) -> bool:
        return self._observer.has_more(self._side(leg))

    def leg_stalls(self, leg: Leg) -> None:
        super().leg_stalls(leg)
        if self._hearing is not None:
            # What it sends may be answered.
            leg.pause(PauseReason.PEER)

    def leg_flows(self, leg: Leg) -> None:
        leg.resume(PauseReason.PEER)
        super().leg_flows(leg)

    def leg_ended(self, leg: Leg) -> bool:
        self._note_first(leg)
        other, side = self._other(leg), self._side(leg)
        if self._passages[side] is not None:
            self._ending.add(side)
            self._end_if_read(leg)
        elif other is not None:
            other.say_no_more(leg.end)
        return True

    def leg_lost(self, leg: Leg) -> None:
        self._note_first(leg)
        other, side = self._other(leg), self._side(leg)
        self._crossings.lose(side)
        passage = self._passages[side]
        if other is None:
            return
        if leg.was_reset:
            for each in Role:
                self._crossings.lose(each)
            other.reset()
        elif passage is None:
            other.close()
        else:
            # What it has sent goes on first; `leg_finished` follows.
            passage.departures.close_input()
            self._ending.add(side)

    def leg_finished(self, leg: Leg) -> None:
        side, other = self._side(leg), self._other(leg)
        self._finished.add(side)
        if self._passages[side] is not None:
            self._ending.add(side)
            self._end_if_read(leg)
            if other is not None and not leg.was_reset:
                other.close()
        self._tell(side, self._observer.end(side), self._host.clock())
        if len(self._finished) == len(Role):
            self._crossings.stop()
            events = self._observer.close(self._first)
            self._tell(side, events, self._host.clock())
            self._rule_clock.closed(events[-1])
            self._finish()

    # Internals.

    def _receive_ruled(self, leg: Leg, passage: Passage, data: bytes, now: int, until: int) -> bool:
        """Look at what came before it goes on."""
        if self._rest_waits(leg, data):
            return True
        sender, observer, clock = self._side(leg), self._observer, self._host.clock
        crossings = self._crossings
        crossings.recorded = 0
        if data:
            self._unrecorded[sender] += len(data)
            passage.add(data)
            alone = observer.take_alone(sender, data)
            if alone is not None:
                passage.take(alone, now)
            else:
                observer.feed(sender, data)
        while has_more := observer.has_more(sender):
            for report in observer.receive(sender):
                passage.take(report, now)
            if passage.departures.is_full or clock() >= until:
                has_more = observer.has_more(sender)
                break
        if observer.inbound(sender).is_reading_past:
            passage.run_ahead()
        passage.departures.flush()
        if self._host.recorder.holds_up(crossings.recorded):
            self._wait_for_recorder(leg)
        if passage.departures.is_full:
            leg.pause(PauseReason.HELD)
        if self._ending:
            self._end_if_read(leg)
        crossings.end_if_needless(sender)
        self._rule_clock.look()
        self._settle_read(
            len(data), grows=has_more or observer.deflate is not None or not passage.departures.is_clear
        )
        return has_more

    def _carry_out(self, verdict: Verdict, rules: tuple[str, ...]) -> None:
        """Do as the rules say of a moment at which nothing has come."""
        for send in verdict.sends:
            self._crossings.send_besides(send, 0, rules)
        if verdict.cut is not None:
            self._crossings.cut(verdict.cut, Role.CLIENT)
        self._settle()

    def _advised(self, side: Role) -> None:
        """An adviser has answered about something of that side."""
        leg = self._client if side is Role.CLIENT else self._server
        if leg is not None and side in self._ending:
            self._end_if_read(leg)
        self._settle()

    def _about(self) -> ConnectionRecord:
        """What rules can know of the connection."""
        observer = self._observer
        response = observer.response
        return about_both_heads(
            self.number,
            Mode.RELAY,
            self.source,
            self._client,
            observer.request,
            response,
            self._host.clock(),
        )

    def _end_if_read(self, leg: Leg) -> None:
        """End the other side's stream, if this one's has ended and all of it has gone on."""
        side, other = self._side(leg), self._other(leg)
        passage = self._passages[side]
        if side not in self._ending or passage is None or self._observer.has_more(side):
            return
        if passage.departures.asks_adviser and leg.is_connected:
            # The answer comes soon, and with it this once more.
            return
        self._ending.discard(side)
        passage.end_input()
        if other is not None:
            other.say_no_more(leg.end)

    def _note_first(self, leg: Leg) -> None:
        if self._first is None and not self._crossings.has_cut:
            self._first = self._side(leg)

    def _tell_read(self, leg: Leg, sender: Role, events: Sequence[Report], now: int) -> None:
        """Record what was read from a leg, which must wait if that takes too long."""
        if self._host.recorder.holds_up(self._tell(sender, events, now)):
            self._wait_for_recorder(leg)

    def _tell(self, sender: Role, events: Sequence[Report], now: int) -> int:
        """Record what `sender` did; gives its size for the recorder."""
        if not events:
            return 0
        size, self._unrecorded[sender] = self._unrecorded[sender], 0
        return self._host.recorder.record(self.id, now, events, size, DIRECTIONS[sender])
