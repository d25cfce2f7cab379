"""What a gate holds: a whole message, or a control frame, on its way from one side to the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from core.protocol.events import Completes, FrameReceived
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import CONTROL, Frame, Opcode
from core.protocol.handling import DecidedBy
from core.protocol.outgoing import Compression, OutgoingMessage, OutgoingPing, OutgoingPong
from core.protocol.state import Role
from core.rules.decision import Answer, Decision, HeldKey, HeldMessage
from core.rules.verdict import Hold, Onward, Replacement, Verdict

UNCHANGED = Verdict()
SIFTED_FROM = 1024
"""Bytes of a message from which on it is sifted before rules are asked about it one by one."""
_OVERHEAD = 1000
"""About what a unit takes beside its bytes."""


class WaitsFor(Enum):
    """Whose decision a unit waits for."""

    NOBODY = auto()
    """It only waits for its turn."""
    TIME = auto()
    PERSON = auto()
    ADVISER = auto()


@dataclass(slots=True, eq=False)
class Unit:
    """A message or a control frame."""

    since_ns: int
    """When it had come."""
    last: Frame
    """Its last frame, or its only one."""
    opcode: int
    is_compressed: bool
    pieces: list[bytes] = field(default_factory=list)
    """Its frames exactly as they came."""
    payload: bytes | None = None
    """The message, joined and inflated; None if it can't be told."""
    ticket: int = 0
    """Its number in the connection; 0 as long as nobody asks for it."""
    verdict: Verdict = UNCHANGED
    rules: tuple[str, ...] = ()
    """Names of the rules that applied."""
    waits_for: WaitsFor = WaitsFor.NOBODY
    has_waited: bool = False
    until_ns: int = 0
    """When it goes on though a person has not decided."""
    timer: asyncio.TimerHandle | None = None
    """Ends the waiting."""
    decided_by: DecidedBy | None = None
    """Who has ended the waiting."""
    remarks: tuple[str, ...] = ()
    """Notes on how it ended."""
    is_echoed: bool = False
    """It is sent back when it goes on."""
    untold: list[FrameReceived] = field(default_factory=list)
    """Reports of its frames that wait with it."""
    told_rules: tuple[str, ...] = ()
    """What was reported with its last frame."""
    told_notes: tuple[str, ...] = ()

    @property
    def is_control(self) -> bool:
        return self.opcode & CONTROL != 0

    @property
    def let_go_by(self) -> DecidedBy:
        """Who let it go on; a rule if it has waited for nobody."""
        return DecidedBy.RULE if self.decided_by is None else self.decided_by

    @property
    def size(self) -> int:
        """About the memory that it takes."""
        payload = 0 if self.payload is None else len(self.payload)
        return sum(map(len, self.pieces)) + payload + _OVERHEAD

    @property
    def untold_rules(self) -> tuple[str, ...]:
        return () if self.told_rules == self.rules else self.rules

    @property
    def untold_notes(self) -> tuple[str, ...]:
        """Notes that were not reported with its last frame."""
        notes = self.verdict.notes
        return (() if self.told_notes == notes else notes) + self.remarks

    def lets_go(self, by: DecidedBy, *remarks: str) -> None:
        """Its waiting has ended. What was to be held goes on as the rules have made it."""
        self.waits_for, self.decided_by = WaitsFor.NOBODY, by
        self.remarks += remarks
        onward = self.verdict.onward
        if isinstance(onward, Hold):
            self.verdict = replace(self.verdict, onward=onward.instead or Onward.PASS)

    def decide(self, decision: Decision, by: DecidedBy) -> None:
        """Somebody has decided; what the rules did besides stays."""
        if isinstance(decision, Verdict):
            self.verdict = decision
            self.lets_go(by)
            return
        onward = Onward.DROP if isinstance(decision, Answer) else decision
        if isinstance(onward, Replacement) and self._is_the_same(onward):
            # It goes on byte by byte as it came.
            onward = Onward.PASS
        self.verdict = replace(self.verdict, onward=onward, delay_seconds=0.0)
        self.lets_go(by)

    def _is_the_same(self, other: Replacement) -> bool:
        return (
            other.payload == self.payload
            and other.fragments == max(1, len(self.pieces))
            and (self.is_control or other.opcode == self.opcode)
            and not (self.is_compressed and other.compression is Compression.NEVER)
        )

    def as_held(self, connection: int, sender: Role, position: int, queued: int) -> HeldMessage:
        """What a person sees of it; `queued` units are in the queue."""
        return HeldMessage(
            HeldKey(connection, self.ticket),
            sender,
            self.since_ns,
            self.until_ns,
            position,
            max(0, queued - position - 1),
            self.opcode,
            max(1, len(self.pieces)),
            self.is_compressed,
            self.payload or b"",
            self.rules,
        )

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def in_place_of(replacement: Replacement, opcode: int) -> OutgoingMessage | OutgoingPing | OutgoingPong:
    """What goes on in place of a unit with that opcode. Instead of a ping or pong that is one with another payload."""
    if opcode == Opcode.PING:
        return OutgoingPing(replacement.payload)
    if opcode == Opcode.PONG:
        return OutgoingPong(replacement.payload)
    kind = Opcode.BINARY if replacement.opcode == Opcode.BINARY else Opcode.TEXT
    return OutgoingMessage(kind, replacement.payload, replacement.fragments, replacement.compression)


def lone(run: FrameColumns, index: int) -> FrameReceived:
    """One message of a run."""
    heads, keys, payloads, forms = run
    payload = payloads[index]
    frame = Frame(heads[index], keys[index], payload, forms[index], len(payload))
    return FrameReceived(frame, (), Completes.ITSELF)


def run_of(report: FrameReceived) -> FrameColumns:
    """A run of one message."""
    frame = report.frame
    return FrameColumns([frame.head], [frame.masking_key], [frame.payload], [frame.length_form])
