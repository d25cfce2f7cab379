"""HTTP/1.1 request and response heads: a bounded incremental parser that keeps the raw bytes, and a writer.

A head includes the empty line that ends it. A peer's error becomes a `Violation` whose offset and length count in the
raw head.

Source: RFC 9112 sections 2 to 5 (message, request line, status line, fields) and RFC 9110 section 5 (field values,
lists).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from http import HTTPStatus
from typing import NoReturn

from core.errors import CallerError, HeadError
from core.protocol.client_hello import describe_tls
from core.protocol.headers import TCHAR, Headers, HeadSpan, explain, is_token, quoted
from core.protocol.violations import Judgement, Severity, Violation, violation

_TCHAR = TCHAR.encode("ascii")
_TOKEN = re.compile(rb"[" + _TCHAR + rb"]+")
_NOT_TCHAR = re.compile(rb"[^" + _TCHAR + rb"]")
_CONTROL_IN_LINE = re.compile(rb"[\x00-\x0c\x0e-\x1f\x7f]|\r(?!\Z)")
_CONTROL_IN_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_REQUEST_LINE = re.compile(rb"([" + _TCHAR + rb"]+) (.+) (HTTP/[0-9]\.[0-9])")
_STATUS_LINE = re.compile(rb"(HTTP/[0-9]\.[0-9]) ([1-9][0-9]{2})(?: (.*))?")
_VISIBLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request line and its headers (RFC 9112 section 3). Text is decoded as Latin-1."""

    method: str
    target: str
    version: str
    """The version on the wire, such as `HTTP/1.1`."""
    headers: Headers
    raw: bytes = b""
    violations: tuple[Violation, ...] = ()
    """What is wrong with the head without preventing its parsing."""

    @property
    def method_span(self) -> HeadSpan:
        return HeadSpan(len(self.raw) - len(self.raw.lstrip(b"\r\n")), len(self.method))

    @property
    def target_span(self) -> HeadSpan:
        offset, length = self.method_span
        return HeadSpan(offset + length + 1, len(self.target))

    @property
    def version_span(self) -> HeadSpan:
        offset, length = self.target_span
        return HeadSpan(offset + length + 1, len(self.version))


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """A status line and its headers (RFC 9112 section 4). Text is decoded as Latin-1."""

    status: int
    reason: str
    version: str
    """The version on the wire, such as `HTTP/1.1`."""
    headers: Headers
    raw: bytes = b""
    violations: tuple[Violation, ...] = ()

    @property
    def is_interim(self) -> bool:
        """Whether another response follows (RFC 9110 section 15.2); false for 101, which ends HTTP."""
        return 100 <= self.status <= 199 and self.status != 101

    @property
    def version_span(self) -> HeadSpan:
        return HeadSpan(0, len(self.version))

    @property
    def status_span(self) -> HeadSpan:
        return HeadSpan(len(self.version) + 1, 3)


class HeadKind(Enum):
    """The head that a parser expects."""

    REQUEST = "request"
    RESPONSE = "response"


_EXAMPLE = {
    HeadKind.REQUEST: "GET /path HTTP/1.1",
    HeadKind.RESPONSE: "HTTP/1.1 101 Switching Protocols",
}


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """Limits of a head: bytes in total, and lines after the first."""

    max_bytes: int = 65536
    max_headers: int = 128
    interim_bytes: int = 0
    """Bytes of the interim responses before the head, which count too: their number has no other end."""

    @property
    def left(self) -> int:
        """Bytes that the head may have."""
        return max(self.max_bytes - self.interim_bytes, 0)

    def behind(self, interim: ResponseHead) -> HeadLimits:
        """The limits of the head that follows this one."""
        return replace(self, interim_bytes=self.interim_bytes + len(interim.raw))


class HeadParser:
    """Reads one head from bytes in any pieces; each byte is examined a bounded number of times.

    Strict judgement raises `HeadError` for every broken rule of severity ERROR; tolerant judgement only for those that
    leave no usable head. `violations` has all of them in either case.
    """

    def __init__(
        self,
        kind: HeadKind,
        limits: HeadLimits | None = None,
        judgement: Judgement = Judgement.STRICT,
    ) -> None:
        self._kind = kind
        self._limits = limits or HeadLimits()
        self._judgement = judgement
        self._buffer = bytearray()
        self._line_start = 0
        self._scan = 0
        self._checked = 0
        self._in_method = kind is HeadKind.REQUEST
        self._lines: list[tuple[int, int]] = []
        self._bare_lf: list[int] = []
        self._violations: list[Violation] = []
        self._head: RequestHead | ResponseHead | None = None
        self._leftover = b""
        self._error: HeadError | None = None

    @property
    def raw(self) -> bytes:
        """The head, or its bytes so far; never more than the limit."""
        return self._head.raw if self._head else bytes(self._buffer[: self._limits.left])

    @property
    def beyond(self) -> bytes:
        """After a HeadError: received bytes that are not part of `raw`."""
        return bytes(self._buffer[self._limits.left :])

    @property
    def held_bytes(self) -> int:
        """Bytes received of an incomplete head."""
        return len(self._buffer)

    @property
    def leftover(self) -> bytes:
        """Bytes received together with the end of the head, after it."""
        return self._leftover

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Every rule broken so far, in byte order, including that of a `HeadError`."""
        return tuple(self._violations)

    def feed(self, data: bytes) -> RequestHead | ResponseHead | None:
        """The head once it is complete. Raises HeadError (400 or 431) if it is unusable."""
        if self._error is not None:
            raise self._error
        if self._head is not None:
            raise CallerError("The head is complete; further bytes belong to what comes behind it.")
        self._buffer += data
        limit = self._limits.left
        while self._head is None:
            newline = self._buffer.find(b"\n", self._scan, limit)
            if not self._lines:
                self._check_first_line(newline if newline >= 0 else min(len(self._buffer), limit))
            if newline < 0:
                self._scan = min(len(self._buffer), limit)
                break
            self._take_line(newline)
        if self._head is None and len(self._buffer) >= limit:
            interim = self._limits.interim_bytes
            where = f", of which interim responses took {interim}" if interim else ""
            detail = f"no end within {self._limits.max_bytes} bytes{where}; send fewer or shorter headers"
            self._fail(431, violation("head-too-large", detail, 0, limit))
        return self._head

    def _fail(self, status: int, *broken: Violation) -> NoReturn:
        self._violations = sorted([*self._violations, *broken], key=lambda one: one.offset)
        self._error = HeadError(status, explain(broken), broken[0].rule.id)
        raise self._error

    def _check_first_line(self, stop: int) -> None:
        """Fail as soon as the bytes before `stop` cannot become a first line."""
        buffer, start = self._buffer, self._line_start
        opening = bytes(buffer[start : min(stop, start + 5)])
        if start == 0 and opening in (b"\x15", b"\x16"):
            return
        if start == 0 and opening[:2] in (b"\x15\x03", b"\x16\x03"):
            seen = describe_tls(bytes(buffer))
            detail = f"{seen}, so the peer speaks wss:// (or https://); let it use ws:// (or http://) here"
            self._fail(400, violation("head-looks-like-tls", detail, 0, len(self.raw)))
        if self._kind is HeadKind.RESPONSE and not b"HTTP/".startswith(opening):
            self._fail_first_line(start)
        if opening in (b"", b"\r"):
            return
        if self._in_method:
            other = _NOT_TCHAR.search(buffer, self._checked, stop)
            if other is not None and (other.start() == start or buffer[other.start()] != 0x20):
                self._fail_first_line(other.start())
            self._in_method = other is None
        control = _CONTROL_IN_LINE.search(buffer, self._checked, stop)
        if control is not None:
            self._fail_first_line(control.start())
        # A final CR is valid only before LF: examine it again with the next byte.
        self._checked = stop - 1 if buffer[stop - 1] == 0x0D else stop

    def _fail_first_line(self, offset: int) -> NoReturn:
        seen = bytes(self._buffer[self._line_start : self._limits.left]).split(b"\n", 1)[0].rstrip(b"\r")
        length = max(1, self._line_start + len(seen) - offset)
        detail = f"{quoted(seen)}, where one like {_EXAMPLE[self._kind]} is due"
        self._fail(400, violation("head-not-http", detail, offset, length))

    def _take_line(self, newline: int) -> None:
        start = self._line_start
        has_cr = newline > start and self._buffer[newline - 1] == 0x0D
        stop = newline - 1 if has_cr else newline
        self._line_start = self._scan = newline + 1
        if not self._lines:
            if stop == start and self._kind is HeadKind.REQUEST:
                # RFC 9112 section 2.2: ignore empty lines before the request line.
                self._checked = self._line_start
                return
            if self._first_line_pattern.fullmatch(self._buffer, start, stop) is None:
                self._line_start = start
                self._fail_first_line(start)
        if not has_cr:
            self._bare_lf.append(newline)
        if stop == start:
            self._finish(newline + 1)
            return
        self._lines.append((start, stop))
        if len(self._lines) > self._limits.max_headers + 1:
            detail = f"more than {self._limits.max_headers}; send fewer headers"
            self._fail(431, violation("head-too-many-headers", detail, start, stop - start))

    @property
    def _first_line_pattern(self) -> re.Pattern[bytes]:
        return _REQUEST_LINE if self._kind is HeadKind.REQUEST else _STATUS_LINE

    def _finish(self, end: int) -> None:
        raw = bytes(self._buffer[:end])
        headers, broken = _read_headers(raw, self._lines[1:])
        if self._bare_lf:
            detail = f"{len(self._bare_lf)} line{'s' * (len(self._bare_lf) > 1)}"
            broken.append(violation("head-bare-lf", detail, self._bare_lf[0], 1))
        broken.sort(key=lambda one: one.offset)
        errors = [one for one in broken if one.rule.severity is Severity.ERROR]
        if errors and self._judgement is Judgement.STRICT:
            self._violations.extend(one for one in broken if one not in errors)
            self._fail(400, *errors)
        self._violations.extend(broken)
        self._leftover = bytes(self._buffer[end:])
        self._buffer.clear()
        start, stop = self._lines[0]
        match = self._first_line_pattern.fullmatch(raw, start, stop)
        assert match is not None, "_take_line has matched it"
        first, second, third = (part.decode("latin-1") for part in match.groups(b""))
        if self._kind is HeadKind.REQUEST:
            self._head = RequestHead(first, second, third, headers, raw, self.violations)
        else:
            self._head = ResponseHead(int(second), third, first, headers, raw, self.violations)


class _FieldLine:
    """One header field while its lines are read."""

    __slots__ = ("name", "parts", "start", "stop")

    def __init__(self, name: bytes, value: bytes, start: int, stop: int) -> None:
        self.name = name
        self.parts = [value]
        self.start = start
        self.stop = stop

    def item(self) -> tuple[str, str]:
        # RFC 9110 section 5.5: CR and NUL become SP if the message is not rejected.
        value = b" ".join(part for part in self.parts if part).replace(b"\r", b" ").replace(b"\0", b" ")
        return self.name.decode("latin-1"), value.decode("latin-1")


def _read_headers(raw: bytes, lines: list[tuple[int, int]]) -> tuple[Headers, list[Violation]]:
    fields: list[_FieldLine] = []
    broken: list[Violation] = []
    current: _FieldLine | None = None
    for number, (start, stop) in enumerate(lines):
        line = raw[start:stop]
        if line[:1] in (b" ", b"\t"):
            if number == 0:
                # RFC 9112 section 2.2: reject or drop such lines.
                broken.append(violation("header-before-first", quoted(line), start, stop - start))
            if current is not None:
                # RFC 9112 section 5.2: reject, or replace the fold by SP.
                broken.append(violation("header-folded", quoted(line), start, stop - start))
                broken.extend(_check_value(line, start))
                current.parts.append(line.strip(b" \t"))
                current.stop = stop
            continue
        name, colon, value = line.partition(b":")
        if not colon:
            broken.append(violation("header-without-colon", quoted(line), start, stop - start))
            current = None
            continue
        if _TOKEN.fullmatch(name) is None:
            # RFC 9112 section 5.1: a space before the colon must be rejected; an empty name is not a token.
            broken.append(violation("header-bad-name", quoted(name), start, max(1, len(name))))
        broken.extend(_check_value(value, start + len(name) + 1))
        current = _FieldLine(name.strip(b" \t"), value.strip(b" \t"), start, stop)
        fields.append(current)
    items = tuple(one.item() for one in fields)
    return Headers(items, tuple(HeadSpan(one.start, one.stop - one.start) for one in fields)), broken


def _check_value(value: bytes, offset: int) -> list[Violation]:
    # RFC 9110 section 5.5: field content is VCHAR, obs-text, SP and HTAB.
    bad = _CONTROL_IN_VALUE.search(value)
    if bad is None:
        return []
    return [violation("header-bad-value", quoted(value.strip(b" \t")), offset + bad.start(), 1)]


def parsed_request(raw: bytes) -> RequestHead | None:
    """Parse a request head received earlier, whatever rules it breaks; None if it cannot be read."""
    limits = HeadLimits(max(len(raw), 1) + 1, raw.count(b"\n"))
    try:
        head = HeadParser(HeadKind.REQUEST, limits, Judgement.TOLERANT).feed(raw)
    except HeadError:
        return None
    return head if isinstance(head, RequestHead) else None


def parsed_response(raw: bytes) -> ResponseHead | None:
    """Parse a response head received earlier, whatever rules it breaks; None if it cannot be read."""
    limits = HeadLimits(max(len(raw), 1) + 1, raw.count(b"\n"))
    try:
        head = HeadParser(HeadKind.RESPONSE, limits, Judgement.TOLERANT).feed(raw)
    except HeadError:
        return None
    return head if isinstance(head, ResponseHead) else None


def status_phrase(status: int) -> str:
    """The usual reason phrase of an HTTP status, or "" if there is none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def write_request(method: str, target: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """A request head. Raises CallerError for an invalid method, target or header."""
    if not is_token(method):
        raise CallerError(f"{quoted(method)} is no HTTP method; use a word such as GET.")
    if _VISIBLE.fullmatch(target) is None:
        raise CallerError(
            f"{quoted(target)} is no request target; percent-encode spaces and non-ASCII characters."
        )
    return _write(f"{method} {target} HTTP/1.1", headers)


def write_response(status: int, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """A response with exactly these headers. Raises CallerError for an invalid header."""
    return _write(f"HTTP/1.1 {status} {status_phrase(status)}", headers) + body


def _write(first_line: str, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [first_line.encode("ascii")]
    for name, value in headers:
        if not is_token(name):
            raise CallerError(f"{quoted(name)} is no header name; use letters, digits and hyphens.")
        try:
            content = value.encode("latin-1")
        except UnicodeEncodeError:
            raise CallerError(
                f"Header {name} cannot carry {quoted(value)}; use Latin-1 characters only."
            ) from None
        if _CONTROL_IN_VALUE.search(content):
            raise CallerError(f"Header {name} cannot carry {quoted(value)}; take the control characters out.")
        lines.append(name.encode("ascii") + b": " + content)
    return b"\r\n".join(lines) + b"\r\n\r\n"
