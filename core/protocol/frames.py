"""The frame of RFC 6455 section 5.2: its value, its decoder, its encoder and its masking.

The decoder is tolerant: it judges nothing and hands out every frame that can be framed at all, odd ones
included. `core.protocol.connection` judges.

Source: RFC 6455 sections 5.2 (base framing) and 5.3 (masking).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from enum import IntEnum
from io import BytesIO
from itertools import repeat
from typing import NamedTuple

try:
    # A hundred times as quick on large payloads, four times on small ones.
    from websockets.speedups import apply_mask as _compiled_mask
except ImportError:
    # websockets comes without its compiled part where there is no wheel.
    HAS_COMPILED_MASK = False
else:
    HAS_COMPILED_MASK = True

FIN = 0x80
RSV1 = 0x40
RSV2 = 0x20
RSV3 = 0x10
RSV = RSV1 | RSV2 | RSV3
MASK = 0x80

_LARGE = 32 * 1024
"""Bytes from which on a frame is not copied once more for the sake of simplicity."""
_PIECE = 256 * 1024
"""Bytes that are masked at once without the compiled part; a multiple of 4."""

_COLUMNS_FROM = 3
"""From this many frames on a run is quicker by columns than one by one."""

_from_bytes = int.from_bytes


class Opcode(IntEnum):
    """RFC 6455 section 11.8; every other value is reserved."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


OPCODE_NAMES: dict[int, str] = {opcode.value: opcode.name.lower() for opcode in Opcode}


def opcode_name(opcode: int) -> str:
    """The RFC's word for an opcode, or `reserved 0x3` for one it reserves."""
    return OPCODE_NAMES.get(opcode) or f"reserved 0x{opcode:X}"


class LengthForm(IntEnum):
    """Which of the three encodings of the payload length stands on the wire (RFC 6455 section 5.2)."""

    SEVEN_BIT = 0
    SIXTEEN_BIT = 1
    SIXTY_FOUR_BIT = 2


def shortest_length_form(length: int) -> LengthForm:
    """The only form RFC 6455 section 5.2 allows for a payload of `length` bytes."""
    if length < 126:
        return LengthForm.SEVEN_BIT
    return LengthForm.SIXTEEN_BIT if length < 0x10000 else LengthForm.SIXTY_FOUR_BIT


class Frame(NamedTuple):
    """One frame as it stood on the wire, unmasked. `wire()` gives back the exact bytes.

    A named tuple and not a dataclass because two of them are built for every echoed message: a frozen
    dataclass costs several times as much.
    """

    head: int
    """The first byte: FIN, RSV1-3 and opcode."""
    masking_key: bytes | None
    """Four bytes, or None where the MASK bit is 0."""
    payload: bytes
    """Unmasked; compressed data stays compressed. Shorter than `declared_length` only when `truncated`."""
    length_form: int
    """A `LengthForm`."""
    declared_length: int
    """The payload length that the header states."""

    @property
    def fin(self) -> bool:
        return self.head & FIN != 0

    @property
    def rsv1(self) -> bool:
        return self.head & RSV1 != 0

    @property
    def rsv2(self) -> bool:
        return self.head & RSV2 != 0

    @property
    def rsv3(self) -> bool:
        return self.head & RSV3 != 0

    @property
    def opcode(self) -> int:
        return self.head & 0x0F

    @property
    def masked(self) -> bool:
        return self.masking_key is not None

    @property
    def is_control(self) -> bool:
        """RFC 6455 section 5.5: the most significant bit of the opcode is 1."""
        return self.head & 0x08 != 0

    @property
    def truncated(self) -> bool:
        """The stream ended, or was cut off at a limit, before the declared payload had arrived."""
        return len(self.payload) != self.declared_length

    def header(self) -> bytes:
        """The wire bytes before the payload: 2 to 14 of them."""
        return encode_header(self.head, self.masking_key, self.declared_length, self.length_form)

    def masked_payload(self) -> bytes:
        """The payload as it stood on the wire."""
        return self.payload if self.masking_key is None else apply_mask(self.payload, self.masking_key)

    def wire(self) -> bytes:
        """Exactly the bytes that were on the wire."""
        return self.header() + self.masked_payload()


class FrameColumns(NamedTuple):
    """Whole data frames that follow each other, each a message in itself by its first byte: FIN, no RSV bit.

    What thousands of frames have in common is looked at, sent and stored by columns, without building each of them.
    """

    heads: list[int]
    keys: list[bytes | None]
    payloads: list[bytes]
    forms: list[int]

    def frames(self) -> list[Frame]:
        lengths = map(len, self.payloads)
        rows = zip(self.heads, self.keys, self.payloads, self.forms, lengths, strict=True)
        return list(map(_new_frame, repeat(Frame), rows))

    def part(self, start: int, stop: int) -> FrameColumns:
        heads, keys, payloads, forms = self
        return FrameColumns(heads[start:stop], keys[start:stop], payloads[start:stop], forms[start:stop])


_new_frame: Callable[[type[Frame], Iterable[object]], Frame] = tuple.__new__
Segment = Frame | FrameColumns


def encode_header(head: int, masking_key: bytes | None, length: int, length_form: int) -> bytes:
    """The header of a frame in the given length form, minimal or not (RFC 6455 section 5.2)."""
    mask = 0 if masking_key is None else MASK
    if length_form == LengthForm.SEVEN_BIT:
        prefix = bytes((head, mask | length))
    elif length_form == LengthForm.SIXTEEN_BIT:
        prefix = bytes((head, mask | 126)) + length.to_bytes(2, "big")
    else:
        prefix = bytes((head, mask | 127)) + length.to_bytes(8, "big")
    return prefix if masking_key is None else prefix + masking_key


def mask_by_numbers(data: bytes | bytearray | memoryview, masking_key: bytes) -> bytes:
    """`apply_mask` where websockets comes without its compiled part."""
    length = len(data)
    if length > _PIECE:
        # Piece by piece, because numbers as long as the data would take several times its memory.
        with memoryview(data) as view, BytesIO() as masked:
            for at in range(0, length, _PIECE):
                masked.write(mask_by_numbers(view[at : at + _PIECE], masking_key))
            return masked.getvalue()
    stream = (masking_key * ((length + 3) >> 2))[:length]
    return (_from_bytes(data, "little") ^ _from_bytes(stream, "little")).to_bytes(length, "little")


apply_mask: Callable[[bytes | bytearray | memoryview, bytes], bytes]
apply_mask = _compiled_mask if HAS_COMPILED_MASK else mask_by_numbers
"""Mask or unmask: transformed octet i is octet i XOR key octet i mod 4 (RFC 6455 section 5.3)."""


def new_masking_key() -> bytes:
    """Four unpredictable bytes (RFC 6455 section 5.3 wants a strong source of entropy)."""
    return secrets.token_bytes(4)


def make_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masking_key: bytes | None = None,
) -> Frame:
    """A frame with the shortest length form. `rsv` is any of RSV1, RSV2, RSV3 joined with `|`."""
    length = len(payload)
    head = (FIN if fin else 0) | rsv | opcode
    return Frame(head, masking_key, payload, int(shortest_length_form(length)), length)


class FrameDecoder:
    """Bytes in, frames out, over any split. Judges nothing; see the module's docstring.

    `limit` bounds the payload of one frame: when a header declares more, `overlong` is set, nothing may be fed
    any more, and `take_partial` hands out what there is of that frame, truncated.
    """

    __slots__ = ("_held", "_limit", "_wanted", "overlong")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Grown in place: linear, and no larger than what came, however small the reads are.
        self._held = bytearray()
        self._wanted = 2
        self.overlong = False
        """A header declared more than the limit."""

    def feed(self, data: bytes) -> list[Frame]:
        """All frames that `data` completes."""
        frames: list[Frame] = []
        for segment in self.feed_segments(data):
            if isinstance(segment, FrameColumns):
                frames += segment.frames()
            else:
                frames.append(segment)
        return frames

    def feed_segments(self, data: bytes) -> list[Segment]:
        """All frames that `data` completes, those by columns that can be."""
        segments: list[Segment] = []
        held = self._held
        if held:
            held += data
            if len(held) < self._wanted:
                return segments
            data = self._take_large(segments) if self._wanted > _LARGE else bytes(held)
            # A new one: to shrink a large one and to grow it again has the system map memory anew, each time.
            held = self._held = bytearray()
        position, self._wanted = self._decode(data, segments)
        if position < len(data):
            held += data[position:] if position else data
        return segments

    def _take_large(self, segments: list[Segment]) -> bytes:
        """What is held begins with a large frame, whole: add it without a copy of all that is held; the rest."""
        held, stop = self._held, self._wanted
        header = parse_header(held[:14])
        assert header is not None, "its length is known"
        with memoryview(held) as view, view[header.size : stop] as body:
            key = header.masking_key
            payload = bytes(body) if key is None else apply_mask(body, key)
            segments.append(Frame(held[0], key, payload, header.length_form, header.length))
            return bytes(view[stop:])

    def take_partial(self) -> tuple[Frame | None, bytes]:
        """What is left at the end of the stream: a truncated frame, or bytes that are less than a header."""
        data = bytes(self._held)
        self._held.clear()
        header = parse_header(data)
        if header is None:
            return None, data
        start, length = header.size, header.length
        payload = data[start : start + length]
        if header.masking_key is not None:
            payload = apply_mask(payload, header.masking_key)
        frame = Frame(data[0], header.masking_key, payload, header.length_form, length)
        return frame, data[start + length :]

    def _decode(self, data: bytes, segments: list[Segment]) -> tuple[int, int]:
        """The position after the last frame, and how many bytes the next one wants at least.

        One loop with everything in line: this is where a flood spends its time.
        """
        run = FrameColumns([], [], [], [])
        heads, keys, payloads, forms = run
        position, end = 0, len(data)
        while True:
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


def _end_run(run: FrameColumns, segments: list[Segment]) -> None:
    """Few frames are quicker one by one."""
    heads, keys, payloads, forms = run
    if len(heads) == 1:
        segments.append(Frame(heads[0], keys[0], payloads[0], forms[0], len(payloads[0])))
    elif len(heads) < _COLUMNS_FROM:
        segments += run.frames()
    else:
        segments.append(run)


class Header(NamedTuple):
    """A frame's header, parsed alone."""

    size: int
    length: int
    length_form: int
    masking_key: bytes | None


def parse_header(data: bytes | bytearray) -> Header | None:
    """The header that `data` begins with, or None where it is not complete yet (RFC 6455 section 5.2)."""
    if len(data) < 2:
        return None
    length = data[1] & 0x7F
    start, form = 2, LengthForm.SEVEN_BIT
    if length == 126:
        start, form = 4, LengthForm.SIXTEEN_BIT
    elif length == 127:
        start, form = 10, LengthForm.SIXTY_FOUR_BIT
    size = start + 4 if data[1] & MASK else start
    if len(data) < size:
        return None
    if form:
        length = _from_bytes(data[2:start], "big")
    return Header(size, length, int(form), bytes(data[start:size]) if data[1] & MASK else None)
