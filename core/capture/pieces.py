"""Reads frames and pieces of their payloads at a cost that does not grow with the payload."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from core.capture import checks
from core.capture.blocks import PREVIEW_BYTES, StoredFrame
from core.capture.handlings import handled
from core.capture.read_connection import ReadConnection
from core.capture.records import OUTLINE_BYTES, FrameOutline, PayloadPart
from core.capture.repeats import Layout
from core.capture.snapshots import Snapshots, reads
from core.capture.stored_values import violation_of
from core.protocol.violations import Violation

_FAR = 2 * 1024 * 1024


class _Found(NamedTuple):
    block: int
    """Id of the block's first frame."""
    stored: StoredFrame


class PieceReader(Snapshots):
    """Reads one frame at a time, and of long payloads only the requested part. Raises CaptureError."""

    def __init__(self, path: Path, db: ReadConnection) -> None:
        super().__init__(path, db)
        self._layout: tuple[int, bytes, Layout] | None = None
        """Layout of the block that was read last, with the column that says so: a block may grow."""

    def forget(self) -> None:
        """Forget cached data, because the capture was cleared."""
        self._layout = None

    @reads
    def outline(self, frame_id: int) -> FrameOutline | None:
        """A frame with only the beginning of its payload; None if there is no frame of that id."""
        found = self._find(frame_id)
        if found is None:
            return None
        stored = found.stored
        payload = self.read(found.block, stored.offset, min(stored.captured, OUTLINE_BYTES))
        row = stored.row(frame_id, payload[:PREVIEW_BYTES], *handled(self._db, stored, frame_id))
        return FrameOutline(row, stored.frame(payload), self.violations(frame_id) if stored.broken else ())

    @reads
    def content_length(self, frame_id: int) -> int:
        """Length of the message that a frame completed, else of its payload; 0 if there is no frame of that id."""
        found = self._find(frame_id)
        return 0 if found is None else found.stored.content[1]

    @reads
    def payload(self, frame_id: int, part: PayloadPart, start: int, end: int) -> bytes | None:
        """Bytes `start`..`end` of a payload, fewer at its end; None if there is no frame of that id."""
        found = self._find(frame_id)
        if found is None:
            return None
        stored = found.stored
        first, length = stored.content if part is PayloadPart.MESSAGE else (stored.offset, stored.captured)
        start, end = max(start, 0), min(end, length)
        return self.read(found.block, first + start, end - start) if start < end else b""

    @reads
    def violations(self, frame_id: int) -> tuple[Violation, ...]:
        rows = self._db.execute(
            'SELECT rule, detail, "offset", length FROM violation WHERE frame = ? ORDER BY id', (frame_id,)
        )
        return tuple(violation_of(*row) for row in rows)

    def read(self, block: int, offset: int, length: int) -> bytes:
        """`length` bytes from `offset` of the payloads of a block. Raises sqlite3.Error or ValueError."""
        if not length:
            return b""
        layout = self._layout_of(block)
        place = layout.place(offset)
        with (
            self._db.mapped() if place > _FAR else nullcontext(),
            self._db.blob("payload", "bytes", block) as blob,
        ):
            return whole(layout.read(blob, place, length), length)

    def _layout_of(self, block: int) -> Layout:
        row = self._db.execute("SELECT repeats FROM payload WHERE block = ?", (block,)).fetchone()
        if row is None:
            raise ValueError(f"block {block} has no payloads")
        (column,) = row
        if self._layout is None or self._layout[:2] != (block, column):
            self._layout = block, column, Layout(column)
        return self._layout[2]

    def _find(self, frame_id: int) -> _Found | None:
        row = self._db.execute(
            "SELECT first, count, records, NULL FROM block WHERE first <= ? ORDER BY first DESC LIMIT 1",
            (frame_id,),
        ).fetchone()
        if row is None or frame_id >= row[0] + row[1]:
            return None
        _, records, _ = checks.block_row(row[1:])
        return _Found(row[0], StoredFrame(records, frame_id - row[0]))


def whole(payload: bytes, length: int) -> bytes:
    """`payload`, after a check of its length; raises ValueError."""
    if len(payload) != length:
        raise ValueError(f"{len(payload)} of the {length} bytes of a payload are there")
    return payload
