"""What is recorded of the units of one direction: that rules applied, that they wait, and what became of them."""

from __future__ import annotations

from collections.abc import Callable

from core.net.legs.unit import Unit, WaitsFor
from core.protocol.events import Decided, FrameReceived, Report, Ruled
from core.protocol.frames import Frame, Opcode
from core.protocol.handling import DecidedBy, Fate, Handling
from core.rules.gate import Gate


class UnitReports:
    """Collects reports, in order, until they are taken."""

    def __init__(self, clock: Callable[[], int], next_ticket: Callable[[], int]) -> None:
        """`next_ticket` gives a number that no unit of the connection has."""
        self._clock = clock
        self._next_ticket = next_ticket
        self._told: list[Report] = []

    def take(self) -> list[Report]:
        """What was not taken yet."""
        told, self._told = self._told, []
        return told

    def tell(self, report: Report) -> None:
        """Report what needs no decision."""
        self._told.append(report)

    def ticket(self, unit: Unit) -> int:
        """The unit's number, which it gets now if it has none."""
        if not unit.ticket:
            unit.ticket = self._next_ticket()
        return unit.ticket

    def apart(self, report: FrameReceived, fate: Fate, *, is_secret: bool) -> None:
        """Report a frame that nobody has looked into; `is_secret`: nor may anybody in the capture."""
        handling = Handling(fate, is_redacted=is_secret)
        self._told.append(Ruled(report, handling, recorded=b"" if is_secret else None))

    def asked_before(self, frame: Frame, gate: Gate[Unit]) -> None:
        """A frame has come: in front of a close frame, report what waits for an adviser, where all may be recorded."""
        if frame.opcode != Opcode.CLOSE:
            return
        for waiting in gate.waiting():
            unit = waiting.item
            if unit.waits_for is WaitsFor.ADVISER and unit.verdict.recorded is None:
                unit.has_waited = True
                self.waits(unit)

    def waits(self, unit: Unit) -> None:
        """Report what was not reported of a unit that does not go on now."""
        untold, unit.untold = unit.untold, []
        if not untold:
            return
        is_redacted = unit.verdict.recorded is not None
        handling = Handling(Fate.HELD, rules=unit.rules, is_redacted=is_redacted)
        self._tell_all(unit, untold, handling, self.ticket(unit))
        unit.told_rules, unit.told_notes = unit.rules, unit.verdict.notes

    def settled(self, unit: Unit, fate: Fate, by: DecidedBy) -> None:
        """It is settled what becomes of a unit."""
        verdict, untold = unit.verdict, unit.untold
        unit.untold = []
        if not untold:
            held_ns = self._clock() - unit.since_ns if unit.has_waited else None
            if fate is Fate.PASSED and not unit.has_waited:
                by = DecidedBy.NOBODY
            handling = Handling(fate, by, held_ns, unit.untold_rules)
            self._told.append(Decided(unit.ticket, handling, unit.untold_notes))
            return
        is_redacted = verdict.recorded is not None
        if fate is Fate.PASSED and not (unit.rules or verdict.notes or unit.remarks or is_redacted):
            self._told += untold
            return
        causes = fate is Fate.REPLACED or bool(verdict.sends) or verdict.copies > 1
        ticket = self.ticket(unit) if causes or len(untold) > 1 else 0
        by = DecidedBy.NOBODY if fate is Fate.PASSED else by
        self._tell_all(unit, untold, Handling(fate, by, None, unit.rules, is_redacted), ticket)

    def _tell_all(self, unit: Unit, reports: list[FrameReceived], handling: Handling, ticket: int) -> None:
        """Report the frames of a unit, of which only the last one has the message."""
        recorded = unit.verdict.recorded
        part = None if recorded is None else b""
        *begun, last = reports
        self._told += [Ruled(each, handling, ticket, (), part) for each in begun]
        self._told.append(Ruled(last, handling, ticket, unit.verdict.notes + unit.remarks, recorded))
