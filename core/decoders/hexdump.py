"""Bytes as offset, hex and ASCII, sixteen to a line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.decoders.context import Context
from core.decoders.decoder import NO_SPANS, Confidence, ContentKind, TextPlace, TokenSpans
from core.decoders.even_pages import EvenPages
from core.decoders.search import Case, SearchPattern, needle, text_pattern
from core.decoders.source import Source

PAGE = 64 * 1024
"""Bytes of a page: 4096 lines."""
_WIDTH = 16
_HEX, _ASCII, _LINE = 10, 60, 77
"""Columns where the hex digits and the characters begin, and the length of a line with its line feed."""
_PRINTABLE = bytes(byte if 0x20 <= byte < 0x7F else 0x2E for byte in range(256))
_HEX_BYTES = re.compile(r"(?:0x)?((?:[0-9a-f]{2}[ :]?)+)", re.IGNORECASE)


def hexdump(data: bytes, first: int = 0) -> str:
    """Lines such as `00000000  48 65 6c 6c 6f                                    Hello`, without a final line end.

    Offsets count from `first`. A byte that is not printable ASCII is shown as a dot.
    """
    lines = []
    for offset in range(0, len(data), _WIDTH):
        row = data[offset : offset + _WIDTH]
        left, right = row[:8].hex(" "), row[8:].hex(" ")
        ascii_column = row.translate(_PRINTABLE).decode("ascii")
        lines.append(f"{first + offset:08x}  {left:<23}  {right:<23}  {ascii_column}")
    return "\n".join(lines)


class HexDumpDecoder:
    """Shows any payload."""

    name = "hex"
    title = "Hex"
    help = "Every byte of the payload: offset, hexadecimal, ASCII."

    def __init__(self, page: int = PAGE) -> None:
        """`page` is the size of a page in bytes, a multiple of 16."""
        self._page = page

    def accepts(self, ends: bytes, context: Context) -> Confidence:  # noqa: ARG002
        return Confidence.FALLBACK

    def pages(self, source: Source, context: Context) -> HexPages:  # noqa: ARG002
        return HexPages(source, self._page)


@dataclass(frozen=True, slots=True)
class HexPage:
    """Some lines of a dump."""

    text: str
    first: int
    end: int
    lead: str
    notice: str = ""
    spans: TokenSpans = NO_SPANS

    def places(self, first: int, end: int) -> list[TextPlace]:
        first, end = max(first, self.first) - self.first, min(end, self.end) - self.first
        digits, letters = [], []
        for line in range(first // _WIDTH, -(-end // _WIDTH)) if first < end else ():
            start, stop = max(first - line * _WIDTH, 0), min(end - line * _WIDTH, _WIDTH)
            at = line * _LINE
            digits.append(TextPlace(at + _digits(start), at + _digits(stop - 1) + 2))
            letters.append(TextPlace(at + _ASCII + start, at + _ASCII + stop))
        return digits + letters

    def bytes_of(self, start: int, end: int) -> range:
        first = self.first + start // _LINE * _WIDTH
        return range(min(first, self.end), min(self.first + -(-end // _LINE) * _WIDTH, self.end))


class HexPages(EvenPages):
    """Pages with the same number of lines each."""

    kind = ContentKind.HEX

    def page(self, number: int) -> HexPage:
        first = number * self._size
        data = self._source.read(first, first + self._size)
        return HexPage(hexdump(data, first), first, first + len(data), "\n" if number else "")

    def page_at(self, offset: int) -> int:
        return min(offset // self._size, self.count - 1)

    def needle(self, wanted: str, case: Case = Case.EITHER) -> SearchPattern:
        """Finds the text, and if it reads as hex digits also those bytes."""
        pattern = text_pattern(wanted, case)
        digits = _HEX_BYTES.fullmatch(wanted.strip())
        if digits is not None:
            found = bytes.fromhex(digits[1].replace(":", " "))
            pattern = b"(?:" + re.escape(found) + b"|" + pattern + b")"
        return needle(pattern)


def _digits(column: int) -> int:
    """Column of a byte's digits in a line."""
    return _HEX + 3 * column + (column >= _WIDTH // 2)
