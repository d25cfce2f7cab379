"""Gaps: where frames are missing from a capture, between which times, how many, and why.

A row of `gap` belongs before frame `before`, once for all connections (`ALL`) and once for each connection concerned.
It grows until a frame is recorded after it. Gaps with the same reason and place share a row. A ring has one row of its
own for all connections; `lane` tells how many frames of one list it dropped. Gaps are dropped with the frames around
them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Container
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from core.capture.lanes import LaneReader
from core.capture.read_connection import ReadConnection
from core.capture.records import View
from core.capture.snapshots import Snapshots, reads
from core.capture.store import ALL
from core.capture.tables import GAP, GapRow, typed

MOST_PLACES = 10_000
"""Places with gaps in a capture. Beyond that the newest gap keeps growing: a disk that is full every other moment must
not be filled with notes about it.
"""


_COLUMNS = GAP.kinds("before", "reason", "frames", "first_ns", "last_ns")


class GapReason(IntEnum):
    """Why frames are missing."""

    DROPPED = 0
    """Only the newest frames are kept (`core.capture.ring`)."""
    NOT_RECORDED = 1
    """They passed while recording was off."""
    NOT_WRITTEN = 2
    """The file could not be written, for example because the disk was full."""
    CLEARED = 3
    """The capture was cleared while it was read. Never stored in a file."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames missing at one place."""

    before: int
    """Id of the frame after them, possibly a future one."""
    reason: GapReason
    frames: int
    first_ns: int
    """Time of the first missing frame, as precisely as it is known."""
    last_ns: int


class Missing:
    """Counts missing frames until they are noted in the file. Belongs to one writer."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, GapReason], tuple[int, int, int, int]] = {}
        """By lane and reason: frames, data frames among them, least and greatest time."""

    def add(self, lane: int, reason: GapReason, frames: int, data: int, first_ns: int, last_ns: int) -> None:
        """Count missing frames of one lane."""
        had = self._counts.get((lane, reason))
        if had is not None:
            frames, data = had[0] + frames, had[1] + data
            first_ns, last_ns = min(had[2], first_ns), max(had[3], last_ns)
        self._counts[lane, reason] = frames, data, first_ns, last_ns

    def forget_all_but(self, lanes: Container[int]) -> None:
        """Forget lanes of connections that are otherwise forgotten; the lane of all connections keeps their frames."""
        self._counts = {key: count for key, count in self._counts.items() if key[0] == ALL or key[0] in lanes}

    def clear(self) -> None:
        self._counts.clear()

    def write(self, db: sqlite3.Connection, before: int) -> None:
        """Note them before frame `before`. The caller owns the transaction, and clears them after its commit."""
        if not self._counts:
            return
        newest, places = db.execute(
            "SELECT max(before), count(DISTINCT before) FROM gap WHERE connection = ?", (ALL,)
        ).fetchone()
        place = newest if places >= MOST_PLACES and newest < before else before
        db.executemany(
            f"{GAP.insert} ON CONFLICT DO UPDATE SET "
            "frames = frames + excluded.frames, data_frames = data_frames + excluded.data_frames, "
            "first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns)",
            [GapRow(lane, place, reason, *count) for (lane, reason), count in self._counts.items()],
        )


def note_dropped(db: sqlite3.Connection, frames: int, first_ns: int, last_ns: int) -> None:
    """Note that a ring has just dropped so many frames of these times. The caller owns the transaction.

    The ring's row in `gap` moves with the front; other gaps between the dropped frames are removed.
    """
    (before,) = db.execute("SELECT min(first) FROM block").fetchone()
    (dropped_before,) = db.execute(
        "SELECT coalesce(sum(frames), 0) FROM gap WHERE connection = ? AND reason = ?",
        (ALL, GapReason.DROPPED),
    ).fetchone()
    oldest_ns, newest_ns = db.execute(
        "SELECT min(first_ns), max(last_ns) FROM gap WHERE connection = ? AND before < ?", (ALL, before)
    ).fetchone()
    if oldest_ns is not None:
        first_ns, last_ns = min(first_ns, oldest_ns), max(last_ns, newest_ns)
    db.execute("DELETE FROM gap WHERE before < ?", (before,))
    row = GapRow(ALL, before, GapReason.DROPPED, dropped_before + frames, 0, first_ns, last_ns)
    db.execute(GAP.insert, row)


class GapReader(Snapshots):
    """Reads the gaps of a capture. Raises CaptureError."""

    def __init__(self, path: Path, db: ReadConnection, lanes: LaneReader) -> None:
        super().__init__(path, db)
        self._lanes = lanes

    @reads
    def noted(self, view: View, since: int = 0) -> list[Gap]:
        """Gaps of a view before frames with ids of at least `since`, in order; without the ring's."""
        frames = "frames" if view.control else "data_frames"
        rows = self._db.execute(
            f"SELECT before, reason, {frames}, first_ns, last_ns FROM gap "
            f"WHERE connection = ? AND before >= ? AND reason <> ? AND {frames} > 0 "
            "ORDER BY before, first_ns, reason LIMIT ?",
            (view.connection or ALL, since, GapReason.DROPPED, 2 * MOST_PLACES),
        )
        return [_gap(row) for row in rows]

    @reads
    def dropped(self, view: View) -> Gap | None:
        """What a ring dropped from the view, before everything that is kept; None if nothing."""
        frames = self._lanes.dropped(view)
        return self.of_ring(frames) if frames else None

    @reads
    def of_ring(self, frames: int) -> Gap:
        """The ring's gap for a list of which it dropped so many frames."""
        row = self._db.execute(
            "SELECT before, reason, frames, first_ns, last_ns FROM gap WHERE connection = ? AND reason = ?",
            (ALL, GapReason.DROPPED),
        ).fetchone()
        if row is None:
            # The times of dropped frames are unknown; the next frame's is the closest.
            behind = self._db.execute("SELECT first, first_ns FROM block ORDER BY first LIMIT 1").fetchone()
            before, time_ns = behind or (1, 0)
            row = before, GapReason.DROPPED, frames, time_ns, time_ns
        return replace(_gap(row), frames=frames)


def _gap(row: tuple[object, ...]) -> Gap:
    before, reason, frames, first_ns, last_ns = typed(row, _COLUMNS)
    return Gap(before, GapReason(reason), frames, first_ns, last_ns)
