"""What an `Endpoint` or an `Observer` reports, in the order in which it happened on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum
from itertools import repeat
from typing import NamedTuple

from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import Frame
from core.protocol.handshake import Answer, ResponseVerdict, ServerPolicy, propose
from core.protocol.http11 import RequestHead, ResponseHead
from core.protocol.state import Role
from core.protocol.violations import Violation


class Origin(IntEnum):
    """Why a frame is on the wire."""

    PEER = 0
    """The peer sent it."""
    AUTOMATIC = 1
    """Unmask answered as the RFC demands: a pong, a close reply, a close for a violation."""
    COMPOSED = 2
    """The person sent it."""
    RULE = 3
    """A rule sent it, such as echo."""
    EDITED = 4
    INJECTED = 5


class Fate(IntEnum):
    """What became of a frame between the side that sent it and the other."""

    PASSED = 0
    """It went on as it came, or ended at Unmask, which is the other side."""
    HELD = 1
    """It was held when the connection ended, and never went on."""
    DROPPED = 2
    REPLACED = 3
    """Another frame, of origin EDITED, went on in its place."""


class Message(NamedTuple):
    """A complete message (RFC 6455 section 5.4): its fragments joined, inflated where it was compressed."""

    opcode: int
    """TEXT or BINARY."""
    payload: bytes
    compressed: bool
    frame_count: int
    wire_length: int
    """Sum of its frames' payload lengths."""


class Completes(Enum):
    """What nearly every data frame completes; said without building a `Message` for it."""

    ITSELF = 1
    """The frame alone is a whole message: unfragmented and not compressed."""


class FrameReceived(NamedTuple):
    """A frame of the peer. A named tuple because one is built for every frame (see `Frame`)."""

    frame: Frame
    violations: tuple[Violation, ...]
    completes: Message | Completes | None
    fate: Fate = Fate.PASSED

    @property
    def message(self) -> Message | None:
        """The message that this frame completed."""
        return _message(self.frame, self.completes)


class FrameSent(NamedTuple):
    """A frame of ours, handed to the transport."""

    frame: Frame
    origin: Origin
    completes: Message | Completes | None
    violations: tuple[Violation, ...] = ()

    @property
    def message(self) -> Message | None:
        """The message that this frame completed."""
        return _message(self.frame, self.completes)


def _message(frame: Frame, completes: Message | Completes | None) -> Message | None:
    if completes is Completes.ITSELF:
        return Message(frame.opcode, frame.payload, False, 1, len(frame.payload))
    return completes


class RunReceived(NamedTuple):
    """Many `FrameReceived` at once: whole plain messages that break no rule."""

    frames: FrameColumns


class RunSent(NamedTuple):
    """Many `FrameSent` at once: whole plain messages."""

    frames: FrameColumns
    origin: Origin


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A whole request head has arrived. The endpoint waits for `Endpoint.answer(...)`."""

    request: RequestHead
    policy: ServerPolicy

    @property
    def proposed(self) -> Answer:
        """What the RFC and the policy say to answer; the caller may answer something else."""
        return propose(self.request, self.policy)


@dataclass(frozen=True, slots=True)
class RequestSent:
    """A request head is on its way to a server: from Unmask as the client, or from a client that is observed."""

    raw: bytes
    request: RequestHead | None
    """None where it cannot be read; only Unmask sends such ones."""
    violations: tuple[Violation, ...] = ()
    """What an observed client broke."""


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """A server has answered Unmask, or a client that is observed; `verdict` says what that is worth."""

    response: ResponseHead
    verdict: ResponseVerdict
    accepted: bool
    """Frames follow."""


@dataclass(frozen=True, slots=True)
class HandshakeDone:
    """The opening handshake is over, successfully or not (`answer` tells)."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class HandshakeFailed:
    """No usable head arrived from `sender`. `raw` is all that did (bounded by the head limit)."""

    raw: bytes
    answer: Answer
    sender: Role = Role.CLIENT


@dataclass(frozen=True, slots=True)
class ConnectionFailed:
    """_Fail the WebSocket Connection_ (RFC 6455 section 7.1.7): we close because the peer broke a rule."""

    code: int
    violation: Violation
    frameless: bool = False
    """No frame broke the rule, so none has told of it."""


class ClosedBy(IntEnum):
    """Who began the end of a connection."""

    NOBODY = 0
    CLIENT = 1
    SERVER = 2
    UNMASK = 3


def closed_by_role(role: Role) -> ClosedBy:
    """The client or the server."""
    return ClosedBy.CLIENT if role is Role.CLIENT else ClosedBy.SERVER


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """One side of an observed connection says no more."""

    sender: Role
    trailing: bytes
    """Bytes after its last frame that are no frame; bounded."""
    trailing_length: int
    """How many there were."""


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """Nothing more comes. `code` is 1005 or 1006 as RFC 6455 section 7.1.5 defines them."""

    code: int
    reason: str
    closed_by: ClosedBy
    vanished: bool = False
    """The TCP stream ended without a closing handshake; `closed_by` says whose end of it."""
    trailing: bytes = b""
    """Bytes of an endpoint's peer after the last frame that are no frame; bounded."""
    trailing_length: int = 0
    """How many there were."""


Event = (
    FrameReceived
    | FrameSent
    | RequestReceived
    | RequestSent
    | ResponseReceived
    | HandshakeDone
    | HandshakeFailed
    | ConnectionFailed
    | StreamEnded
    | ConnectionClosed
)

Report = Event | RunReceived | RunSent
"""What a connection reports where many frames may come at once."""

_new_received: Callable[[type[FrameReceived], Iterable[object]], FrameReceived] = tuple.__new__
_new_sent: Callable[[type[FrameSent], Iterable[object]], FrameSent] = tuple.__new__


def singly(reports: Iterable[Report]) -> list[Event]:
    """The same, every frame an event of its own."""
    events: list[Event] = []
    whole = repeat(Completes.ITSELF)
    for report in reports:
        if isinstance(report, RunReceived):
            # `zip` ends with the frames.
            rows: Iterable[tuple[object, ...]] = zip(
                report.frames.frames(), repeat(()), whole, repeat(Fate.PASSED), strict=False
            )
            events += map(_new_received, repeat(FrameReceived), rows)
        elif isinstance(report, RunSent):
            rows = zip(report.frames.frames(), repeat(report.origin), whole, repeat(()), strict=False)
            events += map(_new_sent, repeat(FrameSent), rows)
        else:
            events.append(report)
    return events
