"""The grammar and the layout of JSON (RFC 8259), token by token, over bytes that arrive in pieces.

Nothing is parsed into values: numbers keep every digit, escapes stay escapes, and a repeated key stays repeated. The
grammar needs only a few words of state, so it can stop at any token, or inside a long string at any character, and
continue there later.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from enum import Enum

from core.decoders.decoder import DecodeError, TokenKind, TokenSpans
from core.decoders.utf8 import character_start, shown
from core.decoders.visible import visible

LONG = 32 * 1024
"""A longer string token is processed in pieces."""
_LONGEST_NUMBER = 4096
_LONGEST_LITERAL = len(b"-false")
_CUT_NUMBER = len(b"e+1")
_INDENT = "  "
_NESTED = 5
"""Levels of nesting that one match covers where only the grammar is checked."""
_MOST_SKIPPED = 64
_WORD_BYTES = 1024
_CLOSING = {"{": "}", "[": "]"}

_SPACE = rb"[ \t\n\r]*+"
_BODY = rb'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+'
_STRING = b'"' + _BODY + b'"'
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"


def _value(levels: int) -> bytes:
    """Pattern for any value nested no deeper than `levels`."""
    scalar = _STRING + b"|" + _NUMBER + b"|true|false|null"
    if not levels:
        return b"(?:" + scalar + b")"
    inner = _value(levels - 1)
    return rb"(?:%b|\[%b\]|\{%b\})" % (scalar, _list(inner, rb"\]"), _list(_member(inner), rb"\}"))


def _list(each: bytes, closing: bytes) -> bytes:
    """Pattern for none, one or many items with commas between; it contains `each` only once, because nesting doubles
    it.
    """
    return rb"%b(?:%b%b(?:,(?!%b%b)|(?=%b))%b)*+" % (_SPACE, each, _SPACE, _SPACE, closing, closing, _SPACE)


def _member(value: bytes) -> bytes:
    return _STRING + _SPACE + b":" + _SPACE + value


_TOKEN = re.compile(
    _SPACE
    + rb"(?:(?P<punctuation>[{}\[\]:,])|(?P<string>%b)|(?P<number>%b)|(?P<literal>true|false|null))"
    % (_STRING, _NUMBER)
)
_SKIP = re.compile(_SPACE)
_MORE = re.compile(_BODY)
_ELEMENTS = re.compile(rb"(?:%b%b%b,)++" % (_SPACE, _value(_NESTED), _SPACE))
_MEMBERS = re.compile(rb"(?:%b%b%b,)++" % (_SPACE, _member(_value(_NESTED)), _SPACE))
_OF_MEMBER = re.compile(rb"%b%b(?=%b[,}])" % (_SPACE, _value(_NESTED), _SPACE))
_KINDS = {kind.value: kind for kind in TokenKind}


class Expect(Enum):
    """What the grammar allows next; the value is the wording for error messages."""

    VALUE = "a value"
    FIRST_VALUE = "a value or ]"
    KEY = "a key"
    FIRST_KEY = "a key or }"
    COLON = "a colon"
    COMMA_OR_END = "a comma or the closing bracket"
    NOTHING = "the end"


_VALUES = (Expect.VALUE, Expect.FIRST_VALUE)
_KEYS = (Expect.KEY, Expect.FIRST_KEY)
_TAKEN_IN_RUNS = (*_VALUES, *_KEYS)


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """A place in a payload where work may stop and continue."""

    offset: int
    expect: Expect
    open: str
    """The closing brackets that are due, innermost last."""
    inside: TokenKind | None
    """Set inside a string or a key."""


START = ResumePoint(0, Expect.VALUE, "", None)


class JsonScanner:
    """Takes bytes in order and checks them against the grammar. Subclasses decide what happens to the tokens."""

    _long = LONG
    """Bytes of a string above which its end is not awaited."""

    def __init__(self, mark: ResumePoint, depth: int) -> None:
        self._offset = mark.offset
        """Offset of the next byte."""
        self._expect = mark.expect
        self._open = list(mark.open)
        self._inside = mark.inside
        self._depth = depth

    @property
    def is_complete(self) -> bool:
        return self._expect is Expect.NOTHING and self._inside is None

    @property
    def expected(self) -> str:
        return "the rest of a string" if self._inside is not None else self._expect.value

    @property
    def is_full(self) -> bool:
        """Whether it accepts no more bytes."""
        return False

    def mark(self) -> ResumePoint:
        """The current place."""
        return ResumePoint(self._offset, self._expect, "".join(self._open), self._inside)

    def feed(self, data: bytes, *, is_last: bool) -> int:
        """Take as much of `data` as is complete, and return the number of bytes; pass the rest again with more behind
        it.

        `is_last` says that nothing follows. Raises DecodeError if it is not JSON.
        """
        at, end = 0, len(data)
        while at < end and not self.is_full:
            stop = self._step(data, at, is_last=is_last)
            if stop == at:
                break
            self._offset += stop - at
            at = stop
        return at

    def _step(self, data: bytes, at: int, *, is_last: bool) -> int:
        """Take one token, or as much as possible at once; gives the place after it, or `at` if more bytes are
        needed.
        """
        if self._inside is not None:
            return self._go_on(data, at, is_last=is_last)
        token = _TOKEN.match(data, at)
        if token is not None:
            kind = str(token.lastgroup)
            if kind == "number" and not is_last and token.end() + _CUT_NUMBER > len(data):
                self._check_number(len(token[kind]))
                return at
            if not self._add(_KINDS[kind], token[kind], self._offset + token.start(kind) - at):
                raise self._refuse(data, token.start(kind), at)
            return token.end()
        space = _SKIP.match(data, at)
        start = at if space is None else space.end()
        if start == len(data):
            return start
        left = len(data) - start
        is_string = data[start] == 0x22 and self._expect in (*_VALUES, *_KEYS)
        if is_string and (left > self._long or not is_last) and _is_cut(data, start + 1):
            return self._begin(data, start, at) if left > self._long else at
        if not is_string and not is_last and left < _LONGEST_LITERAL:
            return at
        raise self._refuse(data, start, at)

    def _begin(self, data: bytes, start: int, at: int) -> int:
        """Begin a string whose end is too far away to wait for."""
        kind = TokenKind.KEY if self._expect in _KEYS else TokenKind.STRING
        self._before(kind)
        stop = _piece_end(data, start + 1)
        self._inside = kind
        self._piece(kind, data[start:stop], self._offset + start - at)
        return stop

    def _go_on(self, data: bytes, at: int, *, is_last: bool) -> int:
        assert self._inside is not None
        kind = self._inside
        more = _MORE.match(data, at)
        stop = at if more is None else more.end()
        if stop < len(data) and data[stop] == 0x22:
            self._inside = None
            self._piece(kind, data[at : stop + 1], self._offset)
            self._after(kind)
            return stop + 1
        if not _is_cut(data, at) or (is_last and stop < len(data)):
            raise self._refuse(data, stop, at)
        stop = _piece_end(data, at)
        if stop > at:
            self._piece(kind, data[at:stop], self._offset)
        return stop

    def _check_number(self, length: int) -> None:
        if length > _LONGEST_NUMBER:
            raise DecodeError(f"a number of more than {_LONGEST_NUMBER:,} digits at byte {self._offset:,}")

    def _refuse(self, data: bytes, start: int, at: int) -> DecodeError:
        quote = visible(
            repr(data[start : character_start(data, start + 12)].decode("utf-8", "backslashreplace"))
        )
        return DecodeError(f"{self.expected} expected at byte {self._offset + start - at:,}, not {quote}")

    def _add(self, kind: TokenKind, word: bytes, offset: int) -> bool:
        """Add a token; False if the grammar does not allow it here."""
        if kind is TokenKind.PUNCTUATION and word in b"}]:,":
            return self._add_separator(word, offset)
        if self._expect in _KEYS:
            if kind is not TokenKind.STRING:
                return False
            kind = TokenKind.KEY
        elif self._expect not in _VALUES:
            return False
        self._before(kind)
        self._piece(kind, word, offset)
        if kind is TokenKind.PUNCTUATION:
            self._enter(word.decode())
        else:
            self._after(kind)
        return True

    def _add_separator(self, word: bytes, offset: int) -> bool:
        if word == b":":
            if self._expect is not Expect.COLON:
                return False
            self._piece(TokenKind.PUNCTUATION, word, offset)
            self._blank(" ")
            self._expect = Expect.VALUE
            return True
        if word == b",":
            if self._expect is not Expect.COMMA_OR_END:
                return False
            self._piece(TokenKind.PUNCTUATION, word, offset)
            self._expect = Expect.KEY if self._open[-1] == "}" else Expect.VALUE
            return True
        return self._leave(word, offset)

    def _enter(self, bracket: str) -> None:
        if len(self._open) >= self._depth:
            raise DecodeError(f"nested deeper than the {self._depth:,} levels that are pretty-printed")
        self._open.append(_CLOSING[bracket])
        self._expect = Expect.FIRST_KEY if bracket == "{" else Expect.FIRST_VALUE

    def _leave(self, word: bytes, offset: int) -> bool:
        is_empty = self._expect in (Expect.FIRST_KEY, Expect.FIRST_VALUE)
        if not (is_empty or self._expect is Expect.COMMA_OR_END) or self._open[-1] != word.decode():
            return False
        self._open.pop()
        if not is_empty:
            self._new_line()
        self._piece(TokenKind.PUNCTUATION, word, offset)
        self._after(TokenKind.PUNCTUATION)
        return True

    def _before(self, kind: TokenKind) -> None:
        if kind is TokenKind.KEY or (self._open and self._open[-1] == "]"):
            self._new_line()

    def _after(self, kind: TokenKind) -> None:
        if kind is TokenKind.KEY:
            self._expect = Expect.COLON
        else:
            self._expect = Expect.COMMA_OR_END if self._open else Expect.NOTHING

    def _new_line(self) -> None:
        self._blank("\n" + _INDENT * len(self._open))

    def _piece(self, kind: TokenKind, word: bytes, offset: int) -> None:
        """Handle a token, or a piece of one, at `offset` of the payload."""
        raise NotImplementedError

    def _blank(self, text: str) -> None:
        """Handle white space of the layout."""
        raise NotImplementedError


class Measure(JsonScanner):
    """Checks the grammar and measures the length of the text only, and therefore takes whole runs of values at once."""

    _skipped = 0
    """Tokens to take one by one before a run is tried again; the number grows with each failure."""
    _to_skip = 1

    def __init__(self, depth: int, size: int) -> None:
        """It is full after about `size` characters."""
        super().__init__(START, depth)
        self._size = size
        self._length = 0
        """Characters laid out; an upper bound that ignores only invisible ones."""

    @property
    def is_full(self) -> bool:
        if self._length < self._size:
            return False
        # Include the line end, if there is one.
        is_line = self._expect in _KEYS or (self._expect is Expect.VALUE and self._open[-1:] == ["]"])
        return self._length >= 2 * self._size or (is_line and self._inside is None)

    def empty(self) -> None:
        """Allow the same amount again."""
        self._length = 0

    def _step(self, data: bytes, at: int, *, is_last: bool) -> int:
        run = None
        if self._skipped:
            self._skipped -= 1
        elif (
            self._open
            and self._inside is None
            and self._expect in _TAKEN_IN_RUNS
            and len(self._open) + _NESTED <= self._depth
        ):
            run = self._pattern().match(data, at)
            if run is None:
                self._skipped = self._to_skip
                self._to_skip = min(2 * self._to_skip, _MOST_SKIPPED)
        if run is None:
            return super()._step(data, at, is_last=is_last)
        self._to_skip = 1
        stop = run.end()
        line = 1 + len(_INDENT) * (len(self._open) + _NESTED)
        lines = data.count(b",", at, stop) + 2 * (data.count(b"{", at, stop) + data.count(b"[", at, stop))
        self._length += stop - at + data.count(b":", at, stop) + lines * line
        if self._open[-1] == "]":
            self._expect = Expect.VALUE
        else:
            self._expect = Expect.COMMA_OR_END if self._expect is Expect.VALUE else Expect.KEY
        return stop

    def _pattern(self) -> re.Pattern[bytes]:
        if self._open[-1] == "]":
            return _ELEMENTS
        return _OF_MEMBER if self._expect is Expect.VALUE else _MEMBERS

    def _piece(self, kind: TokenKind, word: bytes, offset: int) -> None:  # noqa: ARG002
        self._length += len(word)

    def _blank(self, text: str) -> None:
        self._length += len(text)


class Printer(JsonScanner):
    """Lays out the text between two marks; its grammar has been checked already."""

    _long = 0

    def __init__(self, mark: ResumePoint, depth: int) -> None:
        super().__init__(mark, depth)
        self.spans = TokenSpans()
        self.offsets = array("Q")
        """For each span, its offset in the payload."""
        self.lead = ""
        """A line feed before the text, if any."""
        self._parts: list[str] = []
        self._length = 0

    def text(self) -> str:
        return "".join(self._parts)

    def _piece(self, kind: TokenKind, word: bytes, offset: int) -> None:
        at = 0
        while at < len(word):
            # Short spans make a place quick to find.
            end = min(character_start(word, at + _WORD_BYTES), len(word))
            text = shown(word[at:end])
            self.spans.add(self._length, self._length + len(text), kind)
            self.offsets.append(offset + at)
            self._put(text)
            at = end

    def _blank(self, text: str) -> None:
        if not self._length and text.startswith("\n"):
            # A page does not begin with an empty line.
            self.lead, text = "\n", text[1:]
        self._put(text)

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)


def _is_cut(data: bytes, at: int) -> bool:
    """Whether the string around `at` continues after the end of `data`."""
    more = _MORE.match(data, at)
    stop = at if more is None else more.end()
    if stop == len(data):
        return True
    return data[stop] == 0x5C and _CUT_ESCAPE.fullmatch(data, stop) is not None


_CUT_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?")


def _piece_end(data: bytes, at: int) -> int:
    """Where to cut a string that continues after `data`: before an incomplete escape or character."""
    more = _MORE.match(data, at)
    stop = at if more is None else more.end()
    return _whole_characters(data, stop) if stop == len(data) else stop


def _whole_characters(data: bytes, end: int) -> int:
    """`end`, or less if `data` holds only the beginning of a character there."""
    for back in range(1, min(3, end) + 1):
        byte = data[end - back]
        if byte & 0xC0 != 0x80:
            wanted = 1 + (byte >= 0xC0) + (byte >= 0xE0) + (byte >= 0xF0)
            return end - back if wanted > back else end
    return end
