"""A frame taken apart: each field of RFC 6455 section 5.2 with its bits, its value and what that value means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.protocol.close_codes import describe
from core.protocol.frames import (
    LARGEST_CONTROL_PAYLOAD,
    MASK,
    Frame,
    LengthForm,
    Opcode,
    opcode_name,
    shortest_length_form,
)

_BASE = "RFC 6455 §5.2"
_FRAGMENTATION = "RFC 6455 §5.4"
_CONTROL = "RFC 6455 §5.5"
_CLOSE = "RFC 6455 §5.5.1"
_COMPRESSION = "RFC 7692 §6"

_SHOWN_PAYLOAD = LARGEST_CONTROL_PAYLOAD
"""Bytes: all that a control frame may carry."""


class Part(Enum):
    """The fields, in wire order."""

    FIN = "FIN"
    RSV1 = "RSV1"
    RSV2 = "RSV2"
    RSV3 = "RSV3"
    OPCODE = "Opcode"
    MASK = "MASK"
    LENGTH = "Payload length"
    EXTENDED_LENGTH = "Extended length"
    MASKING_KEY = "Masking key"
    CLOSE_CODE = "Close code"
    CLOSE_REASON = "Close reason"
    PAYLOAD = "Payload data"


@dataclass(frozen=True, slots=True)
class FrameField:
    """One field of one frame. Offsets and lengths count bits of the frame's wire bytes."""

    part: Part
    value: str
    """Readable text; may quote the peer unescaped (close reason, ping payload)."""
    meaning: str
    """A sentence that explains the value."""
    section: str
    """The section that defines the field, such as `RFC 6455 §5.2`."""
    bit_offset: int
    bit_length: int
    """0 for an empty payload."""

    @property
    def name(self) -> str:
        return self.part.value

    @property
    def first_byte(self) -> int:
        """Offset of the byte in which the field begins."""
        return self.bit_offset >> 3

    @property
    def end_byte(self) -> int:
        """Offset after the last byte that the field touches."""
        return (self.bit_offset + self.bit_length + 7) >> 3


def anatomy(frame: Frame, captured: int | None = None) -> tuple[FrameField, ...]:
    """The fields of `frame` in wire order, without those that it lacks (extended length, key).

    `captured` is the number of payload bytes that exist if `frame` holds only the beginning of them.
    """
    length = len(frame.payload) if captured is None else captured
    return (*_first_byte(frame), *_mask_and_length(frame), *_payload(frame, length))


def count_bytes(count: int) -> str:
    """`1 byte`, `1,234 bytes`."""
    return "1 byte" if count == 1 else f"{count:,} bytes"


def _first_byte(frame: Frame) -> tuple[FrameField, ...]:
    section = _COMPRESSION if frame.rsv1 else _BASE
    return (
        FrameField(Part.FIN, _bit(frame.fin), _fin_meaning(frame), _FRAGMENTATION, 0, 1),
        FrameField(Part.RSV1, _bit(frame.rsv1), _rsv1_meaning(frame), section, 1, 1),
        FrameField(Part.RSV2, _bit(frame.rsv2), _rsv_meaning(frame.rsv2), _BASE, 2, 1),
        FrameField(Part.RSV3, _bit(frame.rsv3), _rsv_meaning(frame.rsv3), _BASE, 3, 1),
        _opcode(frame),
    )


def _bit(value: bool) -> str:
    return "1" if value else "0"


def _fin_meaning(frame: Frame) -> str:
    if frame.is_control:
        # Section 5.5: control frames must not be fragmented.
        if frame.fin:
            return "A control frame is always whole."
        return "Says that a continuation follows, which no control frame may say."
    if not frame.fin:
        return "Not the last fragment; the message goes on in a continuation frame."
    if frame.opcode == Opcode.CONTINUATION:
        return "The last fragment; the message ends with this frame."
    return "The message is whole: it begins and ends with this frame."


def _rsv1_meaning(frame: Frame) -> str:
    if not frame.rsv1:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            return "This message is not compressed."
        return "0, as it must be here: only the first frame of a compressed message sets it."
    # RFC 7692 section 6: set on the first frame of a compressed message, never on another or on a control frame.
    if frame.is_control:
        return "Must be 0: a control frame is never compressed."
    if frame.opcode == Opcode.CONTINUATION:
        return "Must be 0: only the first frame of a compressed message sets it."
    return "This message is compressed, given that permessage-deflate was agreed on."


def _rsv_meaning(value: bool) -> str:
    if value:
        return "Must be 0 unless an extension that uses this bit was agreed on."
    return "Reserved for extensions; 0 when none uses it."


_OPCODES = {
    Opcode.CONTINUATION: ("Carries on the message that an earlier frame began.", _FRAGMENTATION),
    Opcode.TEXT: ("Begins a message of UTF-8 text.", "RFC 6455 §5.6"),
    Opcode.BINARY: ("Begins a message of bytes whose meaning is up to the application.", "RFC 6455 §5.6"),
    Opcode.CLOSE: ("Ends the connection; the other side answers with a close frame of its own.", _CLOSE),
    Opcode.PING: ("Asks for a pong with the same payload: is the other side still there?", "RFC 6455 §5.5.2"),
    Opcode.PONG: ("Answers a ping, or says unasked that this side is alive.", "RFC 6455 §5.5.3"),
}


def _opcode(frame: Frame) -> FrameField:
    try:
        meaning, section = _OPCODES[Opcode(frame.opcode)]
        value = f"0x{frame.opcode:X} {opcode_name(frame.opcode)}"
    except ValueError:
        kind = "control" if frame.is_control else "data"
        meaning, section = (
            f"Reserved for {kind} frames that are yet to be defined; nobody may send it.",
            _BASE,
        )
        value = f"0x{frame.opcode:X} reserved"
    return FrameField(Part.OPCODE, value, meaning, section, 4, 4)


def _mask_and_length(frame: Frame) -> list[FrameField]:
    header = frame.header()
    if frame.masked:
        masked = "The payload is XORed with the masking key. A client must mask, a server must not."
    else:
        masked = "The payload is on the wire as it is. A server must not mask, a client must."
    fields = [
        FrameField(Part.MASK, _bit(frame.masked), masked, "RFC 6455 §5.1", 8, 1),
        _short_length(frame, header),
    ]
    bits = {LengthForm.SIXTEEN_BIT: 16, LengthForm.SIXTY_FOUR_BIT: 64}.get(LengthForm(frame.length_form), 0)
    if bits:
        meaning = _length_meaning(frame)
        fields.append(
            FrameField(Part.EXTENDED_LENGTH, f"{frame.declared_length:,}", meaning, _BASE, 16, bits)
        )
    if frame.masking_key is not None:
        meaning = "Byte i of the payload is XORed with byte i mod 4 of this key."
        if not any(frame.masking_key):
            meaning = "All zeros: the payload is XORed with nothing and stays readable on the wire."
        key = frame.masking_key.hex(" ")
        fields.append(FrameField(Part.MASKING_KEY, key, meaning, "RFC 6455 §5.3", 16 + bits, 32))
    return fields


def _short_length(frame: Frame, header: bytes) -> FrameField:
    value = header[1] & ~MASK
    if frame.length_form == LengthForm.SEVEN_BIT:
        meaning = _length_meaning(frame)
    else:
        bits = 16 if frame.length_form == LengthForm.SIXTEEN_BIT else 64
        meaning = f"{value} stands for: the length is in the next {bits} bits."
    return FrameField(Part.LENGTH, str(value), meaning, _BASE, 9, 7)


def _length_meaning(frame: Frame) -> str:
    length = frame.declared_length
    meaning = f"The payload has {count_bytes(length)}."
    # Section 5.2: the most significant bit of the 64-bit form must be 0, and the form must be the shortest.
    if length >> 63:
        return f"{meaning} The first bit of this field must be 0 and is not."
    shortest = shortest_length_form(length)
    if frame.length_form != shortest:
        bits = {LengthForm.SEVEN_BIT: 7, LengthForm.SIXTEEN_BIT: 16}[shortest]
        return f"{meaning} That fits in {bits} bits, and must be written in the shortest form."
    return meaning


def _payload(frame: Frame, length: int) -> list[FrameField]:
    start = len(frame.header()) * 8
    if frame.opcode == Opcode.CLOSE and len(frame.payload) >= 2:
        return _close_fields(frame, length, start)
    return [_payload_field(frame, length, start)]


def _close_fields(frame: Frame, length: int, start: int) -> list[FrameField]:
    code = int.from_bytes(frame.payload[:2], "big")
    said = describe(code)
    fields = [
        FrameField(Part.CLOSE_CODE, f"{code} {said.name}", said.explanation, "RFC 6455 §7.4", start, 16)
    ]
    if length > 2:
        text = frame.payload[2:].decode("utf-8", "backslashreplace")
        if length > len(frame.payload):
            text += " …"
        meaning = f"Why, in {count_bytes(length - 2)} of UTF-8; for people and logs, not for programs."
        fields.append(FrameField(Part.CLOSE_REASON, text, meaning, _CLOSE, start + 16, (length - 2) * 8))
    return fields


def _payload_field(frame: Frame, length: int, start: int) -> FrameField:
    value = count_bytes(length)
    if frame.is_control and length:
        value = _short_payload(frame.payload, length)
    meaning = _payload_meaning(frame)
    if length != frame.declared_length:
        meaning += (
            f" Only {length:,} of the {frame.declared_length:,} bytes that the header declares are here."
        )
    section = _CONTROL if frame.is_control else "RFC 6455 §5.6"
    return FrameField(Part.PAYLOAD, value, meaning, section, start, length * 8)


def _short_payload(payload: bytes, length: int) -> str:
    """A control frame's payload: printable text as text, anything else as hex."""
    shown = payload[:_SHOWN_PAYLOAD]
    more = f" … ({count_bytes(length)})" if length > len(shown) else ""
    try:
        text = shown.decode()
    except UnicodeDecodeError:
        text = ""
    return (f"“{text}”" if text.isprintable() and text else shown.hex(" ")) + more


def _payload_meaning(frame: Frame) -> str:
    if frame.opcode == Opcode.CLOSE:
        # Section 5.5.1: a body starts with a two-byte code.
        return "Half a close code: it takes two bytes." if frame.payload else "Empty: closes without a code."
    if not frame.declared_length:
        return "This frame carries no payload."
    if frame.opcode == Opcode.PING:
        return "The pong must bring these bytes back."
    if frame.opcode == Opcode.PONG:
        return "The bytes of the ping that this answers."
    if frame.rsv1 and frame.opcode in (Opcode.TEXT, Opcode.BINARY):
        return "Compressed with DEFLATE; the Message tab shows it inflated."
    if frame.opcode == Opcode.CONTINUATION:
        return "The next piece of the message."
    if frame.opcode == Opcode.TEXT:
        return (
            "UTF-8 text."
            if frame.fin
            else "The first piece of a text; a character may go on in the next frame."
        )
    if frame.opcode == Opcode.BINARY:
        return "Bytes of the application." if frame.fin else "The first piece of a binary message."
    return "Bytes whose meaning the reserved opcode does not tell."
