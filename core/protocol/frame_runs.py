"""Many frames at once, by columns: lists of first bytes, masking keys and payloads instead of an object per frame.

A flood spends its time here. The plain twin is `core.protocol.frames`: `RunDecoder` gives the same frames as
`FrameDecoder`, in the same order, whatever the bytes and however they are cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from itertools import repeat
from typing import NamedTuple

from core.protocol.frames import Frame, FrameDecoder, apply_mask, parse_header

_LARGE = 32 * 1024
"""Larger frames are not copied once more to keep the code simple."""

PORTION = 1024
"""Frames decoded at once: about a millisecond of work, everything done with them included."""

_COLUMNS_FROM = 3
"""From this many frames on, columns are faster than single frames."""

_from_bytes = int.from_bytes
_new_frame: Callable[[type[Frame], Iterable[object]], Frame] = tuple.__new__


class FrameColumns(NamedTuple):
    """Consecutive data frames that are each a whole message by their first byte: FIN, no RSV bit.

    Thousands of frames are examined, sent and stored by columns, without building each of them.
    """

    heads: list[int]
    keys: list[bytes | None]
    payloads: list[bytes]
    forms: list[int]

    def frames(self) -> list[Frame]:
        """The run as single frames."""
        lengths = map(len, self.payloads)
        rows = zip(self.heads, self.keys, self.payloads, self.forms, lengths, strict=True)
        return list(map(_new_frame, repeat(Frame), rows))

    def part(self, start: int, stop: int) -> FrameColumns:
        """The frames `start`..`stop`."""
        heads, keys, payloads, forms = self
        return FrameColumns(heads[start:stop], keys[start:stop], payloads[start:stop], forms[start:stop])


Segment = Frame | FrameColumns


class _LargeFrame:
    """A frame that arrives in many pieces; each piece is unmasked on arrival, so that no step takes long."""

    __slots__ = ("_body", "_header", "missing")

    def __init__(self, data: bytes, start: int) -> None:
        """`data[start:]` begins with a complete header and ends inside the frame."""
        header = parse_header(data[start : start + 14])
        assert header is not None, "its length is known"
        self._header = header
        self._body = BytesIO()
        self.missing = header.length
        """Payload bytes that have not arrived."""
        self.add(data, start + header.size)

    @property
    def held_bytes(self) -> int:
        return self._header.size + self._body.tell()

    def add(self, data: bytes, start: int) -> int:
        """Take the frame's bytes from `data[start:]`; gives the place after them."""
        stop = min(start + self.missing, len(data))
        piece: bytes | memoryview = memoryview(data)[start:stop]
        key = self._header.masking_key
        if key is not None:
            turn = self._body.tell() % 4
            piece = apply_mask(piece, key[turn:] + key[:turn])
        self.missing -= self._body.write(piece)
        return stop

    def take(self) -> Frame:
        """The frame, truncated if bytes are missing; `getvalue` copies nothing."""
        return self._header.frame(self._body.getvalue())


class RunDecoder(FrameDecoder):
    """A `FrameDecoder` that gives consecutive plain data frames as columns."""

    __slots__ = ("_large", "_place", "_portion", "_undecoded", "_wanted", "has_more")

    def __init__(self, limit: int, portion: int = PORTION) -> None:
        super().__init__(limit)
        self._portion = portion
        self.has_more = False
        """Whether `feed_portion(b"")` may give more frames from bytes already received."""
        self._undecoded = b""
        """Bytes beyond the current portion, from `_place` on."""
        self._place = 0
        self._large: _LargeFrame | None = None
        """The large frame that is arriving; while it is, nothing else is held."""
        self._wanted = 2
        """Number of bytes that must be held before decoding is worth a try."""

    @property
    def held_bytes(self) -> int:
        """Bytes received of frames not yet given out."""
        large = 0 if self._large is None else self._large.held_bytes
        return len(self._held) + len(self._undecoded) - self._place + large

    @property
    def is_idle(self) -> bool:
        """Whether the next byte begins a frame, and nothing is held."""
        return not (self._held or self.has_more or self._large is not None or self.overlong)

    @property
    def holds_header(self) -> bool:
        """Whether `take_partial` has a frame."""
        return self._large is not None or super().holds_header

    def take_partial(self) -> tuple[Frame | None, bytes]:
        """What is left at the end of the stream, as in `FrameDecoder`; only valid when nothing more can be decoded."""
        if self._large is None:
            return super().take_partial()
        frame, self._large = self._large.take(), None
        return frame, b""

    def feed(self, data: bytes) -> list[Frame]:
        """All frames that `data` completes, one by one."""
        frames: list[Frame] = []
        segments = self.feed_portion(data)
        while self.has_more:
            segments += self.feed_portion(b"")
        for segment in segments:
            if isinstance(segment, FrameColumns):
                frames += segment.frames()
            else:
                frames.append(segment)
        return frames

    def feed_portion(self, data: bytes) -> list[Segment]:
        """The next frames that `data` completes, about `portion` of them, as columns where possible; see `has_more`."""
        segments: list[Segment] = []
        held, position = self._held, self._place
        if self.has_more:
            # While complete frames may be waiting, no part of an incomplete one is held.
            data = self._undecoded + data if data else self._undecoded
        elif self._large is not None:
            position = self._large.add(data, 0)
            if self._large.missing:
                return segments
            segments.append(self._large.take())
            self._large = None
        elif held:
            held += data
            if len(held) < self._wanted:
                return segments
            data = bytes(held)
            held.clear()
        elif frame := lone_frame(data, self._limit):
            return [frame]
        position, self._wanted = self._decode(data, position, segments)
        if not self._wanted and position < len(data):
            self._undecoded, self._place, self.has_more = data, position, True
            return segments
        if self.has_more:
            self._undecoded, self._place, self.has_more = b"", 0, False
        if self._wanted > _LARGE and not self.overlong:
            self._large = _LargeFrame(data, position)
        elif position < len(data):
            held += data[position:] if position else data
        return segments

    def _decode(self, data: bytes, position: int, segments: list[Segment]) -> tuple[int, int]:
        """Decode frames; gives the place after the last one, and how many bytes the next one needs at least (0:
        unknown).

        A single inlined loop, in the order of `frames.parse_header`.
        """
        run = FrameColumns([], [], [], [])
        heads, keys, payloads, forms = run
        end, wanted = len(data), 0
        for _ in repeat(None, self._portion):
            start = position + 2
            if start > end:
                wanted = 2
                break
            second = data[position + 1]
            length = second & 0x7F
            form = 0
            if length > 125:
                form = length - 125
                start += 2 if form == 1 else 8
                if start > end:
                    wanted = start - position
                    break
                length = _from_bytes(data[position + 2 : start], "big")
            key: bytes | None = None
            if second > 0x7F:
                start += 4
                if start > end:
                    wanted = start - position
                    break
                key = data[start - 4 : start]
            stop = start + length
            if stop > end:
                self.overlong = length > self._limit
                wanted = stop - position
                break
            payload = data[start:stop] if key is None else apply_mask(data[start:stop], key)
            head = data[position]
            if head == 0x82 or head == 0x81:
                heads.append(head)
                keys.append(key)
                payloads.append(payload)
                forms.append(form)
            else:
                _end_run(run, segments)
                run = FrameColumns([], [], [], [])
                heads, keys, payloads, forms = run
                segments.append(Frame(head, key, payload, form, length))
            position = stop
        _end_run(run, segments)
        return position, wanted


def lone_frame(data: bytes, limit: int) -> Frame | None:
    """The frame if `data` is exactly one without a 64-bit length, as from a peer that waits for each answer."""
    if len(data) < 2:
        return None
    second = data[1]
    length, start, form = second & 0x7F, 2, 0
    if length > 125:
        if length == 127:
            return None
        length, start, form = _from_bytes(data[2:4], "big"), 4, 1
    key: bytes | None = None
    if second > 0x7F:
        start += 4
        key = data[start - 4 : start]
    if len(data) - start != length or length > limit:
        return None
    payload = data[start:] if key is None else apply_mask(data[start:], key)
    return Frame(data[0], key, payload, form, length)


def _end_run(run: FrameColumns, segments: list[Segment]) -> None:
    """End a run; a few frames are faster one by one."""
    heads, keys, payloads, forms = run
    if len(heads) == 1:
        segments.append(Frame(heads[0], keys[0], payloads[0], forms[0], len(payloads[0])))
    elif len(heads) < _COLUMNS_FROM:
        segments += run.frames()
    else:
        segments.append(run)
