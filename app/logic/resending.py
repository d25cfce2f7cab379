"""Frames that were seen, as something to send again. No Qt here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.logic.compose import ComposeKind, Draft
from core.capture.records import FrameRecord
from core.errors import PayloadError
from core.protocol.close_codes import close_code, close_reason, closing_payload
from core.protocol.frames import LARGEST_CONTROL_PAYLOAD, Opcode
from core.protocol.outgoing import (
    Compression,
    Outgoing,
    OutgoingClose,
    OutgoingMessage,
    OutgoingPing,
    OutgoingPong,
)

MOST_STEPS = 10_000
MOST_BYTES = 64 * 1024 * 1024
"""Payload bytes of a sequence."""


def draft_of(record: FrameRecord) -> Draft:
    """What a frame carries, as it is written in a composer: the whole message if it completes one."""
    opcode, payload = record.row.opcode, _payload(record)
    if opcode == Opcode.CLOSE:
        return Draft(ComposeKind.CLOSE, close_reason(payload) or "", close_code(payload))
    if opcode in (Opcode.PING, Opcode.PONG):
        kind = ComposeKind.PING if opcode == Opcode.PING else ComposeKind.PONG
        return Draft(kind, payload.decode("utf-8", "replace"))
    message = record.row.message
    fragments = 1 if message is None else message.frame_count
    is_compressed = message is not None and message.compressed
    compression = Compression.AS_NEGOTIATED if is_compressed else Compression.NEVER
    text = _text(payload) if (opcode if message is None else message.opcode) == Opcode.TEXT else None
    if text is None:
        return Draft(ComposeKind.HEX, payload.hex(" "), None, fragments, compression)
    return Draft(ComposeKind.TEXT, text, None, fragments, compression)


def can_be_written(record: FrameRecord) -> bool:
    """Whether a correct frame can carry the same; else it can be sent as a raw frame only."""
    if record.row.message is not None:
        return True
    try:
        return _control(record) is not None
    except PayloadError:
        return False


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a sequence."""

    at_seconds: float
    """Time since the beginning of the round."""
    outgoing: Outgoing


@dataclass(frozen=True, slots=True)
class Sequence:
    """Messages and control frames in their rhythm."""

    steps: tuple[Step, ...]
    left_out: int
    """Frames that are no end of a message, and none that a correct sender could send."""

    @property
    def seconds(self) -> float:
        """Time from the first to the last."""
        return self.steps[-1].at_seconds if self.steps else 0.0


def sequence_of(records: Iterable[FrameRecord]) -> Sequence:
    """What these frames carry, with the time between them. Raises PayloadError if that is too much."""
    steps: list[Step] = []
    start_ns: int | None = None
    left_out = size = 0
    for record in records:
        outgoing = _outgoing(record)
        if outgoing is None:
            left_out += 1
            continue
        size += len(_payload(record))
        if len(steps) >= MOST_STEPS or size > MOST_BYTES:
            raise PayloadError(
                f"That is too much for a sequence: it has at most {MOST_STEPS} messages and 64 MiB. Select fewer."
            )
        start_ns = record.row.time_ns if start_ns is None else start_ns
        steps.append(Step(max(0.0, (record.row.time_ns - start_ns) / 1e9), outgoing))
    return Sequence(tuple(steps), left_out)


def _outgoing(record: FrameRecord) -> Outgoing | None:
    message = record.row.message
    if message is not None:
        compression = Compression.AS_NEGOTIATED if message.compressed else Compression.NEVER
        return OutgoingMessage(Opcode(message.opcode), _payload(record), message.frame_count, compression)
    try:
        return _control(record)
    except PayloadError:
        return None


def _control(record: FrameRecord) -> Outgoing | None:
    """A control frame, if a correct sender could send it. Raises PayloadError."""
    opcode, payload = record.row.opcode, record.frame.payload
    if not record.frame.fin or len(payload) > LARGEST_CONTROL_PAYLOAD or record.frame.truncated:
        return None
    if opcode == Opcode.PING:
        return OutgoingPing(payload)
    if opcode == Opcode.PONG:
        return OutgoingPong(payload)
    if opcode != Opcode.CLOSE or len(payload) == 1:
        return None
    code = close_code(payload)
    reason = _text(payload[2:])
    if reason is None:
        return None
    closing_payload(code, reason)
    return OutgoingClose(code, reason)


def _payload(record: FrameRecord) -> bytes:
    whole = record.message_payload
    return record.frame.payload if whole is None else whole


def _text(payload: bytes) -> str | None:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None
