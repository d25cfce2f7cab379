"""The layout of a frame's record: a fixed size, each column of which is stated here and nowhere else.

Records follow each other; numbers have their least significant byte first. `picking`, `gather` or a slice reads a few
columns of all records; `put` writes many records that are alike.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable
from enum import Enum


class RecordColumn(Enum):
    """The columns of a record, in order: offset, and type code of the module `struct`."""

    TIME_NS = 0, "q"
    """Nanoseconds since the epoch."""
    CONNECTION = 8, "I"
    NUMBER = 12, "I"
    """Number of the frame within its connection, from 1."""
    PAYLOAD_OFFSET = 16, "I"
    """Offset of its payload among the payloads of its block; its message's payload follows it (`OWN_PAYLOAD`)."""
    CAPTURED = 20, "I"
    """Bytes of its payload that arrived."""
    DECLARED = 24, "Q"
    """Payload length stated in its header, in bytes."""
    HEAD = 32, "B"
    """The first byte of the frame: FIN, RSV1 to RSV3, opcode (RFC 6455 section 5.2)."""
    FLAGS = 33, "B"
    ORIGIN_AND_FATE = 34, "B"
    """An `Origin` in the low half; HANDLED, or up to format 5 a `Fate`, in the high half."""
    SEVERITY = 35, "B"
    """The worst severity of its violations; 0 if none."""
    VIOLATION_COUNT = 36, "H"
    MESSAGE_LENGTH = 38, "I"
    """Length of the completed message, joined and inflated; like the next two columns, 0 without OWN_PAYLOAD."""
    WIRE_LENGTH = 42, "I"
    """Payload bytes of all frames of that message."""
    FRAME_COUNT = 46, "I"
    """Number of frames of that message."""
    MASKING_KEY = 50, "4s"

    def __init__(self, offset: int, code: str) -> None:
        self.offset = offset
        self.code = code


RECORD = struct.Struct("<" + "".join(column.code for column in RecordColumn))
"""A whole record, with its columns in order."""

# Flags of a record.
MASKED = 0x01
FROM_SERVER = 0x02
FORM_SHIFT = 2
"""Position of the two bits for the `LengthForm`."""
FORM_MASK = 0b11 << FORM_SHIFT
MESSAGE = 0x10
"""The frame completed a message."""
OWN_PAYLOAD = 0x20
"""The message's payload differs from the frame's, and follows it."""
COMPRESSED = 0x40
TEXT = 0x80

FATE_SHIFT = 4
FATE_MASK = 0b111 << FATE_SHIFT
"""The `Fate` of a frame in captures up to format 5."""
ORIGIN_MASK = (1 << FATE_SHIFT) - 1
HANDLED = 0x80
"""In the same byte: the table `handling` says what was done to the frame. Where it stands, FATE_MASK is 0."""


def picking(*columns: RecordColumn) -> struct.Struct:
    """A struct that reads certain columns of a record, in the table's order, and skips the others."""
    return struct.Struct("<" + "".join(_code(column, is_wanted=column in columns) for column in RecordColumn))


def _code(column: RecordColumn, *, is_wanted: bool) -> str:
    return column.code if is_wanted else f"{struct.calcsize('<' + column.code)}x"


CONNECTION_AND_HEAD = picking(RecordColumn.CONNECTION, RecordColumn.HEAD)
"""The columns that decide which lists show a frame."""


def column_bytes(records: bytes, column: RecordColumn) -> bytes:
    """A one-byte column of every record."""
    return records[column.offset :: RECORD.size]


def gather(records: bytes, column: RecordColumn) -> array[int]:
    """A column of numbers of every record, assembled byte by byte, which is faster than record by record."""
    numbers = array(column.code)
    gathered = bytearray(len(records) // RECORD.size * numbers.itemsize)
    for place in range(numbers.itemsize):
        gathered[place :: numbers.itemsize] = records[column.offset + place :: RECORD.size]
    numbers.frombytes(gathered)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def put(records: bytearray, column: RecordColumn, numbers: Iterable[int], greatest: int) -> None:
    """Write a column of up to four bytes into records that have zeros there; `greatest` is an upper bound of the
    numbers.
    """
    words = array("I", numbers)
    if sys.byteorder == "big":
        words.byteswap()
    raw = words.tobytes()
    for place in range((greatest.bit_length() + 7) // 8):
        records[column.offset + place :: RECORD.size] = raw[place :: words.itemsize]


def put_bytes(records: bytearray, column: RecordColumn, values: bytes) -> None:
    """Write a column of one or several bytes; `values` has those of the first record first."""
    width = len(values) * RECORD.size // len(records)
    for place in range(width):
        records[column.offset + place :: RECORD.size] = values[place::width]


def with_payload_offset(record: bytes, offset: int) -> bytes:
    """A record with another payload offset."""
    column = RecordColumn.PAYLOAD_OFFSET
    packed = struct.pack("<" + column.code, offset)
    return record[: column.offset] + packed + record[column.offset + len(packed) :]
