"""What is to be said of frames and connections, beside the frames themselves, and is not in the file yet."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable

from core.capture.handlings import PendingHandlings
from core.capture.legs import HeadPlace
from core.capture.source_numbers import SourceNumbers
from core.capture.tables import CONNECTION, HEAD, LEG, VIOLATION, ViolationRow
from core.capture.tracks import Track
from core.protocol.violations import Violation


class Pending:
    """One writer's. Its violations have ids that never come again, also when the newest one is dropped."""

    def __init__(self) -> None:
        self._violations: list[ViolationRow] = []
        self._next_violation = 1
        self.sources = SourceNumbers()
        self.handlings = PendingHandlings()

    def note_violations(
        self, connection: int, found: Iterable[Violation], *, frame: int | None, head: HeadPlace | None
    ) -> None:
        """Rules that a frame broke, or a head, or neither."""
        for each in found:
            number = self._next_violation + len(self._violations)
            row = ViolationRow(
                number, connection, frame, head, each.rule.id, each.detail, each.offset, each.length
            )
            self._violations.append(row)

    def write(self, db: sqlite3.Connection, tracks: Collection[Track], changed: int, new_from: int) -> None:
        """Write it, and what has changed of connections. Frames from `new_from` on are new in the file. A transaction
        of the caller's.
        """
        self.sources.write(db)
        stated = [track.row(changed) for track in tracks if track.is_stated]
        others = [track.row(changed) for track in tracks if not track.is_stated]
        legs = [leg.row(track.id) for track in tracks for leg in track.legs.values() if leg.is_new]
        heads = [row for track in tracks if track.new_heads for row in track.head_rows()]
        for statement, rows in (
            (CONNECTION.update, stated),
            (CONNECTION.replace, others),
            (LEG.replace, legs),
            (HEAD.replace, heads),
            (VIOLATION.insert, self._violations),
        ):
            if rows:
                db.executemany(statement, rows)
        self.handlings.write(db, new_from)

    def keep(self) -> None:
        """All is in the file."""
        self._next_violation += len(self._violations)
        self.sources.keep()
        self.handlings.keep()
        self._violations.clear()

    def drop(self) -> None:
        """Nothing of what happened is in the file, nor ever will be."""
        self._violations.clear()
        self.handlings.drop()

    def begin_anew(self) -> None:
        """Another capture begins, which has no violation and no source."""
        self._violations.clear()
        self.handlings.keep()
        self.sources = SourceNumbers()
        self._next_violation = 1
