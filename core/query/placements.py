"""Where in a block the values of a field lie, and how all frames of the block are tested at once.

The frames that match are a mask: an integer of one byte a frame, 1 where it matches, the first frame's byte lowest.
`&` and `|` of two masks are what `and` and `or` mean.
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
"""Of a block, and of the frames of it that still matter, those that match."""

_SPARSE = 8
"""Where fewer than one in so many frames matter, they are looked at one by one."""
_MARKED = re.compile(b"\1")
_REMEMBERED = 10_000
"""Connections whose answer is remembered."""
_MOST_CONNECTIONS = 5000
"""Connections that are asked beforehand, to leave out blocks that have nothing of those that match."""
_MOST_NAMED = 200
"""Connections that one condition names at most."""
_MOST = 2**63 - 1
"""The greatest integer that SQLite takes."""
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
    """A block, and what is known beside it."""

    columns: BlockColumns
    connection: Callable[[int], ConnectionRecord | None]
    start_ns: int
    """Time of the capture's first frame."""

    @property
    def count(self) -> int:
        return self.columns.key.count

    @property
    def full(self) -> Mask:
        """Every frame."""
        return _full(self.count)

    def is_few(self, mask: Mask) -> bool:
        """Whether so few frames matter that they are better looked at one by one."""
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
    """What choosing blocks may ask."""

    @property
    def start_ns(self) -> int:
        """Time of its first frame."""

    def connections(self, limit: int) -> Sequence[ConnectionRecord]: ...


class Placement(Protocol):
    """Where a field's values lie."""

    @property
    def cost(self) -> int:
        """Which of two tests comes first."""

    def prepare(self, matcher: Matcher) -> BlockTest: ...

    def blocks(self, matcher: Matcher, capture: Capture) -> Condition:
        """What is true of every block in which a frame can match."""


@dataclass(frozen=True, slots=True)
class InByte:
    """In one byte of the record."""

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
    """Somewhere in the record, or computed from it."""

    values: Callable[[ScannedBlock], Iterable[Value | None]]
    optional: bool = False
    """Whether some are None."""
    between: str = ""
    """SQL of two parameters, true of blocks that have values between them."""
    since_start: bool = False
    """Whether the values count from the capture's first frame, and what `between` compares does not."""
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
    """An integer at or beyond the bound, within what SQLite takes."""
    if bound is None:
        return sign * _MOST
    whole = bound if isinstance(bound, int) else math.ceil(bound) if sign > 0 else math.floor(bound)
    return max(-_MOST, min(_MOST, whole + shift))


@dataclass(frozen=True, slots=True)
class InPayload:
    """In, or made of, the payload."""

    region: Region
    values: Callable[[bytes], Several] | None = None
    """None: the bytes themselves."""
    only: Callable[[int], bool] | None = None
    """Which frames have it at all, by the first byte of their header."""
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
    """Of each frame that matters and has the region: its index, and where the region begins and ends."""
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
    """The same for all frames of a connection."""

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
    """The connection's number itself."""

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
    """Blocks that have frames of any of them."""
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
    """What the person marked."""

    of_note: Callable[[str], Value | None]
    otherwise: Value | None = None
    """Of a frame that is not marked."""
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
