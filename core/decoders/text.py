"""UTF-8 text as it is, with invisible characters made visible."""

from __future__ import annotations

import codecs
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from operator import itemgetter

from core.decoders.context import Context
from core.decoders.decoder import NO_SPANS, Confidence, ContentKind, TextPlace, TokenSpans
from core.decoders.even_pages import EvenPages
from core.decoders.search import Case, SearchPattern, text_needle
from core.decoders.source import Source
from core.decoders.utf8 import character_end, character_start, shown
from core.decoders.visible import is_visible
from core.protocol.frames import Opcode

PAGE = 256 * 1024
"""Approximate bytes of a page; it ends with a line, or at least with a character."""
_SAMPLE = 4096
_MARK = 512
_LINE = 8 * 1024
"""Bytes before the end of a page in which a line end is looked for."""


class TextDecoder:
    """Shows any payload; bytes that are not UTF-8 appear as `\\xff`."""

    name = "text"
    title = "Text"
    help = "The payload as UTF-8 text, with control and other invisible characters spelled out."

    def __init__(self, page: int = PAGE) -> None:
        """`page` is the size of a page in bytes."""
        self._page = page

    def accepts(self, ends: bytes, context: Context) -> Confidence:
        if context.opcode == Opcode.TEXT:
            return Confidence.POSSIBLE
        return Confidence.POSSIBLE if ends and _looks_like_text(ends) else Confidence.NONE

    def pages(self, source: Source, context: Context) -> TextPages:  # noqa: ARG002
        return TextPages(source, self._page)


@dataclass(frozen=True, slots=True)
class TextPage:
    """Some lines of a text."""

    text: str
    first: int
    end: int
    notice: str
    data: bytes
    """Bytes `first`..`end`."""
    marks: tuple[tuple[int, int], ...]
    """Every few thousand bytes, counted from `first`: a byte, and the character that shows it."""
    spans: TokenSpans = NO_SPANS
    lead: str = ""

    def places(self, first: int, end: int) -> list[TextPlace]:
        first, end = max(first, self.first), min(end, self.end)
        if first >= end:
            return []
        start = character_start(self.data, first - self.first)
        stop = character_end(self.data, end - self.first)
        byte, character = self.marks[bisect_right(self.marks, start, key=itemgetter(0)) - 1]
        before = character + len(shown(self.data[byte:start]))
        return [TextPlace(before, before + len(shown(self.data[start:stop])))]

    def bytes_of(self, start: int, end: int) -> range:
        at = bisect_right(self.marks, start, key=itemgetter(1)) - 1
        behind = bisect_left(self.marks, end, key=itemgetter(1))
        last = self.marks[behind][0] if behind < len(self.marks) else len(self.data)
        return range(self.first + self.marks[at][0], self.first + last)


class TextPages(EvenPages):
    """The start of a page follows from the few bytes before it, so that any page is available at once."""

    kind = ContentKind.TEXT

    def __init__(self, source: Source, size: int) -> None:
        super().__init__(source, size)
        self._line = min(_LINE, size // 2)

    def page(self, number: int) -> TextPage:
        start, end = number * self._size, min((number + 1) * self._size, len(self._source))
        from_ = max(start - self._line, 0)
        data = self._source.read(from_, end + 4)
        first = from_ + _page_start(data[: start - from_ + 4], start - from_)
        if end < len(self._source):
            window = max(end - self._line, from_) - from_
            end = from_ + window + _page_start(data[window:], end - from_ - window)
        return self._render(first, data[first - from_ : end - from_])

    def page_at(self, offset: int) -> int:
        number = min(offset // self._size, self.count - 1)
        following = (number + 1) * self._size
        if offset < following - self._line or number + 1 >= self.count:
            return number
        from_ = max(following - self._line, 0)
        data = self._source.read(from_, following + 4)
        return number + (offset >= from_ + _page_start(data, following - from_))

    def needle(self, wanted: str, case: Case = Case.EITHER) -> SearchPattern:
        return text_needle(wanted, case)

    def _render(self, first: int, data: bytes) -> TextPage:
        notice = ""
        try:
            data.decode()
        except UnicodeDecodeError as error:
            notice = (
                f"Not UTF-8 from byte {first + error.start:,}; such bytes are shown as "
                f"\\x{data[error.start]:02x}."
            )
        parts: list[str] = []
        marks = [(0, 0)]
        while marks[-1][0] < len(data):
            at, characters = marks[-1]
            end = character_start(data, at + _MARK)
            parts.append(shown(data[at:end]))
            marks.append((min(end, len(data)), characters + len(parts[-1])))
        return TextPage("".join(parts), first, first + len(data), notice, data, tuple(marks))


def _page_start(data: bytes, at: int) -> int:
    """`at`, or less to avoid cutting a line or a character; `data` begins where a line end is looked for."""
    if at <= 0:
        return 0
    line = data.rfind(b"\n", 0, at)
    return line + 1 if line >= 0 else character_start(data, at)


def _looks_like_text(ends: bytes) -> bool:
    """Whether the beginning is UTF-8 without invisible characters other than line ends."""
    sample = ends[:_SAMPLE]
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(sample, final=len(sample) == len(ends))
    except UnicodeDecodeError:
        return False
    return is_visible(text.replace("\r\n", "\n"))
