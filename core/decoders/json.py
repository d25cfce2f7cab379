"""JSON, indented and coloured, token by token as it was written.

Nothing is parsed into values: numbers keep every digit, escapes stay escapes, a key that stands twice stays
twice. Source: RFC 8259.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from core.decoders.decoder import Confidence, ContentKind, Decoded, DecodeError, Span, TokenKind
from core.decoders.visible import is_visible, visible
from core.protocol.frames import Opcode

_INDENT = "  "
_SPACE = re.compile(r"[ \t\n\r]*+")
_TOKEN = re.compile(
    r"""[\ \t\n\r]*+(?:
        (?P<punctuation>[{}\[\]:,])
      | (?P<string>"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")
      | (?P<number>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)
      | (?P<literal>true|false|null))""",
    re.VERBOSE,
)
_KINDS = {kind.value: kind for kind in TokenKind}
_CLOSING = {"{": "}", "[": "]"}


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """Above any of these the payload is not pretty-printed."""

    payload_bytes: int = 4 << 20
    tokens: int = 500_000
    depth: int = 200
    text_length: int = 16 << 20
    """Characters of the indented text: deep nesting makes a small payload long."""


class _Expect(Enum):
    """What the grammar allows next; the value is how an error message says it."""

    VALUE = "a value"
    FIRST_VALUE = "a value or ]"
    KEY = "a key"
    FIRST_KEY = "a key or }"
    COLON = "a colon"
    COMMA_OR_END = "a comma or the closing bracket"
    NOTHING = "the end"


_FIRST = (_Expect.FIRST_VALUE, _Expect.FIRST_KEY)


class JsonDecoder:
    """Pretty-prints what is valid JSON and refuses everything else."""

    name = "json"
    title = "JSON"
    help = "Indented and coloured; numbers, escapes and repeated keys stay exactly as they were sent."

    def __init__(self, limits: JsonLimits | None = None) -> None:
        self._limits = limits or JsonLimits()

    def accepts(self, payload: bytes, opcode: int) -> Confidence:
        if opcode not in (Opcode.TEXT, Opcode.BINARY):
            return Confidence.NONE
        first, last = payload[:64].lstrip(b" \t\r\n")[:1], payload[-64:].rstrip(b" \t\r\n")[-1:]
        return Confidence.LIKELY if first + last in (b"{}", b"[]") else Confidence.NONE

    def decode(self, payload: bytes) -> Decoded:
        limit = self._limits.payload_bytes
        if len(payload) > limit:
            raise DecodeError(f"{len(payload):,} bytes are more than the {limit:,} that are pretty-printed")
        try:
            source = payload.decode()
        except UnicodeDecodeError as error:
            raise DecodeError(f"not UTF-8 from byte {error.start:,}") from None
        printer = _Printer(self._limits, all_visible=is_visible(source))
        at = 0
        while (token := _TOKEN.match(source, at)) is not None:
            if not printer.add(_KINDS[str(token.lastgroup)], token[str(token.lastgroup)]):
                break
            at = token.end()
        at = _skip_space(source, at)
        if at < len(source):
            raise DecodeError(f"{printer.expected} expected at character {at:,}, not {_quote(source, at)}")
        if not printer.is_complete:
            raise DecodeError(f"{printer.expected} expected at character {at:,}, but the text ends")
        return Decoded(printer.text(), ContentKind.JSON, tuple(printer.spans))


def _skip_space(source: str, at: int) -> int:
    space = _SPACE.match(source, at)
    return at if space is None else space.end()


def _quote(source: str, at: int) -> str:
    return visible(repr(source[at : at + 12]))


class _Printer:
    """Takes tokens in order, holds them to the grammar and lays them out."""

    def __init__(self, limits: JsonLimits, *, all_visible: bool) -> None:
        self.spans: list[Span] = []
        self._limits = limits
        self._all_visible = all_visible
        self._parts: list[str] = []
        self._length = 0
        self._open: list[str] = []
        """The closing brackets that are due, innermost last."""
        self._expect = _Expect.VALUE

    @property
    def is_complete(self) -> bool:
        return self._expect is _Expect.NOTHING

    @property
    def expected(self) -> str:
        return self._expect.value

    def text(self) -> str:
        return "".join(self._parts)

    def add(self, kind: TokenKind, word: str) -> bool:
        """False where the grammar does not allow the token here."""
        expect = self._expect
        if kind is TokenKind.PUNCTUATION and word in "}]:,":
            return self._add_separator(word)
        if expect in (_Expect.KEY, _Expect.FIRST_KEY):
            if kind is not TokenKind.STRING:
                return False
            self._new_line()
            self._put(TokenKind.KEY, word)
            self._expect = _Expect.COLON
            return True
        if expect not in (_Expect.VALUE, _Expect.FIRST_VALUE):
            return False
        if self._open and self._open[-1] == "]":
            self._new_line()
        self._put(kind, word)
        if kind is TokenKind.PUNCTUATION:
            self._enter(word)
        else:
            self._value_is_over()
        return True

    def _add_separator(self, word: str) -> bool:
        if word == ":":
            if self._expect is not _Expect.COLON:
                return False
            self._put(TokenKind.PUNCTUATION, word)
            self._blank(" ")
            self._expect = _Expect.VALUE
            return True
        if word == ",":
            if self._expect is not _Expect.COMMA_OR_END:
                return False
            self._put(TokenKind.PUNCTUATION, word)
            self._expect = _Expect.KEY if self._open[-1] == "}" else _Expect.VALUE
            return True
        return self._leave(word)

    def _enter(self, bracket: str) -> None:
        if len(self._open) >= self._limits.depth:
            raise DecodeError(f"nested deeper than the {self._limits.depth:,} levels that are pretty-printed")
        self._open.append(_CLOSING[bracket])
        self._expect = _Expect.FIRST_KEY if bracket == "{" else _Expect.FIRST_VALUE

    def _leave(self, bracket: str) -> bool:
        is_empty = self._expect in _FIRST
        if not (is_empty or self._expect is _Expect.COMMA_OR_END) or self._open[-1] != bracket:
            return False
        self._open.pop()
        if not is_empty:
            self._new_line()
        self._put(TokenKind.PUNCTUATION, bracket)
        self._value_is_over()
        return True

    def _value_is_over(self) -> None:
        self._expect = _Expect.COMMA_OR_END if self._open else _Expect.NOTHING

    def _put(self, kind: TokenKind, word: str) -> None:
        if not self._all_visible:
            word = visible(word)
        if len(self.spans) >= self._limits.tokens:
            raise DecodeError(f"more than the {self._limits.tokens:,} tokens that are pretty-printed")
        start = self._length
        self._blank(word)
        self.spans.append(Span(start, self._length, kind))

    def _new_line(self) -> None:
        self._blank("\n" + _INDENT * len(self._open))

    def _blank(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
        if self._length > self._limits.text_length:
            raise DecodeError(
                f"longer than the {self._limits.text_length:,} characters that are pretty-printed"
            )
