"""The values read from a capture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from core.capture.legs import HeadPlace
from core.protocol.events import ClosedBy, Origin
from core.protocol.frames import Frame
from core.protocol.handling import UNTOUCHED, Fate, Handling
from core.protocol.violations import Violation

OUTLINE_BYTES = 4096
"""Bytes of a payload that are read unless all of it is requested."""


class Direction(IntEnum):
    """Named by the endpoints, so that it means the same in every mode."""

    CLIENT_TO_SERVER = 0
    SERVER_TO_CLIENT = 1


class Mode(IntEnum):
    """How Unmask sees a connection."""

    LISTEN = 0
    RELAY = 1
    CONNECT = 2
    PROXY = 3


@dataclass(frozen=True, slots=True)
class SourceLabel:
    """What a capture says of a source."""

    mode: Mode
    """Its kind."""
    name: str
    address: str
    """The addresses it listened on, separated by `, `; "" if it did not listen."""
    target: str
    """The URL that it connects to; "" if it has none of its own."""


class ConnectionState(IntEnum):
    """The state of a connection."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3
    REFUSED = 4
    """The opening handshake failed."""
    SERVED = 5
    """Not WebSocket: a plain HTTP request that was answered, for example with the test page."""
    LOST = 6
    """Unmask itself ended while the connection was open."""
    EXCHANGED = 7
    """Not WebSocket: a plain HTTP request that was passed on to its server."""
    TUNNELLED = 8
    """Bytes that passed through a proxy unread; only counted."""


NO_WEBSOCKET = frozenset((ConnectionState.SERVED, ConnectionState.EXCHANGED, ConnectionState.TUNNELLED))
"""States of what was never meant to be a WebSocket connection."""


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """One connection and its opening handshake. Times are ns since the epoch. See `core.capture.legs` for the rest."""

    id: int
    mode: Mode
    state: ConnectionState
    opened_ns: int
    closed_ns: int | None
    peer: str
    """Address of the client, or of the server if Unmask is the client, such as `127.0.0.1:50312`."""
    local: str
    request: bytes
    """The raw request head as its sender sent it, or what arrived in its place."""
    response: bytes
    """The raw response head as its sender sent it."""
    path: str
    """The request target; "" if there was none."""
    origin: str | None
    """The Origin header."""
    subprotocol: str | None
    extensions: str
    """The response's Sec-WebSocket-Extensions, or ""."""
    status: int
    """HTTP status of the answer; 0 before the answer."""
    reason: str
    """Why the handshake was refused, or the close reason."""
    close_code: int | None
    closed_by: ClosedBy
    """Who ended the connection; if it vanished, on whose side."""
    trailing: bytes
    """Bytes after the last frame that do not form a frame (bounded; see `trailing_length`); in a relayed connection
    those of the client.
    """
    trailing_length: int
    frame_count: int
    data_frame_count: int
    bytes_in: int
    """Wire bytes from client to server, frames only."""
    bytes_out: int
    """Wire bytes from server to client, frames only."""
    violation_count: int
    is_masked: bool = False
    """Whether secrets in its heads are asterisks, which were not on the wire."""
    vanished: bool = False
    """The TCP stream ended without a closing handshake."""
    source: SourceLabel | None = None
    """Where it belongs; None if that is not known."""

    @property
    def is_open(self) -> bool:
        return self.state is ConnectionState.OPEN


@dataclass(frozen=True, slots=True)
class MessageInfo:
    """What is known about a completed message; its payload is fetched separately."""

    opcode: int
    length: int
    """Length after joining and inflating."""
    wire_length: int
    compressed: bool
    frame_count: int


@dataclass(frozen=True, slots=True)
class FrameRow:
    """One row of the frame table. Numbers count from 1, times are ns since the epoch."""

    id: int
    """Unique in the capture, in order of arrival, from 1."""
    connection: int
    number: int
    """Number within its connection, from 1. A jump means that frames passed unrecorded."""
    time_ns: int
    direction: Direction
    origin: Origin
    head: int
    masked: bool
    length_form: int
    declared_length: int
    captured_length: int
    preview: bytes
    """The first bytes of the completed message, else of the frame's payload (unmasked)."""
    message: MessageInfo | None
    violation_count: int
    severity: int
    """The worst `Severity` of its violations; 0 if none."""
    handling: Handling = UNTOUCHED
    """What was done to it on its way."""
    cause: int | None = None
    """Id of the first frame of the unit in whose place it went on, or because of which it was sent."""

    @property
    def opcode(self) -> int:
        return self.head & 0x0F

    @property
    def fate(self) -> Fate:
        return self.handling.fate

    @property
    def truncated(self) -> bool:
        """The stream ended before the whole payload had come."""
        return self.captured_length != self.declared_length and not self.handling.is_redacted

    @property
    def content_length(self) -> int:
        """Length of the content that begins with `preview`."""
        return self.captured_length if self.message is None else self.message.length


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One complete frame."""

    row: FrameRow
    frame: Frame
    message_payload: bytes | None
    """Payload of the completed message; the frame's own if it is the same."""
    violations: tuple[Violation, ...]
    note: str | None = None
    """The person's note, possibly empty; None if the frame is not marked."""


class PayloadPart(IntEnum):
    """Which bytes of a frame."""

    FRAME = 0
    """The frame's own payload, unmasked."""
    MESSAGE = 1
    """The payload of the completed message, inflated and joined; if there is none, FRAME."""


@dataclass(frozen=True, slots=True)
class FrameOutline:
    """One frame with only the beginning of its payload: the same cost for every size."""

    row: FrameRow
    frame: Frame
    """Its payload is cut after OUTLINE_BYTES; `row.captured_length` is the full length."""
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class View:
    """Which frames a list shows."""

    connection: int | None = None
    """None means every connection."""
    control: bool = True
    """Whether control frames are included."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Contents of a capture. Frames and bytes include those that were dropped since."""

    connections: int
    frames: int
    control_frames: int
    bytes: int
    """Wire bytes of all frames."""
    violations: int
    changes: int
    """Grows with every change to any connection; see `CaptureReader.connections`."""
    generation: int
    """Grows when the capture is cleared, which invalidates everything fetched before."""
    mark_changes: int = 0
    """Grows with every change to any mark; see `core.capture.marks`."""
    handling_changes: int = 0
    """Grows when something is decided of frames that could be read before; see `core.capture.handlings`."""
    dropped_frames: int = 0
    """Frames that were dropped; see `core.capture.ring`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One violation, as a row of a list."""

    id: int
    connection: int
    frame: int | None
    """The frame's id; None means the handshake."""
    violation: Violation
    head: HeadPlace | None = None
    """The head that broke the rule."""
