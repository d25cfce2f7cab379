"""The opening handshake for both roles: what to answer to a request, and how to judge a response.

All broken rules are listed, not only the first. `Judgement` decides which of them refuse the handshake: strict refuses
for every rule of severity ERROR, tolerant only if no WebSocket connection can follow.

Source: RFC 6455 sections 4 (opening handshake), 9.1 (extensions), 10.2 (origin) and 11.3 (header fields).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from core.errors import HeadError
from core.protocol import handshake_rules as rules
from core.protocol.deflate import (
    DeflateParameters,
    DeflatePolicy,
    check_agreed,
    negotiate_server,
    parse_extensions,
)
from core.protocol.handshake_rules import (
    ACCEPT_HEADER,
    EXTENSIONS_HEADER,
    KEY_HEADER,
    PROTOCOL_HEADER,
    VERSION_HEADER,
)
from core.protocol.handshake_rules import WS_VERSION as WS_VERSION
from core.protocol.headers import explain, quoted, split_list
from core.protocol.http11 import (
    HeadKind,
    HeadParser,
    RequestHead,
    ResponseHead,
    write_request,
    write_response,
)
from core.protocol.violations import Judgement, Severity, Violation, violation

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455 section 1.3."""

_UNUSABLE = frozenset(
    {
        "method-not-get",
        "http-version-unknown",
        "request-has-body",
        "upgrade-missing",
        "key-missing",
        "key-bad",
        "version-not-13",
        "origin-refused",
        "host-foreign",
    }
)
"""Rules for which tolerant judgement refuses too, because the client could not or must not go on."""

_HEADERS_OF_STATUS: dict[int, tuple[tuple[str, str], ...]] = {
    # RFC 9110 section 15.5.6.
    405: (("Allow", "GET"),),
    # RFC 9110 section 15.5.22, RFC 6455 section 4.4.
    426: (("Upgrade", "websocket"), (VERSION_HEADER, WS_VERSION)),
}


def accept_key(key: str) -> str:
    """The Sec-WebSocket-Accept that follows from a Sec-WebSocket-Key (RFC 6455 section 4.2.2)."""
    return accept_steps(key).accept


@dataclass(frozen=True, slots=True)
class AcceptSteps:
    """The steps that compute Sec-WebSocket-Accept."""

    key: str
    joined: str
    """The key followed by the GUID."""
    sha1: bytes
    """20 bytes."""
    accept: str
    """The base64 of `sha1`."""


def accept_steps(key: str) -> AcceptSteps:
    """The computation of RFC 6455 section 4.2.2, for any text of Latin-1 characters."""
    joined = key + GUID
    digest = hashlib.sha1(joined.encode("latin-1"), usedforsecurity=False).digest()
    return AcceptSteps(key, joined, digest, base64.b64encode(digest).decode("ascii"))


def new_key() -> str:
    """A Sec-WebSocket-Key: the base64 of 16 unpredictable bytes (RFC 6455 section 4.1)."""
    return base64.b64encode(secrets.token_bytes(16)).decode("ascii")


@dataclass(frozen=True, slots=True)
class ServerPolicy:
    """What a server accepts and chooses."""

    subprotocols: tuple[str, ...] | None = None
    """Subprotocols it speaks, best first; None accepts the client's first choice."""
    deflate: DeflatePolicy | None = field(default_factory=DeflatePolicy)
    """None means no compression."""
    judgement: Judgement = Judgement.STRICT
    extra_headers: tuple[tuple[str, str], ...] = ()
    """Added to a 101 after its own headers; must not be headers that the handshake sets."""
    origins: tuple[str, ...] | None = None
    """Origins that may connect, such as `https://example.com`; None means all. A request without Origin always may."""
    hosts: tuple[str, ...] | None = None
    """Names allowed in Host beside those of loopback, against DNS rebinding; None allows any name."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers to a request: the bytes and their consequences."""

    status: int
    reason: str
    """Why the request is refused, in one sentence; empty for 101 and for a served page."""
    response: bytes
    """The whole response, head and body."""
    body_length: int = 0
    subprotocol: str | None = None
    deflate: DeflateParameters | None = None
    extensions: str = ""
    """The value of Sec-WebSocket-Extensions in the response."""
    violations: tuple[Violation, ...] = ()
    """All broken rules, including those in the request head's own list; offsets count in the raw request."""
    pretends: bool = False
    """Frames follow whatever the response says, which is wrong on purpose."""

    @property
    def accepted(self) -> bool:
        return self.status == 101 or self.pretends

    @property
    def head(self) -> bytes:
        """The response without its body."""
        return self.response[: len(self.response) - self.body_length]

    def without_body(self) -> Answer:
        """The answer to a HEAD request, without a body (RFC 9110 section 9.3.2)."""
        return replace(self, response=self.head, body_length=0)


def is_websocket_request(request: RequestHead) -> bool:
    """Whether the request asks for WebSocket; otherwise it is plain HTTP."""
    return "websocket" in rules.lowered(request.headers.tokens("Upgrade"))


def propose(request: RequestHead, policy: ServerPolicy) -> Answer:
    """The answer that RFC 6455 section 4.2 demands: 101, or 400, 403, 405, 426, 505 with every reason."""
    headers = request.headers
    offers, bad_extensions = rules.read_extensions(headers)
    broken = [
        *request.violations,
        *rules.check_request_line(request),
        *rules.check_host(headers),
        *rules.check_host_is_local(headers, policy.hosts),
        *rules.check_request_upgrade(headers),
        *rules.check_key(headers),
        *rules.check_version(headers),
        *rules.check_origin(headers, policy.origins),
        *rules.check_subprotocols(headers),
        *bad_extensions,
        *rules.check_body(headers),
        *rules.check_request_only(headers),
    ]
    deciding = [one for one in broken if one.rule.severity is Severity.ERROR]
    if policy.judgement is Judgement.TOLERANT:
        refusing = any(one.rule.id in _UNUSABLE for one in deciding)
    else:
        refusing = bool(deciding)
    if refusing:
        answer = refuse(_refusal_status(deciding), explain(deciding), tuple(broken))
        return answer.without_body() if request.method == "HEAD" else answer
    deflate = None
    if policy.deflate is not None:
        # RFC 7692 section 5: a bad offer is declined, it does not fail the handshake.
        deflate, declined = negotiate_server(offers, policy.deflate)
        broken += rules.located(declined, headers.span(EXTENSIONS_HEADER))
    return _accept(request, policy, deflate, tuple(broken))


def _accept(
    request: RequestHead,
    policy: ServerPolicy,
    deflate: DeflateParameters | None,
    broken: tuple[Violation, ...],
) -> Answer:
    """The 101 of RFC 6455 section 4.2.2."""
    subprotocol = rules.choose_subprotocol(request.headers, policy.subprotocols)
    extensions = deflate.header() if deflate is not None else ""
    headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        (ACCEPT_HEADER, accept_key(request.headers.get(KEY_HEADER) or "")),
    ]
    if subprotocol is not None:
        headers.append((PROTOCOL_HEADER, subprotocol))
    if extensions:
        headers.append((EXTENSIONS_HEADER, extensions))
    response = write_response(101, [*headers, *policy.extra_headers])
    return Answer(101, "", response, 0, subprotocol, deflate, extensions, broken)


def _refusal_status(deciding: Sequence[Violation]) -> int:
    broken = {one.rule.id for one in deciding}
    if "method-not-get" in broken:
        return 405
    if "http-version-unknown" in broken:
        return 505
    if broken & {"upgrade-missing", "version-not-13"}:
        return 426
    # RFC 6455 section 4.2.2: 403 if only the requester's origin or host is wrong.
    return 403 if broken <= {"origin-refused", "host-foreign"} else 400


def refuse(
    status: int,
    reason: str,
    violations: Iterable[Violation] = (),
    extra_headers: Iterable[tuple[str, str]] = (),
) -> Answer:
    """An HTTP error that ends the connection. `reason` is a sentence in plain text."""
    own = _HEADERS_OF_STATUS.get(status, ())
    body = reason.encode("utf-8", "backslashreplace") + b"\n"
    response = _with_body(status, "text/plain; charset=utf-8", body, (*own, *extra_headers))
    return Answer(status, reason, response, len(body), violations=tuple(violations))


def judged_request(raw: bytes) -> tuple[Violation, ...]:
    """The rules that a request of our own breaks, as far as it is one."""
    parser = HeadParser(HeadKind.REQUEST, judgement=Judgement.TOLERANT)
    try:
        head = parser.feed(raw)
    except HeadError:
        return parser.violations
    if not isinstance(head, RequestHead):
        return parser.violations
    return propose(head, ServerPolicy(judgement=Judgement.TOLERANT)).violations


def judged_response(request: RequestHead, raw: bytes) -> tuple[Violation, ...]:
    """The rules that a response of our own to `request` breaks, as far as it is one."""
    parser = HeadParser(HeadKind.RESPONSE, judgement=Judgement.TOLERANT)
    try:
        head = parser.feed(raw)
    except HeadError:
        return parser.violations
    return check_observed(request, head).violations if isinstance(head, ResponseHead) else parser.violations


def head_missing(parser: HeadParser) -> Answer:
    """What is wrong when the stream ends before a request is complete. There is nobody left to answer."""
    cut = violation("head-incomplete", f"it ended after {len(parser.raw)} bytes", 0, len(parser.raw))
    return Answer(0, explain((cut,)), b"", violations=(*parser.violations, cut))


def serve(
    status: int, content_type: str, body: bytes, extra_headers: Iterable[tuple[str, str]] = ()
) -> Answer:
    """A plain HTTP page, after which the connection ends."""
    return Answer(status, "", _with_body(status, content_type, body, extra_headers), len(body))


def _with_body(status: int, content_type: str, body: bytes, extra: Iterable[tuple[str, str]]) -> bytes:
    more = tuple(extra)
    # RFC 9110 section 7.8: a sender of Upgrade also names it in Connection.
    upgrades = any(name.lower() == "upgrade" for name, _ in more)
    headers = (
        ("Connection", "Upgrade, close" if upgrades else "close"),
        *more,
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("X-Content-Type-Options", "nosniff"),
    )
    return write_response(status, headers, body)


def client_request(
    host: str,
    target: str,
    key: str,
    *,
    subprotocols: Sequence[str] = (),
    deflate: str | None = None,
    origin: str | None = None,
    extra_headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """The request of RFC 6455 section 4.1. `host` includes the port unless it is the scheme's default.

    `deflate` is the Sec-WebSocket-Extensions value to offer. Raises CallerError for a value that no header can carry.
    """
    headers = [
        ("Host", host),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        (KEY_HEADER, key),
        (VERSION_HEADER, WS_VERSION),
    ]
    if origin is not None:
        headers.append(("Origin", origin))
    if subprotocols:
        headers.append((PROTOCOL_HEADER, ", ".join(subprotocols)))
    if deflate:
        headers.append((EXTENSIONS_HEADER, deflate))
    return write_request("GET", target, [*headers, *extra_headers])


@dataclass(frozen=True, slots=True)
class ResponseVerdict:
    """A client's judgement of a response; offsets of the violations count in the raw response."""

    violations: tuple[Violation, ...]
    subprotocol: str | None = None
    deflate: DeflateParameters | None = None


def check_observed(request: RequestHead, response: ResponseHead) -> ResponseVerdict:
    """Check a response against a request that somebody else sent."""
    headers = request.headers
    return check_response(
        response,
        key=headers.get(KEY_HEADER) or "",
        offered_subprotocols=[
            name for value in headers.get_all(PROTOCOL_HEADER) for name in split_list(value)
        ],
        offered_deflate=", ".join(headers.get_all(EXTENSIONS_HEADER)) or None,
    )


def check_response(
    response: ResponseHead,
    *,
    key: str,
    offered_subprotocols: Sequence[str] = (),
    offered_deflate: str | None = None,
) -> ResponseVerdict:
    """Check a response against its request (RFC 6455 section 4.1, the numbered list at its end)."""
    if response.status != 101:
        detail = f"{response.status} {quoted(response.reason)}" if response.reason else str(response.status)
        return ResponseVerdict(
            (*response.violations, rules.at(response.status_span, "status-not-101", detail))
        )
    headers = response.headers
    answered, bad_extensions = rules.read_extensions(headers)
    offered, _ = parse_extensions((offered_deflate,) if offered_deflate else ())
    deflate, misused = check_agreed(answered, offered)
    subprotocol, bad_subprotocol = rules.read_chosen_subprotocol(headers, offered_subprotocols)
    broken = (
        *response.violations,
        *rules.check_http_version(response.version, response.version_span),
        *rules.check_response_upgrade(headers),
        *rules.check_accept(headers, accept_key(key)),
        *bad_subprotocol,
        *bad_extensions,
        *rules.located(misused, headers.span(EXTENSIONS_HEADER)),
        *rules.check_response_only(headers),
    )
    return ResponseVerdict(broken, subprotocol, deflate)
