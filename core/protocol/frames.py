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
from typing import NamedTuple

FIN = 0x80
RSV1 = 0x40
RSV2 = 0x20
RSV3 = 0x10
RSV = RSV1 | RSV2 | RSV3
MASK = 0x80

_LARGE = 256 * 1024
"""Bytes from which on a payload is masked in pieces; a multiple of 4."""

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


def apply_mask(data: bytes | memoryview, masking_key: bytes) -> bytes:
    """Mask or unmask: transformed octet i is octet i XOR key octet i mod 4 (RFC 6455 section 5.3)."""
    length = len(data)
    if length > _LARGE:
        # Piece by piece, because numbers as long as the data would take several times its memory.
        with memoryview(data) as view, BytesIO() as masked:
            for at in range(0, length, _LARGE):
                masked.write(apply_mask(view[at : at + _LARGE], masking_key))
            return masked.getvalue()
    stream = (masking_key * ((length + 3) >> 2))[:length]
    return (_from_bytes(data, "little") ^ _from_bytes(stream, "little")).to_bytes(length, "little")


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
        held = self._held
        if held:
            held += data
            if len(held) < self._wanted:
                return []
            if self._wanted > _LARGE:
                return self._feed_large()
            data = bytes(held)
            held.clear()
        frames, position, self._wanted = self._decode(data)
        if position < len(data):
            held += data[position:] if position else data
        return frames

    def _feed_large(self) -> list[Frame]:
        """What is held begins with a large frame, whole: take it without a copy of all that is held."""
        held, stop = self._held, self._wanted
        header = parse_header(held[:14])
        assert header is not None, "its length is known"
        with memoryview(held) as view, view[header.size : stop] as body:
            key = header.masking_key
            payload = bytes(body) if key is None else apply_mask(body, key)
            rest = bytes(view[stop:])
        frame = Frame(held[0], key, payload, header.length_form, header.length)
        held.clear()
        self._wanted = 2
        return [frame, *self.feed(rest)]

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

    def _decode(self, data: bytes) -> tuple[list[Frame], int, int]:
        """Frames, the position after the last of them, and how many bytes the next one wants at least.

        One loop with everything in line: this is where a flood spends its time.
        """
        frames: list[Frame] = []
        append = frames.append
        new: Callable[[type[Frame], Iterable[object]], Frame] = tuple.__new__
        position, end = 0, len(data)
        while True:
            start = position + 2
            if start > end:
                return frames, position, 2
            second = data[position + 1]
            length = second & 0x7F
            form = 0
            if length > 125:
                form = length - 125
                start += 2 if form == 1 else 8
                if start > end:
                    return frames, position, start - position
                length = _from_bytes(data[position + 2 : start], "big")
            if second > 0x7F:
                stop = start + 4 + length
                if stop > end:
                    if start + 4 > end:
                        return frames, position, start + 4 - position
                    self.overlong = length > self._limit
                    return frames, position, stop - position
                key = data[start : start + 4]
                stream = (key * ((length + 3) >> 2))[:length]
                payload = (
                    _from_bytes(data[start + 4 : stop], "little") ^ _from_bytes(stream, "little")
                ).to_bytes(length, "little")
                append(new(Frame, (data[position], key, payload, form, length)))
            else:
                stop = start + length
                if stop > end:
                    self.overlong = length > self._limit
                    return frames, position, stop - position
                append(new(Frame, (data[position], None, data[start:stop], form, length)))
            position = stop


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
