"""Frames as text for the clipboard."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import Enum, auto

from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord
from core.formats.jsonl import frame_line

COPY_FRAMES = 10_000
COPY_CHARS = 16 * 1024 * 1024
"""Limit of copied text, because every program that watches the clipboard gets all of it at once."""


class CopyFormat(Enum):
    """What a frame is copied as."""

    TEXT = auto()
    """The message that the frame completed, else the frame's payload, as UTF-8; invalid bytes as `\\xff`."""
    HEX = auto()
    BASE64 = auto()
    JSON = auto()
    """Everything known about the frame, as one JSON object."""


_CHARS_A_BYTE = {CopyFormat.TEXT: 0.25, CopyFormat.HEX: 3, CopyFormat.BASE64: 4 / 3, CopyFormat.JSON: 0.25}
"""Least number of characters that a byte becomes."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Text for the clipboard, one or more lines per frame."""

    text: str
    frames: int
    """Number of frames in it; limits may have cut off the rest."""


def copy_frames(reader: CaptureReader, frame_ids: list[int], copy_format: CopyFormat) -> Copied:
    """Copy frames in the given order, within COPY_FRAMES and COPY_CHARS. Raises CaptureError if they can't be read."""
    pieces: list[str] = []
    sources: dict[int, str | None] = {}
    size = 0
    for frame_id in frame_ids[:COPY_FRAMES]:
        if size + reader.pieces.content_length(frame_id) * _CHARS_A_BYTE[copy_format] > COPY_CHARS:
            break
        record = reader.frame(frame_id)
        if record is None:
            continue
        if copy_format is CopyFormat.JSON:
            connection = record.row.connection
            if connection not in sources:
                sources[connection] = _source(reader, connection)
            piece = frame_line(record, sources[connection])
        else:
            piece = _piece(record, copy_format)
        size += len(piece)
        if size > COPY_CHARS:
            break
        pieces.append(piece)
    return Copied("\n".join(pieces), len(pieces))


def _source(reader: CaptureReader, connection: int) -> str | None:
    record = reader.connection(connection)
    return None if record is None or record.source is None else record.source.name


def _piece(record: FrameRecord, copy_format: CopyFormat) -> str:
    payload = record.frame.payload if record.message_payload is None else record.message_payload
    if copy_format is CopyFormat.HEX:
        return payload.hex(" ")
    if copy_format is CopyFormat.BASE64:
        return base64.b64encode(payload).decode("ascii")
    return payload.decode("utf-8", "backslashreplace")
