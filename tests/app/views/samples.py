"""Frames and connections as a capture gives them."""

from __future__ import annotations

from dataclasses import replace

from app.logic.shown_frame import ShownFrame
from app.logic.shown_handshake import DIALLED, LISTENED, ShownHandshake
from core.capture.legs import HeadRecord, LegRecord
from core.capture.records import (
    OUTLINE_BYTES,
    ConnectionRecord,
    ConnectionState,
    Direction,
    FrameOutline,
    FrameRow,
    MessageInfo,
    Mode,
    Problem,
)
from core.decoders.context import Context
from core.decoders.source import Held
from core.protocol.events import ClosedBy, Origin
from core.protocol.frames import Frame, Opcode, make_frame
from core.protocol.violations import Violation, violation

KEY = bytes.fromhex("37fa213d")

REQUEST = (
    b"GET /chat HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: chat, superchat\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12\r\n\r\n"
)

CONNECTION = ConnectionRecord(
    id=1,
    mode=Mode.LISTEN,
    state=ConnectionState.OPEN,
    opened_ns=1,
    closed_ns=None,
    peer="127.0.0.1:50312",
    local="127.0.0.1:8080",
    request=REQUEST,
    response=RESPONSE,
    path="/chat",
    origin=None,
    subprotocol="chat",
    extensions="permessage-deflate; client_max_window_bits=12",
    status=101,
    reason="",
    close_code=None,
    closed_by=ClosedBy.NOBODY,
    trailing=b"",
    trailing_length=0,
    frame_count=0,
    data_frame_count=0,
    bytes_in=0,
    bytes_out=0,
    violation_count=0,
)
REFUSED = replace(
    CONNECTION,
    id=2,
    state=ConnectionState.REFUSED,
    request=b"GET / HTTP/1.1\r\nHost: x\r\nno colon here\nSec-WebSocket-Version: 8\r\n\r\n",
    response=b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\n\r\n",
    subprotocol=None,
    extensions="",
    status=426,
    reason="Version 8 is not spoken here.",
)
CLOSED = replace(CONNECTION, id=3, state=ConnectionState.CLOSED, extensions="")


def record(
    frame: Frame,
    violations: tuple[Violation, ...] = (),
    message: MessageInfo | None = None,
    payload: bytes | None = None,
) -> ShownFrame:
    row = FrameRow(
        id=1,
        connection=1,
        number=1,
        time_ns=1,
        direction=Direction.CLIENT_TO_SERVER,
        origin=Origin.PEER,
        head=frame.head,
        masked=frame.masked,
        length_form=frame.length_form,
        declared_length=frame.declared_length,
        captured_length=len(frame.payload),
        preview=frame.payload[:64],
        message=message,
        violation_count=len(violations),
        severity=max((one.rule.severity for one in violations), default=0),
    )
    begun = frame._replace(payload=frame.payload[:OUTLINE_BYTES])
    own = Held(frame.payload)
    content = own if payload is None else Held(payload)
    context = Context(frame.opcode if message is None else message.opcode)
    return ShownFrame(FrameOutline(row, begun, violations), own, content, context)


def whole(payload: bytes, opcode: Opcode = Opcode.TEXT, key: bytes | None = KEY) -> ShownFrame:
    """A frame that is a message."""
    info = MessageInfo(opcode, len(payload), len(payload), False, 1)
    return record(make_frame(opcode, payload, masking_key=key), (), info, payload)


BAD = record(
    Frame(0x2B, None, b"\x00\x01ab\xff", 1, 5),
    (
        violation("masking-key-zero", "a note", 0, 0),
        violation("opcode-reserved", "Opcode 0xB.", 0, 1),
        violation("length-not-minimal", "5 in 16 bits", 2, 2),
    ),
)


def handshake(record: ConnectionRecord, *violations: Violation) -> ShownHandshake:
    """A handshake as a capture gives it, with rules that the request broke, or a server's answer where Unmask asked."""
    asked, answered = DIALLED if record.mode is Mode.CONNECT else LISTENED
    broken = answered if record.mode is Mode.CONNECT else asked
    heads = tuple(
        HeadRecord(place, raw, ()) for place, raw in ((asked, record.request), (answered, record.response))
    )
    leg = LegRecord(
        asked.side, record.opened_ns, record.peer, record.local,
        trailing=record.trailing, trailing_length=record.trailing_length,
    )  # fmt: skip
    problems = [Problem(at, record.id, None, each, broken) for at, each in enumerate(violations, 1)]
    return ShownHandshake(record, heads, (leg,), tuple(problems))
