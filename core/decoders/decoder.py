"""The extension point: a decoder turns a payload into pages of something a person reads."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator
from enum import Enum, IntEnum
from typing import NamedTuple, Protocol

from core.decoders.context import Context
from core.decoders.search import Case, Needle
from core.decoders.source import Source
from core.errors import UnmaskError


class DecodeError(UnmaskError):
    """The decoder cannot read this payload. The message is shown to the person; it ends without a full stop."""


class Confidence(IntEnum):
    """How well a decoder fits a payload; the highest wins."""

    NONE = 0
    FALLBACK = 1
    """It can show anything."""
    POSSIBLE = 2
    LIKELY = 3
    CERTAIN = 4


class ContentKind(Enum):
    """How the decoded text wants to be shown."""

    TEXT = "text"
    JSON = "json"
    HEX = "hex"
    TREE = "tree"


class TokenKind(Enum):
    """What a span is, for its colour."""

    KEY = "key"
    STRING = "string"
    NUMBER = "number"
    LITERAL = "literal"
    PUNCTUATION = "punctuation"


_KINDS = tuple(TokenKind)
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}


class Span(NamedTuple):
    """Characters `start`..`end` of a page's text, counted in code points (not UTF-16 units)."""

    start: int
    end: int
    kind: TokenKind


class Spans:
    """Many spans, in order and without overlap.

    Plain numbers: objects, of which there would be tens of thousands, set off the garbage collector, and while that
    goes over all objects there are, nothing else goes on.
    """

    def __init__(self) -> None:
        self._starts = array("I")
        self._ends = array("I")
        self._kinds = bytearray()

    def add(self, start: int, end: int, kind: TokenKind) -> None:
        """Append one, behind all the others."""
        self._starts.append(start)
        self._ends.append(end)
        self._kinds.append(_NUMBERS[kind])

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> Span:
        return Span(self._starts[number], self._ends[number], _KINDS[self._kinds[number]])

    def __iter__(self) -> Iterator[Span]:
        return map(self.__getitem__, range(len(self)))

    def at(self, character: int) -> int:
        """Number of the last one that begins at `character` or before; -1 where there is none."""
        return bisect_right(self._starts, character) - 1

    def behind(self, character: int) -> int:
        """Number of the first one that begins at `character` or behind it; the length where there is none."""
        return bisect_left(self._starts, character)

    def among(self, start: int, end: int) -> Iterator[Span]:
        """Those that may have characters in `start`..`end`."""
        return map(self.__getitem__, range(max(self.at(start), 0), self.behind(end)))


NO_SPANS = Spans()


class Place(NamedTuple):
    """Characters `start`..`end` of a page's text."""

    start: int
    end: int


class Page(Protocol):
    """One piece of a payload as text."""

    @property
    def text(self) -> str:
        """Safe to show: `core.decoders.visible` has been at it."""

    @property
    def spans(self) -> Spans:
        """What lies between has no colour."""

    @property
    def first(self) -> int:
        """The first byte of the payload that this page shows."""

    @property
    def end(self) -> int:
        """The byte behind the last one."""

    @property
    def notice(self) -> str:
        """What the person should know of this page. Plain text."""

    @property
    def lead(self) -> str:
        """What stands between the text of the page before and this one, where they are put together."""

    def places(self, first: int, end: int) -> list[Place]:
        """Where bytes `first`..`end` of the payload are shown here, best place first; none where they are not."""

    def bytes_of(self, start: int, end: int) -> range:
        """Bytes of the payload among which are all that characters `start`..`end` show."""


class Pages(Protocol):
    """A payload as pages, numbered from 0. Memory is used for one page at a time, however long the payload is."""

    @property
    def kind(self) -> ContentKind: ...

    @property
    def count(self) -> int:
        """How many pages are known so far."""

    @property
    def known(self) -> int:
        """How many bytes of the payload these show, from its beginning."""

    def steps(self) -> Generator[int]:
        """Finds the pages, in steps of a few milliseconds; gives how many bytes it has been through.

        May be left at any step: the pages known by then can be shown. DecodeError where the decoder does not fit.
        """

    def page(self, number: int) -> Page:
        """Reads and renders a page; for any thread, also between two steps."""

    def page_at(self, offset: int) -> int:
        """Number of the page that shows byte `offset`, or of the last known one. May read."""

    def needle(self, wanted: str, case: Case = Case.EITHER) -> Needle:
        """What to look for in the payload where a person wants to find `wanted`, which is not empty."""


class Decoder(Protocol):
    """One plug-in. It keeps no state between payloads and may be called from any thread."""

    @property
    def name(self) -> str:
        """Unique and stable; stored in settings."""

    @property
    def title(self) -> str:
        """What the menu says."""

    @property
    def help(self) -> str:
        """One sentence."""

    def accepts(self, ends: bytes, context: Context) -> Confidence:
        """`ends` is the payload; of a long one its two ends put together."""

    def pages(self, source: Source, context: Context) -> Pages:
        """Raises DecodeError where it cannot; reads little, as the work is for `steps`."""
