"""Where HTTP/1.1 messages end, for one who passes them on byte for byte.

A message whose end two recipients could see in different places is not passed on at all, since what one takes for its
body the other may take for another request (request smuggling).

Source: RFC 9112 sections 2.2, 5, 6, 7 and 9.3. Bodies are read by h11.
"""

from __future__ import annotations

import re

import h11

from core.errors import BodyError, HeadError
from core.protocol.handshake import Answer, refuse
from core.protocol.headers import Headers, explain, quoted
from core.protocol.http11 import HeadKind, HeadLimits, HeadParser, RequestHead, ResponseHead
from core.protocol.told_head import told_head, without_credentials
from core.protocol.violations import Judgement

_AMBIGUOUS = frozenset(
    (
        "head-bare-lf",
        "header-folded",
        "header-before-first",
        "header-without-colon",
        "header-bad-name",
        "header-bad-value",
    )
)
"""Broken rules with which one recipient finds a header where another finds none."""
_LENGTH = re.compile("[0-9]{1,18}")
_BAD_IN_TARGET = re.compile(r"[\x00-\x20\x7f]")
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_BARE_RETURN = re.compile(rb"\r[^\n]")
_MOST_LINE_BYTES = 65536
"""The longest line within a body: the size of a chunk, or a trailer."""


def why_not_passed(request: RequestHead) -> Answer | None:
    """The answer to a request that must not go on because its end or its headers are ambiguous; None: it may."""
    found = tuple(one for one in request.violations if one.rule.id in _AMBIGUOUS)
    if found:
        return refuse(400, f"{explain(found)} Such a request is not passed on.")
    if request.version not in ("HTTP/1.0", "HTTP/1.1"):
        return refuse(505, f"The request is one of {quoted(request.version)}, not of HTTP/1.1.")
    if _BAD_IN_TARGET.search(request.target):
        # RFC 9112 section 3.2: no space in a request target.
        return _not_passed(f"its target has a space or a control character in it: {quoted(request.target)}")
    if len(request.headers.get_all("Host")) > 1:
        # RFC 9112 section 3.2.
        return refuse(400, "The request is not passed on: it has more than one Host.")
    lengths, codings = _framing(request.headers)
    if codings and lengths:
        # RFC 9112 section 6.1: such a message may be an attempt at request smuggling.
        return _not_passed("it has both a Content-Length and a Transfer-Encoding")
    if codings and request.version == "HTTP/1.0":
        return _not_passed("HTTP/1.0 knows no Transfer-Encoding")
    if codings and tuple(each.lower() for each in codings) != ("chunked",):
        # RFC 9112 section 6.1.
        return refuse(
            501, f"No Transfer-Encoding but chunked is passed on, and this is {quoted(_list(codings))}."
        )
    if len(lengths) > 1:
        return _not_passed(f"it has {len(lengths)} headers Content-Length: {quoted(_list(lengths))}")
    if lengths and _LENGTH.fullmatch(lengths[0]) is None:
        return _not_passed(f"its Content-Length is no number: {quoted(lengths[0])}")
    return None


def _why_unusable(response: ResponseHead) -> str | None:
    """Why the end of a final response can't be known; None if it can."""
    lengths, codings = _framing(response.headers)
    if codings and lengths:
        return "it has both a Content-Length and a Transfer-Encoding"
    # RFC 9112 section 6.3: the same length more than once is one.
    if len(set(lengths)) > 1:
        return f"it has different headers Content-Length: {quoted(_list(lengths))}"
    if lengths and _LENGTH.fullmatch(lengths[0]) is None:
        return f"its Content-Length is no number: {quoted(lengths[0])}"
    return None


def persists(head: RequestHead | ResponseHead) -> bool:
    """Whether another message may follow on the connection (RFC 9112 section 9.3)."""
    options = (option.lower() for option in head.headers.tokens("Connection"))
    return head.version == "HTTP/1.1" and "close" not in options


class _Reader:
    """What a request and a response share: a head, and a body behind it."""

    head: RequestHead | ResponseHead | None
    _body: _BodyReader | None

    @property
    def has_lines(self) -> bool:
        """Whether what comes next is read line by line: a head, or chunks."""
        return self.head is None or (self._body is not None and self._body.has_lines)

    @property
    def is_done(self) -> bool:
        """Whether the message is complete."""
        return self._body is not None and self._body.is_done

    @property
    def length(self) -> int:
        """Bytes of the body on the wire so far."""
        return 0 if self._body is None else self._body.length


class RequestReader(_Reader):
    """Reads one request: its head, its body, and what comes behind it."""

    def __init__(self, limits: HeadLimits) -> None:
        self._limits = limits
        self.parser = self._new_parser()
        """Reads the head. Once it has failed, it has no credentials any more."""
        self.head: RequestHead | None = None
        """The head, once it is complete."""
        self.told: RequestHead | None = None
        """The head without credentials, for all that is recorded and said of it."""
        self.refusal: Answer | None = None
        """Why it must not be passed on."""
        self.behind = bytearray()
        """What came behind the request."""
        self._body: _BodyReader | None = None

    @property
    def held_bytes(self) -> int:
        return self.parser.held_bytes + len(self.behind)

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body in what has come. HeadError where there is no head, BodyError where no body is."""
        if self.head is None:
            head = self._read_head(data)
            if head is None:
                return b""
            self.head, self.told, data = head, told_head(head), self.parser.leftover
            self.refusal = why_not_passed(self.told)
            if self.refusal is None:
                self._body = _request_body(head)
        if self._body is None:
            return b""
        taken = self._body.feed(data)
        if taken == len(data):
            return data
        self.behind += data[taken:]
        return data[:taken]

    def _read_head(self, data: bytes) -> RequestHead | None:
        try:
            head = self.parser.feed(data)
        except HeadError:
            # It fails again, for the same reason, and quotes nothing that must not be told.
            told, self.parser = without_credentials(self.parser.raw), self._new_parser()
            head = self.parser.feed(told)
        return head if isinstance(head, RequestHead) else None

    def _new_parser(self) -> HeadParser:
        return HeadParser(HeadKind.REQUEST, self._limits, Judgement.TOLERANT)


class ResponseReader(_Reader):
    """Reads what a server answers to one request: interim heads, the final head, and its body."""

    def __init__(self, request: RequestHead, limits: HeadLimits) -> None:
        self._request = request
        self._limits = limits
        self._body: _BodyReader | None = None
        self.head: ResponseHead | None = None
        """The final head, or that of a 101."""
        self.behind = b""
        """What came behind a 101."""
        self.is_spoilt = False
        """More has come than the response."""
        self._expect_head()

    def _expect_head(self) -> None:
        self.parser = HeadParser(HeadKind.RESPONSE, self._limits, Judgement.TOLERANT)

    def feed(self, data: bytes) -> list[bytes]:
        """What goes on to the client. HeadError where it is no HTTP, BodyError where the body has no certain end.

        The head of a 101 is not among it.
        """
        passed: list[bytes] = []
        while self.head is None:
            head = self.parser.feed(data)
            if not isinstance(head, ResponseHead):
                return passed
            data = self.parser.leftover
            if not head.is_interim:
                self._begin(head)
                if head.status == 101:
                    self.behind = data
                    return passed
                passed.append(head.raw)
                break
            # RFC 9110 section 15.2: a client of HTTP/1.0 knows no interim responses.
            if self._request.version != "HTTP/1.0":
                passed.append(head.raw)
            self._limits = self._limits.behind(head)
            self._expect_head()
        assert self._body is not None, "a 101 has no body, and is the last that is read"
        taken = self._body.feed(data)
        if taken:
            passed.append(data if taken == len(data) else data[:taken])
        self.is_spoilt = self.is_spoilt or taken < len(data)
        return passed

    def end(self) -> None:
        """The stream has ended. Raises BodyError if the body is not complete."""
        if self._body is not None:
            self._body.end()

    def _begin(self, head: ResponseHead) -> None:
        why = None if head.status == 101 else _why_unusable(head)
        if why is not None:
            raise BodyError(f"the end of the answer is uncertain, because {why}")
        self.head = head
        if head.status != 101:
            self._body = _response_body(self._request.method, head)


class _BodyReader:
    """Finds the end of one message's body in the bytes behind its head."""

    def __init__(self, connection: h11.Connection, head: bytes) -> None:
        self._connection = connection
        self.is_done = False
        """Whether the message is complete."""
        self.length = 0
        """Bytes of the body on the wire so far, with the framing of its chunks."""
        self._chunks = _ChunkLines() if head.endswith(b": chunked\r\n\r\n") else None
        self._take(head)
        self.length = 0

    @property
    def has_lines(self) -> bool:
        return self._chunks is not None and not self.is_done

    def feed(self, data: bytes) -> int:
        """How many of these bytes belong to the body. Raises BodyError where it is not framed as its head says."""
        if not data or self.is_done:
            return 0
        taken = self._take(data)
        if self._chunks is not None:
            self._chunks.feed(data[:taken])
        return taken

    def end(self) -> None:
        """The stream has ended. Raises BodyError if the body is not complete."""
        if not self.is_done:
            self._take(b"")

    def _take(self, data: bytes) -> int:
        connection = self._connection
        try:
            connection.receive_data(data)
            while not self.is_done:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    if _BARE_LINE_FEED.search(connection.trailing_data[0]):
                        # h11 waits for the rest of the line, where other recipients may see its end.
                        raise BodyError("a line of its chunks ends with a bare line feed")
                    self.length += len(data)
                    return len(data)
                self.is_done = isinstance(event, h11.EndOfMessage)
        except h11.RemoteProtocolError as error:
            raise BodyError(str(error)) from error
        taken = len(data) - len(connection.trailing_data[0])
        self.length += taken
        return taken


class _ChunkLines:
    """Looks into the lines before chunks, of which h11 takes those with a bare CR in an extension."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._left = 0
        """Bytes of a chunk still to come, and of the line end behind it."""
        self._is_over = False
        """The last chunk has come; h11 checks the trailers behind it."""

    def feed(self, data: bytes) -> None:
        """Bytes of the body that h11 has taken. Raises BodyError."""
        at = 0
        while at < len(data) and not self._is_over:
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                continue
            stop = data.find(b"\n", at) + 1 or len(data)
            if _BARE_RETURN.search(self._line[-1:] + data[at:stop]):
                # RFC 9112 section 2.2: another recipient may see the end of the line there.
                raise BodyError("a line of its chunks has a bare carriage return in it")
            self._line += data[at:stop]
            at = stop
            if self._line.endswith(b"\n"):
                size = int(self._line.partition(b";")[0], 16)
                self._line.clear()
                self._left, self._is_over = size + 2, not size


def _request_body(request: RequestHead) -> _BodyReader:
    connection = h11.Connection(h11.SERVER, _MOST_LINE_BYTES)
    return _BodyReader(connection, b"POST / HTTP/1.1\r\nHost: -\r\n" + _framing_lines(request.headers))


def _response_body(method: str, response: ResponseHead) -> _BodyReader:
    connection = h11.Connection(h11.CLIENT, _MOST_LINE_BYTES)
    # RFC 9112 section 6.3: it depends on the method whether there is a body.
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "-")]))
    connection.send(h11.EndOfMessage())
    first = f"{response.version} {response.status} -\r\n".encode()
    return _BodyReader(connection, first + _framing_lines(response.headers))


def _not_passed(why: str) -> Answer:
    return refuse(400, f"The request is not passed on, because its end is ambiguous: {why}.")


def _framing(headers: Headers) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All lengths, and all codings (RFC 9112 section 6). A Transfer-Encoding that names none is one without a name."""
    codings = headers.tokens("Transfer-Encoding") or headers.get_all("Transfer-Encoding")[:1]
    return headers.get_all("Content-Length"), codings


def _framing_lines(headers: Headers) -> bytes:
    """The lines of a head that say where the body ends, and its empty line."""
    lengths, codings = _framing(headers)
    if codings:
        # RFC 9112 section 6.3: chunks where that is the last coding, else all up to the end of the stream.
        line = b"Transfer-Encoding: chunked\r\n" if codings[-1].lower() == "chunked" else b""
    else:
        line = f"Content-Length: {lengths[0]}\r\n".encode() if lengths else b""
    return line + b"\r\n"


def _list(values: tuple[str, ...]) -> str:
    return ", ".join(values)
