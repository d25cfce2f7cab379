"""The events that an `Endpoint` or an `Observer` reports, in wire order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum
from itertools import repeat
from typing import NamedTuple

from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import Frame
from core.protocol.handling import UNTOUCHED, Handling
from core.protocol.handshake import Answer, ResponseVerdict, ServerPolicy, propose
from core.protocol.http11 import HeadKind, RequestHead, ResponseHead
from core.protocol.state import Role
from core.protocol.violations import Violation


class Origin(IntEnum):
    """Why a frame is on the wire."""

    PEER = 0
    """The peer sent it."""
    AUTOMATIC = 1
    """Unmask sent it because the RFC demands it: a pong, a close reply, a close for a violation."""
    COMPOSED = 2
    """The person sent it."""
    RULE = 3
    """A rule sent it, such as echo."""
    EDITED = 4
    """It went on in place of another one."""
    INJECTED = 5
    """Unmask put it between a client and its server, neither of whom had sent it."""


class Message(NamedTuple):
    """A complete message (RFC 6455 section 5.4): its fragments joined, and inflated if it was compressed."""

    opcode: int
    """TEXT or BINARY."""
    payload: bytes
    compressed: bool
    frame_count: int
    wire_length: int
    """Sum of its frames' payload lengths."""


class Completes(Enum):
    """Stands for what most data frames complete, without building a `Message` for it."""

    ITSELF = 1
    """The frame alone is a whole message: unfragmented and not compressed."""


class FrameReceived(NamedTuple):
    """A frame that the peer sent. It is a named tuple because one is built for every frame (see `Frame`)."""

    frame: Frame
    violations: tuple[Violation, ...]
    completes: Message | Completes | None

    @property
    def message(self) -> Message | None:
        """The message that this frame completed."""
        return _message(self.frame, self.completes)


class FrameSent(NamedTuple):
    """A frame that we sent, handed to the transport."""

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
class Ruled:
    """What was received and did not just pass: rules applied to it, or it waits."""

    received: FrameReceived | RunReceived
    handling: Handling = UNTOUCHED
    """What is known by now; `Fate.HELD` while it waits."""
    ticket: int = 0
    """A number that it shares with the other frames of its unit, unique in the connection, counted from 1: by it
    `Decided` and `Caused` name the unit. 0: neither will.
    """
    notes: tuple[str, ...] = ()
    """What rules note on it."""
    recorded: bytes | None = None
    """What may be recorded of the message that the frame completes, else of its payload; None: as it came. For the
    frames before the last of a message it is b"" where that is not recorded as it came.
    """


@dataclass(frozen=True, slots=True)
class Decided:
    """It is settled what becomes of all that was received under a ticket."""

    ticket: int
    handling: Handling
    """Its `rules` are those that applied since."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Caused:
    """A frame that was sent in place of what was received under a ticket (`Origin.EDITED`), because of it, or by a rule
    on its own.
    """

    sent: FrameSent
    ticket: int = 0
    """0: nothing that was received has led to it."""
    rules: tuple[str, ...] = ()
    """Names of the rules that sent it."""


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A complete request head has arrived. The endpoint waits for `Endpoint.answer(...)`."""

    request: RequestHead
    policy: ServerPolicy
    is_masked: bool = False
    """Whether credentials in it were replaced by asterisks, which did not come."""

    @property
    def proposed(self) -> Answer:
        """The answer that the RFC and the policy demand; the caller may give another one."""
        return propose(self.request, self.policy)


@dataclass(frozen=True, slots=True)
class RequestSent:
    """A request is on its way to a server, from Unmask as the client or from an observed client."""

    raw: bytes
    request: RequestHead | None
    """None if it cannot be parsed; only Unmask sends such requests."""
    violations: tuple[Violation, ...] = ()
    """What an observed client did wrong."""
    is_masked: bool = False
    """Whether secrets in it were replaced by asterisks, which were not sent."""


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """A server has answered Unmask or an observed client; `verdict` judges the response."""

    response: ResponseHead
    verdict: ResponseVerdict
    accepted: bool
    """Frames follow."""
    is_plain: bool = False
    """It answers a plain HTTP request, not an opening handshake."""
    is_masked: bool = False
    """Whether secrets in the response were replaced by asterisks."""


@dataclass(frozen=True, slots=True)
class HeadPassedOn:
    """A head as it went on between a client and its server, where that is not just as it came."""

    raw: bytes
    kind: HeadKind = HeadKind.REQUEST
    is_masked: bool = False
    """Whether secrets in it were replaced by asterisks, which were not sent."""


@dataclass(frozen=True, slots=True)
class HeadRuled:
    """Rules applied to a head that was reported before."""

    kind: HeadKind
    rules: tuple[str, ...]
    """Their names, in order."""
    held_ns: int | None = None
    """How long it was held or delayed; None if it was not."""


@dataclass(frozen=True, slots=True)
class HandshakeDone:
    """The opening handshake has ended; `answer` tells whether it succeeded."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """The response that Unmask has just given is wrong on purpose."""

    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class HandshakeFailed:
    """No usable head arrived from `sender`. `raw` holds what did, up to the head limit."""

    raw: bytes
    answer: Answer
    sender: Role = Role.CLIENT


@dataclass(frozen=True, slots=True)
class ConnectionFailed:
    """We close because the peer broke a rule (RFC 6455 section 7.1.7, _Fail the WebSocket Connection_)."""

    code: int
    violation: Violation
    frameless: bool = False
    """Whether no frame broke the rule, so that no frame event mentions it."""


class ClosedBy(IntEnum):
    """Who began the end of a connection."""

    NOBODY = 0
    CLIENT = 1
    SERVER = 2
    UNMASK = 3


def closed_by_role(role: Role) -> ClosedBy:
    """Converts a role."""
    return ClosedBy.CLIENT if role is Role.CLIENT else ClosedBy.SERVER


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """One side of an observed connection has ended its stream."""

    sender: Role
    trailing: bytes
    """Bytes after its last frame that do not form a frame; bounded."""
    trailing_length: int
    """Number of such bytes that arrived."""


@dataclass(frozen=True, slots=True)
class LookedAway:
    """An observer reads no more of a connection; what follows passes, and is only counted."""

    violation: Violation


@dataclass(frozen=True, slots=True)
class ExchangeEnded:
    """A request that a relay passed on is over, and opened no other protocol."""

    request_bytes: int
    """Length of the request's body on the wire."""
    response_bytes: int
    is_plain: bool
    """The request was plain HTTP, not an opening handshake."""
    cut_by: Role | None = None
    """Whose end of the stream left it unfinished."""
    reason: str = ""
    """What remained unfinished, in a sentence."""


@dataclass(frozen=True, slots=True)
class TunnelPassed:
    """Bytes of a tunnel pass as they come, or have passed."""

    client_bytes: int
    """Bytes that the client has sent so far."""
    server_bytes: int
    why: str
    """Why nobody looks into them, in a sentence."""


@dataclass(frozen=True, slots=True)
class TunnelEnded:
    """A tunnel is over."""

    first: Role | None
    """Whose stream ended first; None if Unmask cut it."""
    was_reset: bool = False
    """It broke; it did not end in order."""
    failure: str = ""
    """Why it came to nothing, in a sentence."""
    remark: str = ""
    """What may have been the reason, in a sentence."""


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """The connection is over. `code` may be 1005 or 1006, as RFC 6455 section 7.1.5 defines them."""

    code: int
    reason: str
    closed_by: ClosedBy
    vanished: bool = False
    """Whether the TCP stream ended without a closing handshake; `closed_by` says on which side."""
    trailing: bytes = b""
    """Bytes of an endpoint's peer after its last frame that do not form a frame; bounded."""
    trailing_length: int = 0
    """Number of such bytes that arrived."""


Event = (
    FrameReceived
    | FrameSent
    | Ruled
    | Decided
    | Caused
    | RequestReceived
    | RequestSent
    | ResponseReceived
    | HeadPassedOn
    | HeadRuled
    | HandshakeDone
    | WrongAnswer
    | HandshakeFailed
    | ConnectionFailed
    | StreamEnded
    | LookedAway
    | ExchangeEnded
    | TunnelPassed
    | TunnelEnded
    | ConnectionClosed
)

Report = Event | RunReceived | RunSent
"""What a connection reports when many frames may come at once."""

_new_received: Callable[[type[FrameReceived], Iterable[object]], FrameReceived] = tuple.__new__
_new_sent: Callable[[type[FrameSent], Iterable[object]], FrameSent] = tuple.__new__


def singly(reports: Iterable[Report]) -> list[Event]:
    """The reports with every frame as an event of its own."""
    events: list[Event] = []
    whole = repeat(Completes.ITSELF)
    for report in reports:
        if isinstance(report, RunReceived):
            # `zip` stops at the last frame.
            rows: Iterable[tuple[object, ...]] = zip(report.frames.frames(), repeat(()), whole, strict=False)
            events += map(_new_received, repeat(FrameReceived), rows)
        elif isinstance(report, RunSent):
            rows = zip(report.frames.frames(), repeat(report.origin), whole, repeat(()), strict=False)
            events += map(_new_sent, repeat(FrameSent), rows)
        else:
            events.append(report)
    return events
