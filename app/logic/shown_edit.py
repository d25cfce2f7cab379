"""An edit, from either of its ends: the message that came, and the one that went on in its place. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass

from app.logic.differing import Content
from core.capture.reader import CaptureReader
from core.capture.records import FrameRow, PayloadPart
from core.capture.stored_payload import StoredPayload
from core.decoders.context import context_of
from core.decoders.source import Held, Source
from core.protocol.events import Origin
from core.protocol.handling import Fate

_AT_ONCE = 16 * 1024


@dataclass(frozen=True, slots=True)
class ShownEdit:
    """Both messages."""

    original: int
    """Id of the frame that completed the message that came."""
    edited: int
    """Id of the frame that completed the one that went on."""
    before: Content
    after: Content


def shown_edit(reader: CaptureReader, row: FrameRow) -> ShownEdit | None:
    """The edit that a frame is part of; None if it is of none, or its other end is gone. Raises CaptureError."""
    if row.origin is Origin.EDITED and row.cause is not None:
        first = row.cause
    elif row.fate is Fate.REPLACED:
        first = row.id
    else:
        return None
    handlings = reader.handlings
    original = _completing(reader.rows_of(handlings.unit(first)))
    edited = _completing(
        [each for each in reader.rows_of(handlings.consequences(first)) if each.origin is Origin.EDITED]
    )
    if original is None or edited is None:
        return None
    return ShownEdit(original.id, edited.id, _content(reader, original), _content(reader, edited))


def _completing(rows: list[FrameRow]) -> FrameRow | None:
    """The frame with the whole message, else the last."""
    whole = [row for row in rows if row.message is not None]
    return next(iter((whole or rows)[-1:]), None)


def _content(reader: CaptureReader, row: FrameRow) -> Content:
    source: Source
    if row.content_length <= _AT_ONCE:
        source = Held(reader.pieces.payload(row.id, PayloadPart.MESSAGE, 0, row.content_length) or b"")
    else:
        source = StoredPayload(reader.path, row.id, PayloadPart.MESSAGE, row.content_length)
    opcode = row.opcode if row.message is None else row.message.opcode
    return Content(source, context_of(reader.connection(row.connection), opcode, row.direction))
