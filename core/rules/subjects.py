"""What a filter is asked about while a connection lives: the records that a capture will have later, made of events."""

from __future__ import annotations

from dataclasses import replace

from core.capture.records import (
    ConnectionRecord,
    ConnectionState,
    Direction,
    FrameRecord,
    FrameRow,
    MessageInfo,
    Mode,
    SourceLabel,
)
from core.protocol.events import ClosedBy, Completes, FrameReceived, Message, Origin
from core.protocol.frames import FIN, Frame, Opcode, make_frame
from core.protocol.state import Role
from core.query.fields import Subject

DIRECTIONS = {Role.CLIENT: Direction.CLIENT_TO_SERVER, Role.SERVER: Direction.SERVER_TO_CLIENT}
"""Which way the frames of a side go."""


def live_connection(
    id: int,
    mode: Mode,
    *,
    peer: str = "",
    source: SourceLabel | None = None,
    request: bytes = b"",
    response: bytes = b"",
    path: str = "",
    subprotocol: str | None = None,
    opened_ns: int = 0,
) -> ConnectionRecord:
    """What rules can know of a connection; the rest of its record is not there yet."""
    return ConnectionRecord(
        id=id, mode=mode, state=ConnectionState.OPEN, opened_ns=opened_ns, closed_ns=None,
        peer=peer, local="", request=request, response=response, path=path, origin=None, subprotocol=subprotocol,
        extensions="", status=0, reason="", close_code=None, closed_by=ClosedBy.NOBODY, trailing=b"", trailing_length=0,
        frame_count=0, data_frame_count=0, bytes_in=0, bytes_out=0, violation_count=0, source=source,
    )  # fmt: skip


def received(event: FrameReceived, sender: Role, now_ns: int, about: ConnectionRecord) -> Subject:
    """A frame that has just come, with the message that it completes."""
    frame, violations, completes = event
    payload, info = frame.payload, None
    if completes is Completes.ITSELF:
        info = MessageInfo(frame.opcode, len(payload), len(payload), False, 1)
    elif isinstance(completes, Message):
        payload = completes.payload
        info = MessageInfo(
            completes.opcode, len(payload), completes.wire_length, completes.compressed, completes.frame_count
        )
    severity = max((each.rule.severity for each in violations), default=0)
    row = FrameRow(
        0, about.id, 0, now_ns, DIRECTIONS[sender], Origin.PEER, frame.head, frame.masked, frame.length_form,
        frame.declared_length, len(frame.payload), b"", info, len(violations), int(severity),
    )  # fmt: skip
    return Subject(
        FrameRecord(row, frame, None if info is None else payload, violations), about, None, now_ns
    )


def changed(subject: Subject, opcode: int, payload: bytes) -> Subject:
    """The message as a rule has changed it: one frame with another payload."""
    record = subject.record
    frame = make_frame(Opcode(opcode), payload, masking_key=record.frame.masking_key)
    row = replace(
        record.row,
        head=FIN | opcode,
        length_form=frame.length_form,
        declared_length=len(payload),
        captured_length=len(payload),
        message=MessageInfo(opcode, len(payload), len(payload), False, 1),
    )
    return replace(subject, record=replace(record, row=row, frame=frame, message_payload=payload))


def surroundings(about: ConnectionRecord, now_ns: int, frame: Frame | None = None) -> Subject:
    """A connection at a moment at which no frame has come; `frame` is the close frame at its end."""
    if frame is None:
        frame = make_frame(Opcode.TEXT, b"")
    row = FrameRow(
        0, about.id, 0, now_ns, Direction.CLIENT_TO_SERVER, Origin.PEER, frame.head, False, frame.length_form,
        frame.declared_length, len(frame.payload), b"", None, 0, 0,
    )  # fmt: skip
    return Subject(FrameRecord(row, frame, None, ()), about, None, now_ns)
