"""UTF-8 text as it is, with what cannot be seen made visible."""

from __future__ import annotations

import codecs

from core.decoders.decoder import Confidence, ContentKind, Decoded
from core.decoders.visible import is_visible, visible
from core.protocol.frames import Opcode

__all__ = ["TextDecoder", "visible"]

_SAMPLE = 4096


class TextDecoder:
    """Shows any payload; bytes that are no UTF-8 as `\\xff`."""

    name = "text"
    title = "Text"
    help = "The payload as UTF-8 text, with control and other invisible characters spelled out."

    def __init__(self, limit: int = 16 << 20) -> None:
        """Of a payload over `limit` bytes only the beginning is shown."""
        self._limit = limit

    def accepts(self, payload: bytes, opcode: int) -> Confidence:
        if opcode == Opcode.TEXT:
            return Confidence.POSSIBLE
        return Confidence.POSSIBLE if payload and _looks_like_text(payload) else Confidence.NONE

    def decode(self, payload: bytes) -> Decoded:
        notices = []
        data = payload
        if len(payload) > self._limit:
            data = _whole_characters(payload[: self._limit])
            notices.append(f"Only the first {len(data):,} of {len(payload):,} bytes are shown.")
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            text = data.decode("utf-8", "backslashreplace")
            notices.append(
                f"Not UTF-8 from byte {error.start:,}; such bytes are shown as \\x{data[error.start]:02x}."
            )
        return Decoded(visible(text), ContentKind.TEXT, notice=" ".join(notices))


def _looks_like_text(payload: bytes) -> bool:
    """Whether the beginning is UTF-8 with nothing invisible in it but line ends."""
    sample = payload[:_SAMPLE]
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(sample, final=len(sample) == len(payload))
    except UnicodeDecodeError:
        return False
    return is_visible(text.replace("\r\n", "\n"))


def _whole_characters(data: bytes) -> bytes:
    """`data` without a character that is cut off at its end (at most 3 bytes shorter)."""
    for length in range(1, min(4, len(data)) + 1):
        byte = data[-length]
        if byte & 0xC0 != 0x80:
            wanted = 1 + (byte >= 0xC0) + (byte >= 0xE0) + (byte >= 0xF0)
            return data[:-length] if wanted > length else data
    return data
