"""Marks: bookmarks on frames, each with a note, kept in the capture.

A recording program changes them through its recorder, which writes the file anyway. In an opened capture,
`change_marks_of` changes them; SQLite admits one writer at a time, so that no mark is lost if others use the file.
"""

from __future__ import annotations

import sqlite3
from array import array
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from core.capture.read_connection import ReadConnection
from core.capture.snapshots import Snapshots, reads
from core.capture.store import open_for_changes, reason
from core.capture.tables import MARK, MarkRow
from core.errors import CallerError, CaptureError

MAX_MARKS = 100_000
MAX_NOTE = 4096
"""Characters."""
_REFUSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_OCCUPIED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@dataclass(frozen=True, slots=True)
class Mark:
    """A bookmark on a frame, by frame id."""

    frame: int
    note: str
    """Plain text of any number of lines, possibly empty."""


@dataclass(frozen=True, slots=True)
class KeepMarks:
    """Mark these frames; an existing note is replaced."""

    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class DropMarks:
    """Remove the marks of these frames."""

    frames: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DropAllMarks:
    """Remove all marks."""


MarkChange: TypeAlias = KeepMarks | DropMarks | DropAllMarks


class MarkReader(Snapshots):
    """Reads the marks of a capture; `Totals.mark_changes` tells whether anything is new. Raises CaptureError."""

    @reads
    def frames(self) -> array[int]:
        """Ids of all marked frames, in order."""
        rows = self._db.execute("SELECT frame FROM mark ORDER BY frame LIMIT ?", (MAX_MARKS,))
        return array("q", [frame for (frame,) in rows])

    @reads
    def some(self, first: int, count: int) -> list[Mark]:
        """The first `count` marks of frames with ids of at least `first`."""
        rows = self._db.execute(
            "SELECT frame, substr(note, 1, ?) FROM mark WHERE frame >= ? ORDER BY frame LIMIT ?",
            (MAX_NOTE, first, count),
        )
        return [Mark(*MARK.read(row)) for row in rows]

    @reads
    def note(self, frame: int) -> str | None:
        """The note on a frame; None if it is not marked."""
        return self.notes(frame, frame).get(frame)

    @reads
    def notes(self, first: int, last: int) -> dict[int, str]:
        """Notes by frame id, for the marked frames of `first`..`last` (inclusive)."""
        return notes_between(self._db, first, last)


def notes_between(db: ReadConnection, first: int, last: int) -> dict[int, str]:
    """Do what `MarkReader.notes` does. Raises ValueError or sqlite3.Error if the capture is damaged."""
    rows = db.execute(
        "SELECT frame, substr(note, 1, ?) FROM mark WHERE frame BETWEEN ? AND ?", (MAX_NOTE, first, last)
    )
    return dict(map(MARK.read, rows))


def change_marks_of(path: Path, change: MarkChange) -> None:
    """Change marks of a capture that this program does not record. Raises CaptureError."""
    with closing(open_for_changes(path)) as db:
        change_marks(db, path, change)


def change_marks(db: sqlite3.Connection, path: Path, change: MarkChange) -> None:
    """Make the whole change in one transaction on the capture at `path`, or raise CaptureError or CallerError."""
    try:
        db.execute("BEGIN IMMEDIATE")
        _apply(db, change)
        db.execute("UPDATE total SET mark_changes = mark_changes + 1")
        db.execute("COMMIT")
    except MemoryError as error:
        raise CaptureError(f"The bookmarks in {path} stay as they were: {reason(error)}.") from error
    except sqlite3.Error as error:
        raise CaptureError(f"The bookmarks in {path} stay as they were: {_reason(error)}") from error
    finally:
        if db.in_transaction:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")


def _apply(db: sqlite3.Connection, change: MarkChange) -> None:
    match change:
        case KeepMarks(marks):
            for mark in marks:
                _keep(db, mark)
            (count,) = db.execute("SELECT count(*) FROM mark").fetchone()
            if count > MAX_MARKS:
                raise CallerError(
                    f"{count:,} frames would be bookmarked; a capture keeps {MAX_MARKS:,}. Remove bookmarks first."
                )
        case DropMarks(frames):
            db.executemany("DELETE FROM mark WHERE frame = ?", ((frame,) for frame in frames))
        case DropAllMarks():
            db.execute("DELETE FROM mark")


def _keep(db: sqlite3.Connection, mark: Mark) -> None:
    if len(mark.note) > MAX_NOTE:
        raise CallerError(
            f"The note has {len(mark.note):,} characters; at most {MAX_NOTE:,} are kept. Shorten it."
        )
    there = db.execute(
        "SELECT 1 FROM (SELECT first, count FROM block WHERE first <= ? ORDER BY first DESC LIMIT 1) "
        "WHERE ? < first + count",
        (mark.frame, mark.frame),
    ).fetchone()
    if there is None:
        raise CallerError(f"Frame {mark.frame} is not in the capture, so that it cannot be bookmarked.")
    db.execute(MARK.replace, MarkRow(mark.frame, storable(mark.note)))


def storable(text: str) -> str:
    """`text` with a question mark for each character that a file cannot hold: SQLite rejects lone surrogates, and may
    end a text at a NUL.
    """
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def _reason(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _REFUSED:
        return (
            "the file or its folder is read-only. Copy the capture to a folder of your own and open it there."
        )
    if code in _OCCUPIED:
        return "another program is at work in the file. Try again in a moment."
    return f"{error}. Make room on the disk, or save the capture elsewhere."
