"""The exact bytes of one direction, cut by what was decoded from them.

wire.add(data)
for frame in decoded: piece = wire.take(frame_length(frame))      # or wire.pass_on(frame_length(frame))
rest = wire.collect()
"""

from __future__ import annotations

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
    """Bytes that have come, until they have gone on or were taken. What goes on together stays one piece."""

    __slots__ = ("_ahead", "_at", "_chunk", "_going", "_rest")

    def __init__(self, ahead: int = 0) -> None:
        """`ahead` bytes of the next frame have gone on already."""
        self._ahead = ahead
        self._chunk = b""
        """What came last; from `_at` on it is still here."""
        self._at = 0
        self._rest = bytearray()
        """What came before, if that did not end with a frame; then nothing is in `_chunk`."""
        self._going = 0
        """Bytes at the beginning that go on as they are."""

    def __len__(self) -> int:
        """Bytes that are here and do not go on yet."""
        return len(self._rest) + len(self._chunk) - self._at - self._going

    @property
    def has_gone_ahead(self) -> bool:
        """Whether the next frame was begun to be passed on before it was whole."""
        return self._ahead > 0

    def add(self, data: bytes) -> None:
        """Take received bytes. Collect what goes on first."""
        if not self._rest and self._at < len(self._chunk):
            # Grown in place: a large frame comes in many pieces.
            self._rest += memoryview(self._chunk)[self._at :]
        if self._rest:
            self._chunk, self._at = b"", 0
            self._rest += data
        else:
            self._chunk, self._at = data, 0

    def pass_on(self, count: int) -> None:
        """Let the next `count` bytes go on; those that did before count too."""
        if self._ahead:
            gone = min(self._ahead, count)
            self._ahead -= gone
            count -= gone
        self._going += count

    def collect(self) -> bytes:
        """What goes on and was not collected yet."""
        count, self._going = self._going, 0
        return self._cut(count)

    def take(self, count: int) -> bytes:
        """The next `count` bytes, which do not go on by themselves. Collect what does before."""
        assert not self._going, "what goes on stands before it"
        assert not self._ahead, "a part of it has gone on"
        return self._cut(count)

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

    def _cut(self, count: int) -> bytes:
        rest = self._rest
        if not rest:
            at = self._at
            self._at = at + count
            return self._chunk[at : at + count]
        with memoryview(rest) as view:
            piece = bytes(view[:count])
        del rest[:count]
        return piece
