"""One field of all frames of a block at once, straight from its records."""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import compress, islice
from operator import add, le

from core.capture.block_reader import BlockKey, BlockReader
from core.capture.blocks import MESSAGE, OWN_PAYLOAD, RECORD, StoredFrame
from core.errors import CaptureError


class ByteField(Enum):
    """Fields of one byte; the value is where in a record it stands."""

    HEAD = 32
    FLAGS = 33
    ORIGIN = 34
    SEVERITY = 35


@dataclass(frozen=True, slots=True)
class Column:
    """A number in every record."""

    offset: int
    code: str
    """Of the module `array`."""

    def of(self, records: bytes) -> array[int]:
        """From all records: gathered byte by byte of the number, which is quicker than record by record."""
        numbers = array(self.code)
        gathered = bytearray(len(records) // RECORD.size * numbers.itemsize)
        for place in range(numbers.itemsize):
            gathered[place :: numbers.itemsize] = records[self.offset + place :: RECORD.size]
        numbers.frombytes(gathered)
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers


class WideField(Enum):
    """Fields of more than one byte."""

    TIME_NS = Column(0, "q")
    CONNECTION = Column(8, "I")
    NUMBER = Column(12, "I")
    PAYLOAD_OFFSET = Column(16, "I")
    CAPTURED = Column(20, "I")
    DECLARED = Column(24, "Q")
    MESSAGE_LENGTH = Column(38, "I")
    WIRE_LENGTH = Column(42, "I")
    FRAME_COUNT = Column(46, "I")


_OFFSET = struct.Struct("<16xI")
_KEY = struct.Struct(f"{RECORD.size - 4}x4s")
_IS_APART = bytes(flags & OWN_PAYLOAD != 0 for flags in range(256))
_IS_MESSAGE = bytes(flags & MESSAGE != 0 for flags in range(256))


class Region(Enum):
    """Which bytes of a frame."""

    CONTENT = "content"
    """The message that the frame completed, else its payload."""
    MESSAGE = "message"
    """The message that the frame completed; frames that completed none have no such region."""
    PAYLOAD = "payload"
    """The frame's own payload, compressed where it was."""


@dataclass(frozen=True, slots=True)
class Place:
    """Bytes `start`..`end` of a block's payloads, which belong to the frame with index `frame` in the block."""

    frame: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Regions:
    """Places in a block's payloads, in order and without overlap."""

    frames: Sequence[int]
    """Index in the block of the frame that each belongs to."""
    starts: Sequence[int]
    ends: Sequence[int]


class BlockColumns:
    """A block, read as far as it is asked for. CaptureError where it is damaged."""

    def __init__(self, reader: BlockReader, key: BlockKey) -> None:
        self.key = key
        self._reader = reader
        self._regions: dict[Region, Regions] = {}

    @cached_property
    def records(self) -> bytes:
        """b"" where the block is gone: the capture was cleared."""
        return self._reader.records(self.key)

    @cached_property
    def payloads(self) -> bytes:
        return self._reader.payloads(self.key)

    @cached_property
    def rules(self) -> dict[int, tuple[str, ...]]:
        """By the ids of frames that broke any."""
        return self._reader.rules(self.key)

    @cached_property
    def notes(self) -> dict[int, str]:
        """By the ids of frames that the person marked."""
        return self._reader.notes(self.key)

    def bytes_of(self, field: ByteField) -> bytes:
        """The field of every frame, one byte each."""
        return self.records[field.value :: RECORD.size]

    def numbers_of(self, field: WideField) -> array[int]:
        """The field of every frame."""
        return field.value.of(self.records)

    @cached_property
    def keys(self) -> list[bytes]:
        """Masking keys; without meaning where a frame was not masked."""
        return [key for (key,) in _KEY.iter_unpack(self.records)]

    @cached_property
    def connections(self) -> array[int]:
        return self.numbers_of(WideField.CONNECTION)

    @cached_property
    def deltas(self) -> list[int | None]:
        """Time since the frame before of the same connection, in ns; None for its first one."""
        times = self.numbers_of(WideField.TIME_NS)
        last = dict(self._reader.last_times(sorted(set(self.connections)), self.key.first))
        deltas: list[int | None] = []
        for connection, time_ns in zip(self.connections, times, strict=True):
            before = last.get(connection)
            deltas.append(None if before is None else time_ns - before)
            last[connection] = time_ns
        return deltas

    def place_at(self, region: Region, position: int) -> Place | None:
        """The region that has a byte, else the next one that is not empty; without looking at all of them."""
        records = self.records
        frames = range(len(records) // RECORD.size)

        def offset(frame: int) -> int:
            return int(_OFFSET.unpack_from(records, frame * RECORD.size)[0])

        for frame in frames[max(bisect_right(frames, position, key=offset) - 1, 0) :]:
            stored = StoredFrame(records, frame)
            if region is Region.MESSAGE and not stored.flags & MESSAGE:
                continue
            start, length = (stored.offset, stored.captured) if region is Region.PAYLOAD else stored.content
            if start + length > position:
                return Place(frame, start, start + length)
        return None

    def regions(self, region: Region) -> Regions:
        """All of them. CaptureError where they are not in order, as a forged capture may say."""
        found = self._regions.get(region)
        if found is None:
            found = self._regions[region] = self._find_regions(region)
        return found

    def _find_regions(self, region: Region) -> Regions:
        flags = self.bytes_of(ByteField.FLAGS)
        frames: Sequence[int] = range(len(flags))
        starts: Sequence[int] = self.numbers_of(WideField.PAYLOAD_OFFSET)
        ends: Sequence[int] = list(map(add, starts, self.numbers_of(WideField.CAPTURED)))
        apart = flags.translate(_IS_APART)
        if region is not Region.PAYLOAD and any(apart):
            lengths = self.numbers_of(WideField.MESSAGE_LENGTH)
            starts = list(map(_either, apart, ends, starts))
            ends = [
                end + length if own else end for own, end, length in zip(apart, ends, lengths, strict=True)
            ]
        if region is Region.MESSAGE:
            has_message = flags.translate(_IS_MESSAGE)
            frames, starts, ends = (list(compress(each, has_message)) for each in (frames, starts, ends))
        self._check(starts, ends)
        return Regions(frames, starts, ends)

    def _check(self, starts: Sequence[int], ends: Sequence[int]) -> None:
        if starts and not (ends[-1] <= len(self.payloads) and all(map(le, ends, islice(starts, 1, None)))):
            raise CaptureError(
                f"The block of frame {self.key.first} says that payloads lie where there are none. "
                "The capture is damaged."
            )


def _either(condition: int, one: int, other: int) -> int:
    return one if condition else other
