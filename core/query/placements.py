"""Where in a block the values of a field are, and how all frames of the block are tested at once.

A mask says which frames match: an integer with one byte per frame, 1 for a match, the first frame's byte lowest. So `&`
and `|` of masks mean `and` and `or`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import Protocol

from core.capture.block_reader import EVERY, Condition
from core.capture.columns import BlockColumns, Region
from core.capture.layout import RecordColumn
from core.capture.records import ConnectionRecord
from core.query.operators import Matcher, Several
from core.query.search import marks
from core.query.values import Value

Mask = int
BlockTest = Callable[["ScannedBlock", Mask], Mask]
"""Takes a block and a mask of the frames that still matter; gives the mask of those that match."""

_SPARSE = 8
"""If fewer than one frame in this many matters, frames are tested one by one."""
_MARKED = re.compile(b"\1")
_REMEMBERED = 10_000
"""Connections whose answer is remembered."""
_MOST_CONNECTIONS = 5000
"""Connections that are tested in advance, to leave out blocks without a matching one."""
_MOST_NAMED = 200
"""Connections that one condition can name."""
_MOST = 2**63 - 1
"""The greatest integer that SQLite accepts."""
_CONTROL_BLOCKS = Condition("block.count > block.data_count")
_MARKED_BLOCKS = Condition(
    "EXISTS(SELECT 1 FROM mark WHERE mark.frame BETWEEN block.first AND block.first + block.count - 1)"
)
_BROKEN_BLOCKS = Condition(
    "EXISTS(SELECT 1 FROM violation "
    "WHERE violation.frame BETWEEN block.first AND block.first + block.count - 1)"
)


@lru_cache(maxsize=1)
def _full(count: int) -> Mask:
    return int.from_bytes(b"\1" * count, "little")


@dataclass(frozen=True, slots=True)
class ScannedBlock:
    """A block, and what the tests need to know about its surroundings."""

    columns: BlockColumns
    connection: Callable[[int], ConnectionRecord | None]
    start_ns: int
    """Time of the capture's first frame."""

    @property
    def count(self) -> int:
        return self.columns.key.count

    @property
    def full(self) -> Mask:
        """A mask of all frames."""
        return _full(self.count)

    def is_few(self, mask: Mask) -> bool:
        """Whether so few frames matter that it is better to test them one by one."""
        return mask != self.full and mask.bit_count() * _SPARSE < self.count

    def indices(self, mask: Mask) -> list[int]:
        marks = mask.to_bytes(self.count, "little")
        if not self.is_few(mask):
            return list(compress(range(self.count), marks))
        return [found.start() for found in _MARKED.finditer(marks)]

    def mask_of(self, indices: Iterable[int]) -> Mask:
        marks = bytearray(self.count)
        for index in indices:
            marks[index] = 1
        return int.from_bytes(marks, "little")


class Capture(Protocol):
    """What the choice of blocks needs to know about a capture."""

    @property
    def start_ns(self) -> int:
        """Time of the first frame."""

    def connections(self, limit: int) -> Sequence[ConnectionRecord]: ...


class Placement(Protocol):
    """Where a field's values are."""

    @property
    def cost(self) -> int:
        """Cost of a test; the cheaper of two tests runs first."""

    def prepare(self, matcher: Matcher) -> BlockTest: ...

    def blocks(self, matcher: Matcher, capture: Capture) -> Condition:
        """A condition that holds for every block in which a frame can match."""


@dataclass(frozen=True, slots=True)
class InByte:
    """Values in one byte of the record."""

    field: RecordColumn
    decode: Callable[[int], Value | None]
    cost: int = 1

    def prepare(self, matcher: Matcher) -> BlockTest:
        table, field = self._table(matcher), self.field
        return lambda block, wanted: (
            int.from_bytes(block.columns.bytes_of(field).translate(table), "little") & wanted
        )

    def blocks(self, matcher: Matcher, capture: Capture) -> Condition:  # noqa: ARG002
        table = self._table(matcher)
        if self.field is RecordColumn.HEAD and not any(table[head] for head in range(256) if not head & 8):
            return _CONTROL_BLOCKS
        if self.field is RecordColumn.SEVERITY and not table[0]:
            return _BROKEN_BLOCKS
        return EVERY

    def _table(self, matcher: Matcher) -> bytes:
        return bytes(matcher.matches(self.decode(byte)) for byte in range(256))


@dataclass(frozen=True, slots=True)
class InColumn:
    """Values in a column of the record, or computed from it."""

    values: Callable[[ScannedBlock], Iterable[Value | None]]
    optional: bool = False
    """Whether some values are None."""
    between: str = ""
    """SQL with two parameters; true for blocks with values between them."""
    since_start: bool = False
    """Whether the values count from the capture's first frame while `between` compares absolute times."""
    cost: int = 2

    def prepare(self, matcher: Matcher) -> BlockTest:
        one, values = matcher.one, self.values
        if self.optional:
            return lambda block, wanted: (
                int.from_bytes(bytes(each is not None and one(each) for each in values(block)), "little")
                & wanted
            )
        return lambda block, wanted: int.from_bytes(bytes(map(one, values(block))), "little") & wanted

    def blocks(self, matcher: Matcher, capture: Capture) -> Condition:
        if not self.between or (matcher.low is None and matcher.high is None):
            return EVERY
        shift = capture.start_ns if self.since_start else 0
        return Condition(self.between, (_outwards(matcher.low, shift, -1), _outwards(matcher.high, shift, 1)))


def _outwards(bound: float | int | None, shift: int, sign: int) -> int:
    """An integer at or beyond the bound, in the direction of `sign`, within what SQLite accepts."""
    if bound is None:
        return sign * _MOST
    whole = bound if isinstance(bound, int) else math.ceil(bound) if sign > 0 else math.floor(bound)
    return max(-_MOST, min(_MOST, whole + shift))


@dataclass(frozen=True, slots=True)
class InPayload:
    """Values in the payload, or computed from it."""

    region: Region
    values: Callable[[bytes], Several] | None = None
    """Computes the values; None means the bytes themselves."""
    only: Callable[[int], bool] | None = None
    """Tells from the first byte of a header whether the frame has the field at all; None means always."""
    cost: int = 5

    def prepare(self, matcher: Matcher) -> BlockTest:
        one_by_one = self._one_by_one(matcher)
        search, region = matcher.search or matcher.sieve, self.region
        if search is None or self.values is not None or self.only is not None:
            return one_by_one
        is_sieve = matcher.search is None

        def test(block: ScannedBlock, wanted: Mask) -> Mask:
            if block.is_few(wanted):
                return one_by_one(block, wanted)
            found = marks(search, block.columns, region)
            if not found:
                return 0
            wanted &= int.from_bytes(found, "little")
            return one_by_one(block, wanted) if is_sieve else wanted

        return test

    def blocks(self, matcher: Matcher, capture: Capture) -> Condition:  # noqa: ARG002
        only = self.only
        if only is not None and not any(only(head) for head in range(256) if not head & 8):
            return _CONTROL_BLOCKS
        return EVERY

    def _one_by_one(self, matcher: Matcher) -> BlockTest:
        matches = matcher.one if self.values is None else _after(self.values, matcher)
        only = None if self.only is None else bytes(map(self.only, range(256)))
        region = self.region

        def test(block: ScannedBlock, wanted: Mask) -> Mask:
            columns = block.columns
            if only is not None:
                wanted &= int.from_bytes(columns.bytes_of(RecordColumn.HEAD).translate(only), "little")
            if not wanted or not columns.records:
                return 0
            payloads = columns.payloads
            return block.mask_of(
                index for index, start, end in _places(block, region, wanted) if matches(payloads[start:end])
            )

        return test


def _places(block: ScannedBlock, region: Region, wanted: Mask) -> Iterator[tuple[int, int, int]]:
    """For each frame that matters and has the region: its index, and the region's start and end."""
    columns = block.columns
    if block.is_few(wanted):
        for index in block.indices(wanted):
            place = columns.place_of(region, index)
            if place is not None:
                yield index, *place
    else:
        places = columns.regions(region)
        marks = wanted.to_bytes(block.count, "little")
        yield from compress(
            zip(places.frames, places.starts, places.ends, strict=True), map(marks.__getitem__, places.frames)
        )


def _after(values: Callable[[bytes], Several], matcher: Matcher) -> Callable[[bytes], bool]:
    return lambda payload: matcher.matches(values(payload))


@dataclass(frozen=True, slots=True)
class InConnection:
    """Values that all frames of a connection share."""

    values: Callable[[ConnectionRecord], Several]
    cost: int = 3

    def prepare(self, matcher: Matcher) -> BlockTest:
        known: dict[int, bool] = {}

        def test(block: ScannedBlock, wanted: Mask) -> Mask:
            ids = block.columns.connections
            if len(known) > _REMEMBERED:
                known.clear()
            for number in set(ids) - known.keys():
                record = block.connection(number)
                known[number] = record is not None and matcher.matches(self.values(record))
            return int.from_bytes(bytes(map(known.__getitem__, ids)), "little") & wanted

        return test

    def blocks(self, matcher: Matcher, capture: Capture) -> Condition:
        records = capture.connections(_MOST_CONNECTIONS + 1)
        if len(records) > _MOST_CONNECTIONS:
            return EVERY
        return blocks_of([each.id for each in records if matcher.matches(self.values(each))])


@dataclass(frozen=True, slots=True)
class InConnectionId:
    """The number of the connection."""

    cost: int = 2

    def prepare(self, matcher: Matcher) -> BlockTest:
        one = matcher.one
        return lambda block, wanted: (
            int.from_bytes(bytes(map(one, block.columns.connections)), "little") & wanted
        )

    def blocks(self, matcher: Matcher, capture: Capture) -> Condition:
        if matcher.low is not None and matcher.low == matcher.high:
            return blocks_of([int(matcher.low)])
        return InConnection(lambda record: record.id).blocks(matcher, capture)


def blocks_of(connections: Sequence[int]) -> Condition:
    """A condition for blocks with frames of any of these connections."""
    connections = [each for each in connections if -_MOST <= each <= _MOST]
    if len(connections) > _MOST_NAMED:
        return EVERY
    marks = ",".join("?" * len(connections))
    return Condition(
        f"EXISTS(SELECT 1 FROM lane WHERE lane.connection IN ({marks}) AND lane.block = block.first)",
        tuple(connections),
    )


@dataclass(frozen=True, slots=True)
class InRules:
    """The rules that a frame broke."""

    cost: int = 2

    def prepare(self, matcher: Matcher) -> BlockTest:
        def test(block: ScannedBlock, wanted: Mask) -> Mask:
            first = block.columns.key.first
            found = block.columns.rules.items()
            return block.mask_of(frame - first for frame, rules in found if matcher.matches(rules)) & wanted

        return test

    def blocks(self, matcher: Matcher, capture: Capture) -> Condition:  # noqa: ARG002
        return _BROKEN_BLOCKS


@dataclass(frozen=True, slots=True)
class InMarks:
    """Bookmarks and notes."""

    of_note: Callable[[str], Value | None]
    otherwise: Value | None = None
    """The value for a frame without a bookmark."""
    cost: int = 2

    def prepare(self, matcher: Matcher) -> BlockTest:
        others = matcher.matches(self.otherwise)

        def test(block: ScannedBlock, wanted: Mask) -> Mask:
            first, notes = block.columns.key.first, block.columns.notes
            odd = (
                frame - first
                for frame, note in notes.items()
                if matcher.matches(self.of_note(note)) is not others
            )
            return (block.mask_of(odd) ^ (block.full if others else 0)) & wanted

        return test

    def blocks(self, matcher: Matcher, capture: Capture) -> Condition:  # noqa: ARG002
        return EVERY if matcher.matches(self.otherwise) else _MARKED_BLOCKS
