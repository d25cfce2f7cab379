"""The extension point: a decoder turns a payload into pages of something a person reads."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator
from enum import Enum, IntEnum
from typing import NamedTuple, Protocol

from core.decoders.context import Context
from core.decoders.search import Case, SearchPattern
from core.decoders.source import Source
from core.errors import UnmaskError


class DecodeError(UnmaskError):
    """The decoder cannot read this payload. The message is shown to the person; it ends without a full stop."""


class Confidence(IntEnum):
    """How well a decoder fits a payload; the highest wins."""

    NONE = 0
    FALLBACK = 1
    """Can show any payload."""
    POSSIBLE = 2
    LIKELY = 3
    CERTAIN = 4


class ContentKind(Enum):
    """How the decoded text should be shown."""

    TEXT = "text"
    JSON = "json"
    HEX = "hex"
    TREE = "tree"


class TokenKind(Enum):
    """What a span is; decides its colour."""

    KEY = "key"
    STRING = "string"
    NUMBER = "number"
    LITERAL = "literal"
    PUNCTUATION = "punctuation"


_KINDS = tuple(TokenKind)
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}


class TokenSpan(NamedTuple):
    """Characters `start`..`end` of a page's text, counted in code points (not UTF-16 units)."""

    start: int
    end: int
    kind: TokenKind


class TokenSpans:
    """Many spans, in order and without overlap.

    They are stored as plain numbers. Tens of thousands of objects would trigger the garbage collector, and nothing else
    runs while it visits every object there is.
    """

    def __init__(self) -> None:
        self._starts = array("I")
        self._ends = array("I")
        self._kinds = bytearray()

    def add(self, start: int, end: int, kind: TokenKind) -> None:
        """Append a span; it must follow all others."""
        self._starts.append(start)
        self._ends.append(end)
        self._kinds.append(_NUMBERS[kind])

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> TokenSpan:
        return TokenSpan(self._starts[number], self._ends[number], _KINDS[self._kinds[number]])

    def __iter__(self) -> Iterator[TokenSpan]:
        return map(self.__getitem__, range(len(self)))

    def at(self, character: int) -> int:
        """Index of the last span that begins at `character` or before; -1 if there is none."""
        return bisect_right(self._starts, character) - 1

    def behind(self, character: int) -> int:
        """Index of the first span that begins at `character` or after; the length if there is none."""
        return bisect_left(self._starts, character)

    def among(self, start: int, end: int) -> Iterator[TokenSpan]:
        """The spans that may overlap the characters `start`..`end`."""
        return map(self.__getitem__, range(max(self.at(start), 0), self.behind(end)))


NO_SPANS = TokenSpans()


class TextPlace(NamedTuple):
    """Characters `start`..`end` of a page's text."""

    start: int
    end: int


class Page(Protocol):
    """One piece of a payload as text."""

    @property
    def text(self) -> str:
        """The text, already made safe to show by `core.decoders.visible`."""

    @property
    def spans(self) -> TokenSpans:
        """The coloured pieces; text between them has no colour."""

    @property
    def first(self) -> int:
        """Offset of the first payload byte that this page shows."""

    @property
    def end(self) -> int:
        """Offset after the last payload byte that this page shows."""

    @property
    def notice(self) -> str:
        """What the person should know about this page, as plain text."""

    @property
    def lead(self) -> str:
        """The text to insert between the previous page and this one when they are joined."""

    def places(self, first: int, end: int) -> list[TextPlace]:
        """Where bytes `first`..`end` of the payload are shown here, best place first; empty if nowhere."""

    def bytes_of(self, start: int, end: int) -> range:
        """A range of payload bytes that covers everything shown at the characters `start`..`end`."""


class Pages(Protocol):
    """A payload as pages, numbered from 0. Memory is used for one page at a time, however long the payload is."""

    @property
    def kind(self) -> ContentKind: ...

    @property
    def count(self) -> int:
        """Number of pages known so far."""

    @property
    def known(self) -> int:
        """Number of payload bytes that the known pages show, from the beginning."""

    def steps(self) -> Generator[int]:
        """Find the pages, in steps of a few milliseconds; yields the number of bytes processed.

        The caller may stop at any step and show the pages known by then. Raises DecodeError if the decoder does not
        fit.
        """

    def page(self, number: int) -> Page:
        """Read and render a page. Any thread may call this, also between two steps."""

    def page_at(self, offset: int) -> int:
        """Number of the page that shows byte `offset`, or of the last known page. May read the payload."""

    def needle(self, wanted: str, case: Case = Case.EITHER) -> SearchPattern:
        """What to search for in the payload when a person looks for `wanted`, which is not empty."""


class DecoderFace(Protocol):
    """What a person and the registry see of a decoder, whatever it makes of a payload.

    It keeps no state between payloads and may be called from any thread.
    """

    @property
    def name(self) -> str:
        """Unique and stable; stored in settings."""

    @property
    def title(self) -> str:
        """The name in the menu."""

    @property
    def help(self) -> str:
        """One sentence of help."""

    def accepts(self, ends: bytes, context: Context) -> Confidence:
        """How well the decoder fits. `ends` is the payload, or both ends of a long one joined."""


class Decoder(DecoderFace, Protocol):
    """A decoder that gives pages."""

    def pages(self, source: Source, context: Context) -> Pages:
        """Start decoding. Raises DecodeError if that is impossible. Reads little; the work is done by `steps`."""
