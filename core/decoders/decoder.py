"""The extension point: a decoder turns a payload into something a person reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple, Protocol

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


class TokenKind(Enum):
    """What a span is, for its colour."""

    KEY = "key"
    STRING = "string"
    NUMBER = "number"
    LITERAL = "literal"
    PUNCTUATION = "punctuation"


class Span(NamedTuple):
    """Characters `start`..`end` of the decoded text, counted in code points (not UTF-16 units).

    A named tuple because there are hundreds of thousands of them.
    """

    start: int
    end: int
    kind: TokenKind


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder made of a payload."""

    text: str
    """Safe to show: `core.decoders.visible` has been at it."""
    kind: ContentKind
    spans: tuple[Span, ...] = ()
    """In order, without overlap; what lies between has no colour."""
    notice: str = ""
    """What the person should know: that something failed, or that not everything is shown. Plain text."""
    decoder: str = ""
    """`Decoder.name` of the one that did it; set by `Decoders`."""


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

    def accepts(self, payload: bytes, opcode: int) -> Confidence:
        """Cheap whatever the size: looks at the ends of the payload only."""

    def decode(self, payload: bytes) -> Decoded:
        """Raises DecodeError where it cannot."""
