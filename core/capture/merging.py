"""Merging small blocks in the background.

Slow traffic makes one block per commit, with a frame or a few. Each costs several times the records of its frames, and
a search visits them one by one. Adjacent blocks are merged into one that has the id of the first of them. All frames
keep their ids, and a block only grows at its end: its records and payloads begin with those of its first block, so
that a reader's copy of that block stays valid as a part of it.

As in a log-structured merge tree, blocks are merged with others of their size, so that a frame is copied about three
times, however many frames there are. A step is one transaction of a few milliseconds.
"""

from __future__ import annotations

import sqlite3
import time
from array import array
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from itertools import islice

from core.capture.blocks import BLOCK_FRAMES, HEADER_BYTES
from core.capture.capture_file import CaptureFile
from core.capture.layout import RECORD, RecordColumn, column_bytes, gather, put
from core.capture.packing import to_store
from core.capture.repeats import Layout, moved
from core.capture.ring import Keep
from core.capture.snapshots import UNREADABLE
from core.capture.store import ALL, zeroing
from core.capture.tables import BLOCK, PAYLOAD, BlockRow, PayloadRow
from core.errors import CaptureError

_FINISH_SECONDS = 0.5
"""Time limit of merging at the end of a capture."""
_FAN = 16
"""Number of blocks of one size that make one of the next size."""
_MOST_BYTES = 1024 * 1024
"""Bytes of records and payloads in a merged block."""
_MOST_BLOCKS = 64
"""Blocks merged in one step."""
_MOST_LANES = 512
"""Connections with frames in a merged block; more only if its first block has more."""
_RING_PARTS = 16
"""A ring drops whole blocks, so a merged block is at most one part in so many of what is kept."""
_WHOLE = _FAN**3
"""Weight of a block that has reached a bound."""
_LARGE = _WHOLE // 4
"""Blocks of this weight or more are not merged."""
_OFFSETS = 0xFFFF_FFFF
_PLAIN = Layout(b"")


@dataclass(frozen=True, slots=True)
class _Block:
    first: int
    count: int
    first_ns: int
    last_ns: int
    size: int
    """Bytes of all its payloads, before compression."""
    is_packed: bool

    @property
    def end(self) -> int:
        """Id of the frame behind it."""
        return self.first + self.count

    def with_next(self, other: _Block) -> _Block:
        """This block merged with the one behind it."""
        return _Block(
            self.first,
            self.count + other.count,
            min(self.first_ns, other.first_ns),
            max(self.last_ns, other.last_ns),
            self.size + other.size,
            self.is_packed or other.is_packed,
        )


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a merged block."""

    frames: int = BLOCK_FRAMES
    bytes: int = _MOST_BYTES
    ns: int | None = None
    """Time between its frames."""

    @classmethod
    def of(cls, keep: Keep) -> Bounds:
        """Limits for a capture with these bounds."""
        return cls(
            BLOCK_FRAMES if keep.frames is None else min(BLOCK_FRAMES, keep.frames // _RING_PARTS),
            _MOST_BYTES if keep.bytes is None else min(_MOST_BYTES, keep.log_bytes // 4),
            None if keep.seconds is None else keep.seconds * 1_000_000_000 // _RING_PARTS,
        )

    def weight(self, block: _Block) -> int:
        """Size of a block relative to the nearest limit; `_WHOLE` at that limit."""
        parts = [(block.count, self.frames), (block.count * RECORD.size + block.size, self.bytes)]
        if self.ns is not None:
            parts.append((block.last_ns - block.first_ns, self.ns))
        return max(_WHOLE * has // max(most, 1) for has, most in parts)

    def is_large(self, block: _Block) -> bool:
        """Whether a block is large enough to stay as it is."""
        return block.is_packed or self.weight(block) >= _LARGE


@dataclass(frozen=True, slots=True)
class _Group:
    """Adjacent blocks to merge."""

    blocks: Sequence[_Block]
    is_final: bool
    """Whether the merged block will not be merged again."""


@dataclass(slots=True)
class Merger:
    """Merges the small blocks of a capture, oldest first. Belongs to one writer."""

    _file: CaptureFile | None = None
    _from: int = 0
    """Id of a frame; blocks before it are done."""
    _due: int = 0
    """Value of the file's `commits` from which on there may be blocks to merge."""

    def step(self, file: CaptureFile, keep: Keep) -> bool:
        """Merge a few blocks if there are enough; whether more may remain. A disk that fails is tried again later."""
        self._take(file)
        return file.commits >= self._due and self._step(file, keep, ending=False)

    def finish(self, file: CaptureFile, keep: Keep) -> bool:
        """Merge the remaining blocks of a capture that gets no more frames; whether the time was too short."""
        self._take(file)
        end = time.monotonic() + _FINISH_SECONDS
        while more := self._step(file, keep, ending=True):
            if time.monotonic() > end:
                break
        return more

    def _take(self, file: CaptureFile) -> None:
        """Begin anew if it is another file."""
        if file is not self._file:
            self._file, self._from, self._due = file, 0, 0

    def _step(self, file: CaptureFile, keep: Keep, *, ending: bool) -> bool:
        try:
            group, more = self._look(file.db, Bounds.of(keep), ending=ending)
            if group is not None:
                with file.transaction():
                    self._merge(file.db, group)
        except (CaptureError, *UNREADABLE):
            # A full disk or a damaged file is reported by the writer or the reader it concerns.
            more = False
        if not more:
            self._due = file.commits + _FAN
        return more

    def _look(self, db: sqlite3.Connection, bounds: Bounds, *, ending: bool) -> tuple[_Group | None, bool]:
        """The blocks to merge next, if any, and whether more may remain."""
        blocks = _blocks_from(db, self._from)
        gaps = _gaps_between(db, blocks)
        is_cut = len(blocks) > _MOST_BLOCKS
        while blocks:
            run = blocks[: _joinable(blocks, bounds, gaps)]
            if len(run) == len(blocks) and (is_cut or not ending):
                if is_cut and len(blocks) <= _MOST_BLOCKS:
                    break
                chosen = _enough(run, bounds) or (run[:_MOST_BLOCKS] if is_cut else [])
                return (_Group(chosen, is_final=False), True) if chosen else (None, False)
            if len(run) > 1:
                return _Group(run[:_MOST_BLOCKS], is_final=len(run) <= _MOST_BLOCKS), True
            self._from = run[0].end
            del blocks[0]
        return None, is_cut

    def _merge(self, db: sqlite3.Connection, group: _Group) -> None:
        """Merge the blocks of a group. The caller owns the transaction."""
        first, last = group.blocks[0], group.blocks[-1]
        joined = _Joined(first.first)
        for row in db.execute(
            "SELECT count, first_ns, last_ns, records, repeats, bytes FROM block JOIN payload ON block = first "
            "WHERE first BETWEEN ? AND ? ORDER BY first",
            (first.first, last.first),
        ):
            if not joined.take(*row):
                break
        if joined.blocks > 1:
            joined.write(db, is_final=group.is_final or joined.blocks < len(group.blocks))
        else:
            self._from = first.end


def _blocks_from(db: sqlite3.Connection, first: int) -> list[_Block]:
    """Blocks from frame `first` on, up to one more than are merged in one step."""
    rows = db.execute(
        "SELECT first, count, first_ns, last_ns, length(bytes), repeats FROM block JOIN payload ON block = first "
        "WHERE first >= ? ORDER BY first LIMIT ?",
        (first, _MOST_BLOCKS + 1),
    )
    blocks = []
    for number, count, first_ns, last_ns, stored, repeats in rows:
        layout = Layout(repeats) if repeats else _PLAIN
        blocks.append(_Block(number, count, first_ns, last_ns, stored + layout.surplus, layout.is_packed))
    return blocks


def _gaps_between(db: sqlite3.Connection, blocks: Sequence[_Block]) -> Container[int]:
    """Frames with a gap before them. They stay the first of their blocks, so that the gap is between two blocks."""
    if not blocks:
        return ()
    rows = db.execute(
        "SELECT before FROM gap WHERE connection = ? AND before BETWEEN ? AND ?",
        (ALL, blocks[0].first, blocks[-1].first),
    )
    return {before for (before,) in rows}


def _joinable(blocks: Sequence[_Block], bounds: Bounds, gaps: Container[int]) -> int:
    """Number of blocks, from the first on, that can be merged into one; at least 1."""
    joined = blocks[0]
    if bounds.is_large(joined):
        return 1
    for number, block in enumerate(islice(blocks, 1, None), 1):
        if block.first != joined.end or block.first in gaps or bounds.is_large(block):
            return number
        joined = joined.with_next(block)
        if bounds.weight(joined) > _WHOLE:
            return number
    return len(blocks)


def _enough(run: list[_Block], bounds: Bounds) -> list[_Block]:
    """The newest blocks that together reach the next size; [] if they are not enough."""
    weights = [bounds.weight(block) for block in run]
    for least in (_FAN**2, _FAN):
        start = len(run)
        while start and weights[start - 1] < least:
            start -= 1
        if len(run) - start > 1 and sum(weights[start:]) >= least:
            return run[max(start, len(run) - _MOST_BLOCKS) :]
    return []


@dataclass(slots=True)
class _Joined:
    """A block made of adjacent ones."""

    first: int
    blocks: int = 0
    """Number of blocks taken."""
    _last: int = 0
    """Id of the last block taken."""
    _count: int = 0
    _first_ns: int = 0
    _last_ns: int = 0
    _size: int = 0
    """Bytes of all payloads."""
    _records: list[bytes] = field(default_factory=list)
    _offsets: array[int] = field(default_factory=lambda: array("I"))
    _repeats: list[bytes] = field(default_factory=list)
    _stored: list[bytes] = field(default_factory=list)
    _connections: set[int] = field(default_factory=set)

    def take(
        self, count: int, first_ns: int, last_ns: int, records: bytes, repeats: bytes, stored: bytes
    ) -> bool:
        """Append a block; False if there would be too many connections. ValueError if the block is damaged."""
        connections = self._connections | set(gather(records, RecordColumn.CONNECTION))
        if self.blocks and len(connections) > _MOST_LANES:
            return False
        layout = Layout(repeats) if repeats else _PLAIN
        offsets = gather(records, RecordColumn.PAYLOAD_OFFSET)
        if layout.is_packed or len(offsets) != count:
            raise ValueError(f"a block of {count} frames has {len(offsets)} records, or is compressed")
        self._first_ns = min(self._first_ns, first_ns) if self.blocks else first_ns
        self._last_ns = max(self._last_ns, last_ns) if self.blocks else last_ns
        self._last = self.first + self._count
        self._connections = connections
        self._records.append(records)
        self._offsets.extend(map(self._size.__add__, offsets))
        self._repeats.append(moved(repeats, self._size))
        self._stored.append(stored)
        self._count += count
        self._size += len(stored) + layout.surplus
        self.blocks += 1
        return True

    def write(self, db: sqlite3.Connection, *, is_final: bool) -> None:
        """Write the block in place of the others. A final block is compressed where that is worth it."""
        joined = bytearray().join(self._records)
        put(joined, RecordColumn.PAYLOAD_OFFSET, self._offsets, _OFFSETS)
        records = bytes(joined)
        chunks, stored = b"", b"".join(self._stored)
        if is_final:
            chunks, stored = to_store([stored], len(stored), _wire_bytes(records))
        span = self.first, self._last
        # Otherwise copies on free pages would remain when a connection is cleared.
        with zeroing(db):
            db.execute("DELETE FROM block WHERE first BETWEEN ? AND ?", span)
            db.execute("DELETE FROM payload WHERE block BETWEEN ? AND ?", span)
            db.execute(
                BLOCK.insert, BlockRow(self.first, self._count, self._first_ns, self._last_ns, records)
            )
            db.execute(PAYLOAD.insert, PayloadRow(self.first, b"".join(self._repeats) + chunks, stored))
            lanes = [(self.first, lane, *span) for lane in (ALL, *sorted(self._connections))]
            db.executemany(
                "INSERT OR REPLACE INTO lane SELECT connection, ?, min(position), sum(count), min(data_position), "
                "sum(data_count) FROM lane WHERE connection = ? AND block BETWEEN ? AND ?",
                lanes,
            )
            db.executemany(
                "DELETE FROM lane WHERE block > ? AND connection = ? AND block BETWEEN ? AND ?", lanes
            )


def _wire_bytes(records: bytes) -> int:
    """Captured wire bytes of all frames, headers included."""
    headers = column_bytes(records, RecordColumn.FLAGS).translate(HEADER_BYTES)
    return sum(headers) + sum(gather(records, RecordColumn.CAPTURED))
