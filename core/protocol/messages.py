"""Fragments to messages, and UTF-8 checked as it arrives (RFC 6455 sections 5.4, 5.6 and 8.1)."""

from __future__ import annotations

import codecs

from core.protocol.frames import Frame, Opcode


class Utf8Check:
    """Whether bytes that come in pieces are UTF-8. Pieces may end inside a character."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes, *, final: bool) -> int | None:
        """None while all is well, else the offset in `data` of the first bad byte.

        A character begun in an earlier piece that turns out bad is reported at offset 0, one that the end cuts
        off at `len(data)` at most.
        """
        if not self._pending and data.isascii():
            return None
        carried = len(self._pending)
        text = self._pending + data
        try:
            _, consumed = codecs.utf_8_decode(text, "strict", final)
        except UnicodeDecodeError as error:
            return max(error.start - carried, 0)
        self._pending = text[consumed:]
        return None


class Fragments:
    """A fragmented message on its way (RFC 6455 section 5.4)."""

    __slots__ = ("_joined", "compressed", "frame_count", "opcode", "utf8")

    def __init__(self, opcode: int, *, compressed: bool) -> None:
        self.opcode = opcode
        self.compressed = compressed
        self.frame_count = 0
        # Compressed text can only be checked once it is inflated.
        self.utf8 = Utf8Check() if opcode == Opcode.TEXT and not compressed else None
        self._joined = bytearray()

    def add(self, frame: Frame) -> None:
        self.frame_count += 1
        self._joined += frame.payload

    @property
    def wire_length(self) -> int:
        """Sum of the payload lengths of the frames so far."""
        return len(self._joined)

    def joined(self) -> bytes:
        """The payloads of all frames so far, joined; still compressed where the message is."""
        return bytes(self._joined)
