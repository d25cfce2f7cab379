"""What is known about a connection: its row of `connection` before it is written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core.capture.records import ConnectionState, Mode
from core.protocol.events import (
    ClosedBy,
    ConnectionClosed,
    ConnectionFailed,
    Event,
    HandshakeDone,
    HandshakeFailed,
    RequestReceived,
    RequestSent,
    ResponseReceived,
    StreamEnded,
)
from core.protocol.handshake_rules import EXTENSIONS_HEADER
from core.protocol.headers import explain
from core.protocol.http11 import RequestHead
from core.protocol.state import Role
from core.protocol.violations import Violation

VANISHED = 0x10
"""Flag added to `ClosedBy` in a row: the connection vanished on that side."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A TCP connection was accepted or made."""

    mode: Mode
    peer: str
    local: str


@dataclass(slots=True)
class Counts:
    """What the file has of a connection."""

    frames: int = 0
    data_frames: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    violations: int = 0


@dataclass(slots=True)
class Track:
    """A connection that is not over, according to the file."""

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
    vanished: bool = False
    trailing: bytes = b""
    trailing_length: int = 0
    number: int = 0
    """Frames seen, recorded or not."""
    counts: Counts = field(default_factory=Counts)
    committed: Counts | None = None
    """`counts` as in the file; None if it has no row there."""
    block_frames: int = 0
    """Frames in the current block."""
    block_data: int = 0
    """Data frames among them."""

    def row(self, changed: int) -> tuple[object, ...]:
        counts = self.counts
        return (
            self.id, changed, self.opened.mode, self.state, self.opened_ns, self.closed_ns, self.opened.peer,
            self.opened.local, self.request, self.response, self.path, self.origin, self.subprotocol,
            self.extensions, self.status, self.reason, self.close_code, self._ended_by, self.trailing,
            self.trailing_length, counts.frames, counts.data_frames, counts.bytes_in, counts.bytes_out,
            counts.violations,
        )  # fmt: skip

    @property
    def _ended_by(self) -> int:
        return self.closed_by | (VANISHED if self.vanished else 0)

    def begin_anew(self, number: int) -> None:
        """Continue under this number in another capture, which has no frame of the connection yet."""
        self.id, self.number = number, 0
        self.counts, self.committed = Counts(), None

    def keep(self) -> None:
        """Note that the row is in the file."""
        self.committed = replace(self.counts)

    def fall_back(self) -> None:
        """Discard what was counted since `keep`, which never reached the file."""
        self.counts = Counts() if self.committed is None else replace(self.committed)
        self.block_frames = self.block_data = 0

    def change(self, time_ns: int, event: Event) -> tuple[Violation, ...]:
        """Take over any event but a frame; gives what the handshake broke."""
        if isinstance(event, RequestReceived):
            self._request(event.request)
        elif isinstance(event, RequestSent):
            self.request = event.raw
            if event.request is not None:
                self._request(event.request)
            return event.violations
        elif isinstance(event, HandshakeDone):
            return self._answered(event)
        elif isinstance(event, HandshakeFailed):
            if event.sender is Role.CLIENT:
                self.request, self.response = event.raw, event.answer.response
            else:
                self.response = event.raw
            self.status, self.reason = event.answer.status, event.answer.reason
            self.state = ConnectionState.REFUSED
            return event.answer.violations
        elif isinstance(event, ResponseReceived):
            return self._responded(event)
        elif isinstance(event, ConnectionFailed):
            self.state = ConnectionState.CLOSING
            return (event.violation,) if event.frameless else ()
        elif isinstance(event, StreamEnded):
            self.trailing, self.trailing_length = event.trailing, event.trailing_length
        else:
            assert isinstance(event, ConnectionClosed)
            self._close(time_ns, event)
        return ()

    def close_sent(self) -> None:
        """Note that we sent a close frame."""
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

    def _responded(self, event: ResponseReceived) -> tuple[Violation, ...]:
        response, verdict = event.response, event.verdict
        self.response, self.status = response.raw, response.status
        self.subprotocol = verdict.subprotocol
        self.extensions = ", ".join(response.headers.get_all(EXTENSIONS_HEADER))
        if event.accepted:
            self.state = ConnectionState.OPEN
        else:
            self.state = ConnectionState.REFUSED
            self.reason = explain(verdict.violations)
        return verdict.violations

    def _close(self, time_ns: int, event: ConnectionClosed) -> None:
        self.closed_ns = time_ns
        if event.trailing_length:
            self.trailing, self.trailing_length = event.trailing, event.trailing_length
        if self.state not in (ConnectionState.REFUSED, ConnectionState.SERVED):
            self.state = ConnectionState.CLOSED
            self.close_code, self.closed_by, self.vanished = event.code, event.closed_by, event.vanished
            self.reason = event.reason
