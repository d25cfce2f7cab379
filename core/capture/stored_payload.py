"""A payload in a capture file that any thread can read piece by piece."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from core.capture.reader import CaptureReader
from core.capture.records import PayloadPart
from core.errors import CaptureError


class StoredPayload:
    """One payload of one frame. Nothing is held: each piece is read through its own reader."""

    is_held = False

    def __init__(self, path: Path, frame_id: int, part: PayloadPart, length: int) -> None:
        """`length` is the payload's length by the frame's row."""
        self._path = path
        self._frame_id = frame_id
        self._part = part
        self._length = length

    def __len__(self) -> int:
        return self._length

    def read(self, start: int, end: int) -> bytes:
        """Bytes `start`..`end`, fewer at the end. Raises CaptureError if they can't be read, or are gone."""
        start, end = max(start, 0), min(end, self._length)
        if start >= end:
            return b""
        with closing(CaptureReader(self._path)) as reader:
            found = reader.pieces.payload(self._frame_id, self._part, start, end)
        if found is None or len(found) != end - start:
            raise CaptureError(
                f"Frame {self._frame_id} is not in the capture any more: it was cleared. Select another one."
            )
        return found
