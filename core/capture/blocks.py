"""How frames are stored in the capture file: records of fixed size, and payload bytes beside them.

A block holds up to `BLOCK_FRAMES` frames of any connections in order of arrival, with one record per frame
(`core.capture.layout`). Its payload bytes are every frame's captured payload, each followed by its message's payload if
that differs (a fragmented or compressed message, stored with its last frame). Payloads that repeat are stored once
(`repeats`), and payloads much larger than their wire bytes are compressed (`packing`). One SQLite row for thousands of
frames costs a fifth of a row per frame, and a payload search runs over contiguous bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import cast

from core.capture.layout import (
    COMPRESSED,
    FATE_MASK,
    FATE_SHIFT,
    FORM_MASK,
    FORM_SHIFT,
    FROM_SERVER,
    HANDLED,
    MASKED,
    MESSAGE,
    ORIGIN_MASK,
    OWN_PAYLOAD,
    RECORD,
    TEXT,
    RecordColumn,
    picking,
    put,
    put_bytes,
    with_payload_offset,
)
from core.capture.packing import to_store
from core.capture.records import Direction, FrameRow, MessageInfo
from core.capture.repeats import MOST_REPEATED, REPEATED_FROM, Repeat
from core.capture.tables import BlockRow, PayloadRow
from core.protocol.events import Completes, FrameReceived, FrameSent, Message, Origin
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import EXTENDED_LENGTH_BYTES, FIN, LARGEST_LENGTH, Frame, Opcode
from core.protocol.handling import UNTOUCHED, Fate, Handling
from core.protocol.violations import Severity, violation

_C = RecordColumn

BLOCK_FRAMES = 4096
BLOCK_BYTES = 4 * 1024 * 1024
PREVIEW_BYTES = 256
MOST_FRAME_BYTES = 950_000_000
"""Bytes that a block can hold of a frame's payload and its message's: SQLite stores up to 1,000,000,000 in one
value.
"""

_COMMON = picking(_C.TIME_NS, _C.CONNECTION, _C.FLAGS, _C.ORIGIN_AND_FATE)
"""The columns that all records of a run share. The columns written neither here nor per frame stay zero, which is right
for plain messages that break no rule.
"""
_TEXT_HEAD = FIN | Opcode.TEXT
_NO_KEY = b""
_FOREVER = (1 << 63) - 1
HEADER_BYTES = bytes(
    2 + (*EXTENDED_LENGTH_BYTES, 0)[(flags & FORM_MASK) >> FORM_SHIFT] + (4 if flags & MASKED else 0)
    for flags in range(256)
)
"""Length of a frame's header, by its flags."""
_LONGEST = (*LARGEST_LENGTH, -1)
"""The largest payload length of each `LengthForm`; -1 if there is no such form."""


_Looks = tuple[int, bytes, bytes, bytes]
_LOOK_BYTES = 32

OneFrame = FrameReceived | FrameSent


def _looks(payload: bytes) -> _Looks:
    """What equal payloads have in common, and others hardly."""
    length = len(payload)
    middle = length // 2
    return length, payload[:_LOOK_BYTES], payload[middle : middle + _LOOK_BYTES], payload[-_LOOK_BYTES:]


class BlockBuilder:
    """Collects the frames of one block."""

    def __init__(self, first: int) -> None:
        self.first = first
        """Id of the block's first frame."""
        self.records = bytearray()
        self.payloads: list[bytes] = []
        """The payloads that are stored."""
        self.repeats = bytearray()
        """`Repeat.pack` of each payload that is not stored again."""
        self.count = 0
        """Number of frames."""
        self.size = 0
        """Bytes of all payloads."""
        self._repeated = 0
        """Bytes of the payloads that are not stored again."""
        self._wire_bytes = 0
        self._long: dict[_Looks, tuple[int, bytes]] = {}
        """Offset and content of long stored payloads, the last one that looks so."""
        self.first_ns = _FOREVER
        """The least frame time, which need not be the first: the clock may be set back."""
        self.last_ns = -_FOREVER
        """The greatest frame time."""

    def takes(self, payload: bytes) -> bool:
        """Whether the block accepts one more frame with this payload."""
        has_room = self.size - self._repeated < BLOCK_BYTES
        return self.count < BLOCK_FRAMES and (has_room or self._place_of(payload) is not None)

    @property
    def room(self) -> int:
        """Number of further frames that fit, by count."""
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

        There must be `room` for them. `from_server` is FROM_SERVER or 0. Gives their wire bytes.
        """
        self._note(time_ns)
        heads, keys, payloads, forms = frames
        count = len(heads)
        masked = keys[0] is not None
        base = from_server | MESSAGE | (MASKED if masked else 0)
        # First what all of them share, then the individual values, column by column.
        common = _COMMON.pack(time_ns, connection, base, origin)
        records = bytearray(common * count)
        lengths = list(map(len, payloads))
        offsets = list(accumulate(lengths, initial=self.size))
        size = offsets.pop() - self.size
        put(records, _C.NUMBER, range(number, number + count), number + count)
        put(records, _C.PAYLOAD_OFFSET, offsets, offsets[-1])
        longest = max(lengths)
        put(records, _C.CAPTURED, lengths, longest)
        put(records, _C.DECLARED, lengths, longest)
        put_bytes(records, _C.HEAD, bytes(heads))
        headers = 2 * count
        if masked:
            headers += 4 * count
            put_bytes(records, _C.MASKING_KEY, b"".join(cast(list[bytes], keys)))
        if any(forms):
            headers += sum(map(EXTENDED_LENGTH_BYTES.__getitem__, forms))
        if _TEXT_HEAD in heads or any(forms):
            flags = (
                base | form << FORM_SHIFT | (TEXT if head == _TEXT_HEAD else 0)
                for head, form in zip(heads, forms, strict=True)
            )
            put_bytes(records, _C.FLAGS, bytes(flags))
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

    @property
    def row(self) -> BlockRow:
        """Its row in the capture."""
        # SQLite takes both; a copy would cost time.
        records = cast(bytes, self.records)
        return BlockRow(self.first, self.count, self.first_ns, self.last_ns, records)

    @property
    def payload_row(self) -> PayloadRow:
        """The row of its payloads, packed anew each time."""
        return PayloadRow(self.first, *self.stored())

    def stored(self) -> tuple[bytes, bytes]:
        """The description of the payloads (`Layout`), and the bytes to store."""
        chunks, stored = to_store(self.payloads, self.size - self._repeated, self._wire_bytes)
        return bytes(self.repeats) + chunks, stored

    def _store(self, payload: bytes) -> None:
        """Append a payload, or note where it is stored already."""
        length = len(payload)
        place = self._place_of(payload)
        if place is not None:
            self.repeats += Repeat(self.size, length, place).pack()
            self._repeated += length
        else:
            if length >= REPEATED_FROM:
                self._long[_looks(payload)] = self.size, payload
            self.payloads.append(payload)
        self.size += length

    def _place_of(self, payload: bytes) -> int | None:
        """Where a payload is stored here already, as an echo is that a server sent, or what it tells many clients."""
        length = len(payload)
        if length < REPEATED_FROM or self._repeated + length > MOST_REPEATED:
            return None
        # One comparison at most, whatever a peer sends.
        known = self._long.get(_looks(payload))
        return known[0] if known is not None and known[1] == payload else None

    def _note(self, time_ns: int) -> None:
        if time_ns < self.first_ns:
            self.first_ns = time_ns
        if time_ns > self.last_ns:
            self.last_ns = time_ns

    def append(
        self, event: OneFrame, connection: int, number: int, time_ns: int, from_server: int, handled: int = 0
    ) -> int:
        """Append any single frame; gives its wire bytes. `from_server` is FROM_SERVER or 0, `handled` HANDLED or 0."""
        self._note(time_ns)
        if isinstance(event, FrameSent):
            frame, origin, completes, found = event
            handled |= origin
        else:
            frame, found, completes = event
        head, key, payload, form, declared = frame
        severity = broken = 0
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
            time_ns, connection, number, offset, captured, declared, head, flags, handled, severity,
            broken, length, wire_length, frame_count, key or _NO_KEY,
        )  # fmt: skip
        wire_bytes = 2 + EXTENDED_LENGTH_BYTES[form] + (0 if key is None else 4) + captured
        self._wire_bytes += wire_bytes
        return wire_bytes

    def copy(self, record: bytes, frame: StoredFrame, payloads: Iterable[bytes]) -> None:
        """Append a frame of another block: its record, that record unpacked, and its payloads in order."""
        self._note(frame.time_ns)
        self.records += with_payload_offset(record, self.size)
        for payload in payloads:
            self._store(payload)
        self.count += 1
        self._wire_bytes += frame.wire_size


def cut_to_fit(event: OneFrame, most: int) -> OneFrame:
    """A frame, or the beginning of one that has more than `most` bytes with its message, with a violation that says so.

    The limits prevent that (`core.net.settings`); if it happens anyway, no other frame is lost.
    """
    frame, completes = event[0], event[2]
    content = len(completes.payload) if type(completes) is Message else 0
    if len(frame[2]) + content <= most:
        return event
    told = violation("not-stored", f"{len(frame.payload)} bytes of the frame and {content} of its message")
    cut = frame._replace(payload=frame.payload[:PREVIEW_BYTES])
    return event._replace(frame=cut, completes=None, violations=(*event.violations, told))


class StoredFrame:
    """A record of a block, unpacked."""

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
    origin_and_fate: int
    severity: int
    time_ns: int
    wire_length: int

    __slots__ = (
        "broken", "captured", "connection", "declared", "flags", "frame_count", "head", "key", "length", "number",
        "offset", "origin_and_fate", "severity", "time_ns", "wire_length",
    )  # fmt: skip

    def __init__(self, records: bytes | bytearray, index: int) -> None:
        (
            self.time_ns, self.connection, self.number, self.offset, self.captured, self.declared, self.head,
            self.flags, self.origin_and_fate, self.severity, self.broken, self.length, self.wire_length,
            self.frame_count, self.key,
        ) = RECORD.unpack_from(records, index * RECORD.size)  # fmt: skip

    @property
    def compressed(self) -> bool:
        return self.flags & COMPRESSED != 0

    @property
    def wire_size(self) -> int:
        """Captured wire bytes of the frame, header included."""
        return HEADER_BYTES[self.flags] + self.captured

    @property
    def content(self) -> tuple[int, int]:
        """Offset and length, in the block's payloads, of the message if there is one, else of the payload."""
        if self.flags & OWN_PAYLOAD:
            return self.offset + self.captured, self.length
        return self.offset, self.captured

    @property
    def end(self) -> int:
        """Offset after the last byte of this frame in the block's payloads."""
        offset, length = self.content
        return offset + length

    @property
    def is_handled(self) -> bool:
        """Whether the capture says elsewhere what was done to the frame."""
        return self.origin_and_fate & HANDLED != 0

    def row(
        self, frame_id: int, preview: bytes, handling: Handling | None = None, cause: int | None = None
    ) -> FrameRow:
        """The frame's row; `handling` and `cause` are what the capture says of it elsewhere."""
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
            origin=Origin(self.origin_and_fate & ORIGIN_MASK),
            head=self.head,
            masked=self.flags & MASKED != 0,
            length_form=form,
            declared_length=self.declared,
            captured_length=self.captured,
            preview=preview,
            message=message,
            violation_count=self.broken,
            severity=Severity(self.severity) if self.severity else 0,
            handling=handling or self._early_handling,
            cause=cause,
        )

    @property
    def _early_handling(self) -> Handling:
        fate = (self.origin_and_fate & FATE_MASK) >> FATE_SHIFT
        return Handling(Fate(fate)) if fate else UNTOUCHED

    def frame(self, payload: bytes) -> Frame:
        key = self.key if self.flags & MASKED else None
        return Frame(self.head, key, payload, (self.flags & FORM_MASK) >> FORM_SHIFT, self.declared)
