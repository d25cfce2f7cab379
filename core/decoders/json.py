"""JSON (RFC 8259), indented and coloured, token by token as it was written."""

from __future__ import annotations

import codecs
import re
from array import array
from bisect import bisect_right
from collections.abc import Generator
from dataclasses import dataclass, replace

from core.decoders.context import Context
from core.decoders.decoder import Confidence, ContentKind, DecodeError, TextPlace, TokenSpans
from core.decoders.json_layout import START, Measure, Printer, ResumePoint
from core.decoders.search import Case, SearchPattern, needle, text_pattern
from core.decoders.source import Source, pieces
from core.decoders.utf8 import character_end, character_start, shown
from core.protocol.frames import Opcode

PAGE = 128 * 1024
"""Approximate characters of a page; it ends with a token, or inside a very long string."""
DEPTH = 200
"""Levels of nesting that are laid out; deeper ones would be indented beyond any screen."""
_STEP = 32 * 1024
_PUNCTUATION = frozenset("{}[]:,")
_GAP = rb"[ \t\n\r]{0,400}"
_GAP_ROOM = 400


class JsonDecoder:
    """Pretty-prints valid JSON and refuses everything else."""

    name = "json"
    title = "JSON"
    help = "Indented and coloured; numbers, escapes and repeated keys stay exactly as they were sent."

    def __init__(self, page: int = PAGE, depth: int = DEPTH) -> None:
        """`page` is the size of a page in characters, `depth` the number of levels that are laid out."""
        self._page = page
        self._depth = depth

    def accepts(self, ends: bytes, context: Context) -> Confidence:
        if context.opcode not in (Opcode.TEXT, Opcode.BINARY):
            return Confidence.NONE
        first, last = ends[:64].lstrip(b" \t\r\n")[:1], ends[-64:].rstrip(b" \t\r\n")[-1:]
        return Confidence.LIKELY if first + last in (b"{}", b"[]") else Confidence.NONE

    def pages(self, source: Source, context: Context) -> JsonPages:  # noqa: ARG002
        return JsonPages(source, self._page, self._depth)


@dataclass(frozen=True, slots=True)
class JsonPage:
    """Some tokens of the text."""

    text: str
    first: int
    end: int
    spans: TokenSpans
    data: bytes
    """Bytes `first`..`end`."""
    offsets: array[int]
    """For each span, its offset in the payload."""
    lead: str
    notice: str = ""

    def places(self, first: int, end: int) -> list[TextPlace]:
        first, end = max(first, self.first), min(end, self.end)
        if first >= end or not len(self.spans):
            return []
        start = character_start(self.data, first - self.first)
        stop = character_end(self.data, end - self.first)
        return [TextPlace(self._character(start), self._character(stop, behind=True))]

    def bytes_of(self, start: int, end: int) -> range:
        at, behind = max(self.spans.at(start), 0), self.spans.behind(end)
        first = self.offsets[at] if len(self.spans) else self.first
        return range(first, self.offsets[behind] if behind < len(self.spans) else self.end)

    def _character(self, at: int, *, behind: bool = False) -> int:
        """Character at which byte `at` of the page is shown, or ends to be shown; white space belongs to the token
        before.
        """
        number = max(bisect_right(self.offsets, self.first + at - behind) - 1, 0)
        span, token = self.spans[number], self.offsets[number] - self.first
        return min(span.start + len(shown(self.data[token : max(at, token)])), span.end)


class JsonPages:
    """The pages become known one after the other, because the grammar must be followed from the beginning."""

    kind = ContentKind.JSON

    def __init__(self, source: Source, size: int, depth: int) -> None:
        self._source = source
        self._size = size
        self._depth = depth
        self._marks: list[ResumePoint] = [START]
        """Where the known pages begin, and where the last one ends."""

    @property
    def count(self) -> int:
        return len(self._marks) - 1

    @property
    def known(self) -> int:
        return self._marks[-1].offset

    def steps(self) -> Generator[int]:
        measure = Measure(self._depth, self._size)
        held, undecoded = b"", b""
        length = len(self._source)
        for first, data in pieces(self._source, min(_STEP, self._size)):
            done = first + len(data)
            undecoded = _check_utf8(undecoded + data, first - len(undecoded), is_last=done == length)
            held += data
            held = held[measure.feed(held, is_last=done == length) :]
            while measure.is_full and not measure.is_complete:
                measure.empty()
                self._marks.append(measure.mark())
                held = held[measure.feed(held, is_last=done == length) :]
            yield done
        if not measure.is_complete:
            raise DecodeError(f"{measure.expected} expected at byte {length:,}, but the text ends")
        self._marks.append(replace(START, offset=length))

    def page(self, number: int) -> JsonPage:
        mark, end = self._marks[number], self._marks[number + 1].offset
        data = self._source.read(mark.offset, end)
        printer = Printer(mark, self._depth)
        printer.feed(data, is_last=True)
        return JsonPage(printer.text(), mark.offset, end, printer.spans, data, printer.offsets, printer.lead)

    def page_at(self, offset: int) -> int:
        number = bisect_right(self._marks, offset, key=lambda mark: mark.offset) - 1
        return max(min(number, self.count - 1), 0)

    def needle(self, wanted: str, case: Case = Case.EITHER) -> SearchPattern:
        """Ignores white space beside punctuation, since the layout differs from what was sent."""
        parts, gaps, after = [], 0, ""
        for letter in wanted.strip() or wanted:
            if letter == " " and after in _PUNCTUATION:
                continue
            if after and (letter in _PUNCTUATION or after in _PUNCTUATION):
                parts.append(_GAP)
                gaps += 1
            parts.append(text_pattern(letter, case))
            after = letter
        return needle(_SPACE_BEFORE_GAP.sub(_GAP, b"".join(parts)), gaps * _GAP_ROOM)


_SPACE_BEFORE_GAP = re.compile(rb"(?:\\ )+" + re.escape(_GAP))


def _check_utf8(data: bytes, first: int, *, is_last: bool) -> bytes:
    """Check the encoding; gives the bytes at the end of `data` that do not yet form a whole character."""
    try:
        _, taken = codecs.utf_8_decode(data, "strict", is_last)
    except UnicodeDecodeError as error:
        raise DecodeError(f"not UTF-8 from byte {first + error.start:,}") from None
    return data[taken:]
