"""What becomes of the units of one direction: they go on at once or later, changed or not, or nowhere.

All of it is recorded: a unit that does not just pass is reported under its ticket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from core.net.legs.outlet import Outlet, Sending
from core.net.legs.passage_host import PassageHost
from core.net.legs.remaking import Remaking
from core.net.legs.unit import Unit, WaitsFor, in_place_of
from core.net.legs.unit_reports import UnitReports
from core.net.settings import Limits
from core.protocol.events import Caused, FrameReceived, FrameSent, Origin
from core.protocol.frames import Opcode
from core.protocol.handling import DecidedBy, Fate
from core.protocol.rewriting import Rewriting
from core.protocol.state import Role
from core.protocol.wire_bytes import WireBytes
from core.rules.corrupting import corrupted
from core.rules.decision import Answer, Decision
from core.rules.gate import Gate, Waiting
from core.rules.verdict import Hold, Onward, Replacement, Send, Verdict

_AT_CLOSE = "It went on because the connection closed."


class Departures:
    """One direction. Lives on the loop's thread."""

    def __init__(
        self, host: PassageHost, sender: Role, rewriting: Rewriting, limits: Limits, ahead: int
    ) -> None:
        """`ahead` bytes of an unfinished frame have gone on already."""
        self._host = host
        self._sender = sender
        self._rewriting = rewriting
        self.wire = WireBytes(ahead)
        self.outlet = Outlet(
            host.loop,
            self.wire,
            rewriting,
            lambda pieces: host.write(sender, pieces),
            lambda sending, sent: self._tell_sent(sent, sending.ticket, sending.rules),
            self.pump,
            lambda end: host.raw_ended(sender, end),
        )
        self._most_copied = limits.queued_bytes
        self._data: Gate[Unit] = Gate(limits.held_messages, limits.held_bytes)
        self._control: Gate[Unit] = Gate(limits.held_messages, limits.held_bytes)
        self.reports = UnitReports(host.clock, host.next_ticket)
        self._remaking = Remaking(host.loop, rewriting, self.outlet, self._go_on)
        self._is_full = False
        self.is_closing = False
        """A close frame has gone on, or nothing more comes."""
        self._is_cut_off = False
        """The receiver has gone."""

    # How it stands.

    @property
    def is_clear(self) -> bool:
        """Whether a message that nobody touches may go on at once."""
        return self._data.is_idle and self.outlet.is_free and not (self._is_cut_off or self.outlet.is_closed)

    @property
    def control_is_clear(self) -> bool:
        """Whether a control frame that nobody touches may go on at once."""
        return self._control.is_idle and not self.takes_nothing

    @property
    def takes_nothing(self) -> bool:
        """Whether nothing more reaches the receiver."""
        return self._is_cut_off or self.outlet.is_closed

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, nor differs from what a receiver gets without Unmask."""
        if self.outlet.has_waiting or self.takes_nothing or self._rewriting.differs:
            return False
        return self._data.is_idle and self._control.is_idle

    @property
    def is_full(self) -> bool:
        """Whether no more may be read."""
        return self._is_full

    @property
    def held_bytes(self) -> int:
        return self._data.held_bytes + self._control.held_bytes + self.outlet.waiting_bytes

    @property
    def undecided(self) -> int:
        return self._data.undecided + self._control.undecided

    def waiting(self) -> Iterator[Waiting[Unit]]:
        """What waits for a decision, in order."""
        yield from self._control.waiting()
        yield from self._data.waiting()

    @property
    def held_count(self) -> int:
        """How many units wait for a person."""
        gates = (self._control, self._data)
        return sum(unit.waits_for is WaitsFor.PERSON for gate in gates for unit in gate.items())

    @property
    def queued(self) -> int:
        """Number of messages in the queue."""
        return len(self._data)

    def must_remake(self, *, is_compressed: bool) -> bool:
        """Whether a message can't go on as it came, though nobody has changed it."""
        return is_compressed and self._rewriting.differs

    # What came.

    def drop(self, report: FrameReceived, *, is_secret: bool) -> None:
        """A frame reaches nobody, because the receiver has gone or was told that nothing follows."""
        self.reports.apart(report, self._lost, is_secret=is_secret)

    def settle(self, unit: Unit, verdict: Verdict, rules: tuple[str, ...] = ()) -> None:
        """Do with a whole unit as its verdict says."""
        unit.verdict, unit.rules = verdict, rules
        if verdict.onward is Onward.DROP:
            self._note_change(unit)
            self.reports.settled(unit, Fate.DROPPED, DecidedBy.RULE)
        else:
            self._let_go_or_wait(unit)
        self._act(unit)

    def _act(self, unit: Unit) -> None:
        """Do what follows from a unit's verdict besides."""
        if unit.verdict.sends:
            # What is answered stands before its answer.
            self._hand_over()
        for send in unit.verdict.sends:
            self._host.send_besides(send, self.reports.ticket(unit), unit.rules)
        if unit.verdict.cut is not None:
            self._host.cut(unit.verdict.cut, self._sender)

    @property
    def _lost(self) -> Fate:
        """What becomes of what does not reach the receiver."""
        return Fate.HELD if self._is_cut_off else Fate.DROPPED

    def _let_go_or_wait(self, unit: Unit) -> None:
        verdict = unit.verdict
        if self.takes_nothing:
            self.reports.settled(unit, self._lost, DecidedBy.NOBODY)
            return
        if isinstance(verdict.onward, Hold):
            unit.waits_for = WaitsFor.PERSON
        elif verdict.delay_seconds > 0:
            unit.waits_for = WaitsFor.TIME
        elif unit.opcode == Opcode.CLOSE and self.asks_adviser:
            self._close_behind(unit)
            return
        elif unit.opcode == Opcode.CLOSE:
            self.close_input()
        is_free = self.control_is_clear if unit.is_control else self.is_clear
        if unit.waits_for is WaitsFor.NOBODY and is_free and not verdict.behind:
            self._go(unit)
        else:
            self._wait(unit)

    def wait_for_adviser(self, unit: Unit) -> int:
        """Let a unit wait for a verdict that comes later, by `decide`; gives its ticket.

        It is reported then, so that one that just passes leaves no trace of it.
        """
        ticket = self.reports.ticket(unit)
        gate = self._control if unit.is_control else self._data
        gate.arrive(ticket, unit, unit.size)
        self._look_for_room()
        return ticket

    @property
    def asks_adviser(self) -> bool:
        """Whether something waits for the answer of an adviser."""
        return any(_asks_adviser(waiting.item) for waiting in self.waiting())

    def _close_behind(self, unit: Unit) -> None:
        """Let a close frame go on behind what an adviser was asked about, as the answers come soon."""
        self.is_closing = True
        for gate in (self._control, self._data):
            self._flush(gate, _asks_adviser)
        self._data.arrive(self.reports.ticket(unit), unit, unit.size, is_decided=True)
        self.pump()

    def close_input(self) -> None:
        """Nothing more comes: all that waits goes on, in order, as if nobody had been asked."""
        self._flush(self._control)
        self.close_data()

    def close_data(self) -> None:
        """A close frame is about to go on: what waits goes on in front of it."""
        self.is_closing = True
        self._flush(self._data)
        self.pump()
        # Each turn ends one message that takes time, and begins the next one.
        while not (self.outlet.is_free or self.takes_nothing):
            self.hurry()
            self.pump()
        self._host.held_changed()

    def hurry(self) -> None:
        """Let the message that is under way go out at once."""
        self._remaking.hurry()
        self.outlet.hurry()

    def _flush(self, gate: Gate[Unit], spares: Callable[[Unit], bool] = lambda _: False) -> None:
        for waiting in gate.flush(spares):
            unit = waiting.item
            unit.stop_timer()
            unit.lets_go(DecidedBy.NOBODY, _AT_CLOSE)

    def lose_receiver(self) -> None:
        """The receiver has gone: what waits is never passed on, which is how it was reported."""
        self._is_cut_off = True
        self.end_output()

    def end_output(self) -> None:
        """Nothing more goes out: what waits stays what it was reported as, held."""
        self._remaking.drop()
        for gate in (self._control, self._data):
            for unit in gate.clear():
                unit.stop_timer()
                self.reports.waits(unit)
        self.outlet.stop()
        self._look_for_room()
        self._host.held_changed()

    # Decisions.

    def decide(self, ticket: int, decision: Decision, decided_by: DecidedBy) -> bool:
        """Let a unit that waits go on, or not. False if it does not wait."""
        gate = self._control if self._control.item(ticket) is not None else self._data
        unit = gate.item(ticket)
        if unit is None:
            return False
        unit.stop_timer()
        if isinstance(decision, Verdict) and self._waits_on(unit, decision):
            return True
        unit.decide(decision, decided_by)
        onward = unit.verdict.onward
        if onward is Onward.DROP:
            self._note_change(unit)
            self.reports.settled(unit, Fate.DROPPED, decided_by)
        behind = unit.verdict.behind
        if behind:
            self._note_change(unit)
        gate.decide(ticket, None if onward is Onward.DROP else unit, behind)
        self.pump()
        if isinstance(decision, Answer):
            answer = in_place_of(decision.message, unit.opcode)
            self._host.send_besides(Send(self._sender, answer), ticket, unit.rules)
        elif isinstance(decision, Verdict):
            self._act(unit)
        self._host.held_changed()
        return True

    def pump(self) -> None:
        """Let everything go on whose turn it is."""
        self._end_behind_close()
        while (unit := self._control.take()) is not None:
            self._go(unit)
        while self.outlet.is_free and (unit := self._data.take()) is not None:
            self._go(unit)
        self.outlet.settle()
        self._look_for_room()

    def _go_on(self) -> None:
        self.pump()
        self.flush()

    def flush(self) -> None:
        """Hand over what goes out, and what was reported."""
        self.outlet.settle()
        self.outlet.flush()
        self._end_behind_close()
        self._hand_over()

    def _end_behind_close(self) -> None:
        """RFC 6455 section 5.5.1: nothing goes out behind a close frame of ours."""
        if self.outlet.is_closed and not (self._data.is_idle and self._control.is_idle):
            self.end_output()

    # Internals: waiting.

    def _wait(self, unit: Unit) -> None:
        verdict, ticket = unit.verdict, self.reports.ticket(unit)
        self.reports.waits(unit)
        unit.has_waited = True
        if verdict.behind:
            self._note_change(unit)
        is_decided = unit.waits_for is WaitsFor.NOBODY
        gate = self._control if unit.is_control else self._data
        gate.arrive(
            ticket, unit, unit.size, is_decided=is_decided, behind=verdict.behind if is_decided else 0
        )
        if is_decided:
            self.pump()
        else:
            self._wait_for_decision(unit)
        self._look_for_room()

    def _wait_for_decision(self, unit: Unit) -> None:
        verdict = unit.verdict
        if isinstance(verdict.onward, Hold):
            unit.waits_for = WaitsFor.PERSON
            self._set_deadline(unit, verdict.onward)
        else:
            unit.waits_for = WaitsFor.TIME
            unit.timer = self._host.loop.call_later(verdict.delay_seconds, self._time_has_passed, unit)

    def _set_deadline(self, unit: Unit, hold: Hold) -> None:
        unit.until_ns = self._host.clock() + int(hold.seconds * 10**9)
        unit.timer = self._host.loop.call_later(hold.seconds, self._deadline, unit, hold.seconds)
        self._host.held_changed()

    def _waits_on(self, unit: Unit, verdict: Verdict) -> bool:
        """Whether whoever was asked leaves it to a person, or to time."""
        is_held = isinstance(verdict.onward, Hold)
        if self.is_closing or verdict.onward is Onward.DROP or not (is_held or verdict.delay_seconds > 0):
            return False
        unit.verdict, unit.has_waited = verdict, True
        self.reports.waits(unit)
        self._wait_for_decision(unit)
        return True

    def _time_has_passed(self, unit: Unit) -> None:
        unit.timer = None
        unit.lets_go(DecidedBy.RULE)
        self._decided(unit)

    def _deadline(self, unit: Unit, seconds: float) -> None:
        unit.timer = None
        unit.lets_go(DecidedBy.DEADLINE, f"Nobody decided within {seconds:g} s, so it went on.")
        self._decided(unit)
        self._host.held_changed()

    def _decided(self, unit: Unit) -> None:
        gate = self._control if unit.is_control else self._data
        gate.decide(unit.ticket, unit, unit.verdict.behind)
        if unit.verdict.behind:
            self._note_change(unit)
        self.pump()
        self.flush()

    def _look_for_room(self) -> None:
        is_full = self._data.is_full or self._control.is_full
        if is_full and not self._is_full:
            self._is_full = True
            self._host.stop_reading(self._sender)
        elif self._is_full and not is_full:
            self._is_full = False
            self._host.go_on_reading(self._sender)

    # Internals: going on.

    def _go(self, unit: Unit) -> None:
        """Let a unit go on, as its verdict says."""
        onward = unit.verdict.onward
        if unit.opcode == Opcode.CLOSE:
            self.close_data()
        if isinstance(onward, Replacement):
            self._note_change(unit)
            self._remake(unit, onward, Origin.EDITED)
        elif not self.must_remake(is_compressed=unit.is_compressed):
            self._put(unit, unit.pieces, ())
        elif unit.payload is not None:
            self._remake(unit, Replacement(unit.opcode, unit.payload, len(unit.pieces)), Origin.PEER)
        else:
            self._host.fail(
                "A compressed message was too long to be held, or did not inflate. Behind one that was changed it "
                "could not be passed on as it came, so Unmask cut the connection."
            )

    def _remake(self, unit: Unit, message: Replacement, origin: Origin) -> None:
        """Make the frames of a message; then they go on. What only is compressed anew is told as it came."""

        def made(sent: Sequence[FrameSent]) -> None:
            self._put(unit, self._remade(sent), sent if origin is Origin.EDITED else (), sent)

        self._remaking.make(in_place_of(message, unit.opcode), origin, made)

    def _put(
        self, unit: Unit, frames: list[bytes], sent: Sequence[FrameSent], made: Sequence[FrameSent] = ()
    ) -> None:
        """Let these frames go out for a unit; `sent` are those that are told besides."""
        verdict = unit.verdict
        if verdict.corruption is not None:
            last = corrupted(made[-1].frame if made else unit.last, verdict.corruption)
            sent = [*sent[:-1], FrameSent(last, Origin.EDITED, None)]
            frames = [*frames[:-1], last.wire()]
            self._note_change(unit)

        def gone() -> None:
            self.reports.settled(unit, Fate.REPLACED if sent else Fate.PASSED, unit.let_go_by)
            if sent:
                self._tell_sent(sent, unit.ticket, unit.rules)
            self._send_copies(unit)

        if unit.is_control or verdict.bytes_per_second is None:
            self.outlet.put(frames)
            gone()
        else:
            self.reports.waits(unit)
            unit.has_waited = True
            self.outlet.put_slowly(frames, verdict.bytes_per_second, gone)

    def _remade(self, sent: Sequence[FrameSent]) -> list[bytes]:
        """The frames that were just made."""
        joined = b"".join(self._rewriting.take())
        if len(sent) == 1:
            return [joined]
        return [event.frame.wire() for event in sent]

    def _send_copies(self, unit: Unit) -> None:
        if unit.verdict.copies < 2 or unit.payload is None:
            return
        onward = unit.verdict.onward
        again = (
            onward
            if isinstance(onward, Replacement)
            else Replacement(unit.opcode, unit.payload, len(unit.pieces))
        )
        for _ in range(min(unit.verdict.copies - 1, self._most_copied // max(1, len(again.payload)))):
            self.outlet.send(
                Sending(in_place_of(again, unit.opcode), Origin.RULE, self.reports.ticket(unit), unit.rules)
            )

    def _note_change(self, unit: Unit) -> None:
        self._rewriting.note_change(is_compressed=unit.is_compressed)

    def _tell_sent(self, sent: Sequence[FrameSent], ticket: int, rules: tuple[str, ...]) -> None:
        # What it answers or replaces stands before it.
        self._hand_over()
        self._host.tell_sent(self._sender, [Caused(each, ticket, rules) for each in sent])

    def _hand_over(self) -> None:
        if told := self.reports.take():
            self._host.tell(self._sender, told)


def _asks_adviser(unit: Unit) -> bool:
    return unit.waits_for is WaitsFor.ADVISER
