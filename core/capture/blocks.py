"""How frames lie in the capture file: fixed-size records and, beside them, payload bytes.

A block holds up to `BLOCK_FRAMES` frames in order of arrival, of any connections. Its records are one `RECORD` a
frame; its payload bytes are every frame's captured payload, each followed by its message's payload where that differs
from it (a fragmented or compressed message, stored with its last frame), but for those that come again (`repeats`);
compressed where they are much more than what came over the wire (`packing`).
One SQLite row for thousands of frames costs a fifth of a row a frame, and a payload search runs over contiguous bytes.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable
from itertools import accumulate
from typing import cast

from core.capture.packing import PACKED_FROM, PACKED_RATIO, pack
from core.capture.records import Direction, FrameRow, MessageInfo
from core.capture.repeats import MOST_REPEATED, REPEATED_FROM, Repeat
from core.protocol.events import Completes, FrameReceived, FrameSent, Message, Origin
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import FIN, Frame, Opcode
from core.protocol.violations import Severity, Violation, violation

BLOCK_FRAMES = 4096
BLOCK_BYTES = 4 * 1024 * 1024
PREVIEW_BYTES = 256
MOST_FRAME_BYTES = 950_000_000
"""Bytes of a frame's payload and its message's that a block can hold: SQLite stores 1,000,000,000 in one value."""

RECORD = struct.Struct("<qIIIIQBBBBHIII4s")
"""time_ns, connection, number, payload offset, captured length, declared length, head, flags, origin, severity,
violation count, message length, message wire length, message frame count, masking key."""

PLAIN_RECORD = struct.Struct("<qIIIIQBBBxxx12x4s")
"""A RECORD without violations whose message, if there is one, is the frame's own payload."""

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

_NUMBER_AT, _OFFSET_AT, _CAPTURED_AT, _DECLARED_AT, _HEAD_AT, _FLAGS_AT, _KEY_AT = 12, 16, 20, 24, 32, 33, 50
"""Where in a RECORD they stand."""
_OFFSET = struct.Struct("<I")
_TEXT_HEAD = FIN | Opcode.TEXT
_NO_KEY = b""
_FOREVER = (1 << 63) - 1
_EXTENDED_LENGTH = (0, 2, 8)
"""Bytes of extended payload length, by `LengthForm`."""
_LONGEST = (125, 0xFFFF, 0xFFFF_FFFF_FFFF_FFFF, -1)
"""The largest payload length that it can state; -1: there is no such form."""


_OneFrame = FrameReceived | FrameSent


class BlockBuilder:
    """Frames on their way into one block."""

    def __init__(self, first: int) -> None:
        self.first = first
        """Id of the block's first frame."""
        self.records = bytearray()
        self.payloads: list[bytes] = []
        """Those that are stored."""
        self.repeats = bytearray()
        """`Repeat.pack` of each that is not."""
        self.count = 0
        """How many frames it has."""
        self.size = 0
        """Bytes of all their payloads."""
        self._repeated = 0
        """Bytes of those that are not stored."""
        self._wire_bytes = 0
        self._long: dict[int, int] = {}
        """Where each long payload stands that is stored, by its `id`."""
        self.first_ns = _FOREVER
        """The least of its frames' times; the clock may be set back."""
        self.last_ns = -_FOREVER
        """The greatest."""

    def takes(self, payload: bytes) -> bool:
        """Whether one more frame may have its place here, which has this payload."""
        has_room = self.size - self._repeated < BLOCK_BYTES
        return self.count < BLOCK_FRAMES and (has_room or self._repeats(payload))

    @property
    def room(self) -> int:
        """How many more frames it takes, by count."""
        return BLOCK_FRAMES - self.count

    def extend_run(
        self,
        frames: FrameColumns,
        *,
        connection: int,
        number: int,
        time_ns: int,
        from_server: int,
        origin: Origin,
    ) -> int:
        """Append whole plain messages that break no rule, all masked or none, numbered from `number`.

        No more than there is `room` for. `from_server` is FROM_SERVER or 0. Their wire bytes.
        """
        self._note(time_ns)
        heads, keys, payloads, forms = frames
        count = len(heads)
        masked = keys[0] is not None
        base = from_server | MESSAGE | (MASKED if masked else 0)
        # What all of them have in common first, then what each has, column by column.
        common = PLAIN_RECORD.pack(time_ns, connection, 0, 0, 0, 0, 0, base, origin, _NO_KEY)
        records = bytearray(common * count)
        lengths = list(map(len, payloads))
        offsets = list(accumulate(lengths, initial=self.size))
        size = offsets.pop() - self.size
        _put_column(records, _NUMBER_AT, range(number, number + count), number + count)
        _put_column(records, _OFFSET_AT, offsets, offsets[-1])
        longest = max(lengths)
        _put_column(records, _CAPTURED_AT, lengths, longest)
        _put_column(records, _DECLARED_AT, lengths, longest)
        records[_HEAD_AT :: RECORD.size] = bytes(heads)
        headers = 2 * count
        if masked:
            headers += 4 * count
            joined = b"".join(cast(list[bytes], keys))
            for place in range(4):
                records[_KEY_AT + place :: RECORD.size] = joined[place::4]
        if any(forms):
            headers += sum(map(_EXTENDED_LENGTH.__getitem__, forms))
        if _TEXT_HEAD in heads or any(forms):
            records[_FLAGS_AT :: RECORD.size] = bytes(
                base | form << FORM_SHIFT | (TEXT if head == _TEXT_HEAD else 0)
                for head, form in zip(heads, forms, strict=True)
            )
        self.records += records
        self.count += count
        if longest < REPEATED_FROM:
            self.payloads += payloads
            self.size += size
        else:
            for payload in payloads:
                self._store(payload)
        self._wire_bytes += headers + size
        return headers + size

    def stored(self) -> tuple[bytes, bytes]:
        """What is to be known of its payloads (`Layout`), and what is to be stored of them."""
        size = self.size - self._repeated
        if size >= PACKED_FROM and size >= PACKED_RATIO * self._wire_bytes:
            chunks, packed = pack(self.payloads)
            return bytes(self.repeats) + chunks, packed
        return bytes(self.repeats), b"".join(self.payloads)

    def _store(self, payload: bytes) -> None:
        """Put it behind the others, or note where it stands already."""
        length = len(payload)
        if self._repeats(payload):
            self.repeats += Repeat(self.size, length, self._long[id(payload)]).pack()
            self._repeated += length
        else:
            if length >= REPEATED_FROM:
                self._long[id(payload)] = self.size
            self.payloads.append(payload)
        self.size += length

    def _repeats(self, payload: bytes) -> bool:
        """Whether it stands here already. Of what is no object of ours the bytes are not compared."""
        return id(payload) in self._long and self._repeated + len(payload) <= MOST_REPEATED

    def _note(self, time_ns: int) -> None:
        if time_ns < self.first_ns:
            self.first_ns = time_ns
        if time_ns > self.last_ns:
            self.last_ns = time_ns

    def append(
        self,
        event: FrameReceived | FrameSent,
        connection: int,
        number: int,
        time_ns: int,
        from_server: int,
        found: tuple[Violation, ...] = (),
    ) -> int:
        """Append any one frame; its wire bytes. `from_server` is FROM_SERVER or 0; `found` is what a sent one broke."""
        self._note(time_ns)
        frame, second, completes = event
        head, key, payload, form, declared = frame
        origin = severity = broken = 0
        if type(event) is FrameSent:
            origin = cast(int, second)
        else:
            found = cast(tuple[Violation, ...], second)
        if found:
            broken = min(len(found), 0xFFFF)
            severity = max(each.rule.severity for each in found)
        captured = len(payload)
        flags = from_server | form << FORM_SHIFT | (0 if key is None else MASKED)
        offset = self.size
        self._store(payload)
        self.count += 1
        length = wire_length = frame_count = 0
        if completes is Completes.ITSELF:
            flags |= MESSAGE | (TEXT if head & 0x0F == Opcode.TEXT else 0)
        elif completes is not None:
            opcode, content, compressed, frame_count, wire_length = completes
            flags |= MESSAGE | OWN_PAYLOAD | (COMPRESSED if compressed else 0) | (TEXT if opcode == 1 else 0)
            length = len(content)
            self._store(content)
        self.records += RECORD.pack(
            time_ns, connection, number, offset, captured, declared, head, flags, origin, severity, broken,
            length, wire_length, frame_count, key or _NO_KEY,
        )  # fmt: skip
        wire_bytes = 2 + _EXTENDED_LENGTH[form] + (0 if key is None else 4) + captured
        self._wire_bytes += wire_bytes
        return wire_bytes

    def copy(self, record: bytes, frame: StoredFrame, payloads: Iterable[bytes]) -> None:
        """Append a frame of another block: its record, the same unpacked, and its payloads as they stand there."""
        self._note(frame.time_ns)
        self.records += record[:_OFFSET_AT] + _OFFSET.pack(self.size) + record[_CAPTURED_AT:]
        for payload in payloads:
            self._store(payload)
        self.count += 1
        self._wire_bytes += frame.wire_size


def cut_to_fit(event: _OneFrame) -> tuple[_OneFrame, tuple[Violation, ...]]:
    """Of a frame that is more than a block can hold: its beginning, and all that is wrong with it then.

    Limits are such that there is none (`core.net.settings`); if there is, no other frame is lost for it.
    """
    frame, second, completes = event
    content = len(completes.payload) if type(completes) is Message else 0
    told = violation("not-stored", f"{len(frame.payload)} bytes of the frame and {content} of its message")
    cut = frame._replace(payload=frame.payload[:PREVIEW_BYTES])
    if type(event) is FrameSent:
        return FrameSent(cut, event.origin, None), (told,)
    found = (*cast(tuple[Violation, ...], second), told)
    return FrameReceived(cut, found, None), found


def _put_column(records: bytearray, at: int, numbers: Iterable[int], greatest: int) -> None:
    """Write a number of up to four bytes into each record, where there are zeros: byte by byte of the number."""
    column = array("I", numbers)
    if sys.byteorder == "big":
        column.byteswap()
    raw = column.tobytes()
    for place in range((greatest.bit_length() + 7) // 8):
        records[at + place :: RECORD.size] = raw[place :: column.itemsize]


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

    def __init__(self, records: bytes | bytearray, index: int) -> None:
        (
            self.time_ns, self.connection, self.number, self.offset, self.captured, self.declared, self.head,
            self.flags, self.origin, self.severity, self.broken, self.length, self.wire_length, self.frame_count,
            self.key,
        ) = RECORD.unpack_from(records, index * RECORD.size)  # fmt: skip

    @property
    def compressed(self) -> bool:
        return self.flags & COMPRESSED != 0

    @property
    def wire_size(self) -> int:
        """Bytes that were captured of it, with its header."""
        form = (self.flags & FORM_MASK) >> FORM_SHIFT
        return 2 + _EXTENDED_LENGTH[form] + (4 if self.flags & MASKED else 0) + self.captured

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
        form = (self.flags & FORM_MASK) >> FORM_SHIFT
        if not self.captured <= self.declared <= _LONGEST[form]:
            raise ValueError(f"{self.captured} of {self.declared} bytes in length form {form} make no frame")
        message = None
        if self.flags & MESSAGE:
            opcode = Opcode.TEXT if self.flags & TEXT else Opcode.BINARY
            if self.flags & OWN_PAYLOAD:
                message = MessageInfo(
                    int(opcode), self.length, self.wire_length, self.compressed, self.frame_count
                )
            else:
                message = MessageInfo(int(opcode), self.captured, self.captured, False, 1)
        return FrameRow(
            id=frame_id,
            connection=self.connection,
            number=self.number,
            time_ns=self.time_ns,
            direction=Direction.SERVER_TO_CLIENT if self.flags & FROM_SERVER else Direction.CLIENT_TO_SERVER,
            origin=Origin(self.origin),
            head=self.head,
            masked=self.flags & MASKED != 0,
            length_form=form,
            declared_length=self.declared,
            captured_length=self.captured,
            preview=preview,
            message=message,
            violation_count=self.broken,
            severity=Severity(self.severity) if self.severity else 0,
        )

    def frame(self, payload: bytes) -> Frame:
        key = self.key if self.flags & MASKED else None
        return Frame(self.head, key, payload, (self.flags & FORM_MASK) >> FORM_SHIFT, self.declared)
