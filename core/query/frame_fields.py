"""The built-in fields about a frame's header, message, time and connection.

Names follow RFC 6455 section 5.2 where it has one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from core.capture.layout import (
    COMPRESSED,
    FROM_SERVER,
    MASKED,
    MESSAGE,
    ORIGIN_MASK,
    OWN_PAYLOAD,
    TEXT,
    RecordColumn,
)
from core.capture.records import Direction, FrameRow
from core.protocol.events import Origin
from core.protocol.frames import FIN, OPCODE_NAMES, RSV1, RSV2, RSV3, Opcode
from core.protocol.violations import CATALOGUE, Severity
from core.query.fields import Access, Field
from core.query.placements import InByte, InColumn, InConnectionId, InMarks, InRules, ScannedBlock
from core.query.values import FieldKind, Value

_OPCODES: Mapping[str, Value] = MappingProxyType({name: int(code) for code, name in OPCODE_NAMES.items()})
_DIRECTIONS: Mapping[str, Value] = MappingProxyType(
    {each.name.lower().replace("_", "-"): each.value for each in Direction} | {"c2s": 0, "s2c": 1}
)
_ORIGINS: Mapping[str, Value] = MappingProxyType({each.name.lower(): each.value for each in Origin})
_SEVERITIES: Mapping[str, Value] = MappingProxyType({each.name.lower(): each.value for each in Severity})
_RULES: Mapping[str, Value] = MappingProxyType({rule: rule for rule in CATALOGUE})

_TIME_BETWEEN = (
    "EXISTS(SELECT 1 FROM block AS held WHERE held.first = block.first "
    "AND held.last_ns >= ? AND held.first_ns <= ?)"
)
_INFLATED = MESSAGE | OWN_PAYLOAD | COMPRESSED
"""Flags of a frame that completed a compressed message."""


def _in_head(decode: Callable[[int], Value]) -> Access:
    return Access(lambda subject: decode(subject.record.row.head), InByte(RecordColumn.HEAD, decode))


def _bit(mask: int) -> Access:
    return _in_head(lambda head: int(head & mask != 0))


def _in_flags(of_row: Callable[[FrameRow], Value | None], decode: Callable[[int], Value | None]) -> Access:
    return Access(lambda subject: of_row(subject.record.row), InByte(RecordColumn.FLAGS, decode))


def _number(of_row: Callable[[FrameRow], int], column: RecordColumn) -> Access:
    return Access(
        lambda subject: of_row(subject.record.row), InColumn(lambda block: block.columns.numbers_of(column))
    )


def header_fields() -> Iterable[Field]:
    """Fields of a frame's header."""
    yield Field(
        "opcode", FieldKind.CODE, "The opcode: a number, or its name in the RFC.", "opcode in {ping, pong}",
        _in_head(lambda head: head & 0x0F), ("websocket.opcode",), _OPCODES,
    )  # fmt: skip
    yield Field("fin", FieldKind.FLAG, "The FIN bit.", "not fin", _bit(FIN), ("websocket.fin",))
    for name, mask in (("rsv1", RSV1), ("rsv2", RSV2), ("rsv3", RSV3)):
        yield Field(name, FieldKind.FLAG, f"The {name.upper()} bit.", name, _bit(mask))
    yield Field(
        "control", FieldKind.FLAG, "It is a control frame: close, ping, pong, or one that the RFC reserves.",
        "not control", _bit(0x08),
    )  # fmt: skip
    yield Field(
        "masked", FieldKind.FLAG, "The MASK bit.", "masked",
        _in_flags(lambda row: int(row.masked), lambda flags: int(flags & MASKED != 0)), ("websocket.mask",),
    )  # fmt: skip
    yield Field(
        "masking_key", FieldKind.BYTES, "The masking key, where the frame is masked.",
        'masking_key == hex"37 fa 21 3d"',
        Access(lambda subject: subject.record.frame.masking_key, InColumn(_keys, optional=True)),
        ("websocket.masking_key",), optional=True,
    )  # fmt: skip
    yield Field(
        "length", FieldKind.NUMBER, "The payload length that the header states, in bytes.", "length > 4KiB",
        _number(lambda row: row.declared_length, RecordColumn.DECLARED), ("websocket.payload_length",),
    )  # fmt: skip
    yield Field(
        "truncated", FieldKind.FLAG, "The stream ended before the whole payload had come.", "truncated",
        Access(lambda subject: int(subject.record.row.truncated), InColumn(_truncated)),
    )  # fmt: skip


def _keys(block: ScannedBlock) -> Iterable[bytes | None]:
    flags = block.columns.bytes_of(RecordColumn.FLAGS)
    return (key if flag & MASKED else None for key, flag in zip(block.columns.keys, flags, strict=True))


def _truncated(block: ScannedBlock) -> Iterable[int]:
    columns = block.columns
    found = list(
        map(int.__ne__, columns.numbers_of(RecordColumn.CAPTURED), columns.numbers_of(RecordColumn.DECLARED))
    )
    if any(found):
        # What rules keep out of the capture had come.
        for frame, handling in columns.handlings.items():
            found[frame - columns.key.first] &= not handling.is_redacted
    return found


def message_fields() -> Iterable[Field]:
    """Fields of the message that a frame completed, except its bytes."""
    yield Field(
        "message.opcode", FieldKind.CODE, "What the message is that the frame completed: text or binary.",
        "message.opcode == text", _in_flags(_message_opcode, _message_opcode_of_flags), (),
        MappingProxyType({"text": 1, "binary": 2}), optional=True,
    )  # fmt: skip
    yield Field(
        "message.length", FieldKind.NUMBER, "Length of the message that the frame completed, joined and inflated.",
        "message.length > 1MiB", _of_message(lambda row: None if row.message is None else row.message.length, _lengths),
        optional=True,
    )  # fmt: skip
    yield Field(
        "message.frames", FieldKind.NUMBER, "Of how many frames the message was.", "message.frames > 1",
        _of_message(lambda row: None if row.message is None else row.message.frame_count, _frame_counts), optional=True,
    )  # fmt: skip
    yield Field(
        "compressed", FieldKind.FLAG, "The frame completed a message that was compressed.", "compressed",
        _in_flags(
            lambda row: int(row.message is not None and row.message.compressed),
            lambda flags: int(flags & _INFLATED == _INFLATED),
        ),
    )  # fmt: skip
    yield Field(
        "ratio", FieldKind.NUMBER, "How many times as long a compressed message is once inflated.", "ratio > 100",
        _of_message(_ratio, _ratios), optional=True,
    )  # fmt: skip


def _of_message(
    of_row: Callable[[FrameRow], int | float | None], values: Callable[[ScannedBlock], Iterable[Value | None]]
) -> Access:
    return Access(lambda subject: of_row(subject.record.row), InColumn(values, optional=True))


def _message_opcode(row: FrameRow) -> int | None:
    return None if row.message is None else row.message.opcode


def _message_opcode_of_flags(flags: int) -> int | None:
    if not flags & MESSAGE:
        return None
    return int(Opcode.TEXT if flags & TEXT else Opcode.BINARY)


def _messages(block: ScannedBlock, own: RecordColumn, else_: RecordColumn | None) -> Iterable[int | None]:
    """For each frame, a value of its message: from the column `own` if the message has a payload of its own, else from
    `else_` (None: 1).
    """
    columns = block.columns
    flags = columns.bytes_of(RecordColumn.FLAGS)
    plain = [1] * len(flags) if else_ is None else columns.numbers_of(else_)
    for flag, apart, same in zip(flags, columns.numbers_of(own), plain, strict=True):
        yield (apart if flag & OWN_PAYLOAD else same) if flag & MESSAGE else None


def _lengths(block: ScannedBlock) -> Iterable[int | None]:
    return _messages(block, RecordColumn.MESSAGE_LENGTH, RecordColumn.CAPTURED)


def _frame_counts(block: ScannedBlock) -> Iterable[int | None]:
    return _messages(block, RecordColumn.FRAME_COUNT, None)


def _ratio(row: FrameRow) -> float | None:
    message = row.message
    if message is None or not message.compressed or not message.wire_length:
        return None
    return message.length / message.wire_length


def _ratios(block: ScannedBlock) -> Iterable[float | None]:
    columns = block.columns
    flags = columns.bytes_of(RecordColumn.FLAGS)
    lengths, wires = (
        columns.numbers_of(each) for each in (RecordColumn.MESSAGE_LENGTH, RecordColumn.WIRE_LENGTH)
    )
    for flag, length, wire in zip(flags, lengths, wires, strict=True):
        yield length / wire if flag & _INFLATED == _INFLATED and wire else None


def place_fields() -> Iterable[Field]:
    """Fields that say when and where a frame was seen, and which rules it broke."""
    yield Field(
        "frame", FieldKind.NUMBER, "The frame's number in the whole capture.", "frame in 1000..2000",
        Access(
            lambda subject: subject.record.row.id,
            InColumn(
                lambda block: range(block.columns.key.first, block.columns.key.first + block.count),
                between="block.first + block.count - 1 >= ? AND block.first <= ?",
            ),
        ),
        ("frame.number",),
    )  # fmt: skip
    yield Field(
        "number", FieldKind.NUMBER, "The frame's number in its connection.", "number == 1",
        _number(lambda row: row.number, RecordColumn.NUMBER),
    )  # fmt: skip
    yield Field(
        "connection", FieldKind.NUMBER, "The connection's number.", "connection == 3",
        Access(lambda subject: subject.record.row.connection, InConnectionId()), ("tcp.stream",),
    )  # fmt: skip
    yield Field(
        "direction", FieldKind.NAME, "Which way the frame went.", "direction == client-to-server",
        _in_flags(lambda row: row.direction.value, lambda flags: int(flags & FROM_SERVER != 0)), (), _DIRECTIONS,
    )  # fmt: skip
    yield Field(
        "origin", FieldKind.NAME, "Why the frame was sent: the peer did, Unmask answered, the person or a rule did.",
        "origin == composed",
        Access(
            lambda subject: subject.record.row.origin.value,
            InByte(RecordColumn.ORIGIN_AND_FATE, lambda byte: byte & ORIGIN_MASK),
        ),
        (), _ORIGINS,
    )  # fmt: skip
    yield from _time_fields()
    yield Field(
        "violation", FieldKind.NAME, "The rules that the frame broke, by their ids.", "violation == rsv2-set",
        Access(lambda subject: tuple(each.rule.id for each in subject.record.violations), InRules()), (), _RULES,
        optional=True,
    )  # fmt: skip
    yield Field(
        "severity", FieldKind.CODE, "The worst of what the frame broke: note, warning or error.",
        "severity >= warning",
        Access(
            lambda subject: int(subject.record.row.severity) or None,
            InByte(RecordColumn.SEVERITY, lambda severity: severity or None),
        ),
        (), _SEVERITIES, optional=True,
    )  # fmt: skip


def _time_fields() -> Iterable[Field]:
    yield Field(
        "time", FieldKind.TIME,
        "When the frame was seen: 14:03, a date and time, or a duration since the capture's first frame. Times are of "
        "this machine's zone or, with Z or +02:00 behind a date and time, of that one. A time of day alone is of the "
        "day of the first frame, or of the next one where only then it is within the capture.",
        "time in 14:03..14:05",
        Access(
            lambda subject: subject.record.row.time_ns,
            InColumn(
                lambda block: block.columns.numbers_of(RecordColumn.TIME_NS),
                between=_TIME_BETWEEN,
            ),
        ),
        ("frame.time",), relative="time.relative",
    )  # fmt: skip
    yield Field(
        "time.relative", FieldKind.DURATION, "Time since the capture's first frame.", "time.relative in 5s..10s",
        Access(
            lambda subject: subject.record.row.time_ns - subject.start_ns,
            InColumn(_relative_times, between=_TIME_BETWEEN, since_start=True),
        ),
        ("frame.time_relative",),
    )  # fmt: skip
    yield Field(
        "delta", FieldKind.DURATION, "Time since the frame before of the same connection.", "delta > 1s",
        Access(
            lambda subject: (
                None if subject.previous_ns is None else subject.record.row.time_ns - subject.previous_ns
            ),
            InColumn(lambda block: block.columns.deltas, optional=True),
        ),
        ("tcp.time_delta",), optional=True,
    )  # fmt: skip


def _relative_times(block: ScannedBlock) -> Iterable[int]:
    start = block.start_ns
    return (time_ns - start for time_ns in block.columns.numbers_of(RecordColumn.TIME_NS))


def mark_fields() -> Iterable[Field]:
    """Fields about bookmarks and notes."""
    yield Field(
        "marked", FieldKind.FLAG, "The frame is bookmarked.", "marked",
        Access(lambda subject: int(subject.record.note is not None), InMarks(lambda _: 1, otherwise=0)),
    )  # fmt: skip
    yield Field(
        "note", FieldKind.TEXT, "What is noted on a bookmarked frame.", "note icontains login",
        Access(lambda subject: subject.record.note or None, InMarks(lambda note: note or None)), optional=True,
    )  # fmt: skip
