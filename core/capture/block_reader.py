"""Reads a capture block by block, for a search over all of it, also while it is being written.

`reader` fetches rows by their place in a list; here nothing is cached, and a block's payloads come in one piece.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from core.capture.blocks import BLOCK_FRAMES
from core.capture.handlings import handlings_between
from core.capture.layout import RECORD, RecordColumn, picking
from core.capture.marks import notes_between
from core.capture.read_connection import ReadConnection
from core.capture.repeats import Layout
from core.capture.snapshots import Snapshots
from core.protocol.handling import Handling

_CACHE_KIB = 512
_MOST_TIMES = 10_000
_TIME_AND_CONNECTION = picking(RecordColumn.TIME_NS, RecordColumn.CONNECTION)


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL about `block` that is true for every block that may hold a match, and the values of its parameters.

    The only columns of `block` it may use are `first`, `count` and, as in `lane`, `data_count`.
    """

    sql: str
    values: tuple[int | str, ...] = ()


EVERY = Condition("1")


@dataclass(frozen=True, slots=True)
class BlockKey:
    """A block that has not been read yet."""

    first: int
    """Id of its first frame."""
    count: int

    @property
    def last(self) -> int:
        """Id of its last frame."""
        return self.first + self.count - 1


class BlockReader(Snapshots):
    """Reads one capture file. Belongs to the thread that made it; must be closed. Raises CaptureError for a damaged
    file.
    """

    def __init__(self, path: Path) -> None:
        # These pages are read once; in few places of memory they stay in the processor's cache.
        super().__init__(path, ReadConnection(path, _CACHE_KIB))
        self._times: dict[int, int] = {}
        self._times_before = 0
        """The block for which `_times` is valid."""

    def close(self) -> None:
        self._db.close()

    def last_frame_id(self) -> int:
        """Id of the newest frame; 0 if there is none."""
        with self._reading():
            row = self._db.execute(
                "SELECT first + count - 1 FROM block ORDER BY first DESC LIMIT 1"
            ).fetchone()
            return 0 if row is None else int(row[0])

    def start_ns(self) -> int | None:
        """Time of the first frame; None if there is none."""
        return self._time_by("SELECT first, 0 FROM block ORDER BY first LIMIT 1")

    def end_ns(self) -> int | None:
        """Time of the last frame; None if there is none."""
        return self._time_by("SELECT first, count - 1 FROM block ORDER BY first DESC LIMIT 1")

    def _time_by(self, query: str) -> int | None:
        """Time of the frame that a query finds by block and index; other parts of the block may be damaged."""
        # A ring may drop the block meanwhile.
        with self.snapshot(), self._reading():
            row = self._db.execute(query).fetchone()
            if row is None:
                return None
            with self._db.blob("block", "records", row[0]) as records:
                records.seek(row[1] * RECORD.size)
                return int(_TIME_AND_CONNECTION.unpack(records.read(RECORD.size))[0])

    def choose(self, after: int, up_to: int, condition: Condition, limit: int) -> list[BlockKey]:
        """Up to `limit` blocks, in order, with frames of ids above `after` and up to `up_to`."""
        with self._reading():
            rows = self._db.execute(
                # Not from the table `block`, whose rows contain the records.
                "SELECT first, count FROM "
                "(SELECT block AS first, count, data_count FROM lane WHERE connection = 0) AS block WHERE first <= ? "
                "AND first >= coalesce((SELECT max(block) FROM lane WHERE connection = 0 AND block <= ?), 0) "
                f"AND first + count - 1 > ? AND ({condition.sql}) ORDER BY first LIMIT ?",
                (up_to, after + 1, after, *condition.values, limit),
            ).fetchall()
            keys = [BlockKey(int(first), int(count)) for first, count in rows]
            for key in keys:
                if not 0 < key.count <= BLOCK_FRAMES:
                    raise ValueError(f"it has a block of {key.count} frames")
            return keys

    def has(self, key: BlockKey) -> bool:
        """Whether the block is unchanged since it was chosen: neither dropped nor merged with others."""
        with self._reading():
            row = self._db.execute(
                "SELECT count FROM lane WHERE connection = 0 AND block = ?", (key.first,)
            ).fetchone()
            return row is not None and row[0] == key.count

    def records(self, key: BlockKey) -> bytes:
        """All records of a block; raises CaptureError if their number differs from the block's count."""
        records = self._blob("block", "records", key)
        if records and len(records) != key.count * RECORD.size:
            raise self._damage(f"a block of {key.count} frames has {len(records)} bytes of records")
        return records

    def payloads(self, key: BlockKey) -> bytes:
        """All payload bytes of a block, also those that are stored once for several or compressed."""
        stored = self._blob("payload", "bytes", key)
        with self._reading():
            row = self._db.execute("SELECT repeats FROM payload WHERE block = ?", (key.first,)).fetchone()
            return stored if row is None or row[0] == b"" else Layout(row[0]).complete(stored)

    def rules(self, key: BlockKey) -> dict[int, tuple[str, ...]]:
        """For each frame of a block that broke rules, by id, the ids of these rules."""
        found: dict[int, tuple[str, ...]] = {}
        with self._reading():
            for frame, rule in self._db.execute(
                "SELECT frame, rule FROM violation WHERE frame BETWEEN ? AND ? ORDER BY frame, id",
                (key.first, key.first + key.count - 1),
            ):
                found[int(frame)] = (*found.get(int(frame), ()), str(rule))
        return found

    def notes(self, key: BlockKey) -> dict[int, str]:
        """For each bookmarked frame of a block, by id, its note."""
        with self._reading():
            return notes_between(self._db, key.first, key.first + key.count - 1)

    def handlings(self, key: BlockKey) -> dict[int, Handling]:
        """For each frame of a block of which the capture has more than its record, by id, what was done to it."""
        with self._reading():
            return handlings_between(self._db, key.first, key.first + key.count - 1)

    def last_times(self, connections: list[int], before: int) -> dict[int, int]:
        """For each connection with frames before block `before`, the time of its last one."""
        known = self._times if self._times_before == before else {}
        found: dict[int, int] = {}
        for connection in connections:
            time_ns = known.get(connection) or self._last_time(connection, before)
            if time_ns is not None:
                found[connection] = time_ns
        return found

    def note_times(self, key: BlockKey, times: dict[int, int]) -> None:
        """Remember the times of the last frames up to the end of a block, so that the next block needs no query."""
        if self._times_before != key.first or len(self._times) > _MOST_TIMES:
            self._times = {}
        self._times |= times
        self._times_before = key.first + key.count

    def forget_times(self) -> None:
        """Forget these times, because the capture may have been cleared."""
        self._times_before = 0

    def _last_time(self, connection: int, before: int) -> int | None:
        with self._reading():
            row = self._db.execute(
                "SELECT records FROM block WHERE first = "
                "(SELECT max(block) FROM lane WHERE connection = ? AND block < ?)",
                (connection, before),
            ).fetchone()
            records = b"" if row is None else row[0]
            places = range(len(records) - RECORD.size, -1, -RECORD.size)
            pairs = (_TIME_AND_CONNECTION.unpack_from(records, place) for place in places)
            return next((time_ns for time_ns, each in pairs if each == connection), None)

    def _blob(self, table: str, column: str, key: BlockKey) -> bytes:
        """Read a value; b"" if the block is gone because the capture was cleared."""
        try:
            with self._db.blob(table, column, key.first) as blob:
                return blob.read()
        except sqlite3.ProgrammingError:
            raise
        except (sqlite3.Error, MemoryError) as error:
            with self._reading():
                if self._db.execute("SELECT 1 FROM block WHERE first = ?", (key.first,)).fetchone():
                    raise error
            return b""
