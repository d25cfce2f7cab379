"""What a capture keeps at most: beyond that its oldest blocks are dropped, and their room in the file is used again.

Ids and list positions go on counting what was dropped, so that nothing that is kept gets another one. The newest
block always stays.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from core.capture.gaps import note_dropped
from core.capture.layout import RECORD, RecordColumn, gather
from core.capture.store import ALL, LOG_BYTES, PAGE_SIZE

PROBLEMS_LEFT = 20_000
"""So many of the problems whose frames are gone stay listed; they go when there are twice as many, the oldest first."""
_LEAST_LOG = 256 * 1024
_SMALL_BLOCK = 2 * PAGE_SIZE
"""What a block takes at least, as work and as room."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Bounds; None where there is none."""

    bytes: int | None = None
    """On the disk: of the database and its write-ahead log together."""
    frames: int | None = None
    seconds: int | None = None

    @property
    def everything(self) -> bool:
        return self.bytes is None and self.frames is None and self.seconds is None

    @property
    def log_bytes(self) -> int:
        """What the write-ahead log is held to: a fifth of a small bound."""
        if self.bytes is None:
            return LOG_BYTES
        return max(_LEAST_LOG, min(LOG_BYTES, self.bytes // 5))

    @property
    def database_bytes(self) -> int | None:
        """What is left for the database beside a log that readers hold back a little; None: no bound."""
        return None if self.bytes is None else self.bytes - self.log_bytes * 7 // 4

    @property
    def commit_bytes(self) -> int:
        """About what one commit may write, so that the log stays what it is to be."""
        return self.log_bytes // 2 if self.bytes is not None else LOG_BYTES

    def both(self, other: Keep) -> Keep:
        """This, and where `other` has a bound, that."""
        return Keep(
            self.bytes if other.bytes is None else other.bytes,
            self.frames if other.frames is None else other.frames,
            self.seconds if other.seconds is None else other.seconds,
        )


KEEP_ALL = Keep()


@dataclass(slots=True)
class Dropped:
    """What was dropped at once."""

    frames: int = 0
    violations: int = 0
    """Long after their frames."""
    marks: int = 0
    bytes: int = 0
    """About what it took in the file."""
    first_ns: int = 0
    """The least of its frames' times."""
    last_ns: int = 0
    """The greatest."""
    more: bool = False
    """There is more to drop."""


def room_for(record_bytes: int, payload_bytes: int) -> int:
    """About what a block takes in the file, which has whole pages."""
    return sum(-(-size // PAGE_SIZE) * PAGE_SIZE for size in (record_bytes, payload_bytes))


def drop_oldest(db: sqlite3.Connection, keep: Keep, now_ns: int, budget: int, coming: int = 0) -> Dropped:
    """Drop blocks that are beyond what is to be kept, until about `budget` bytes are. A transaction of the caller's.

    `coming` bytes are about to be written, and get their room first.
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
    """Everything that belongs to one block."""
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
    dropped.frames += count
    dropped.bytes += max(count * RECORD.size + (payload_bytes or 0), _SMALL_BLOCK)


def _drop_problems(db: sqlite3.Connection, dropped: Dropped) -> None:
    """The oldest of very many whose frames are gone. Few stay, so that a list of them seldom changes at its front."""
    gone = "frame < (SELECT min(first) FROM block)"
    too_many = f"SELECT 1 FROM violation WHERE {gone} ORDER BY frame DESC LIMIT 1 OFFSET ?"
    if db.execute(too_many, (2 * PROBLEMS_LEFT,)).fetchone() is not None:
        newest = f"SELECT frame FROM violation WHERE {gone} ORDER BY frame DESC LIMIT 1 OFFSET ?"
        cursor = db.execute(f"DELETE FROM violation WHERE frame <= ({newest})", (PROBLEMS_LEFT,))
        dropped.violations += cursor.rowcount


def _held_frames(db: sqlite3.Connection) -> int:
    """From the oldest block to the newest."""
    (first,) = db.execute(
        "SELECT position FROM lane WHERE connection = ? ORDER BY block LIMIT 1", (ALL,)
    ).fetchone() or (0,)
    (frames,) = db.execute("SELECT frames FROM total").fetchone()
    return int(frames - first)


def _used_bytes(db: sqlite3.Connection) -> int:
    """Of the file, those that hold something."""
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    return int(pages - free) * PAGE_SIZE
