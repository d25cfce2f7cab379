"""Bounds of a capture: the oldest blocks beyond them are dropped, and their room in the file is reused.

Ids and list positions continue to count dropped frames, so that no kept frame gets another one. The newest block always
stays.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from core.capture.gaps import note_dropped
from core.capture.layout import RECORD, RecordColumn, gather
from core.capture.store import ALL, LOG_BYTES, PAGE_SIZE

PROBLEMS_LEFT = 20_000
"""Problems without frames that stay listed; when there are twice as many, the oldest are removed."""
_LEAST_LOG = 256 * 1024
_SMALL_BLOCK = 2 * PAGE_SIZE
"""Least size of a block, in work and in room."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Bounds; None means no bound."""

    bytes: int | None = None
    """Size on the disk: database and write-ahead log together."""
    frames: int | None = None
    seconds: int | None = None

    @property
    def everything(self) -> bool:
        return self.bytes is None and self.frames is None and self.seconds is None

    @property
    def log_bytes(self) -> int:
        """Limit of the write-ahead log: a fifth of a small bound."""
        if self.bytes is None:
            return LOG_BYTES
        return max(_LEAST_LOG, min(LOG_BYTES, self.bytes // 5))

    @property
    def database_bytes(self) -> int | None:
        """The database's share beside a log that readers hold back a little; None means no bound."""
        return None if self.bytes is None else self.bytes - self.log_bytes * 7 // 4

    @property
    def commit_bytes(self) -> int:
        """Approximate size of one commit, so that the log keeps its limit."""
        return self.log_bytes // 2 if self.bytes is not None else LOG_BYTES

    def both(self, other: Keep) -> Keep:
        """These bounds, with those of `other` in place of its own."""
        return Keep(
            self.bytes if other.bytes is None else other.bytes,
            self.frames if other.frames is None else other.frames,
            self.seconds if other.seconds is None else other.seconds,
        )


KEEP_ALL = Keep()


@dataclass(slots=True)
class Dropped:
    """What was dropped in one step."""

    frames: int = 0
    violations: int = 0
    """Violations, which are dropped long after their frames."""
    marks: int = 0
    bytes: int = 0
    """Approximate size in the file."""
    first_ns: int = 0
    """The least time of the dropped frames."""
    last_ns: int = 0
    """The greatest time of the dropped frames."""
    more: bool = False
    """Whether there is more to drop."""


def room_for(record_bytes: int, payload_bytes: int) -> int:
    """Approximate size of a block in the file, which consists of whole pages."""
    return sum(-(-size // PAGE_SIZE) * PAGE_SIZE for size in (record_bytes, payload_bytes))


def drop_oldest(db: sqlite3.Connection, keep: Keep, now_ns: int, budget: int, coming: int = 0) -> Dropped:
    """Drop about `budget` bytes of blocks beyond the bounds. The caller owns the transaction.

    First, room is made for `coming` bytes that are about to be written.
    """
    dropped = Dropped()
    most = keep.database_bytes
    held = _held_frames(db) if keep.frames is not None else 0
    (newest,) = db.execute("SELECT max(first) FROM block").fetchone()
    while True:
        row = db.execute(
            "SELECT first, count, first_ns, last_ns FROM block ORDER BY first LIMIT 1"
        ).fetchone()
        if row is None or row[0] == newest:
            break
        first, count, first_ns, last_ns = row
        old = keep.seconds is not None and last_ns < now_ns - keep.seconds * 1_000_000_000
        many = keep.frames is not None and held - count >= keep.frames
        large = most is not None and _used_bytes(db) + coming > most
        if not (old or many or large):
            break
        if dropped.bytes >= budget:
            dropped.more = True
            break
        _drop(db, first, count, dropped)
        dropped.first_ns = min(dropped.first_ns or first_ns, first_ns)
        dropped.last_ns = max(dropped.last_ns, last_ns)
        held -= count
    if dropped.frames:
        _drop_problems(db, dropped)
        note_dropped(db, dropped.frames, dropped.first_ns, dropped.last_ns)
    return dropped


def _drop(db: sqlite3.Connection, first: int, count: int, dropped: Dropped) -> None:
    """Remove everything that belongs to one block."""
    (records, payload_bytes) = db.execute(
        "SELECT records, length(bytes) FROM block LEFT JOIN payload ON block = first WHERE first = ?",
        (first,),
    ).fetchone()
    lanes = {ALL, *gather(records, RecordColumn.CONNECTION)}
    db.execute("DELETE FROM block WHERE first = ?", (first,))
    db.execute("DELETE FROM payload WHERE block = ?", (first,))
    db.executemany(
        "DELETE FROM lane WHERE connection = ? AND block = ?", [(connection, first) for connection in lanes]
    )
    marks = db.execute("DELETE FROM mark WHERE frame BETWEEN ? AND ?", (first, first + count - 1))
    dropped.marks += marks.rowcount
    db.execute("DELETE FROM handling WHERE frame BETWEEN ? AND ?", (first, first + count - 1))
    dropped.frames += count
    dropped.bytes += max(count * RECORD.size + (payload_bytes or 0), _SMALL_BLOCK)


def _drop_problems(db: sqlite3.Connection, dropped: Dropped) -> None:
    """Remove the oldest problems without frames if there are very many; so their list seldom changes at the front."""
    gone = "frame < (SELECT min(first) FROM block)"
    too_many = f"SELECT 1 FROM violation WHERE {gone} ORDER BY frame DESC LIMIT 1 OFFSET ?"
    if db.execute(too_many, (2 * PROBLEMS_LEFT,)).fetchone() is not None:
        newest = f"SELECT frame FROM violation WHERE {gone} ORDER BY frame DESC LIMIT 1 OFFSET ?"
        cursor = db.execute(f"DELETE FROM violation WHERE frame <= ({newest})", (PROBLEMS_LEFT,))
        dropped.violations += cursor.rowcount


def _held_frames(db: sqlite3.Connection) -> int:
    """Number of frames from the oldest block to the newest."""
    (first,) = db.execute(
        "SELECT position FROM lane WHERE connection = ? ORDER BY block LIMIT 1", (ALL,)
    ).fetchone() or (0,)
    (frames,) = db.execute("SELECT frames FROM total").fetchone()
    return int(frames - first)


def _used_bytes(db: sqlite3.Connection) -> int:
    """Bytes of the file that are in use."""
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    return int(pages - free) * PAGE_SIZE
