"""How a frame lies in a block: a record of fixed size, each column of which is stated here and nowhere else.

Records stand one behind the other, numbers with their least significant byte first. Whoever needs a few columns of
all records reads them with `picking`, `gather` or a slice; whoever writes many alike writes them with `put`.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable
from enum import Enum


class RecordColumn(Enum):
    """The columns of a record, in their order: where each begins, and its code in the module `struct`."""

    TIME_NS = 0, "q"
    """Nanoseconds since the epoch."""
    CONNECTION = 8, "I"
    NUMBER = 12, "I"
    """Which frame of its connection it is, from 1."""
    PAYLOAD_OFFSET = 16, "I"
    """Where its payload begins among the payloads of its block; its message's stands behind it (`OWN_PAYLOAD`)."""
    CAPTURED = 20, "I"
    """Bytes of its payload that came."""
    DECLARED = 24, "Q"
    """Bytes of payload that its header states."""
    HEAD = 32, "B"
    """The first byte of the frame: FIN, RSV1 to RSV3, opcode (RFC 6455 section 5.2)."""
    FLAGS = 33, "B"
    ORIGIN_AND_FATE = 34, "B"
    """An `Origin` in the low half, a `Fate` in the high one."""
    SEVERITY = 35, "B"
    """The worst of its violations; 0: none."""
    VIOLATION_COUNT = 36, "H"
    MESSAGE_LENGTH = 38, "I"
    """Of the message that it completed, joined and inflated; 0 but for one with OWN_PAYLOAD, as the next two."""
    WIRE_LENGTH = 42, "I"
    """Bytes of payload of all frames of that message."""
    FRAME_COUNT = 46, "I"
    """How many frames that message has."""
    MASKING_KEY = 50, "4s"

    def __init__(self, offset: int, code: str) -> None:
        self.offset = offset
        self.code = code


RECORD = struct.Struct("<" + "".join(column.code for column in RecordColumn))
"""A whole record, with its columns in their order."""

# Flags of a record.
MASKED = 0x01
FROM_SERVER = 0x02
FORM_SHIFT = 2
"""Two bits for the `LengthForm`."""
FORM_MASK = 0b11 << FORM_SHIFT
MESSAGE = 0x10
"""The frame completed a message."""
OWN_PAYLOAD = 0x20
"""The message's payload is not the frame's; it stands behind it."""
COMPRESSED = 0x40
TEXT = 0x80

FATE_SHIFT = 4
ORIGIN_MASK = (1 << FATE_SHIFT) - 1


def picking(*columns: RecordColumn) -> struct.Struct:
    """Reads certain columns of a record, in the order of the table, and passes over the others."""
    return struct.Struct("<" + "".join(_code(column, is_wanted=column in columns) for column in RecordColumn))


def _code(column: RecordColumn, *, is_wanted: bool) -> str:
    return column.code if is_wanted else f"{struct.calcsize('<' + column.code)}x"


CONNECTION_AND_HEAD = picking(RecordColumn.CONNECTION, RecordColumn.HEAD)
"""What tells which lists show a frame."""


def column_bytes(records: bytes, column: RecordColumn) -> bytes:
    """A column of one byte, of every record."""
    return records[column.offset :: RECORD.size]


def gather(records: bytes, column: RecordColumn) -> array[int]:
    """A column of numbers, of every record: byte by byte of the number, which is quicker than record by record."""
    numbers = array(column.code)
    gathered = bytearray(len(records) // RECORD.size * numbers.itemsize)
    for place in range(numbers.itemsize):
        gathered[place :: numbers.itemsize] = records[column.offset + place :: RECORD.size]
    numbers.frombytes(gathered)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def put(records: bytearray, column: RecordColumn, numbers: Iterable[int], greatest: int) -> None:
    """Write a column of up to four bytes into records that have zeros there; no number is above `greatest`."""
    words = array("I", numbers)
    if sys.byteorder == "big":
        words.byteswap()
    raw = words.tobytes()
    for place in range((greatest.bit_length() + 7) // 8):
        records[column.offset + place :: RECORD.size] = raw[place :: words.itemsize]


def put_bytes(records: bytearray, column: RecordColumn, values: bytes) -> None:
    """Write a column of one byte, or of several: then `values` has those of the first record first."""
    width = len(values) * RECORD.size // len(records)
    for place in range(width):
        records[column.offset + place :: RECORD.size] = values[place::width]


def with_payload_offset(record: bytes, offset: int) -> bytes:
    """A record whose payload stands elsewhere in a block."""
    column = RecordColumn.PAYLOAD_OFFSET
    packed = struct.pack("<" + column.code, offset)
    return record[: column.offset] + packed + record[column.offset + len(packed) :]
