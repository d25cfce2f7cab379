"""How frames lie in the capture file: fixed-size records and, beside them, payload bytes.

A block holds up to `BLOCK_FRAMES` frames in order of arrival, of any connections. `records` is one `RECORD` a frame;
`payloads` is every frame's captured payload, each followed by its message's payload where that differs from it (a
fragmented or compressed message, stored with its last frame). One SQLite row for thousands of frames costs a fifth
of a row a frame, and a payload search runs over contiguous bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from core.capture.records import Direction, FrameRow, MessageInfo
from core.protocol.events import FrameReceived, FrameSent, Origin
from core.protocol.frames import Frame, Opcode

BLOCK_FRAMES = 4096
BLOCK_BYTES = 4 * 1024 * 1024
PREVIEW_BYTES = 256

RECORD = struct.Struct("<qIIIIQBBBBHIII4s")
"""time_ns, connection, number, payload offset, captured length, declared length, head, flags, origin, severity,
violation count, message length, message wire length, message frame count, masking key."""

SELECT = struct.Struct(f"<8xI20xB{RECORD.size - 33}x")
"""Connection and head of a record: what picking rows needs."""

MASKED = 0x01
FROM_SERVER = 0x02
FORM_SHIFT = 2
FORM_MASK = 0x0C
MESSAGE = 0x10
"""The frame completed a message."""
OWN_PAYLOAD = 0x20
"""The message's payload is not the frame's; it stands behind it."""
COMPRESSED = 0x40
TEXT = 0x80

_NO_KEY = b""


class BlockBuilder:
    """Frames on their way into one block."""

    def __init__(self, first: int) -> None:
        self.first = first
        """Id of the block's first frame."""
        self.records: list[bytes] = []
        self.payloads: list[bytes] = []
        self.size = 0
        """Bytes in `payloads`."""
        self.first_ns = 0
        self.last_ns = 0

    @property
    def full(self) -> bool:
        return len(self.records) >= BLOCK_FRAMES or self.size >= BLOCK_BYTES

    def add(
        self,
        event: FrameReceived | FrameSent,
        *,
        connection: int,
        number: int,
        time_ns: int,
        from_server: int,
        pack: Callable[..., bytes] = RECORD.pack,
    ) -> None:
        """Append one frame. `from_server` is FROM_SERVER or 0."""
        severity = broken = 0
        if type(event) is FrameReceived:
            frame, violations, message = event
            origin = 0
            if violations:
                broken = min(len(violations), 0xFFFF)
                severity = max(found.rule.severity for found in violations)
        else:
            frame, origin, message = event  # type: ignore[assignment]
        head, key, payload, form, declared = frame
        captured = len(payload)
        flags = from_server | form << FORM_SHIFT
        if key is None:
            key = _NO_KEY
        else:
            flags |= MASKED
        offset = self.size
        self.payloads.append(payload)
        self.size = offset + captured
        length = wire_length = frame_count = 0
        if message is not None:
            opcode, content, compressed, frame_count, wire_length = message
            flags |= MESSAGE
            if opcode == 1:
                flags |= TEXT
            length = len(content)
            if content is not payload:
                flags |= OWN_PAYLOAD
                if compressed:
                    flags |= COMPRESSED
                self.payloads.append(content)
                self.size += length
        if not self.records:
            self.first_ns = time_ns
        self.last_ns = time_ns
        self.records.append(
            pack(
                time_ns, connection, number, offset, captured, declared, head, flags, origin, severity, broken,
                length, wire_length, frame_count, key,
            )
        )  # fmt: skip


class StoredFrame:
    """One record of a block, unpacked."""

    broken: int
    captured: int
    connection: int
    declared: int
    flags: int
    frame_count: int
    head: int
    key: bytes
    length: int
    number: int
    offset: int
    origin: int
    severity: int
    time_ns: int
    wire_length: int

    __slots__ = (
        "broken", "captured", "connection", "declared", "flags", "frame_count", "head", "key", "length", "number",
        "offset", "origin", "severity", "time_ns", "wire_length",
    )  # fmt: skip

    def __init__(self, records: bytes, index: int) -> None:
        (
            self.time_ns, self.connection, self.number, self.offset, self.captured, self.declared, self.head,
            self.flags, self.origin, self.severity, self.broken, self.length, self.wire_length, self.frame_count,
            self.key,
        ) = RECORD.unpack_from(records, index * RECORD.size)  # fmt: skip

    @property
    def content(self) -> tuple[int, int]:
        """Offset and length, in the block's payloads, of the message if there is one, else of the payload."""
        if self.flags & OWN_PAYLOAD:
            return self.offset + self.captured, self.length
        return self.offset, self.captured

    @property
    def end(self) -> int:
        """Where in the block's payloads the bytes of this frame end."""
        offset, length = self.content
        return offset + length

    def row(self, frame_id: int, preview: bytes) -> FrameRow:
        message = None
        if self.flags & MESSAGE:
            opcode = Opcode.TEXT if self.flags & TEXT else Opcode.BINARY
            compressed = self.flags & COMPRESSED != 0
            message = MessageInfo(int(opcode), self.length, self.wire_length, compressed, self.frame_count)
        return FrameRow(
            id=frame_id,
            connection=self.connection,
            number=self.number,
            time_ns=self.time_ns,
            direction=Direction.SERVER_TO_CLIENT if self.flags & FROM_SERVER else Direction.CLIENT_TO_SERVER,
            origin=Origin(self.origin),
            head=self.head,
            masked=self.flags & MASKED != 0,
            length_form=(self.flags & FORM_MASK) >> FORM_SHIFT,
            declared_length=self.declared,
            captured_length=self.captured,
            preview=preview,
            message=message,
            violation_count=self.broken,
            severity=self.severity,
        )

    def frame(self, payload: bytes) -> Frame:
        key = self.key if self.flags & MASKED else None
        return Frame(self.head, key, payload, (self.flags & FORM_MASK) >> FORM_SHIFT, self.declared)
