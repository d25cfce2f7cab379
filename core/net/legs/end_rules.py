"""What rules make of the messages that end at Unmask: replies, and what is done with the echo.

Messages are answered in the order in which they came. One that waits keeps the answers to later ones waiting.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol

from core.errors import CallerError
from core.net.legs.advice import Advice, may_be_secret
from core.net.legs.timers import Timers
from core.net.legs.unit import SIFTED_FROM, Unit, WaitsFor, in_place_of, lone, run_of
from core.net.legs.unit_reports import UnitReports
from core.net.settings import Limits
from core.protocol.events import (
    Caused,
    Completes,
    FrameReceived,
    FrameSent,
    Message,
    Origin,
    Report,
    RunReceived,
)
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import CONTROL
from core.protocol.handling import DecidedBy, Fate
from core.protocol.outgoing import Outgoing
from core.protocol.state import Role
from core.rules.decision import Answer, Decision, HeldMessage
from core.rules.gate import Gate
from core.rules.hearing import Hearing
from core.rules.moment import Moment
from core.rules.verdict import Cut, Hold, Onward, Replacement, Send, Verdict

_ITSELF = Completes.ITSELF


class EndHost(Protocol):
    """What the rules need from a connection that ends at Unmask."""

    loop: asyncio.AbstractEventLoop
    clock: Callable[[], int]

    def put(self, outgoing: Outgoing, origin: Origin) -> Sequence[Report]:
        """Send to the peer; the reports tell what. Raises CallerError."""

    def put_all(self, opcodes: Sequence[int], payloads: list[bytes]) -> Sequence[Report]:
        """Send many messages with one frame each; nothing if the connection is not open."""

    def after(self, reports: Sequence[Report]) -> None:
        """Write and record what has come of something other than received bytes."""

    def cut(self, cut: Cut) -> None:
        """End the connection, or the stream toward the peer."""

    def stop_reading(self) -> None:
        """No more may wait."""

    def go_on_reading(self) -> None:
        """There is room again."""

    def held_changed(self) -> None:
        """Something waits for a person, or no longer."""


class EndRules:
    """Those of one connection. Lives on the loop's thread."""

    def __init__(self, host: EndHost, sender: Role, limits: Limits, timers: Timers) -> None:
        self._host = host
        self.sender = sender
        """The peer."""
        self._timers = timers
        self._hearing: Hearing | None = None
        self._advice: Advice | None = None
        self._withheld: list[FrameReceived] = []
        """Frames of a message that is reported once it is whole."""
        self._is_over = False
        """The peer has gone."""
        self._hears_messages = self._hears_frames = False
        self._echoes = False
        """Whether messages that nobody drops are sent back, whatever the rules."""
        self._echoes_by_rule = False
        """Whether a rule sends back those that need not be asked about."""
        self._gate: Gate[Unit] = Gate(limits.held_messages, limits.held_bytes)
        self._is_full = False
        self._reports = UnitReports(host.clock, itertools.count(1).__next__)
        self._echo: tuple[list[int], list[bytes]] = ([], [])
        """Opcodes and payloads of what is to be sent back next."""

    def hear(self, hearing: Hearing | None, advice: Advice | None) -> None:
        """Ask these rules from the next message on, and `advice` about what no rule applies to."""
        sender = self.sender
        self._hearing, self._advice = hearing, advice
        self._hears_messages = hearing is not None and hearing.concerns(Moment.MESSAGE, sender)
        self._hears_frames = hearing is not None and hearing.concerns(Moment.FRAME, sender)

    @property
    def is_needless(self) -> bool:
        """Whether nothing is asked, and nothing waits."""
        if self._hears_messages or self._hears_frames or self._advice is not None:
            return False
        return self._gate.is_idle and not self._withheld

    @property
    def held_bytes(self) -> int:
        return self._gate.held_bytes

    @property
    def is_full(self) -> bool:
        """Whether no more may be read."""
        return self._is_full

    # What comes.

    def take(self, reports: Sequence[Report], now: int, *, echoes: bool) -> list[Report]:
        """What is to be recorded of what was received, and of what was sent because of it."""
        self._echoes = echoes
        hearing = self._hearing
        self._echoes_by_rule = hearing is not None and hearing.echoes(self.sender)
        for report in reports:
            if type(report) is RunReceived:
                self._take_run(report, now)
            elif type(report) is FrameReceived:
                self._take_frame(report, now)
            else:
                self._reports.tell(report)
        return self._take_reports()

    def lose_peer(self) -> list[Report]:
        """Nothing reaches the peer any more: what is held stays what it was reported as."""
        self._is_over = True
        for unit in self._gate.clear():
            unit.stop_timer()
            self._reports.waits(unit)
        self._look_for_room()
        return self._take_reports()

    def end(self) -> list[Report]:
        """Nothing more comes: what has come of a last message."""
        withheld, self._withheld = self._withheld, []
        for report in withheld:
            self._reports.apart(report, Fate.PASSED, is_secret=self._may_be_secret)
        return self._take_reports()

    # Decisions.

    def held(self, connection: int) -> Iterator[HeldMessage]:
        """What waits for a person, in order."""
        count = len(self._gate)
        for waiting in self._gate.waiting():
            unit = waiting.item
            if unit.waits_for is WaitsFor.PERSON:
                yield unit.as_held(connection, self.sender, waiting.position, count)

    def decide(self, ticket: int, decision: Decision, decided_by: DecidedBy) -> bool:
        """Let a message be answered as usual, or not. False if it does not wait."""
        unit = self._gate.item(ticket)
        if unit is None:
            return False
        unit.stop_timer()
        if isinstance(decision, Verdict) and self._waits_on(unit, decision):
            self._host.after(self._take_reports())
            return True
        unit.decide(decision, decided_by)
        if unit.verdict.onward is Onward.DROP:
            self._reports.settled(unit, Fate.DROPPED, decided_by)
        if isinstance(decision, Answer):
            answer = in_place_of(decision.message, unit.opcode)
            self._send(Send(self.sender, answer), unit)
        self._gate.decide(ticket, None if unit.verdict.onward is Onward.DROP else unit, unit.verdict.behind)
        self._pump()
        self._host.after(self._take_reports())
        self._host.held_changed()
        return True

    # Internals.

    def _asked(self, run: FrameColumns) -> Sequence[int]:
        """Which messages of a run the rules have to be asked about."""
        hearing, advice = self._hearing, self._advice
        if advice is not None and advice.is_asked_of_data(self.sender):
            return range(len(run.heads))
        if hearing is None:
            return ()
        asked = (hearing.sift(run, self.sender) or ()) if self._hears_messages else ()
        if self._hears_frames:
            asked = sorted({*asked, *(hearing.sift(run, self.sender, Moment.FRAME) or ())})
        return asked

    def _take_run(self, report: RunReceived, now: int) -> None:
        run = report.frames
        asked = self._asked(run)
        at = 0
        for index in asked:
            if not self._gate.is_idle:
                break
            if at < index:
                self._pass_run(run.part(at, index), now)
            self._take_frame(lone(run, index), now, is_asked=True)
            at = index + 1
        rest = run.part(at, len(run.heads)) if at else run
        if not rest.heads:
            return
        if self._gate.is_idle:
            self._pass_run(rest, now)
            return
        those = frozenset(asked)
        for index in range(at, len(run.heads)):
            self._take_frame(lone(run, index), now, is_asked=index in those)

    def _pass_run(self, run: FrameColumns, now: int) -> None:
        self._reports.tell(RunReceived(run))
        if self._echoes or self._echoes_by_rule:
            self._echo[0].extend([head & 0x0F for head in run.heads])
            self._echo[1].extend(run.payloads)
            self._count_echoes(len(run.heads), now)

    def _count_echoes(self, count: int, now: int) -> None:
        if self._echoes_by_rule and self._hearing is not None:
            self._hearing.count_echoes(self.sender, count, now)

    def _take_frame(self, report: FrameReceived, now: int, *, is_asked: bool | None = None) -> None:
        """A frame, and perhaps the message that it completes. `is_asked`: whether rules may apply, if that is known."""
        completes = report.completes
        if self._advice is not None:
            self._advice.glance(report.frame, self.sender, waits=False)
            self._reports.asked_before(report.frame, self._gate)
        is_data = not report.frame.head & CONTROL
        if is_asked is None:
            is_small = not self._echoes_by_rule and len(report.frame.payload) < SIFTED_FROM
            is_asked = completes is not _ITSELF or is_small or bool(self._asked(run_of(report)))
        if is_data and completes is None and not report.frame.fin and self._may_be_secret:
            self._withheld.append(report)
            return
        verdict = self._ask(report, now) if is_asked else None
        is_echoed = completes is not None and (self._echoes or (self._echoes_by_rule and not is_asked))
        is_advised = verdict is None and is_asked and completes is not None and self._wants_advice
        if (
            verdict is None
            and not is_advised
            and not self._withheld
            and (completes is None or self._gate.is_idle)
        ):
            self._reports.tell(report)
            if completes is not None and is_echoed:
                self._echo_message(report, completes)
                self._count_echoes(1, now)
            return
        unit = self._unit(report, now)
        unit.is_echoed = is_echoed
        if verdict is not None and self._hearing is not None:
            unit.verdict, unit.rules = verdict, self._hearing.names(verdict.hits)
        if is_advised:
            self._ask_adviser(unit)
        else:
            self._settle(unit)

    def _unit(self, report: FrameReceived, now: int) -> Unit:
        frame, completes = report.frame, report.completes
        payload, opcode = frame.payload, frame.opcode
        if isinstance(completes, Message):
            payload, opcode = completes.payload, completes.opcode
        unit = Unit(now, frame, opcode, frame.rsv1, payload=payload)
        if not frame.is_control:
            unit.untold, self._withheld = self._withheld, []
        unit.untold.append(report)
        return unit

    @property
    def _wants_advice(self) -> bool:
        return (
            self._advice is not None
            and not self._is_over
            and self._advice.is_asked(Moment.MESSAGE, self.sender)
        )

    @property
    def _may_be_secret(self) -> bool:
        """Whether what nobody has looked into must not be recorded."""
        return may_be_secret(self._hearing, self._advice, self.sender)

    def _ask_adviser(self, unit: Unit) -> None:
        """Let a message wait for a verdict that comes later."""
        advice = self._advice
        assert advice is not None, "it wants to be asked"
        advice.begin(unit)
        ticket = self._reports.ticket(unit)
        self._gate.arrive(ticket, unit, unit.size)
        self._look_for_room()

        def decide(verdict: Verdict) -> None:
            advice.advised(unit, verdict)
            self.decide(ticket, verdict, DecidedBy.SCRIPT)

        advice.ask(Moment.MESSAGE, self.sender, unit.last.head, unit.payload or b"", decide)

    def _ask(self, report: FrameReceived, now: int) -> Verdict | None:
        """What the rules say of the message that a frame completes, or else of the frame."""
        hearing, verdict = self._hearing, None
        if hearing is not None and report.completes is not None and self._hears_messages:
            verdict = hearing.message(report, self.sender, now)
        if hearing is not None and verdict is None and self._hears_frames:
            verdict = hearing.frame(report, self.sender, now)
        return verdict

    def _settle(self, unit: Unit) -> None:
        verdict = unit.verdict
        if verdict.onward is Onward.DROP:
            self._reports.settled(unit, Fate.DROPPED, DecidedBy.RULE)
            self._act(unit)
            return
        if not self._is_over and isinstance(verdict.onward, Hold):
            unit.waits_for = WaitsFor.PERSON
        elif not self._is_over and verdict.delay_seconds > 0:
            unit.waits_for = WaitsFor.TIME
        if unit.waits_for is WaitsFor.NOBODY and self._gate.is_idle and not verdict.behind:
            self._reports.settled(unit, Fate.PASSED, DecidedBy.NOBODY)
            self._answer(unit)
        else:
            self._wait(unit)

    def _wait(self, unit: Unit) -> None:
        self._reports.waits(unit)
        unit.has_waited = True
        is_decided = unit.waits_for is WaitsFor.NOBODY
        behind = unit.verdict.behind if is_decided else 0
        self._gate.arrive(unit.ticket, unit, unit.size, is_decided=is_decided, behind=behind)
        if is_decided:
            self._pump()
        else:
            self._wait_for_decision(unit)
        self._look_for_room()

    def _wait_for_decision(self, unit: Unit) -> None:
        loop, verdict = self._host.loop, unit.verdict
        if isinstance(verdict.onward, Hold):
            unit.waits_for, seconds = WaitsFor.PERSON, verdict.onward.seconds
            unit.until_ns = self._host.clock() + int(seconds * 10**9)
            remark = f"Nobody decided within {seconds:g} s, so it went on."
            unit.timer = loop.call_later(seconds, self._time_is_up, unit, DecidedBy.DEADLINE, remark)
            self._host.held_changed()
        else:
            unit.waits_for = WaitsFor.TIME
            unit.timer = loop.call_later(verdict.delay_seconds, self._time_is_up, unit, DecidedBy.RULE)

    def _waits_on(self, unit: Unit, verdict: Verdict) -> bool:
        """Whether whoever was asked leaves it to a person, or to time."""
        is_held = isinstance(verdict.onward, Hold)
        if verdict.onward is Onward.DROP or not (is_held or verdict.delay_seconds > 0):
            return False
        unit.verdict = verdict
        self._reports.waits(unit)
        unit.has_waited = True
        self._wait_for_decision(unit)
        return True

    def _time_is_up(self, unit: Unit, by: DecidedBy, *remarks: str) -> None:
        unit.timer = None
        unit.lets_go(by, *remarks)
        self._gate.decide(unit.ticket, unit, unit.verdict.behind)
        self._pump()
        self._host.after(self._take_reports())
        self._host.held_changed()

    def _pump(self) -> None:
        while (unit := self._gate.take()) is not None:
            self._reports.settled(unit, Fate.PASSED, unit.let_go_by)
            self._answer(unit)
        self._look_for_room()

    def _look_for_room(self) -> None:
        if self._gate.is_full and not self._is_full:
            self._is_full = True
            self._host.stop_reading()
        elif self._is_full and not self._gate.is_full:
            self._is_full = False
            self._host.go_on_reading()

    # Internals: answering.

    def _answer(self, unit: Unit) -> None:
        """Send what follows from a message."""
        onward = unit.verdict.onward
        if unit.is_echoed and unit.payload is not None:
            opcode, payload = unit.opcode, unit.payload
            if isinstance(onward, Replacement):
                opcode, payload = onward.opcode, onward.payload
            self._echo[0].extend([opcode] * unit.verdict.copies)
            self._echo[1].extend([payload] * unit.verdict.copies)
        self._act(unit)

    def _act(self, unit: Unit) -> None:
        for send in unit.verdict.sends:
            self._send(send, unit)
        if unit.verdict.cut is not None:
            self._send_echo()
            self._host.cut(unit.verdict.cut)

    def _echo_message(self, report: FrameReceived, completes: Message | Completes) -> None:
        opcode, payload = report.frame.head & 0x0F, report.frame.payload
        if isinstance(completes, Message):
            opcode, payload = completes.opcode, completes.payload
        self._echo[0].append(opcode)
        self._echo[1].append(payload)

    def _send(self, send: Send, unit: Unit) -> None:
        if send.after_seconds > 0:
            self._timers.after(send.after_seconds, partial(self._send_late, send, unit))
        else:
            self._put(send, unit.ticket, unit.rules)

    def _send_late(self, send: Send, unit: Unit) -> None:
        self._put(send, unit.ticket, unit.rules)
        self._host.after(self._take_reports())

    def send(self, send: Send, rules: tuple[str, ...]) -> None:
        """Send something that no message has led to."""
        if send.after_seconds > 0:
            later = Send(send.toward, send.outgoing)
            self._timers.after(send.after_seconds, partial(self.send, later, rules))
        else:
            self._put(send, 0, rules)
            self._host.after(self._take_reports())

    def _put(self, send: Send, ticket: int, rules: tuple[str, ...]) -> None:
        self._send_echo()
        try:
            sent = self._host.put(send.outgoing, Origin.RULE)
        except CallerError:
            # The connection is closing, or its peer does not read.
            return
        for each in sent:
            self._reports.tell(Caused(each, ticket, rules) if isinstance(each, FrameSent) else each)

    def _send_echo(self) -> None:
        (opcodes, payloads), self._echo = self._echo, ([], [])
        if opcodes:
            for report in self._host.put_all(opcodes, payloads):
                self._reports.tell(report)

    def _take_reports(self) -> list[Report]:
        self._send_echo()
        return self._reports.take()
