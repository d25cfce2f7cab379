"""What is known about a connection that is being recorded: its rows before they are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from core.capture.handlings import lines_of, storable_ns
from core.capture.legs import HeadPlace, LegChange, LegEnd, LegRecord, head_place
from core.capture.records import ConnectionState, Mode, SourceLabel
from core.capture.tables import ConnectionRow, HeadRow
from core.protocol.events import (
    ClosedBy,
    ConnectionClosed,
    ConnectionFailed,
    Event,
    ExchangeEnded,
    FrameReceived,
    HandshakeDone,
    HandshakeFailed,
    HeadPassedOn,
    HeadRuled,
    LookedAway,
    Report,
    RequestReceived,
    RequestSent,
    ResponseReceived,
    Ruled,
    RunReceived,
    StreamEnded,
    TunnelEnded,
    TunnelPassed,
    WrongAnswer,
    closed_by_role,
)
from core.protocol.handshake_rules import EXTENSIONS_HEADER
from core.protocol.headers import explain
from core.protocol.http11 import HeadKind, RequestHead
from core.protocol.state import Role
from core.protocol.violations import Violation


@dataclass(frozen=True, slots=True)
class Opened:
    """The first leg of a connection: a client came in, or a server is being dialled (`Mode.CONNECT`)."""

    mode: Mode
    peer: str
    """Address of the other end, as `127.0.0.1:50312`."""
    local: str
    source: SourceLabel | None = None
    """Where it belongs; None if that is not known."""

    @property
    def side(self) -> Role:
        """Who is at the other end."""
        return Role.SERVER if self.mode is Mode.CONNECT else Role.CLIENT


@dataclass(slots=True)
class Counts:
    """What the file has of a connection."""

    frames: int = 0
    data_frames: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    violations: int = 0

    def copy(self) -> Counts:
        """Done for each connection with each commit: `dataclasses.replace` takes five times as long."""
        return Counts(self.frames, self.data_frames, self.bytes_in, self.bytes_out, self.violations)


@dataclass(frozen=True, slots=True)
class Broken:
    """Rules that a frame broke, or a head, or neither."""

    violations: tuple[Violation, ...] = ()
    head: HeadPlace | None = None
    """The head that broke them."""


_NOTHING = Broken()
_UNRULED = HeadRuled(HeadKind.REQUEST, ())
_NOT_OPENED = frozenset((ConnectionState.REFUSED, ConnectionState.SERVED, ConnectionState.EXCHANGED))


@dataclass(slots=True)
class Track:
    """A connection that is not over, according to the file."""

    id: int
    opened: Opened
    opened_ns: int
    source: int = 0
    """The number of its source in the capture (`core.capture.source_numbers`)."""
    is_stated: bool = False
    """The file has a row of it."""
    state: ConnectionState = ConnectionState.CONNECTING
    legs: dict[Role, LegRecord] = field(default_factory=dict)
    """By who is at the other end."""
    heads: dict[HeadPlace, bytes] = field(default_factory=dict)
    masked_heads: set[HeadPlace] = field(default_factory=set)
    """Those in which secrets are asterisks."""
    ruled_heads: dict[HeadPlace, HeadRuled] = field(default_factory=dict)
    """What rules did to heads."""
    new_heads: set[HeadPlace] = field(default_factory=set)
    """Those that the file does not have."""
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
    body_in: int = 0
    """Length of a plain request's body on the wire."""
    body_out: int = 0
    number: int = 0
    """Frames seen, recorded or not."""
    counts: Counts = field(default_factory=Counts)
    committed: Counts | None = None
    """`counts` as in the file; None if it has no row there."""
    block_frames: int = 0
    """Frames in the current block."""
    block_data: int = 0
    """Data frames among them."""
    heard: set[int] = field(default_factory=set)
    """Sides that a whole message has come from: FROM_SERVER or 0."""

    def __post_init__(self) -> None:
        opened, side = self.opened, self.opened.side
        connected_ns = None if opened.mode is Mode.CONNECT else self.opened_ns
        self.legs[side] = LegRecord(
            side, self.opened_ns, opened.peer, opened.local, connected_ns=connected_ns
        )

    def row(self, changed: int) -> ConnectionRow:
        """Its row of `connection`."""
        counts = self.counts
        return ConnectionRow(
            id=self.id,
            changed=changed,
            mode=self.opened.mode,
            state=self.state,
            opened_ns=self.opened_ns,
            closed_ns=self.closed_ns,
            path=self.path,
            origin=self.origin,
            subprotocol=self.subprotocol,
            extensions=self.extensions,
            status=self.status,
            reason=self.reason,
            close_code=self.close_code,
            closed_by=self.closed_by,
            vanished=self.vanished,
            frame_count=counts.frames,
            data_frame_count=counts.data_frames,
            bytes_in=counts.bytes_in + self.body_in,
            bytes_out=counts.bytes_out + self.body_out,
            violation_count=counts.violations,
            source=self.source,
        )

    def head_rows(self) -> Iterator[HeadRow]:
        """Those that the file does not have."""
        for place in sorted(self.new_heads):
            ruled = self.ruled_heads.get(place, _UNRULED)
            yield HeadRow(
                self.id, place >> 1, place & 1, self.heads[place], place in self.masked_heads, lines_of(ruled.rules),
                storable_ns(ruled.held_ns),
            )  # fmt: skip

    def begin_anew(self, number: int, source: int) -> None:
        """Continue under these numbers in another capture, which has no frame of the connection yet."""
        self.id, self.source, self.number = number, source, 0
        self.committed = None
        self.forget_frames()
        self.restate()

    def forget_frames(self, violations: int = 0) -> None:
        """Nothing of its frames is in the file any more; `violations` are left that no frame broke."""
        self.counts = Counts(violations=violations)

    def restate(self) -> None:
        """The file may hold no row of it, its legs and heads."""
        self.is_stated = False
        self.new_heads = set(self.heads)
        for leg in self.legs.values():
            leg.is_new = True

    def keep(self) -> None:
        """Note that all rows are in the file."""
        self.committed = self.counts.copy()
        self.is_stated = True
        self.new_heads.clear()
        for leg in self.legs.values():
            leg.is_new = False

    def fall_back(self) -> None:
        """Discard what was counted since `keep`, which never reached the file."""
        self.counts = Counts() if self.committed is None else self.committed.copy()
        self.block_frames = self.block_data = 0

    # What happened.

    def change_leg(self, time_ns: int, change: LegChange) -> None:
        """Something became known of a leg."""
        self._leg(change.side, time_ns).change(change)

    def hear(self, event: Report, from_server: int, time_ns: int) -> bool:
        """Note the first whole message from the server (FROM_SERVER) or the client (0), if this is it."""
        if isinstance(event, Ruled):
            event = event.received
        ends_message = isinstance(event, FrameReceived) and event.completes is not None
        if not (ends_message or isinstance(event, RunReceived)):
            return False
        self.heard.add(from_server)
        leg = self._leg(Role.SERVER if from_server else Role.CLIENT, time_ns)
        leg.first_message_ns, leg.is_new = time_ns, True
        return True

    def change(self, time_ns: int, event: Event) -> Broken:
        """Take over anything but a frame."""
        match event:
            case RequestReceived():
                self._request(event.request)
                self._keep_head(HeadPlace.CLIENT_REQUEST, event.request.raw, is_masked=event.is_masked)
            case RequestSent():
                return self._requested(event)
            case HeadPassedOn():
                is_request = event.kind is HeadKind.REQUEST
                place = HeadPlace.SERVER_REQUEST if is_request else HeadPlace.CLIENT_RESPONSE
                self._keep_head(place, event.raw, is_masked=event.is_masked)
            case HeadRuled():
                self._rule_head(event)
            case HandshakeDone():
                return self._answered(time_ns, event)
            case WrongAnswer():
                return Broken(event.violations, HeadPlace.CLIENT_RESPONSE)
            case HandshakeFailed():
                return self._head_failed(time_ns, event)
            case ResponseReceived():
                return self._responded(time_ns, event)
            case ConnectionFailed():
                self.state = ConnectionState.CLOSING
                return Broken((event.violation,)) if event.frameless else _NOTHING
            case StreamEnded():
                self._end_leg(
                    self._leg(event.sender, time_ns), time_ns, event.trailing, event.trailing_length
                )
            case LookedAway():
                return Broken((event.violation,))
            case ExchangeEnded():
                self._end_exchange(time_ns, event)
            case TunnelPassed():
                self.state, self.reason = ConnectionState.TUNNELLED, event.why
                self.body_in, self.body_out = event.client_bytes, event.server_bytes
            case TunnelEnded():
                self._end_tunnel(time_ns, event)
            case ConnectionClosed():
                self._close(time_ns, event)
            case _:
                raise AssertionError(f"{event!r} is a frame")
        return _NOTHING

    def close_sent(self) -> None:
        """Note that we sent a close frame."""
        if self.state is ConnectionState.OPEN:
            self.state = ConnectionState.CLOSING

    def _leg(self, side: Role, time_ns: int) -> LegRecord:
        return self.legs.setdefault(side, LegRecord(side, time_ns))

    def _keep_head(self, place: HeadPlace, raw: bytes, *, is_masked: bool = False) -> None:
        if raw:
            self.heads[place] = raw
            self.new_heads.add(place)
        if is_masked:
            self.masked_heads.add(place)

    def _rule_head(self, event: HeadRuled) -> None:
        """Rules were applied to a head as its author wrote it."""
        side = self.opened.side
        if event.kind is HeadKind.RESPONSE and HeadPlace.SERVER_RESPONSE in self.heads:
            side = Role.SERVER
        place = head_place(side, event.kind is HeadKind.RESPONSE)
        if place in self.heads:
            self.ruled_heads[place] = event
            self.new_heads.add(place)

    def _request(self, request: RequestHead) -> None:
        self.path, self.origin = request.target, request.headers.get("origin")

    def _requested(self, event: RequestSent) -> Broken:
        """Unmask asks a server, or a client whose connection is observed does."""
        place = HeadPlace(self.opened.side << 1)
        self._keep_head(place, event.raw, is_masked=event.is_masked)
        if event.request is not None:
            self._request(event.request)
        return Broken(event.violations, place)

    def _answered(self, time_ns: int, event: HandshakeDone) -> Broken:
        """Unmask has answered a client."""
        answer = event.answer
        self._keep_head(HeadPlace.CLIENT_RESPONSE, answer.response)
        self._note_answer(time_ns)
        self.status = answer.status
        self.subprotocol, self.extensions = answer.subprotocol, answer.extensions
        if answer.accepted:
            self.state = ConnectionState.OPEN
        else:
            self.state = ConnectionState.SERVED if answer.status == 200 else ConnectionState.REFUSED
            self.reason = answer.reason
        return Broken(answer.violations, HeadPlace.CLIENT_REQUEST)

    def _responded(self, time_ns: int, event: ResponseReceived) -> Broken:
        """A server has answered."""
        response, verdict = event.response, event.verdict
        self._keep_head(HeadPlace.SERVER_RESPONSE, response.raw, is_masked=event.is_masked)
        self._note_answer(time_ns)
        self.status, self.subprotocol = response.status, verdict.subprotocol
        self.extensions = ", ".join(response.headers.get_all(EXTENSIONS_HEADER))
        if event.accepted:
            self.state = ConnectionState.OPEN
        elif event.is_plain:
            self.state = ConnectionState.EXCHANGED
        else:
            self.state = ConnectionState.REFUSED
            self.reason = explain(verdict.violations)
        return Broken(verdict.violations, HeadPlace.SERVER_RESPONSE)

    def _head_failed(self, time_ns: int, event: HandshakeFailed) -> Broken:
        """What came is no head, or not all of one."""
        answer = event.answer
        place = HeadPlace.SERVER_RESPONSE if event.sender is Role.SERVER else HeadPlace.CLIENT_REQUEST
        self._keep_head(place, event.raw)
        self.state, self.reason = ConnectionState.REFUSED, answer.reason
        if event.sender is Role.CLIENT:
            self.status = answer.status
            if answer.response:
                self._keep_head(HeadPlace.CLIENT_RESPONSE, answer.response)
                self._note_answer(time_ns)
        return Broken(answer.violations, place)

    def _note_answer(self, time_ns: int) -> None:
        for leg in self.legs.values():
            leg.answered_ns, leg.is_new = time_ns, True

    def _end_exchange(self, time_ns: int, event: ExchangeEnded) -> None:
        self.closed_ns = time_ns
        self.body_in, self.body_out = event.request_bytes, event.response_bytes
        if event.cut_by is not None:
            self.closed_by, self.vanished = closed_by_role(event.cut_by), True
            self.reason = self.reason or event.reason
        if event.is_plain:
            self.state = ConnectionState.EXCHANGED
        elif self.state in (ConnectionState.CONNECTING, ConnectionState.OPEN):
            # RFC 6455 section 7.1.5. It is open where the server has opened it, and a rule kept that from the client.
            self.state, self.close_code = ConnectionState.CLOSED, 1006
        for leg in self.legs.values():
            cut = LegEnd.VANISHED if leg.side is event.cut_by else LegEnd.CUT
            leg.ended = LegEnd.CLOSED if event.cut_by is None else cut
            leg.closed_ns, leg.is_new = leg.closed_ns or time_ns, True

    def _end_tunnel(self, time_ns: int, event: TunnelEnded) -> None:
        self.closed_ns = time_ns
        if event.first is not None:
            self.closed_by, self.vanished = closed_by_role(event.first), event.was_reset
        if event.failure:
            self.state, self.reason = ConnectionState.REFUSED, event.failure
        elif event.remark:
            self.reason = event.remark
        if self.state is ConnectionState.SERVED:
            # What went on inside of it is recorded by itself.
            self.state = ConnectionState.EXCHANGED
        for leg in self.legs.values():
            cut = LegEnd.VANISHED if leg.side is event.first else LegEnd.CUT
            leg.ended = cut if event.was_reset else LegEnd.CLOSED
            leg.closed_ns, leg.is_new = leg.closed_ns or time_ns, True

    def _close(self, time_ns: int, event: ConnectionClosed) -> None:
        self.closed_ns = time_ns
        was_opened = self.state not in _NOT_OPENED
        # RFC 6455 section 7.1.5: 1006 where there was no closing handshake.
        in_order = not was_opened or event.code != 1006
        for leg in self.legs.values():
            if leg.side is self.opened.side and event.trailing_length:
                leg.trailing, leg.trailing_length = event.trailing, event.trailing_length
            leg.closed_ns = leg.closed_ns or time_ns
            vanished = event.vanished and event.closed_by is closed_by_role(leg.side)
            leg.ended = LegEnd.CLOSED if in_order else LegEnd.VANISHED if vanished else LegEnd.CUT
            leg.is_new = True
        if was_opened:
            self.state = ConnectionState.CLOSED
            self.close_code, self.closed_by, self.vanished = event.code, event.closed_by, event.vanished
            self.reason = event.reason

    @staticmethod
    def _end_leg(leg: LegRecord, time_ns: int, trailing: bytes, trailing_length: int) -> None:
        leg.closed_ns, leg.trailing, leg.trailing_length, leg.is_new = (
            time_ns,
            trailing,
            trailing_length,
            True,
        )
