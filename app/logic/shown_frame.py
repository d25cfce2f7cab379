"""The frame shown in the details: its outline, and where to read its payload."""

from __future__ import annotations

from dataclasses import dataclass

from app.logic.shown_edit import ShownEdit, shown_edit
from core.capture.reader import CaptureReader
from core.capture.records import FrameOutline, FrameRow, PayloadPart
from core.capture.stored_payload import StoredPayload
from core.decoders.context import Context, context_of
from core.decoders.source import Held, Source
from core.protocol.handling import UNTOUCHED

AT_ONCE = 16 * 1024
"""Bytes of a payload that are read and shown immediately; longer ones are left to other threads."""


@dataclass(frozen=True, slots=True)
class ShownFrame:
    """One frame, however long."""

    outline: FrameOutline
    payload: Source
    """The frame's own payload, unmasked."""
    content: Source
    """The payload of the message that the frame completed; `payload` if there is none."""
    context: Context
    """Describes `content`."""
    edit: ShownEdit | None = None
    """What it was before, or became."""
    linked: tuple[int, ...] = ()
    """Frames in whose place it went on, or that went on in its place, or were sent because of it."""


def shown_frame(reader: CaptureReader, frame_id: int) -> ShownFrame | None:
    """Read a frame, but at most AT_ONCE of its payload; None if there is none. Raises CaptureError."""
    outline = reader.pieces.outline(frame_id)
    if outline is None:
        return None
    row = outline.row
    payload = _source(reader, frame_id, PayloadPart.FRAME, row.captured_length)
    is_own = row.message is not None and (
        row.message.compressed or row.message.frame_count > 1 or row.handling.is_redacted
    )
    content = _source(reader, frame_id, PayloadPart.MESSAGE, row.content_length) if is_own else payload
    opcode = row.opcode if row.message is None else row.message.opcode
    context = context_of(reader.connection(row.connection), opcode, row.direction)
    return ShownFrame(outline, payload, content, context, shown_edit(reader, row), _linked(reader, row))


def _linked(reader: CaptureReader, row: FrameRow) -> tuple[int, ...]:
    if row.handling is UNTOUCHED and row.cause is None:
        return ()
    causes = [] if row.cause is None else [row.cause]
    return (*causes, *reader.handlings.consequences(row.id))


def is_at_hand(source: Source) -> bool:
    """Whether a source is short and in memory, so that it can be processed immediately."""
    return source.is_held and len(source) <= AT_ONCE


def _source(reader: CaptureReader, frame_id: int, part: PayloadPart, length: int) -> Source:
    if length <= AT_ONCE:
        return Held(reader.pieces.payload(frame_id, part, 0, length) or b"")
    return StoredPayload(reader.path, frame_id, part, length)
