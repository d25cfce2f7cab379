"""UTF-8 checked as it arrives (RFC 6455 section 8.1)."""

from __future__ import annotations

import codecs

from core.errors import PayloadError
from core.protocol.frames import Frame
from core.protocol.steps import Steps, finish
from core.protocol.violations import Violation, violation

PIECE = 256 * 1024
"""Bytes checked at once; longer pieces would take several times their memory and block every thread."""


def to_utf8(text: str) -> bytes:
    """The bytes of a text to send; raises PayloadError if it has half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise PayloadError(
            f"Character {error.start + 1} is half of a surrogate pair (U+{ord(text[error.start]):04X}), "
            "which UTF-8 cannot hold; remove it."
        ) from None


def is_utf8(data: bytes) -> bool:
    """Whether a whole text is UTF-8."""
    if data.isascii():
        return True
    if len(data) > PIECE:
        return Utf8Check().feed(data, final=True) is None
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class Utf8Check:
    """Checks whether bytes in pieces are UTF-8. A piece may end inside a character."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes, *, final: bool) -> int | None:
        """None if all is well, else the offset in `data` of the first bad byte.

        A character from an earlier piece that turns out bad is reported at offset 0; one that the end cuts off at
        `len(data)` at most.
        """
        return finish(self.feeding(data, final=final))

    def feeding(self, data: bytes, *, final: bool) -> Steps[int | None]:
        """`feed` in steps."""
        if not self._pending and data.isascii():
            return None
        for start in range(0, max(len(data), 1), PIECE):
            if start:
                yield
            end = start + PIECE
            carried = len(self._pending)
            text = self._pending + data[start:end]
            try:
                _, consumed = codecs.utf_8_decode(text, "strict", final and end >= len(data))
            except UnicodeDecodeError as error:
                return max(start + error.start - carried, 0)
            self._pending = text[consumed:]
        return None


def utf8_violation(rule_id: str, frame: Frame, position: int) -> Violation:
    """The violation for invalid UTF-8 at byte `position` of the payload of `frame`."""
    shown = frame.payload[position : position + 1]
    what = (
        f"byte 0x{shown[0]:02X} at {position}" if shown else f"the text ends inside a character at {position}"
    )
    return violation(rule_id, what, len(frame.header()) + position, len(shown))
