"""Who is asked about what passes and answers later, such as a script, while the gate holds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from core.capture.records import ConnectionRecord
from core.protocol.state import Role
from core.rules.moment import Moment
from core.rules.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Question:
    """What has just happened on a connection."""

    moment: Moment
    """OPEN, MESSAGE, FRAME or CLOSE."""
    connection: int
    """The connection's handle."""
    about: ConnectionRecord
    sender: Role
    """Who sent the message or frame; at OPEN the server, at CLOSE who ended the connection."""
    head: int = 0
    """The first byte of a frame; of a message only its opcode."""
    payload: bytes = b""
    """A message's, joined and inflated; a frame's, unmasked."""


class Adviser(Protocol):
    """Asked on the loop's thread."""

    @property
    def name(self) -> str:
        """What a capture calls the one that decided."""

    @property
    def unanswered(self) -> Verdict:
        """What becomes of a message that it has not answered about: it passes, perhaps without being recorded."""

    def is_asked(self, moment: Moment, sender: Role) -> bool:
        """Whether it wants to know of such; if not, what passes need not wait for it."""

    def ask(self, question: Question, decide: Callable[[Verdict], None]) -> None:
        """Answer by `decide`, exactly once, on the loop's thread, at once or within the adviser's own deadline."""

    async def close(self) -> None:
        """End what it has started. Nothing is asked after that."""
