"""Frames that have come and wait to be looked at: decoded in portions, a run of plain ones at once where it may be."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from core.protocol.events import Report, RunReceived
from core.protocol.frame_runs import FrameColumns, RunDecoder, Segment
from core.protocol.frames import Frame


class Arrivals:
    """A decoder and what it has decoded."""

    __slots__ = ("_frames", "_is_plain", "_segments", "decoder")

    def __init__(self, limit: int, is_plain: Callable[[FrameColumns], bool]) -> None:
        """`limit` as in `FrameDecoder`. `is_plain` says whether a run may be taken as it is, when its turn comes."""
        self.decoder = RunDecoder(limit)
        self._is_plain = is_plain
        self._segments: deque[Segment] = deque()
        self._frames: deque[Frame] = deque()
        """Frames that are looked at one by one; they came before `_segments`."""

    @property
    def decoded(self) -> bool:
        """There are frames that have been decoded."""
        return bool(self._frames or self._segments)

    @property
    def has_more(self) -> bool:
        """`next_frame` has something to hand out, or `feed` with b"" may bring more."""
        return bool(self._frames or self._segments) or self.decoder.has_more

    def feed(self, data: bytes) -> None:
        """Take what has come; with b"", decode on if there is nothing left of what is decoded."""
        if data or not self.decoded:
            self._segments += self.decoder.feed_portion(data)

    def next_frame(self, reports: list[Report]) -> Frame | None:
        """The next frame that is to be looked at by itself; runs before it that are plain go to `reports`."""
        while not self._frames and self._segments:
            segment = self._segments.popleft()
            if not isinstance(segment, FrameColumns):
                return segment
            if self._is_plain(segment):
                reports.append(RunReceived(segment))
            else:
                self._frames += segment.frames()
        return self._frames.popleft() if self._frames else None

    def put_back(self, frame: Frame) -> None:
        """`next_frame` hands it out again."""
        self._frames.appendleft(frame)
