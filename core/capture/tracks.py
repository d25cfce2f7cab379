"""What is known of a connection: a row of `connection` in the making."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core.capture.blocks import FROM_SERVER
from core.capture.records import ConnectionState, Direction, Mode
from core.protocol.events import (
    ClosedBy,
    ConnectionClosed,
    ConnectionFailed,
    Event,
    HandshakeDone,
    HandshakeFailed,
    RequestReceived,
    ResponseReceived,
)
from core.protocol.http11 import RequestHead
from core.protocol.violations import Violation


@dataclass(frozen=True, slots=True)
class Opened:
    """A TCP connection came in, or went out."""

    mode: Mode
    peer: str
    local: str
    received: Direction
    """Which way the frames go that this connection receives."""


@dataclass(slots=True)
class Counts:
    """What the file holds of a connection."""

    frames: int = 0
    data_frames: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    violations: int = 0


@dataclass(slots=True)
class Track:
    """A connection that is not over, as far as the file knows."""

    id: int
    opened: Opened
    opened_ns: int
    state: ConnectionState = ConnectionState.CONNECTING
    request: bytes = b""
    response: bytes = b""
    path: str = ""
    origin: str | None = None
    subprotocol: str | None = None
    extensions: str = ""
    status: int = 0
    reason: str = ""
    closed_ns: int | None = None
    close_code: int | None = None
    closed_by: ClosedBy = ClosedBy.NOBODY
    trailing: bytes = b""
    trailing_length: int = 0
    number: int = 0
    """Frames seen, recorded or not."""
    counts: Counts = field(default_factory=Counts)
    committed: Counts | None = None
    """`counts` as they stand in the file; None: it has no row there."""
    block_frames: int = 0
    """Frames in the block that is being filled."""
    block_data: int = 0
    """Data frames among them."""
    received_flag: int = 0
    """FROM_SERVER where the frames received come from the server."""
    sent_flag: int = FROM_SERVER

    def __post_init__(self) -> None:
        if self.opened.received is Direction.SERVER_TO_CLIENT:
            self.received_flag, self.sent_flag = FROM_SERVER, 0

    def row(self, changed: int) -> tuple[object, ...]:
        counts = self.counts
        return (
            self.id, changed, self.opened.mode, self.state, self.opened_ns, self.closed_ns, self.opened.peer,
            self.opened.local, self.request, self.response, self.path, self.origin, self.subprotocol,
            self.extensions, self.status, self.reason, self.close_code, self.closed_by, self.trailing,
            self.trailing_length, counts.frames, counts.data_frames, counts.bytes_in, counts.bytes_out,
            counts.violations,
        )  # fmt: skip

    def begin_anew(self, number: int) -> None:
        """The connection goes on under this number in another capture, which holds no frame of it yet."""
        self.id, self.number = number, 0
        self.counts, self.committed = Counts(), None

    def keep(self) -> None:
        """The row is in the file."""
        self.committed = replace(self.counts)

    def fall_back(self) -> None:
        """What was counted since `keep` is not in the file and never will be."""
        self.counts = Counts() if self.committed is None else replace(self.committed)
        self.block_frames = self.block_data = 0

    def change(self, time_ns: int, event: Event) -> tuple[Violation, ...]:
        """Anything but a frame; what the handshake broke."""
        if isinstance(event, RequestReceived):
            self._request(event.request)
        elif isinstance(event, HandshakeDone):
            return self._answered(event)
        elif isinstance(event, HandshakeFailed):
            self.request, self.response = event.raw, event.answer.response
            self.status, self.reason = event.answer.status, event.answer.reason
            self.state = ConnectionState.REFUSED
            return event.answer.violations
        elif isinstance(event, ResponseReceived):
            self.response, self.status = event.response.raw, event.response.status
            self.state = ConnectionState.OPEN if event.response.status == 101 else ConnectionState.REFUSED
            return event.verdict.violations
        elif isinstance(event, ConnectionFailed):
            self.state = ConnectionState.CLOSING
            return (event.violation,) if event.frameless else ()
        else:
            assert isinstance(event, ConnectionClosed)
            self._close(time_ns, event)
        return ()

    def close_sent(self) -> None:
        """A close frame of ours is on its way."""
        if self.state is ConnectionState.OPEN:
            self.state = ConnectionState.CLOSING

    def _request(self, request: RequestHead) -> None:
        self.request, self.path = request.raw, request.target
        self.origin = request.headers.get("origin")

    def _answered(self, event: HandshakeDone) -> tuple[Violation, ...]:
        answer = event.answer
        self.response, self.status = answer.response, answer.status
        self.subprotocol, self.extensions = answer.subprotocol, answer.extensions
        if answer.accepted:
            self.state = ConnectionState.OPEN
        else:
            self.state = ConnectionState.SERVED if answer.status == 200 else ConnectionState.REFUSED
            self.reason = answer.reason
        return answer.violations

    def _close(self, time_ns: int, event: ConnectionClosed) -> None:
        self.closed_ns = time_ns
        self.trailing, self.trailing_length = event.trailing, event.trailing_length
        if self.state not in (ConnectionState.REFUSED, ConnectionState.SERVED):
            self.state = ConnectionState.CLOSED
            self.close_code, self.closed_by = event.code, event.closed_by
            self.reason = event.reason
