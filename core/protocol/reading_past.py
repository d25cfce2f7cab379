"""A frame that is longer than what is held of one: counted through, so that the next one is found."""

from __future__ import annotations

from core.protocol.frames import Frame


class ReadingPast:
    """One such frame. Of its payload only the beginning is kept, that had come when its header was read."""

    __slots__ = ("came", "frame")

    def __init__(self, begun: Frame) -> None:
        self.frame = begun
        self.came = len(begun.payload)
        """Bytes of its payload that have come."""

    @property
    def is_past(self) -> bool:
        """All of it has come."""
        return self.came == self.frame.declared_length

    @property
    def held_bytes(self) -> int:
        return len(self.frame.payload)

    def feed(self, data: bytes) -> bytes:
        """What of `data` follows the frame."""
        taken = min(len(data), self.frame.declared_length - self.came)
        self.came += taken
        return data[taken:]
