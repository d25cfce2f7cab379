"""One field of all frames of a block at once, straight from its records."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from itertools import islice, repeat
from operator import le

from core.capture.block_reader import BlockKey, BlockReader
from core.capture.layout import MESSAGE, OWN_PAYLOAD, RECORD, RecordColumn, column_bytes, gather, picking
from core.errors import CaptureError
from core.protocol.handling import Handling

_EXTENT = picking(
    RecordColumn.PAYLOAD_OFFSET, RecordColumn.CAPTURED, RecordColumn.FLAGS, RecordColumn.MESSAGE_LENGTH
)
_KEY = picking(RecordColumn.MASKING_KEY)
_IS_ITSELF = bytes(flags & (MESSAGE | OWN_PAYLOAD) == MESSAGE for flags in range(256))
_IS_WHOLE = bytes(not flags & OWN_PAYLOAD for flags in range(256))


_MANY = 64
"""From this many places on it is worth checking whether all frames have the same length."""


@lru_cache(maxsize=1)
def _even_offsets(count: int, length: int) -> array[int]:
    """Offsets of frames that all have one length."""
    return array("I", range(0, (count + 1) * length, length))


class Region(Enum):
    """Which bytes of a frame are meant."""

    CONTENT = "content"
    """The message that the frame completed, else its payload."""
    MESSAGE = "message"
    """The message that the frame completed; other frames lack this region."""
    PAYLOAD = "payload"
    """The frame's own payload, possibly compressed."""


@dataclass(frozen=True, slots=True)
class Regions:
    """Places in a block's payloads, in order and without overlap."""

    frames: Sequence[int]
    """For each place, the index of its frame in the block."""
    starts: Sequence[int]
    ends: Sequence[int]


class BlockColumns:
    """A block that is read as far as needed. Raises CaptureError if it is damaged."""

    def __init__(self, reader: BlockReader, key: BlockKey) -> None:
        self.key = key
        self._reader = reader
        self._regions: dict[Region, Regions] = {}

    @cached_property
    def records(self) -> bytes:
        """b"" if the block is gone because the capture was cleared."""
        return self._reader.records(self.key)

    @cached_property
    def payloads(self) -> bytes:
        return self._reader.payloads(self.key)

    @cached_property
    def rules(self) -> dict[int, tuple[str, ...]]:
        """Broken rules, by frame id."""
        return self._reader.rules(self.key)

    @cached_property
    def notes(self) -> dict[int, str]:
        """Notes of bookmarked frames, by frame id."""
        return self._reader.notes(self.key)

    @cached_property
    def handlings(self) -> dict[int, Handling]:
        """What was done to frames of whose records HANDLED says that there is more, by frame id."""
        return self._reader.handlings(self.key)

    def bytes_of(self, column: RecordColumn) -> bytes:
        """A one-byte column of every frame."""
        return column_bytes(self.records, column)

    def numbers_of(self, column: RecordColumn) -> array[int]:
        """A column of numbers of every frame."""
        return gather(self.records, column)

    @cached_property
    def keys(self) -> list[bytes]:
        """Masking keys; meaningless for frames that were not masked."""
        return [key for (key,) in _KEY.iter_unpack(self.records)]

    @cached_property
    def connections(self) -> array[int]:
        return self.numbers_of(RecordColumn.CONNECTION)

    @cached_property
    def deltas(self) -> list[int | None]:
        """Time since the previous frame of the same connection, in ns; None for its first one."""
        times = self.numbers_of(RecordColumn.TIME_NS)
        last = self._reader.last_times(sorted(set(self.connections)), self.key.first)
        deltas: list[int | None] = []
        for connection, time_ns in zip(self.connections, times, strict=True):
            before = last.get(connection)
            deltas.append(None if before is None else time_ns - before)
            last[connection] = time_ns
        self._reader.note_times(self.key, last)
        return deltas

    @cached_property
    def offsets(self) -> array[int]:
        """Where the bytes of each frame begin in the payloads, and at the end where the last ones end."""
        offsets = self.numbers_of(RecordColumn.PAYLOAD_OFFSET)
        size = len(self.payloads)
        if offsets and (offsets[0] or offsets[-1] > size):
            raise self._damage()
        offsets.append(size)
        return offsets

    def behind(self, places: Sequence[int]) -> Iterable[int]:
        """For each of these places in the payloads, the index of the frame after the one whose bytes are there."""
        offsets, count = self.offsets, self.key.count
        length, rest = divmod(offsets[-1], count)
        if length and not rest and len(places) > _MANY and offsets == _even_offsets(count, length):
            return [place // length + 1 for place in places]
        return map(bisect_right, repeat(offsets), places)

    def whole(self, region: Region) -> bytes:
        """For each frame 1 if the region covers all of its bytes, else 0."""
        return self.bytes_of(RecordColumn.FLAGS).translate(
            _IS_ITSELF if region is Region.MESSAGE else _IS_WHOLE
        )

    def place_of(self, region: Region, frame: int) -> tuple[int, int] | None:
        """Start and end of a frame's region in the payloads; None if it has no such region."""
        offset, captured, flags, length = _EXTENT.unpack_from(self.records, frame * RECORD.size)
        if region is Region.MESSAGE and not flags & MESSAGE:
            return None
        if region is not Region.PAYLOAD and flags & OWN_PAYLOAD:
            return offset + captured, offset + captured + length
        return offset, offset + captured

    def lengths(self, region: Region) -> array[int] | None:
        """Lengths of the regions if they cover all bytes of all frames; else None."""
        if 0 in self.whole(region):
            return None
        first, last = self.place_of(region, 0), self.place_of(region, self.key.count - 1)
        if first is None or last is None or (first[0], last[1]) != (0, len(self.payloads)):
            raise self._damage()
        return self.numbers_of(RecordColumn.CAPTURED)

    def regions(self, region: Region) -> Regions:
        """All regions of a kind. Raises CaptureError if they are not in order, as in a forged capture."""
        found = self._regions.get(region)
        if found is None:
            found = self._regions[region] = self._find_regions(region)
        return found

    def _find_regions(self, region: Region) -> Regions:
        offsets, count = self.offsets, self.key.count
        frames: Sequence[int] = range(count)
        if 0 not in self.whole(region):
            return Regions(frames, offsets[:-1], offsets[1:])
        places = [self.place_of(region, frame) for frame in frames]
        found = [place for place in places if place is not None]
        if len(found) < count:
            frames = [frame for frame, place in enumerate(places) if place is not None]
        starts, ends = [start for start, _ in found], [end for _, end in found]
        if found and not (ends[-1] <= offsets[-1] and all(map(le, ends, islice(starts, 1, None)))):
            raise self._damage()
        return Regions(frames, starts, ends)

    def _damage(self) -> CaptureError:
        return CaptureError(
            f"The block of frame {self.key.first} says that payloads lie where there are none. "
            "The capture is damaged."
        )
