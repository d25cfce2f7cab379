"""One field of all frames of a block at once, straight from its records."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import pairwise
from operator import le

from core.capture.block_reader import BlockKey, BlockReader
from core.capture.blocks import MESSAGE, OWN_PAYLOAD, RECORD
from core.errors import CaptureError


class ByteField(Enum):
    """Fields of one byte; the value is where in a record it stands."""

    HEAD = 32
    FLAGS = 33
    ORIGIN = 34
    SEVERITY = 35


def _column(before: int, form: str) -> struct.Struct:
    """What unpacks one field of every record."""
    size = struct.calcsize("<" + form)
    return struct.Struct(f"<{before}x{form}{RECORD.size - before - size}x")


class WideField(Enum):
    """Fields of more than one byte."""

    TIME_NS = _column(0, "q")
    CONNECTION = _column(8, "I")
    NUMBER = _column(12, "I")
    CAPTURED = _column(20, "I")
    DECLARED = _column(24, "Q")
    MESSAGE_LENGTH = _column(38, "I")
    WIRE_LENGTH = _column(42, "I")
    FRAME_COUNT = _column(46, "I")
    KEY = _column(50, "4s")


_PLACES = _column(16, "II9xB4xI")
"""Payload offset, captured length, flags, message length."""


class Region(Enum):
    """Which bytes of a frame."""

    CONTENT = "content"
    """The message that the frame completed, else its payload."""
    MESSAGE = "message"
    """The message that the frame completed; frames that completed none have no such region."""
    PAYLOAD = "payload"
    """The frame's own payload, compressed where it was."""


@dataclass(frozen=True, slots=True)
class Regions:
    """Places in a block's payloads, in order and without overlap."""

    frames: Sequence[int]
    """Index in the block of the frame that each belongs to."""
    starts: list[int]
    ends: list[int]


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

    def bytes_of(self, field: ByteField) -> bytes:
        """The field of every frame, one byte each."""
        return self.records[field.value :: RECORD.size]

    def numbers_of(self, field: WideField) -> list[int]:
        """The field of every frame; not for KEY."""
        return [value for (value,) in field.value.iter_unpack(self.records)]

    @cached_property
    def keys(self) -> list[bytes]:
        """Masking keys; without meaning where a frame was not masked."""
        return [key for (key,) in WideField.KEY.value.iter_unpack(self.records)]

    @cached_property
    def connections(self) -> list[int]:
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

    def regions(self, region: Region) -> Regions:
        found = self._regions.get(region)
        if found is None:
            found = self._regions[region] = self._find_regions(region)
        return found

    def _find_regions(self, region: Region) -> Regions:
        frames: Sequence[int] = range(len(self.records) // RECORD.size)
        places = list(_PLACES.iter_unpack(self.records))
        if region is Region.MESSAGE:
            frames = [index for index in frames if places[index][2] & MESSAGE]
            places = [places[index] for index in frames]
        if region is Region.PAYLOAD:
            starts = [offset for offset, _, _, _ in places]
            ends = [offset + captured for offset, captured, _, _ in places]
        else:
            starts = [
                offset + captured if flags & OWN_PAYLOAD else offset for offset, captured, flags, _ in places
            ]
            ends = [
                offset + captured + (length if flags & OWN_PAYLOAD else 0)
                for offset, captured, flags, length in places
            ]
        if starts and not (
            ends[-1] <= len(self.payloads)
            and all(map(le, starts, ends))
            and all(end <= start for end, (_, start) in zip(ends, pairwise(starts), strict=False))
        ):
            raise CaptureError(
                f"The block of frame {self.key.first} says that payloads lie where there are none. "
                "The capture is damaged."
            )
        return Regions(frames, starts, ends)
