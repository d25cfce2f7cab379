"""Whoever is asked about what passes on one connection and answers later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.capture.records import ConnectionRecord
from core.net.legs.unit import UNCHANGED, Unit, WaitsFor
from core.protocol.frames import OPCODE, Frame, Opcode
from core.protocol.state import Role
from core.rules.advice import Adviser, Question
from core.rules.hearing import Hearing
from core.rules.moment import Moment
from core.rules.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Advice:
    """An adviser, and what it needs to know of the connection."""

    adviser: Adviser
    connection: int
    """The connection's handle."""
    about: ConnectionRecord

    def is_asked(self, moment: Moment, sender: Role) -> bool:
        """Whether it wants to know of such."""
        return self.adviser.is_asked(moment, sender)

    def is_asked_of_data(self, sender: Role) -> bool:
        """Whether it wants to know of messages, or of their frames."""
        return self.is_asked(Moment.MESSAGE, sender) or self.is_asked(Moment.FRAME, sender)

    def glance(self, frame: Frame, sender: Role, *, waits: bool) -> None:
        """Show a frame that does not wait for an answer. `waits`: pings and pongs wait for one."""
        is_close = frame.head & OPCODE == Opcode.CLOSE
        if waits and frame.is_control and not is_close:
            return
        if self.is_asked(Moment.FRAME, sender):
            self.ask(Moment.FRAME, sender, frame.head, frame.payload, _ignore)

    @property
    def redacts(self) -> bool:
        """Whether nothing may be recorded that it was not asked about."""
        return self.adviser.unanswered.recorded is not None

    def begin(self, unit: Unit) -> None:
        """A unit waits for its answer from now on."""
        unit.waits_for, unit.verdict = WaitsFor.ADVISER, self.adviser.unanswered

    def advised(self, unit: Unit, verdict: Verdict) -> None:
        """Note on a unit who has decided, if that changes anything."""
        if verdict != UNCHANGED:
            unit.rules = (self.adviser.name,)

    def ask(
        self,
        moment: Moment,
        sender: Role,
        head: int,
        payload: bytes,
        decide: Callable[[Verdict], None],
    ) -> None:
        """Ask; `decide` is called once, at once or later. `head` is the first byte of a frame."""
        if moment is Moment.MESSAGE:
            head &= OPCODE
        self.adviser.ask(Question(moment, self.connection, self.about, sender, head, payload), decide)


def may_be_secret(hearing: Hearing | None, advice: Advice | None, sender: Role) -> bool:
    """Whether what nobody has looked into must not be recorded."""
    return (advice is not None and advice.redacts) or (hearing is not None and hearing.redacts(sender))


def _ignore(_verdict: Verdict) -> None:
    """Nothing waits for it."""
