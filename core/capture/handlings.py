"""What was done to frames on their way: kept beside the frames, because it may be decided long after they came.

A row of `handling` stands for a frame whose record says so (HANDLED). Frames of one unit share its ticket, by which a
later decision finds them, whatever ids they have by then.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from core.capture.blocks import StoredFrame
from core.capture.marks import MAX_MARKS, MAX_NOTE, storable
from core.capture.read_connection import ReadConnection
from core.capture.snapshots import Snapshots, reads
from core.capture.tables import HANDLING, MARK, HandlingRow, MarkRow
from core.protocol.events import Caused, Decided, Ruled
from core.protocol.handling import DecidedBy, Fate, Handling

MOST_NAMED = 1000
"""Frames that are named as of one unit, or as sent because of one."""
_UNIT = (
    "SELECT other.frame FROM handling JOIN handling AS other ON other.connection = handling.connection "
    "AND other.ticket = handling.ticket WHERE handling.frame = ? AND handling.ticket > 0"
)
_MOST_RULES = 4096
"""Characters of the names of all rules of a frame."""
_MOST_WAITING = 10_000
"""Decisions kept while nothing can be written."""
_MOST_NS = (1 << 63) - 1


class HandlingReader(Snapshots):
    """Reads what was done to frames; `Totals.handling_changes` tells whether anything is new. Raises CaptureError."""

    @reads
    def of(self, frame: int) -> Handling | None:
        """What was done to a frame; None if its record says all."""
        return handlings_between(self._db, frame, frame).get(frame)

    @reads
    def between(self, first: int, last: int) -> dict[int, Handling]:
        """By frame id, for those frames of `first`..`last` (inclusive) that have more than their records."""
        return handlings_between(self._db, first, last)

    @reads
    def cause(self, frame: int) -> int | None:
        """The first frame of the unit in whose place a frame went on, or because of which it was sent; None if there is
        none.
        """
        row = self._db.execute("SELECT cause FROM handling WHERE frame = ?", (frame,)).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    @reads
    def newest_rules(self, frames: int) -> list[str]:
        """Names of the rules that applied to the newest frames with any, so many at most; the newest first."""
        rows = self._db.execute(
            "SELECT rules FROM (SELECT rules FROM handling ORDER BY frame DESC LIMIT ?) WHERE rules <> ''",
            (frames,),
        )
        return list(dict.fromkeys(name for (lines,) in rows for name in names_of(str(lines))))

    @reads
    def unit(self, frame: int) -> list[int]:
        """The frames of a frame's unit, in order; the frame alone if it has no ticket."""
        rows = self._db.execute(f"{_UNIT} ORDER BY other.frame LIMIT ?", (frame, MOST_NAMED)).fetchall()
        return [int(found) for (found,) in rows] or [frame]

    @reads
    def consequences(self, frame: int) -> list[int]:
        """The frames that went on in place of the unit of a frame, or were sent because of it, in order."""
        rows = self._db.execute(
            f"SELECT frame FROM handling WHERE cause = ? OR cause IN ({_UNIT}) ORDER BY frame LIMIT ?",
            (frame, frame, MOST_NAMED),
        )
        return [int(found) for (found,) in rows]


def handled(db: ReadConnection, stored: StoredFrame, frame: int) -> tuple[Handling | None, int | None]:
    """What was done to a frame beside what its record says, and its cause. Raises as `handlings_between` does."""
    if not stored.is_handled:
        return None, None
    row = db.execute(f"SELECT {HANDLING.all} FROM handling WHERE frame = ?", (frame,)).fetchone()
    if row is None:
        return None, None
    found = HANDLING.read(row)
    return _handling(found), found.cause


def handlings_between(db: ReadConnection, first: int, last: int) -> dict[int, Handling]:
    """Do what `HandlingReader.between` does. Raises ValueError or sqlite3.Error if the capture is damaged."""
    rows = db.execute(f"SELECT {HANDLING.all} FROM handling WHERE frame BETWEEN ? AND ?", (first, last))
    return {row.frame: _handling(row) for row in map(HANDLING.read, rows)}


def _handling(row: HandlingRow) -> Handling:
    decided_by = DecidedBy(row.decided_by)
    return Handling(Fate(row.fate), decided_by, row.held_ns, names_of(row.rules), row.redacted != 0)


@dataclass(slots=True)
class PendingHandlings:
    """What is to be said of the handling of frames and is not in the file yet. One writer's."""

    _rows: list[HandlingRow] = field(default_factory=list)
    _causes: list[tuple[int, int, int]] = field(default_factory=list)
    """Connection, ticket, and the frame that goes out because of it."""
    _notes: list[tuple[int, str]] = field(default_factory=list)
    _decisions: list[tuple[int, Decided]] = field(default_factory=list)
    """With their connections."""

    def note(self, frame: int, connection: int, told: Ruled | Caused) -> None:
        """Something is done to a frame that is being recorded, or it is sent because of another one."""
        if isinstance(told, Caused):
            done, ticket = Handling(rules=told.rules), 0
            if told.ticket:
                self._causes.append((connection, told.ticket, frame))
        else:
            done, ticket = told.handling, told.ticket
            self._notes += ((frame, text) for text in told.notes)
        redacted = done.is_redacted or (isinstance(told, Ruled) and told.recorded is not None)
        row = HandlingRow(
            frame, connection, ticket, done.fate, done.decided_by, storable_ns(done.held_ns), lines_of(done.rules),
            int(redacted), None,
        )  # fmt: skip
        self._rows.append(row)

    def decide(self, connection: int, told: Decided) -> None:
        """It is settled what becomes of a unit."""
        self._decisions.append((connection, told))

    def write(self, db: sqlite3.Connection, first: int) -> None:
        """Write it; frames from `first` on are new in the file. A transaction of the caller's."""
        if self._rows:
            db.executemany(HANDLING.insert, self._rows)
        if self._causes:
            db.executemany(
                "UPDATE handling SET cause = "
                "(SELECT min(frame) FROM handling WHERE connection = ? AND ticket = ?) WHERE frame = ?",
                self._causes,
            )
        if self._decisions:
            self._write_decisions(db, first)
        if self._notes:
            _write_notes(db, self._notes)

    def keep(self) -> None:
        """All is in the file."""
        self._decisions.clear()
        self.drop()

    def drop(self) -> None:
        """The new frames never reach the file. What was decided of others is written next time."""
        self._rows.clear()
        self._causes.clear()
        self._notes.clear()
        del self._decisions[:-_MOST_WAITING]

    def _write_decisions(self, db: sqlite3.Connection, first: int) -> None:
        has_news = False
        for connection, told in self._decisions:
            handling = told.handling
            rows = db.execute(
                "SELECT frame, rules FROM handling WHERE connection = ? AND ticket = ? ORDER BY frame",
                (connection, told.ticket),
            ).fetchall()
            if not rows:
                # Cleared, dropped by a ring, or in the capture before.
                continue
            decided = (
                handling.fate,
                handling.decided_by,
                storable_ns(handling.held_ns),
                int(handling.is_redacted),
            )
            db.executemany(
                "UPDATE handling SET fate = ?, decided_by = ?, held_ns = ?, redacted = max(redacted, ?), rules = ? "
                "WHERE frame = ?",
                [(*decided, lines_of((*names_of(rules), *handling.rules)), frame) for frame, rules in rows],
            )
            self._notes += ((rows[-1][0], text) for text in told.notes)
            has_news |= rows[0][0] < first
        if has_news:
            db.execute("UPDATE total SET handling_changes = handling_changes + 1")


def _write_notes(db: sqlite3.Connection, notes: Iterable[tuple[int, str]]) -> None:
    """Bookmark frames, up to as many as a capture keeps."""
    (count,) = db.execute("SELECT count(*) FROM mark").fetchone()
    for frame, text in notes:
        found = db.execute("SELECT note FROM mark WHERE frame = ?", (frame,)).fetchone()
        if found is None and count >= MAX_MARKS:
            continue
        count += found is None
        note = "\n".join(filter(None, (None if found is None else found[0], storable(text))))
        db.execute(MARK.replace, MarkRow(frame, note[:MAX_NOTE]))
    db.execute("UPDATE total SET mark_changes = mark_changes + 1")


def storable_ns(held_ns: int | None) -> int | None:
    """A duration as a file can hold it."""
    return None if held_ns is None else min(max(held_ns, 0), _MOST_NS)


def lines_of(rules: Iterable[str]) -> str:
    """The names of rules, one in a line, each once."""
    names = dict.fromkeys(" ".join(storable(each).split()) for each in rules)
    return "\n".join(filter(None, names))[:_MOST_RULES]


def names_of(lines: str) -> tuple[str, ...]:
    """The names that `lines_of` has joined."""
    return tuple(lines.split("\n")) if lines else ()
