"""What is held, as the window shows it. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from app.logic.text import cut, one_line, one_line_bytes
from core.capture.records import Direction

PREVIEW = 200
"""Bytes of a payload that a row shows."""


class HeldKind(Enum):
    """What waits for a decision."""

    MESSAGE = auto()
    REQUEST = auto()
    RESPONSE = auto()


@dataclass(frozen=True, slots=True)
class HeldLine:
    """One thing that waits for a person."""

    connection: int
    """Number of the connection in the capture."""
    ticket: int
    """Unique within the connection, in order of arrival."""
    kind: HeldKind
    direction: Direction
    opcode: int
    """Opcode of a message; 0 for a head of HTTP."""
    payload: bytes = field(repr=False)
    """The whole message, joined and inflated, or the raw head."""
    since_ns: int
    until_ns: int
    """When it goes on unchanged if nobody decides."""
    rules: tuple[str, ...] = ()
    """Names of the rules that hold it."""
    position: int = 1
    """Place among what waits in its direction of its connection, from 1."""
    behind: int = 0
    """Units that wait behind it, held or not."""
    negotiated: bool = False
    """Whether messages of the connection can be compressed."""

    @property
    def is_message(self) -> bool:
        return self.kind is HeldKind.MESSAGE

    @property
    def is_control(self) -> bool:
        """Whether it is a control frame (RFC 6455 section 5.5)."""
        return self.is_message and bool(self.opcode & 0x08)

    @property
    def key(self) -> tuple[int, int]:
        """Tells it from all others."""
        return self.connection, self.ticket

    @property
    def preview(self) -> str:
        """The beginning, on one line."""
        return cut(one_line_bytes(self.payload[:PREVIEW]), PREVIEW)


@dataclass(frozen=True, slots=True)
class HeldQueue:
    """What is held at a moment."""

    lines: tuple[HeldLine, ...] = ()
    """The oldest ones, in order of arrival."""
    total: int = 0
    """How many there are."""
    is_stuck: bool = False
    """Whether a side is no longer read, because no more may wait."""


def waiting_time(nanoseconds: int) -> str:
    """How long something has waited: `0.4 s`, `12 s`, `3:05`."""
    seconds = max(nanoseconds, 0) / 1e9
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{int(seconds)} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return one_line(f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}")
