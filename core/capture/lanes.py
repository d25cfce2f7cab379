"""Where frames are in a list: number of rows, number dropped from the front, number before a frame."""

from __future__ import annotations

from collections.abc import Sequence

from core.capture.records import View
from core.capture.snapshots import Snapshots, reads
from core.capture.store import ALL


class LaneReader(Snapshots):
    """Reads the table `lane` of a capture. Raises CaptureError."""

    @reads
    def count(self, view: View) -> int:
        """Number of rows of the view, including those `dropped` from the front."""
        row = self._db.execute(
            "SELECT position + count, data_position + data_count FROM lane WHERE connection = ? "
            "ORDER BY block DESC LIMIT 1",
            (view.connection or ALL,),
        ).fetchone()
        return self._recorded(view) if row is None else _row_count(row, view)

    @reads
    def dropped(self, view: View) -> int:
        """Number of rows that a ring dropped from the front: they are counted, but no longer exist."""
        return self.ahead(view, 0)

    @reads
    def ahead(self, view: View, block: int) -> int:
        """Number of rows of the view before the block that begins with this frame, or before the next block."""
        row = self._db.execute(
            "SELECT position, data_position FROM lane WHERE connection = ? AND block >= ? ORDER BY block LIMIT 1",
            (view.connection or ALL, block),
        ).fetchone()
        return self.count(view) if row is None else _row_count(row, view)

    def _recorded(self, view: View) -> int:
        """Number of rows that the view has had, even if all of them were dropped."""
        if view.connection is None:
            row = self._db.execute("SELECT frames, frames - control_frames FROM total").fetchone()
        else:
            row = self._db.execute(
                "SELECT frame_count, data_frame_count FROM connection WHERE id = ?", (view.connection,)
            ).fetchone()
        return 0 if row is None else _row_count(row, view)


def _row_count(row: Sequence[int], view: View) -> int:
    """The count in a row for this view: with or without control frames."""
    count = int(row[0] if view.control else row[1])
    if count < 0:
        raise ValueError(f"a list has {count} rows")
    return count
