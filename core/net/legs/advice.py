"""Whoever is asked about what passes on one connection and answers later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.capture.records import ConnectionRecord
from core.protocol.frames import OPCODE
from core.protocol.state import Role
from core.rules.advice import Adviser, Question
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
