"""Counts through a frame that is too long to hold, so that the next frame is found."""

from __future__ import annotations

from core.protocol.frames import Frame


class ReadingPast:
    """One such frame. Only the beginning of its payload, which arrived together with its header, is kept."""

    __slots__ = ("came", "frame")

    def __init__(self, begun: Frame) -> None:
        self.frame = begun
        self.came = len(begun.payload)
        """Payload bytes that have arrived."""

    @property
    def is_past(self) -> bool:
        """Whether the whole frame has arrived."""
        return self.came == self.frame.declared_length

    @property
    def held_bytes(self) -> int:
        return len(self.frame.payload)

    def feed(self, data: bytes) -> bytes:
        """The part of `data` that follows the frame."""
        taken = min(len(data), self.frame.declared_length - self.came)
        self.came += taken
        return data[taken:]
