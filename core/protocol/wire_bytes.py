"""The exact bytes of one direction, cut by what was decoded from them.

wire.add(data)
for frame in decoded: piece = wire.take(frame_length(frame))      # or wire.pass_on(frame_length(frame))
rest = wire.collect()
"""

from __future__ import annotations

from collections import deque

from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import EXTENDED_LENGTH_BYTES, Frame


def frame_length(frame: Frame) -> int:
    """Bytes of a frame on the wire, as its header states."""
    key = 0 if frame.masking_key is None else 4
    return 2 + EXTENDED_LENGTH_BYTES[frame.length_form] + key + frame.declared_length


def run_length(run: FrameColumns) -> int:
    """Bytes of all frames of a run on the wire."""
    heads, keys, payloads, forms = run
    total = 2 * len(heads) + sum(map(len, payloads)) + 4 * (len(keys) - keys.count(None))
    if any(forms):
        total += 2 * forms.count(1) + 8 * forms.count(2)
    return total


class WireBytes:
    """Bytes that have come, until they have gone on or were taken. Whole reads that go on are not copied."""

    __slots__ = ("_ahead", "_at", "_chunks", "_going", "_held")

    def __init__(self, ahead: int = 0) -> None:
        """`ahead` bytes of the next frame have gone on already."""
        self._ahead = ahead
        self._chunks: deque[bytes] = deque()
        """What has come, as it came."""
        self._at = 0
        """How much of the first of these is gone."""
        self._held = 0
        """Bytes in them that are not gone."""
        self._going = 0
        """Bytes at the beginning that go on as they are."""

    def __len__(self) -> int:
        """Bytes that are here and do not go on yet."""
        return self._held - self._going

    @property
    def has_gone_ahead(self) -> bool:
        """Whether the next frame was begun to be passed on before it was whole."""
        return self._ahead > 0

    def add(self, data: bytes) -> None:
        """Take received bytes."""
        self._chunks.append(data)
        self._held += len(data)

    def pass_on(self, count: int) -> None:
        """Let the next `count` bytes go on; those that did before count too."""
        if self._ahead:
            gone = min(self._ahead, count)
            self._ahead -= gone
            count -= gone
        self._going += count

    def collect(self) -> list[bytes]:
        """What goes on and was not collected yet."""
        count, self._going = self._going, 0
        return self._cut(count)

    def take(self, count: int) -> bytes:
        """The next `count` bytes, which do not go on by themselves. Collect what does before."""
        assert not self._going, "what goes on stands before it"
        assert not self._ahead, "a part of it has gone on"
        pieces = self._cut(count)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def skip(self, count: int) -> None:
        """Let the next `count` bytes go nowhere, as far as they have not gone on. Collect what does before."""
        gone = min(self._ahead, count)
        self._ahead -= gone
        self._cut(count - gone)

    def run_ahead(self) -> None:
        """Let all that is here go on, though the frame is not whole."""
        count = len(self)
        self._going += count
        self._ahead += count

    def _cut(self, count: int) -> list[bytes]:
        """The next bytes, in pieces."""
        chunks, at = self._chunks, self._at
        self._held -= count
        pieces: list[bytes] = []
        while count:
            chunk = chunks[0]
            left = len(chunk) - at
            if left > count:
                pieces.append(chunk[at : at + count])
                at += count
                break
            pieces.append(chunk[at:] if at else chunk)
            chunks.popleft()
            at = 0
            count -= left
        self._at = at
        return pieces
