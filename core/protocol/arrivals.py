"""Frames that have arrived and are not yet examined; decoded in portions, plain ones in runs where possible."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from core.protocol.events import Report, RunReceived
from core.protocol.frame_runs import FrameColumns, RunDecoder, Segment
from core.protocol.frames import Frame

_FRAME_BYTES = 200
"""About what a decoded frame takes beside its bytes."""


class Arrivals:
    """A decoder and the frames it has decoded."""

    __slots__ = ("_decoded_bytes", "_frames", "_is_plain", "_segments", "decoder")

    def __init__(self, limit: int, is_plain: Callable[[FrameColumns], bool]) -> None:
        """`limit` is that of `FrameDecoder`. `is_plain` decides, when a run's turn comes, whether it can be taken as a
        whole.
        """
        self.decoder = RunDecoder(limit)
        self._is_plain = is_plain
        self._segments: deque[Segment] = deque()
        self._frames: deque[Frame] = deque()
        """Frames to be examined one by one; they precede `_segments`."""
        self._decoded_bytes: int | None = 0
        """About what all these take; None if it must be summed up again."""

    @property
    def decoded(self) -> bool:
        """Whether decoded frames are waiting."""
        return bool(self._frames or self._segments)

    @property
    def held_bytes(self) -> int:
        """Bytes held of frames that are still arriving, and about what frames take that are decoded and waiting."""
        if self._decoded_bytes is None:
            self._decoded_bytes = self._sum_decoded()
        return self.decoder.held_bytes + self._decoded_bytes

    @property
    def has_more(self) -> bool:
        """Whether `next_frame` has a frame, or `feed` with b"" may produce one."""
        return bool(self._frames or self._segments) or self.decoder.has_more

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, and the next byte begins a frame."""
        return not (self._frames or self._segments) and self.decoder.is_idle

    def feed(self, data: bytes) -> None:
        """Take received bytes; with b"", decode more if no decoded frame is left."""
        if data or not (self._frames or self._segments):
            self._segments += self.decoder.feed_portion(data)
            self._decoded_bytes = None

    def next_frame(self, reports: list[Report]) -> Frame | None:
        """The next frame to be examined by itself; plain runs before it are appended to `reports`."""
        while not self._frames and self._segments:
            segment = self._segments.popleft()
            if not isinstance(segment, FrameColumns):
                return self._taken(segment)
            if self._is_plain(segment):
                reports.append(RunReceived(segment))
                self._decoded_bytes = None
            else:
                self._frames += segment.frames()
        return self._taken(self._frames.popleft()) if self._frames else None

    def _taken(self, frame: Frame) -> Frame:
        if self._decoded_bytes is not None:
            self._decoded_bytes -= len(frame.payload) + _FRAME_BYTES
        return frame

    def _sum_decoded(self) -> int:
        payloads = [frame.payload for frame in self._frames]
        for segment in self._segments:
            if isinstance(segment, FrameColumns):
                payloads += segment.payloads
            else:
                payloads.append(segment.payload)
        return sum(map(len, payloads)) + len(payloads) * _FRAME_BYTES

    def put_back(self, frame: Frame) -> None:
        """Let `next_frame` give this frame again."""
        self._frames.appendleft(frame)
        self._decoded_bytes = None
