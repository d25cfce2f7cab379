"""Reads a capture, also while it is being written: rows by their place in a list, frames by their id."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from core.capture import checks
from core.capture.blocks import BLOCK_BYTES, PREVIEW_BYTES, StoredFrame
from core.capture.connections import ConnectionReader
from core.capture.gaps import GapReader
from core.capture.handlings import HandlingReader, handled
from core.capture.held_block import HeldBlock
from core.capture.lanes import LaneReader
from core.capture.layout import CONNECTION_AND_HEAD, OWN_PAYLOAD, RECORD, RecordColumn, gather
from core.capture.legs import HeadRecord, LegRecord
from core.capture.marks import MarkReader
from core.capture.pieces import PieceReader, whole
from core.capture.read_connection import ReadConnection
from core.capture.records import (
    ConnectionRecord,
    FrameRecord,
    FrameRow,
    Problem,
    SourceLabel,
    Totals,
    View,
)
from core.capture.repeats import MOST_REPEATED, Layout
from core.capture.snapshots import Snapshots, reads
from core.capture.store import ALL
from core.capture.stored_values import of_severities, problem_of, severity_of
from core.capture.tables import PAYLOAD, VIOLATION, typed
from core.protocol.violations import Severity, Violation

_CACHED_BLOCKS = 24
_CACHED_PAYLOADS = 512 * 1024
"""Payloads of a block are cached only up to this size; larger ones are read piece by piece."""

_WHOLE_PAYLOADS = 2 * BLOCK_BYTES
"""If many frames of a block are read, its payloads are read at once up to this size."""
_MOST_SURPLUS = MOST_REPEATED + _WHOLE_PAYLOADS
_MANY = 8
_FEW = 32
"""Up to this many rows of an uncached block are read one by one."""


class CaptureReader(Snapshots):
    """Reads one capture file. Cheap; belongs to the thread that made it; must be closed. Raises CaptureError if
    damaged.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, ReadConnection(path))
        self.lanes = LaneReader(path, self._db)
        self.gaps = GapReader(path, self._db, self.lanes)
        self.marks = MarkReader(path, self._db)
        self.handlings = HandlingReader(path, self._db)
        self.pieces = PieceReader(path, self._db)
        self._connections = ConnectionReader(path, self._db)
        self._blocks: OrderedDict[int, HeldBlock] = OrderedDict()

    def close(self) -> None:
        self._blocks.clear()
        self._db.close()

    @reads
    def totals(self) -> Totals:
        row = self._db.execute(
            "SELECT connections, frames, control_frames, bytes, violations, changes, generation, mark_changes, "
            "handling_changes, "
            "coalesce((SELECT position FROM lane WHERE connection = ? ORDER BY block LIMIT 1), frames) FROM total",
            (ALL,),
        ).fetchone()
        return Totals(*typed(row, (int,) * len(row)))

    def forget(self) -> None:
        """Forget cached data, because the capture was cleared."""
        self._blocks.clear()
        self.pieces.forget()

    # Connections.

    def connections(self, changed_after: int = 0, limit: int = 100_000) -> list[ConnectionRecord]:
        """Connections changed since `Totals.changes` was `changed_after`, in order of their ids."""
        return self._connections.changed(changed_after, limit)

    def connection(self, connection_id: int) -> ConnectionRecord | None:
        return self._connections.one(connection_id)

    def sources(self) -> list[SourceLabel]:
        """The sources of the connections, in the order of their first ones."""
        return list(dict.fromkeys(reversed(self._connections.sources().values())))

    def legs(self, connection_id: int) -> list[LegRecord]:
        """The legs of a connection: the one to the client first."""
        return self._connections.legs(connection_id)

    def heads(self, connection_id: int) -> list[HeadRecord]:
        """The heads that went over the legs of a connection, with the rules that they broke."""
        return self._connections.heads(connection_id)

    def connection_problems(self, connection_id: int) -> tuple[Problem, ...]:
        """Rules that the heads of a connection broke, or the connection as a whole; not those that its frames did."""
        return self._connections.problems(connection_id)

    def worst_severities(self, after: int) -> tuple[int, dict[int, Severity], bool]:
        """Passes on `ConnectionReader.worst_severities`."""
        return self._connections.worst_severities(after)

    def connection_violations(self, connection_id: int) -> tuple[Violation, ...]:
        """The rules of `connection_problems`."""
        return tuple(each.violation for each in self.connection_problems(connection_id))

    # Lists of frames.

    def count(self, view: View) -> int:
        """Number of rows of the view, including those `dropped` from the front."""
        return self.lanes.count(view)

    def dropped(self, view: View) -> int:
        """Number of rows that a ring dropped from the front: they are counted, but no longer exist."""
        return self.lanes.dropped(view)

    @reads
    def rows(self, view: View, first: int, count: int) -> list[FrameRow]:
        """Rows `first` to `first + count - 1` of the view, counted from 0.

        There are fewer at the end, and none if `first` was dropped.
        """
        rows: list[FrameRow] = []
        for block, indices in self._places(view, first, count):
            rows += self._rows_of(block, indices)
        return rows

    @reads
    def rows_of(self, frame_ids: Sequence[int]) -> list[FrameRow]:
        """The rows of certain frames; `frame_ids` ascend. Frames that are gone are left out."""
        rows: list[FrameRow] = []
        place = 0
        while place < len(frame_ids):
            first, count = self._block_at(frame_ids[place])
            end = bisect_left(frame_ids, first + count, place)
            wanted = [each - first for each in frame_ids[place:end]]
            block = self._block(first) if first in self._blocks or len(wanted) > _FEW else None
            rows += self._few_rows_of(first, wanted) if block is None else self._rows_of(block, wanted)
            place = max(end, place + 1)
        return rows

    @reads
    def last_frame_id(self) -> int:
        """Id of the newest frame; 0 if there is none."""
        row = self._db.execute("SELECT first + count - 1 FROM block ORDER BY first DESC LIMIT 1").fetchone()
        return 0 if row is None else int(row[0])

    @reads
    def first_frame_id(self) -> int:
        """Id of the oldest frame; 0 if there is none."""
        row = self._db.execute("SELECT first FROM block ORDER BY first LIMIT 1").fetchone()
        return 0 if row is None else int(row[0])

    @reads
    def frame_at(self, time_ns: int) -> int | None:
        """Id of the first frame of all connections at or after a time; None if all are older.

        If the clock was set back, it is one of the frames at which that time was passed.
        """
        low, high = max(self.first_frame_id(), 1), self.last_frame_id() + 1
        # The first block that ends at or after the time holds a frame of `low..high`.
        while low < high:
            middle = (low + high) // 2
            first, count, last_ns = self._db.execute(
                "SELECT first, count, last_ns FROM block WHERE first <= ? ORDER BY first DESC LIMIT 1",
                (middle,),
            ).fetchone()
            if last_ns < time_ns:
                low = max(middle + 1, first + count)
            elif first > low:
                high = first
            else:
                break
        block = self._block_towards(low)
        if block is None:
            return None
        times = enumerate(gather(block.records, RecordColumn.TIME_NS), block.first)
        return next((frame_id for frame_id, each in times if each >= time_ns), None)

    @reads
    def position(self, view: View, frame_id: int) -> int | None:
        """The position of a frame in the view; None if the view does not show it."""
        block = self._block_of(frame_id)
        if block is None:
            return None
        index = frame_id - block.first
        connection, head = CONNECTION_AND_HEAD.unpack_from(block.records, index * RECORD.size)
        if (view.connection is not None and connection != view.connection) or (head & 8 and not view.control):
            return None
        row = self._db.execute(
            "SELECT position, data_position FROM lane WHERE connection = ? AND block = ?",
            (view.connection or ALL, block.first),
        ).fetchone()
        return int(row[0] if view.control else row[1]) + block.selection(view).index(index)

    def frames_after(self, frame_id: int, count: int) -> Iterator[FrameRecord]:
        """Up to `count` frames of all connections with ids above `frame_id`; one block in memory at a time."""
        following = frame_id + 1
        while count > 0 and (block := self._block_towards(following)) is not None:
            start = max(following, block.first)
            following = min(block.first + block.count, start + count)
            yield from self.frames(range(start, following))
            count -= following - start

    def frames(self, ids: Iterable[int]) -> Iterator[FrameRecord]:
        """The frames of these ids that exist; fastest in ascending order."""
        block: HeldBlock | None = None
        notes: dict[int, str] = {}
        singly = 0
        for frame_id in ids:
            if block is None or not block.first <= frame_id < block.first + block.count:
                block, singly = self._block_of(frame_id), 0
                if block is None:
                    continue
                notes = self.marks.notes(block.first, block.first + block.count - 1)
            if block.payloads is None:
                singly += 1
                if singly == _MANY:
                    block = self._with_payloads(block)
            if block.payloads is not None:
                yield self._frame(block, frame_id, notes.get(frame_id))
            elif (record := self.frame(frame_id)) is not None:
                yield record

    # One frame.

    @reads
    def frame(self, frame_id: int) -> FrameRecord | None:
        """One complete frame, with its violations and the message that it completed."""
        block = self._block_of(frame_id)
        return None if block is None else self._frame(block, frame_id, self.marks.note(frame_id))

    @reads
    def _frame(self, block: HeldBlock, frame_id: int, note: str | None) -> FrameRecord:
        stored = StoredFrame(block.records, frame_id - block.first)
        payload = self._payload(block, stored.offset, stored.captured)
        content = self._payload(block, *stored.content) if stored.flags & OWN_PAYLOAD else payload
        found = self.violations(frame_id) if stored.broken else ()
        row = stored.row(frame_id, content[:PREVIEW_BYTES], *handled(self._db, stored, frame_id))
        message = None if row.message is None else content
        return FrameRecord(row, stored.frame(payload), message, found, note)

    @reads
    def violations(self, frame_id: int) -> tuple[Violation, ...]:
        return self.pieces.violations(frame_id)

    # Problems.

    @reads
    def problem_count(self) -> int:
        """Number of violations, counted row by row; `Totals.violations` is faster."""
        (count,) = self._db.execute("SELECT count(*) FROM violation").fetchone()
        return int(count)

    @reads
    def problems(
        self, after: int = 0, count: int = 1000, severities: Collection[Severity] = tuple(Severity)
    ) -> list[Problem]:
        """Up to `count` violations of frames and handshakes with ids above `after`."""
        condition, rules = of_severities(severities)
        rows = self._db.execute(
            f"SELECT {VIOLATION.all} FROM violation WHERE id > ? AND {condition} ORDER BY id LIMIT ?",
            (after, *rules, count),
        )
        return [problem_of(VIOLATION.read(row)) for row in rows]

    @reads
    def first_problem_of(self, frame_id: int) -> int | None:
        """Id of the first violation of a frame; None if it has none."""
        (found,) = self._db.execute("SELECT min(id) FROM violation WHERE frame = ?", (frame_id,)).fetchone()
        return None if found is None else int(found)

    @reads
    def severities(self, after: int, count: int) -> list[tuple[int, Severity]]:
        """Up to `count` ids above `after` with their severities."""
        rows = self._db.execute(
            "SELECT id, rule FROM violation WHERE id > ? ORDER BY id LIMIT ?", (after, count)
        )
        return [(number, severity_of(rule)) for number, rule in rows]

    @reads
    def next_violation(self, view: View, after: int) -> int | None:
        """Id of the first frame of the view after frame `after` that broke a rule."""
        return self._broken_frame(view, "frame > ?", "ASC", after)

    @reads
    def previous_violation(self, view: View, before: int) -> int | None:
        """Id of the last frame of the view before frame `before` that broke a rule."""
        return self._broken_frame(view, "frame < ?", "DESC", before)

    def _broken_frame(self, view: View, condition: str, order: str, frame_id: int) -> int | None:
        narrowed = "" if view.connection is None else " AND connection = ?"
        rows = self._db.execute(
            f"SELECT frame FROM violation WHERE {condition}{narrowed} AND frame >= (SELECT min(first) FROM block) "
            f"ORDER BY frame {order}",
            (frame_id,) if view.connection is None else (frame_id, view.connection),
        )
        return next((found for (found,) in rows if view.control or not self._is_control(found)), None)

    def _is_control(self, frame_id: int) -> bool:
        block = self._block_of(frame_id)
        if block is None:
            return False
        _, head = CONNECTION_AND_HEAD.unpack_from(block.records, (frame_id - block.first) * RECORD.size)
        return bool(head & 8)

    # Blocks.

    def _places(self, view: View, first: int, count: int) -> Iterator[tuple[HeldBlock, list[int]]]:
        """The blocks with these rows, and in each the indices of their records."""
        if first < 0 or count <= 0:
            return
        connection = view.connection or ALL
        column = "position" if view.control else "data_position"
        start = self._db.execute(
            f"SELECT block FROM lane WHERE connection = ? AND {column} <= ? ORDER BY {column} DESC, block DESC LIMIT 1",
            (connection, first),
        ).fetchone()
        if start is None:
            return
        lanes = self._db.execute(
            f"SELECT block, {column} FROM lane WHERE connection = ? AND block >= ? ORDER BY block",
            (connection, start[0]),
        )
        for block_first, position in lanes:
            block = self._block(block_first)
            if block is None:
                return
            skip = max(first - position, 0)
            chosen = block.selection(view)[skip : skip + count]
            if chosen:
                yield block, chosen
            count -= len(chosen)
            if count <= 0:
                return

    def _rows_of(self, block: HeldBlock, indices: list[int] | range) -> Iterator[FrameRow]:
        for index in indices:
            stored = StoredFrame(block.records, index)
            offset, length = stored.content
            preview = self._payload(block, offset, min(length, PREVIEW_BYTES))
            frame_id = block.first + index
            yield stored.row(frame_id, preview, *handled(self._db, stored, frame_id))

    def _few_rows_of(self, first: int, indices: list[int]) -> Iterator[FrameRow]:
        """Read these records of block `first` without reading the whole block."""
        if not indices:
            return
        with self._db.blob("block", "records", first) as records:
            for index in indices:
                records.seek(index * RECORD.size)
                stored = StoredFrame(records.read(RECORD.size), 0)
                offset, length = stored.content
                preview = self._piece(first, offset, min(length, PREVIEW_BYTES))
                yield stored.row(first + index, preview, *handled(self._db, stored, first + index))

    @reads
    def _block_of(self, frame_id: int) -> HeldBlock | None:
        """The block that holds a frame."""
        first, count = self._block_at(frame_id)
        return self._block(first) if count else None

    def _block_at(self, frame_id: int) -> tuple[int, int]:
        """First frame and count of the block that holds a frame; a count of 0 if none does."""
        row = self._db.execute(
            "SELECT first, count FROM block WHERE first <= ? ORDER BY first DESC LIMIT 1", (frame_id,)
        ).fetchone()
        return (frame_id, 0) if row is None or frame_id >= row[0] + row[1] else (row[0], row[1])

    @reads
    def _block_towards(self, frame_id: int) -> HeldBlock | None:
        """The block that holds a frame, else the first one behind it."""
        return self._block_of(frame_id) or self._block_from(frame_id)

    @reads
    def _block_from(self, frame_id: int) -> HeldBlock | None:
        """The first block whose frames all have ids of at least `frame_id`."""
        row = self._db.execute(
            "SELECT first FROM block WHERE first >= ? ORDER BY first LIMIT 1", (frame_id,)
        ).fetchone()
        return None if row is None else self._block(row[0])

    def _block(self, first: int) -> HeldBlock | None:
        block = self._blocks.get(first)
        # It may have grown since.
        if block is not None and self._block_at(first) == (first, block.count):
            self._blocks.move_to_end(first)
            return block
        row = self._db.execute(
            "SELECT count, records, CASE WHEN length(bytes) <= ? THEN bytes END, repeats "
            "FROM block LEFT JOIN payload ON block = first WHERE first = ?",
            (_CACHED_PAYLOADS, first),
        ).fetchone()
        if row is None:
            return None
        count, records, payloads = checks.block_row(row[:3])
        if payloads is not None:
            layout = Layout(row[3])
            payloads = layout.complete(payloads) if layout.surplus <= _CACHED_PAYLOADS else None
        block = HeldBlock(first, count, records, payloads)
        self._blocks[first] = block
        if len(self._blocks) > _CACHED_BLOCKS:
            self._blocks.popitem(last=False)
        return block

    @reads
    def _with_payloads(self, block: HeldBlock) -> HeldBlock:
        """The block with its payloads, unless they are very large or gone. It is not cached."""
        row = self._db.execute(
            "SELECT bytes, repeats FROM payload WHERE block = ? AND length(bytes) <= ?",
            (block.first, _WHOLE_PAYLOADS),
        ).fetchone()
        if row is None:
            return block
        stored, column = typed(row, PAYLOAD.kinds("bytes", "repeats"))
        layout = Layout(column)
        if layout.surplus > _MOST_SURPLUS:
            return block
        return replace(block, payloads=layout.complete(stored))

    def _payload(self, block: HeldBlock, offset: int, length: int) -> bytes:
        if block.payloads is None or not length:
            return self._piece(block.first, offset, length)
        return whole(block.payloads[offset : offset + length], length)

    def _piece(self, first: int, offset: int, length: int) -> bytes:
        """Bytes of the uncached payloads of block `first`."""
        return self.pieces.read(first, offset, length)
