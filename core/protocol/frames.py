"""The frame of RFC 6455 section 5.2: its value, header and masking, and a decoder that reads one frame after the other.

The decoder judges nothing. It gives every frame that can be delimited, odd ones included; `core.protocol.judge` says
what is wrong with them. `core.protocol.frame_runs` reads the same frames by columns, which is faster.

Source: RFC 6455 sections 5.2 (base framing) and 5.3 (masking).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from enum import IntEnum
from io import BytesIO
from typing import NamedTuple

try:
    # A hundred times as fast on large payloads, four times on small ones.
    from websockets.speedups import apply_mask as _compiled_mask
except ImportError:
    # websockets lacks its compiled part on platforms without a wheel.
    HAS_COMPILED_MASK = False
else:
    HAS_COMPILED_MASK = True

# The first byte.
FIN = 0b1000_0000
RSV1 = 0b0100_0000
RSV2 = 0b0010_0000
RSV3 = 0b0001_0000
RSV = RSV1 | RSV2 | RSV3
OPCODE = 0b0000_1111
CONTROL = 0b0000_1000
"""The bit of the opcode that control frames have set (RFC 6455 section 5.5)."""

# The second byte.
MASK = 0b1000_0000
PAYLOAD_LENGTH = 0b0111_1111
LARGEST_SEVEN_BIT_LENGTH = 125
SIXTEEN_BITS_FOLLOW = 126
SIXTY_FOUR_BITS_FOLLOW = 127

LARGEST_CONTROL_PAYLOAD = 125
"""Bytes that a control frame may carry (RFC 6455 section 5.5)."""

_PIECE = 256 * 1024
"""Bytes masked at once without the compiled part; a multiple of 4."""

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


EXTENDED_LENGTH_BYTES = (0, 2, 8)
"""Bytes of extended payload length, by `LengthForm`."""

LARGEST_LENGTH = (LARGEST_SEVEN_BIT_LENGTH, 0xFFFF, 0xFFFF_FFFF_FFFF_FFFF)
"""The largest payload length that can be stated, by `LengthForm`."""


def shortest_length_form(length: int) -> LengthForm:
    """The only form RFC 6455 section 5.2 allows for a payload of `length` bytes."""
    if length <= LARGEST_SEVEN_BIT_LENGTH:
        return LengthForm.SEVEN_BIT
    return LengthForm.SIXTEEN_BIT if length < 0x10000 else LengthForm.SIXTY_FOUR_BIT


class Frame(NamedTuple):
    """One frame as it was on the wire, unmasked. `wire()` gives back the exact bytes.

    It is a named tuple because two are built for every echoed message; a frozen dataclass costs several times as much.
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
        return self.head & OPCODE

    @property
    def masked(self) -> bool:
        return self.masking_key is not None

    @property
    def is_control(self) -> bool:
        """RFC 6455 section 5.5: the most significant bit of the opcode is 1."""
        return self.head & CONTROL != 0

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


class Header(NamedTuple):
    """A frame's header."""

    head: int
    """The first byte."""
    masking_key: bytes | None
    length_form: int
    length: int
    """The payload length that the header states."""
    size: int
    """Size of the header: 2 to 14 bytes."""

    def frame(self, payload: bytes) -> Frame:
        """The frame with this header. `payload` is unmasked; it may be only the beginning."""
        return Frame(self.head, self.masking_key, payload, self.length_form, self.length)


def parse_header(data: bytes | bytearray) -> Header | None:
    """The header at the beginning of `data`; None if it is incomplete (RFC 6455 section 5.2)."""
    size = 2
    if len(data) < size:
        return None
    # Byte 0: FIN, RSV1, RSV2, RSV3, opcode. Byte 1: MASK, payload length.
    head, second = data[0], data[1]
    length, form = second & PAYLOAD_LENGTH, LengthForm.SEVEN_BIT
    # Section 5.2, "Extended payload length": 2 or 8 bytes, the most significant first.
    if length == SIXTEEN_BITS_FOLLOW:
        form = LengthForm.SIXTEEN_BIT
    elif length == SIXTY_FOUR_BITS_FOLLOW:
        form = LengthForm.SIXTY_FOUR_BIT
    if form is not LengthForm.SEVEN_BIT:
        size += EXTENDED_LENGTH_BYTES[form]
        if len(data) < size:
            return None
        length = _from_bytes(data[2:size], "big")
    # Section 5.2, "Masking-key": 4 bytes where the MASK bit is set.
    key: bytes | None = None
    if second & MASK:
        size += 4
        if len(data) < size:
            return None
        key = bytes(data[size - 4 : size])
    return Header(head, key, int(form), length, size)


def encode_header(head: int, masking_key: bytes | None, length: int, length_form: int) -> bytes:
    """The header of a frame in the given length form, shortest or not (RFC 6455 section 5.2)."""
    mask = 0 if masking_key is None else MASK
    if length_form == LengthForm.SEVEN_BIT:
        prefix = bytes((head, mask | length))
    elif length_form == LengthForm.SIXTEEN_BIT:
        prefix = bytes((head, mask | SIXTEEN_BITS_FOLLOW)) + length.to_bytes(2, "big")
    else:
        prefix = bytes((head, mask | SIXTY_FOUR_BITS_FOLLOW)) + length.to_bytes(8, "big")
    return prefix if masking_key is None else prefix + masking_key


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


def mask_by_numbers(data: bytes | bytearray | memoryview, masking_key: bytes) -> bytes:
    """`apply_mask` for platforms where websockets lacks its compiled part."""
    length = len(data)
    if length > _PIECE:
        # Done in pieces, because integers as long as the data would take several times its memory.
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


class FrameDecoder:
    """Turns bytes into frames, however they are split. It judges nothing; see the module's docstring.

    `limit` bounds the payload of a frame that is not complete yet. If a header declares more, `overlong` is set, `feed`
    must not be called again, and `take_partial` gives the available part of that frame, truncated.
    """

    __slots__ = ("_held", "_limit", "overlong")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Grown in place: linear time, and never larger than what arrived, however small the reads.
        self._held = bytearray()
        self.overlong = False
        """Whether a header declared more than the limit."""

    def feed(self, data: bytes) -> list[Frame]:
        """All frames that `data` completes, in wire order."""
        self._held += data
        frames: list[Frame] = []
        while (frame := self._take_frame()) is not None:
            frames.append(frame)
        return frames

    @property
    def held_bytes(self) -> int:
        """Bytes received of an incomplete frame."""
        return len(self._held)

    @property
    def holds_header(self) -> bool:
        """Whether `take_partial` has a frame."""
        return parse_header(self._held[:14]) is not None

    def take_partial(self) -> tuple[Frame | None, bytes]:
        """What is left at the end of the stream: a truncated frame, and the bytes after it.

        Without a complete header the frame is None, and the bytes are everything that is left.
        """
        data = bytes(self._held)
        self._held.clear()
        header = parse_header(data)
        if header is None:
            return None, data
        stop = header.size + header.length
        return header.frame(_unmasked(data[header.size : stop], header.masking_key)), data[stop:]

    def _take_frame(self) -> Frame | None:
        """The first held frame; None if it is incomplete."""
        header = parse_header(self._held)
        if header is None:
            return None
        stop = header.size + header.length
        if stop > len(self._held):
            self.overlong = header.length > self._limit
            return None
        payload = _unmasked(bytes(self._held[header.size : stop]), header.masking_key)
        del self._held[:stop]
        return header.frame(payload)


def _unmasked(data: bytes, masking_key: bytes | None) -> bytes:
    return data if masking_key is None else apply_mask(data, masking_key)
