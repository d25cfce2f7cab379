"""The frames of what rules were applied to, as they may be recorded."""

from __future__ import annotations

from core.capture.blocks import OneFrame
from core.protocol.events import Caused, Completes, FrameReceived, Message, Ruled, RunReceived, singly


def frames_of(told: Ruled) -> list[FrameReceived]:
    """Those of `told`. Where something else is to be recorded, they have no payload, and that as their message."""
    came = told.received
    frames = [came] if isinstance(came, FrameReceived) else _single(came)
    return frames if told.recorded is None else [_redacted(each, told.recorded) for each in frames]


def _single(run: RunReceived) -> list[FrameReceived]:
    return [each for each in singly((run,)) if isinstance(each, FrameReceived)]


def _redacted(came: FrameReceived, recorded: bytes) -> FrameReceived:
    """The header tells what was on the wire; of the payload only what may be recorded is left."""
    frame, completes = came.frame, came.completes
    if completes is None:
        # A control frame, or not the last one of its message.
        return came._replace(frame=frame._replace(payload=recorded[: frame.declared_length]))
    if completes is Completes.ITSELF:
        completes = Message(
            frame.opcode, b"", compressed=False, frame_count=1, wire_length=len(frame.payload)
        )
    assert isinstance(completes, Message)
    return came._replace(frame=frame._replace(payload=b""), completes=completes._replace(payload=recorded))


def unrecorded_bytes(told: Ruled | Caused, recorded: OneFrame) -> int:
    """Bytes of a frame's payload that were on the wire and are left out of the capture."""
    if not isinstance(told, Ruled) or told.recorded is None:
        return 0
    return recorded.frame.declared_length - len(recorded.frame.payload)
