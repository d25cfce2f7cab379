"""Payloads as trees of named values: the interface of such decoders, and the printer that makes pages of trees."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from core.decoders.context import Context
from core.decoders.decoder import (
    Confidence,
    ContentKind,
    DecodeError,
    DecoderFace,
    TextPlace,
    TokenKind,
    TokenSpans,
)
from core.decoders.search import Case, SearchPattern, text_needle
from core.decoders.source import Source, pieces
from core.decoders.visible import visible

LONGEST = 4 * 1024 * 1024
"""Largest payload, in bytes, that becomes a tree; it is held in memory as a whole."""
MOST_NODES = 100_000
DEEPEST = 200
"""Levels that are shown; deeper ones would be indented beyond any screen."""
PAGE = 128 * 1024
"""Approximate characters of a page; it ends with a line."""
LONGEST_VALUE = 32 * 1024
"""Characters shown of one value; the page says if there are more."""
_INDENT = "  "
_STEP = 64 * 1024
_LINES_A_STEP = 2000


@dataclass(frozen=True, slots=True)
class Node:
    """A named value, and the payload bytes that encode it."""

    name: str
    """Empty for values without a name, such as list elements."""
    value: str
    """The value as text; empty if the children say it all. May quote the peer unescaped."""
    first: int
    end: int
    """Bytes `first`..`end` of the payload; an empty range if the value is derived."""
    kind: TokenKind = TokenKind.LITERAL
    """Decides the colour of the value."""
    children: tuple[Node, ...] = ()


class TreeDecoder(DecoderFace, Protocol):
    """A decoder that gives a tree."""

    def nodes(self, data: bytes, context: Context) -> tuple[Node, ...]:
        """The top values of the tree. Raises DecodeError if the payload is of another kind."""


class Printed:
    """A `Decoder` that prints the tree of a `TreeDecoder`, one line per value."""

    def __init__(self, decoder: TreeDecoder, page: int = PAGE) -> None:
        """`page` is the size of a page in characters."""
        self._decoder = decoder
        self._page = page
        self.name, self.title, self.help = decoder.name, decoder.title, decoder.help

    def accepts(self, ends: bytes, context: Context) -> Confidence:
        return self._decoder.accepts(ends, context)

    def pages(self, source: Source, context: Context) -> TreePages:
        if len(source) > LONGEST:
            raise DecodeError(f"{len(source):,} bytes are more than the {LONGEST:,} of which a tree is made")
        return TreePages(source, self._decoder, context, self._page)


class _Line(NamedTuple):
    """A value before it is placed on a page."""

    depth: int
    node: Node


@dataclass(frozen=True, slots=True)
class TreePage:
    """Some lines of the tree.

    Line `n` begins with character `starts[n]` and shows bytes `firsts[n]`..`ends[n]`.
    """

    text: str
    first: int
    end: int
    spans: TokenSpans
    starts: array[int]
    firsts: array[int]
    ends: array[int]
    notice: str
    lead: str = "\n"

    def places(self, first: int, end: int) -> list[TextPlace]:
        """The lines of the shortest values that contain all of these bytes; else those that contain any."""
        among = [n for n in range(len(self.starts)) if self.firsts[n] < end and first < self.ends[n]]
        whole = [n for n in among if self.firsts[n] <= first and end <= self.ends[n]]
        among = whole or among
        among.sort(key=lambda n: self.ends[n] - self.firsts[n])
        return [TextPlace(self.starts[n], self._stop(n)) for n in among]

    def bytes_of(self, start: int, end: int) -> range:
        at = max(bisect_right(self.starts, start) - 1, 0)
        behind = max(bisect_left(self.starts, end), at + 1)
        shown = [n for n in range(at, min(behind, len(self.starts))) if self.firsts[n] < self.ends[n]]
        if not shown:
            return range(self.first, self.end)
        return range(min(self.firsts[n] for n in shown), max(self.ends[n] for n in shown))

    def _stop(self, line: int) -> int:
        return self.starts[line + 1] - 1 if line + 1 < len(self.starts) else len(self.text)


class TreePages:
    """All pages become known once the tree is made; they are kept, since the tree is bounded."""

    kind = ContentKind.TREE

    def __init__(self, source: Source, decoder: TreeDecoder, context: Context, size: int) -> None:
        self._source = source
        self._decoder = decoder
        self._context = context
        self._size = size
        self._pages: list[TreePage] = []
        self._known = 0

    @property
    def count(self) -> int:
        return len(self._pages)

    @property
    def known(self) -> int:
        return self._known

    def steps(self) -> Generator[int]:
        data = bytearray()
        for first, piece in pieces(self._source, _STEP):
            data += piece
            yield first + len(piece)
        printer = _Printer(len(data))
        for number, line in enumerate(_lines(self._decoder.nodes(bytes(data), self._context))):
            if printer.length >= self._size:
                self._pages.append(printer.page())
            printer.add(line)
            if number % _LINES_A_STEP == 0:
                yield len(data)
        self._pages.append(printer.page())
        self._known = len(data)

    def page(self, number: int) -> TreePage:
        return self._pages[number]

    def page_at(self, offset: int) -> int:
        fitting = (n for n, page in enumerate(self._pages) if page.first <= offset < page.end)
        return next(fitting, max(self.count - 1, 0))

    def needle(self, wanted: str, case: Case = Case.EITHER) -> SearchPattern:
        return text_needle(wanted, case)


def _lines(nodes: tuple[Node, ...]) -> Iterator[_Line]:
    """All nodes, parents first. Raises DecodeError if there are too many nodes or levels."""
    waiting = [_Line(0, node) for node in reversed(nodes)]
    count = 0
    while waiting:
        line = waiting.pop()
        count += 1
        if count > MOST_NODES:
            raise DecodeError(f"more than the {MOST_NODES:,} values of which a tree is made")
        if line.depth > DEEPEST:
            raise DecodeError(f"nested deeper than the {DEEPEST:,} levels that are shown")
        yield line
        waiting += [_Line(line.depth + 1, child) for child in reversed(line.node.children)]


class _Printer:
    """Lays out lines until a page is taken."""

    def __init__(self, size: int) -> None:
        """`size` is the length of the payload in bytes."""
        self._size = size
        self._begin()

    def _begin(self) -> None:
        self.length = 0
        """Characters since the last page."""
        self._parts: list[str] = []
        self._spans = TokenSpans()
        self._starts, self._firsts, self._ends = array("I"), array("Q"), array("Q")
        self._is_cut = False

    def add(self, line: _Line) -> None:
        node = line.node
        if self._starts:
            self._put("\n")
        self._starts.append(self.length)
        self._firsts.append(min(max(node.first, 0), self._size))
        self._ends.append(min(max(node.end, 0), self._size))
        self._put(_INDENT * line.depth)
        value = node.value[:LONGEST_VALUE]
        if node.name:
            self._put(visible(node.name), TokenKind.KEY)
            self._put(": " if value else "", TokenKind.PUNCTUATION)
        self._put(_on_one_line(value), node.kind)
        if len(node.value) > LONGEST_VALUE:
            self._is_cut = True
            self._put(" …")

    def page(self) -> TreePage:
        """The lines since the last page."""
        notice = (
            f"Of longer values, the first {LONGEST_VALUE:,} characters are shown." if self._is_cut else ""
        )
        shown = [n for n in range(len(self._starts)) if self._firsts[n] < self._ends[n]]
        first = min((self._firsts[n] for n in shown), default=0)
        end = max((self._ends[n] for n in shown), default=self._size)
        page = TreePage(
            "".join(self._parts), first, end, self._spans, self._starts, self._firsts, self._ends, notice
        )
        self._begin()
        return page

    def _put(self, text: str, kind: TokenKind | None = None) -> None:
        if text and kind is not None:
            self._spans.add(self.length, self.length + len(text), kind)
        self._parts.append(text)
        self.length += len(text)


def _on_one_line(text: str) -> str:
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")
