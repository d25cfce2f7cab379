"""The values that come out of a capture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from core.protocol.events import ClosedBy, Fate, Origin
from core.protocol.frames import Frame
from core.protocol.violations import Violation

OUTLINE_BYTES = 4096
"""As much of a payload as one looks at without asking for all of it."""


class Direction(IntEnum):
    """Named from the wire, the same in every mode."""

    CLIENT_TO_SERVER = 0
    SERVER_TO_CLIENT = 1


class Mode(IntEnum):
    """How Unmask sees a connection."""

    LISTEN = 0
    RELAY = 1
    CONNECT = 2


class ConnectionState(IntEnum):
    """What became of a connection."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3
    REFUSED = 4
    """The opening handshake failed."""
    SERVED = 5
    """Not WebSocket at all: a plain HTTP request that was answered, such as the test page."""
    LOST = 6
    """Unmask itself ended while it was open."""


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """One TCP connection and its opening handshake. Times are ns since the epoch."""

    id: int
    mode: Mode
    state: ConnectionState
    opened_ns: int
    closed_ns: int | None
    peer: str
    """Address of the client, as `127.0.0.1:50312`."""
    local: str
    request: bytes
    """The raw request head, or whatever came in its place; exactly as on the wire."""
    response: bytes
    """The raw response head."""
    path: str
    """Request target, or "" when there was none."""
    origin: str | None
    """The Origin header."""
    subprotocol: str | None
    extensions: str
    """The response's Sec-WebSocket-Extensions, or ""."""
    status: int
    """HTTP status of the answer; 0 while there is none."""
    reason: str
    """Why the handshake was refused, or the close reason."""
    close_code: int | None
    closed_by: ClosedBy
    """Whose end of the stream vanished, where it did."""
    trailing: bytes
    """Bytes after the last frame that are no frame (bounded; see `trailing_length`)."""
    trailing_length: int
    frame_count: int
    data_frame_count: int
    bytes_in: int
    """Wire bytes client→server, frames only."""
    bytes_out: int
    """Wire bytes server→client, frames only."""
    violation_count: int
    vanished: bool = False
    """The TCP stream ended without a closing handshake."""

    @property
    def is_open(self) -> bool:
        return self.state is ConnectionState.OPEN


@dataclass(frozen=True, slots=True)
class MessageInfo:
    """What is known of the message that a frame completed; its payload is fetched apart."""

    opcode: int
    length: int
    """Inflated and joined."""
    wire_length: int
    compressed: bool
    frame_count: int


@dataclass(frozen=True, slots=True)
class FrameRow:
    """What one line of the frame table shows. Numbers and times count from 1 and from the epoch (ns)."""

    id: int
    """Over the whole capture, in order of arrival, from 1."""
    connection: int
    number: int
    """Within its connection, from 1. A jump is a gap: frames passed while recording was stopped."""
    time_ns: int
    direction: Direction
    origin: Origin
    head: int
    masked: bool
    length_form: int
    declared_length: int
    captured_length: int
    preview: bytes
    """The first bytes of the message if the frame completed one, else of the frame's payload (unmasked)."""
    message: MessageInfo | None
    violation_count: int
    severity: int
    """The worst `Severity` of its violations, 0 if none."""
    fate: Fate = Fate.PASSED

    @property
    def opcode(self) -> int:
        return self.head & 0x0F

    @property
    def truncated(self) -> bool:
        return self.captured_length != self.declared_length

    @property
    def content_length(self) -> int:
        """How long that is of which `preview` is the beginning."""
        return self.captured_length if self.message is None else self.message.length


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One frame whole."""

    row: FrameRow
    frame: Frame
    message_payload: bytes | None
    """Payload of the message that the frame completed (the frame's own where it is the same)."""
    violations: tuple[Violation, ...]
    note: str | None = None
    """What the person noted on it, or ""; None where it is not marked."""


class PayloadPart(IntEnum):
    """Which bytes of a frame."""

    FRAME = 0
    """The frame's own payload, unmasked."""
    MESSAGE = 1
    """The payload of the message that the frame completed, inflated and joined; where there is none, FRAME."""


@dataclass(frozen=True, slots=True)
class FrameOutline:
    """One frame with no more than the beginning of its payload: the same cost for every size."""

    row: FrameRow
    frame: Frame
    """Its payload is cut off after OUTLINE_BYTES; `row.captured_length` says how much of it there is."""
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class View:
    """Which frames a list shows."""

    connection: int | None = None
    """None: those of every connection."""
    control: bool = True
    """Whether control frames are among them."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a capture holds. Frames and bytes count what was recorded, be it dropped since or not."""

    connections: int
    frames: int
    control_frames: int
    bytes: int
    """Wire bytes of all frames."""
    violations: int
    changes: int
    """Goes up with every change to any connection; see `CaptureReader.connections`."""
    generation: int
    """Goes up when the capture is cleared: then nothing fetched before is of worth."""
    mark_changes: int = 0
    """Goes up with every change to any mark; see `core.capture.marks`."""
    dropped_frames: int = 0
    """Those that are kept no longer; see `core.capture.ring`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One violation, as a list of them shows it."""

    id: int
    connection: int
    frame: int | None
    """The frame's id; None: the handshake."""
    violation: Violation
