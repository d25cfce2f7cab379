"""Applies a filter to a whole capture, block by block: SQL leaves out blocks, the others are tested as a whole."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path

from core.capture.block_reader import EVERY, BlockKey, BlockReader, Condition
from core.capture.columns import BlockColumns
from core.capture.reader import CaptureReader
from core.capture.records import ConnectionRecord
from core.query.clock import CaptureTimes, on_its_days
from core.query.expressions import And, Expression, Not, Or, Term
from core.query.placements import BlockTest, Mask, ScannedBlock

BLOCKS_IN_STEP = 64
_FEW_FRAMES = 10_000
"""Up to this many new frames are tested directly; finding out which blocks to leave out would take longer."""
_STEP_SECONDS = 0.005
"""After this time a step ends with the block it is at."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a step found, and how far the scan has come."""

    frames: Sequence[int]
    """Ids of the matching frames, in order: a tuple, or a range if all match."""
    through: int
    """All frames up to this id have been tested."""
    last: int
    """Id of the last frame that this run will test."""


class Scan:
    """Runs one filter over one capture. Belongs to the thread that made it; must be closed.

    It holds one block at a time: a few MiB, or as much as the largest message in it.
    """

    def __init__(self, path: Path, expression: Expression, most_blocks: int = BLOCKS_IN_STEP) -> None:
        """`most_blocks` limits the blocks in one step. Raises CaptureError if there is no capture."""
        self._most_blocks = most_blocks
        self._wanted = expression
        self._expression = expression
        self._test: BlockTest | None = None
        self._blocks = BlockReader(path)
        try:
            self._capture = CaptureReader(path)
        except BaseException:
            self._blocks.close()
            raise

    def close(self) -> None:
        self._capture.close()
        self._blocks.close()

    def run(self, after: int = 0) -> Iterator[Found]:
        """Test every frame recorded up to now with an id above `after`; each step takes milliseconds.

        The caller may stop after any step. To follow a capture that is being written, run again from the last
        `through`. Raises CaptureError if the capture is damaged, or if the filter has times of day and the capture's
        times are outside the calendar.
        """
        self._blocks.forget_times()
        last = self._blocks.last_frame_id()
        start_ns = self._blocks.start_ns()
        if last <= after or start_ns is None:
            return
        if self._test is None or not after:
            self._settle(start_ns)
        condition = EVERY
        if not after or last - after > _FEW_FRAMES:
            # Read after `last`, so that every connection with frames up to it is known.
            condition = _blocks(self._expression, _Connections(self._capture, start_ns))
        through = after
        most = self._most_blocks
        while keys := self._blocks.choose(through, last, condition, most):
            left = deque(keys)
            while left:
                found = self._step(left, start_ns, through, last)
                through = found.through
                yield found
            if len(keys) < most and through >= min(keys[-1].last, last):
                break
        if through < last:
            yield Found((), last, last)

    def _settle(self, start_ns: int) -> None:
        """Find out on which days times of day are; the days stay fixed while the scan follows."""
        end_ns = self._blocks.end_ns()
        self._expression = on_its_days(
            self._wanted, CaptureTimes(start_ns, start_ns if end_ns is None else end_ns)
        )
        self._test = _prepared(self._expression)

    def _step(self, left: deque[BlockKey], start_ns: int, after: int, last: int) -> Found:
        """Test the next of the blocks that are left."""
        end = time.perf_counter() + _STEP_SECONDS
        found: list[Sequence[int]] = []
        with self._blocks.snapshot():
            while left:
                key = left.popleft()
                if not self._blocks.has(key):
                    # Its frames may be in another block now, so the blocks are chosen again.
                    left.clear()
                    break
                block = ScannedBlock(BlockColumns(self._blocks, key), self._capture.connection, start_ns)
                found.append(self._matches(block, after, last))
                after = min(key.last, last)
                if time.perf_counter() > end:
                    break
        return Found(_chained(found), after, last)

    def _matches(self, block: ScannedBlock, after: int, last: int) -> Sequence[int]:
        assert self._test is not None
        mask = self._test(block, block.full)
        if not mask or not block.columns.records:
            return ()
        key = block.columns.key
        chosen: Sequence[int] = range(key.first, key.first + key.count)
        if mask != block.full:
            chosen = list(map(key.first.__add__, block.indices(mask)))
        return chosen[bisect_right(chosen, after) : bisect_right(chosen, last)]


def _chained(found: list[Sequence[int]]) -> Sequence[int]:
    """Join the ids found in consecutive blocks."""
    ranges = [each for each in found if isinstance(each, range)]
    if (
        ranges
        and len(ranges) == len(found)
        and all(one.stop == other.start for one, other in pairwise(ranges))
    ):
        return range(ranges[0].start, ranges[-1].stop)
    return tuple(chain.from_iterable(found))


class _Connections:
    """All connections, read once for all tests of a filter."""

    def __init__(self, reader: CaptureReader, start_ns: int) -> None:
        self.start_ns = start_ns
        self._reader = reader
        self._found: list[ConnectionRecord] | None = None

    def connections(self, limit: int) -> Sequence[ConnectionRecord]:
        if self._found is None:
            self._found = self._reader.connections(limit=limit)
        return self._found


def _prepared(expression: Expression) -> BlockTest:
    match expression:
        case Term(access=access, matcher=matcher):
            return access.placement.prepare(matcher)
        case And(parts=parts):
            return _all_of(_by_cost(parts))
        case Or(parts=parts):
            return _any_of(_by_cost(parts))
        case Not(part=part):
            denied = _prepared(part)
            return lambda block, wanted: wanted & ~denied(block, wanted)


def _by_cost(parts: Sequence[Expression]) -> list[BlockTest]:
    return [_prepared(part) for part in sorted(parts, key=_cost)]


def _cost(expression: Expression) -> int:
    match expression:
        case Term(access=access):
            return access.placement.cost
        case And(parts=parts) | Or(parts=parts):
            return max(map(_cost, parts))
        case Not(part=part):
            return _cost(part)


def _all_of(tests: list[BlockTest]) -> BlockTest:
    def test(block: ScannedBlock, wanted: Mask) -> Mask:
        for each in tests:
            if not wanted:
                break
            wanted = each(block, wanted)
        return wanted

    return test


def _any_of(tests: list[BlockTest]) -> BlockTest:
    def test(block: ScannedBlock, wanted: Mask) -> Mask:
        found = 0
        for each in tests:
            if found == wanted:
                break
            found |= each(block, wanted & ~found)
        return found

    return test


def _blocks(expression: Expression, capture: _Connections) -> Condition:
    """A condition that holds for every block in which a frame can match."""
    match expression:
        case Term(access=access, matcher=matcher):
            return access.placement.blocks(matcher, capture)
        case And(parts=parts):
            conditions = [_blocks(part, capture) for part in parts]
            return _joined(" AND ", [each for each in conditions if each is not EVERY])
        case Or(parts=parts):
            conditions = [_blocks(part, capture) for part in parts]
            return EVERY if EVERY in conditions else _joined(" OR ", conditions)
        case Not():
            return EVERY


def _joined(word: str, conditions: list[Condition]) -> Condition:
    if not conditions:
        return EVERY
    return Condition(
        word.join(f"({each.sql})" for each in conditions),
        tuple(value for each in conditions for value in each.values),
    )
