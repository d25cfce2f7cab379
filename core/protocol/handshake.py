"""The opening handshake for both roles: what to answer to a request, and what to make of a response.

All broken rules are listed, not only the first. Which of them refuse the handshake is a matter of `Judgement`:
strict refuses for every one of severity ERROR, tolerant only where no WebSocket connection can follow.

Source: RFC 6455 sections 4 (opening handshake), 9.1 (extensions), 10.2 (origin) and 11.3 (header fields).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from core.protocol.deflate import (
    DeflateParameters,
    DeflatePolicy,
    Extension,
    check_agreed,
    negotiate_server,
    parse_extensions,
)
from core.protocol.http11 import (
    NOWHERE,
    Headers,
    RequestHead,
    ResponseHead,
    Span,
    explain,
    is_token,
    quoted,
    split_list,
    write_request,
    write_response,
)
from core.protocol.violations import Judgement, Severity, Violation, violation

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455 section 1.3."""
WS_VERSION = "13"

_KEY_HEADER = "Sec-WebSocket-Key"
_VERSION_HEADER = "Sec-WebSocket-Version"
_ACCEPT_HEADER = "Sec-WebSocket-Accept"
_PROTOCOL_HEADER = "Sec-WebSocket-Protocol"
_EXTENSIONS_HEADER = "Sec-WebSocket-Extensions"

_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")
"""Base64 of 16 bytes whose unused bits are 0."""
_TARGET = re.compile(r"(?:/|(?i:https?)://[^/?#])[\x21\x22\x24-\x7e]*")
_HOST = re.compile(r"(?:\[[0-9A-Za-z:.%\-]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]+)(?::[0-9]*)?")
_VERSION = re.compile(r"HTTP/1\.[0-9]")

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
    }
)
"""Rules that tolerant judgement refuses for too: the client could not go on, or must not."""

_HEADERS_OF_STATUS: dict[int, tuple[tuple[str, str], ...]] = {
    # RFC 9110 section 15.5.6.
    405: (("Allow", "GET"),),
    # RFC 9110 section 15.5.22, RFC 6455 section 4.4.
    426: (("Upgrade", "websocket"), (_VERSION_HEADER, WS_VERSION)),
}


def accept_key(key: str) -> str:
    """The Sec-WebSocket-Accept that follows from a Sec-WebSocket-Key (RFC 6455 section 4.2.2)."""
    return accept_steps(key).accept


@dataclass(frozen=True, slots=True)
class AcceptSteps:
    """How Sec-WebSocket-Accept comes about, step by step."""

    key: str
    joined: str
    """The key with the GUID behind it."""
    sha1: bytes
    """20 bytes."""
    accept: str
    """The base64 of those."""


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
    """Those it speaks; None: whatever the client names first."""
    deflate: DeflatePolicy | None = field(default_factory=DeflatePolicy)
    """None: no compression."""
    judgement: Judgement = Judgement.STRICT
    extra_headers: tuple[tuple[str, str], ...] = ()
    """Added to a 101 behind its own; not for those that the handshake itself sets."""
    origins: tuple[str, ...] | None = None
    """Origins that may connect, as `https://example.com`; None: all. A request without Origin may always."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers to a request, as bytes and as what follows from it."""

    status: int
    reason: str
    """Why it is refused, one sentence; "" for 101 and for a page served."""
    response: bytes
    """Head and body."""
    body_length: int = 0
    subprotocol: str | None = None
    deflate: DeflateParameters | None = None
    extensions: str = ""
    """The Sec-WebSocket-Extensions of the response."""
    violations: tuple[Violation, ...] = ()
    """All rules broken, those in the request head's own list included; offsets count in the raw request."""

    @property
    def accepted(self) -> bool:
        return self.status == 101

    @property
    def head(self) -> bytes:
        """The response without its body."""
        return self.response[: len(self.response) - self.body_length]

    def without_body(self) -> Answer:
        """The same answer as the method HEAD wants it (RFC 9110 section 9.3.2)."""
        return replace(self, response=self.head, body_length=0)


def is_websocket_request(request: RequestHead) -> bool:
    """Whether it asks for WebSocket at all; if not it is plain HTTP."""
    return "websocket" in _lowered(request.headers.tokens("Upgrade"))


def propose(request: RequestHead, policy: ServerPolicy) -> Answer:
    """What RFC 6455 section 4.2 has a server answer: 101, or 400, 403, 405, 426, 505 with every reason."""
    headers = request.headers
    offers, bad_extensions = _read_extensions(headers)
    broken = [
        *request.violations,
        *_check_request_line(request),
        *_check_host(headers),
        *_check_upgrade(headers, "upgrade-missing", "connection-missing"),
        *_check_key(headers),
        *_check_version(headers),
        *_check_origin(headers, policy.origins),
        *_check_subprotocols(headers),
        *bad_extensions,
        *_check_body(headers),
        *_check_request_only(headers),
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
        broken += _located(declined, headers.span(_EXTENSIONS_HEADER))
    return _accept(request, policy, deflate, tuple(broken))


def _accept(
    request: RequestHead,
    policy: ServerPolicy,
    deflate: DeflateParameters | None,
    broken: tuple[Violation, ...],
) -> Answer:
    """The 101 of RFC 6455 section 4.2.2."""
    subprotocol = _choose_subprotocol(request.headers, policy.subprotocols)
    extensions = deflate.header() if deflate is not None else ""
    headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        (_ACCEPT_HEADER, accept_key(request.headers.get(_KEY_HEADER) or "")),
    ]
    if subprotocol is not None:
        headers.append((_PROTOCOL_HEADER, subprotocol))
    if extensions:
        headers.append((_EXTENSIONS_HEADER, extensions))
    response = write_response(101, [*headers, *policy.extra_headers])
    return Answer(101, "", response, 0, subprotocol, deflate, extensions, broken)


def _refusal_status(deciding: Sequence[Violation]) -> int:
    rules = {one.rule.id for one in deciding}
    if "method-not-get" in rules:
        return 405
    if "http-version-unknown" in rules:
        return 505
    if rules & {"upgrade-missing", "version-not-13"}:
        return 426
    # RFC 6455 section 4.2.2: 403 where nothing but the origin is wrong.
    return 403 if rules == {"origin-refused"} else 400


def refuse(
    status: int,
    reason: str,
    violations: Iterable[Violation] = (),
    extra_headers: Iterable[tuple[str, str]] = (),
) -> Answer:
    """An HTTP error that ends the connection. `reason` is the sentence to give, as plain text."""
    own = _HEADERS_OF_STATUS.get(status, ())
    body = reason.encode("utf-8", "backslashreplace") + b"\n"
    response = _with_body(status, "text/plain; charset=utf-8", body, (*own, *extra_headers))
    return Answer(status, reason, response, len(body), violations=tuple(violations))


def serve(
    status: int, content_type: str, body: bytes, extra_headers: Iterable[tuple[str, str]] = ()
) -> Answer:
    """A plain HTTP page, after which the connection ends."""
    return Answer(status, "", _with_body(status, content_type, body, extra_headers), len(body))


def _with_body(status: int, content_type: str, body: bytes, extra: Iterable[tuple[str, str]]) -> bytes:
    more = tuple(extra)
    # RFC 9110 section 7.8: whoever sends Upgrade also names it in Connection.
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
    """The request of RFC 6455 section 4.1. `host` with its port unless that is the scheme's own.

    `deflate` is the Sec-WebSocket-Extensions to offer. CallerError for a value that no header can carry.
    """
    headers = [
        ("Host", host),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        (_KEY_HEADER, key),
        (_VERSION_HEADER, WS_VERSION),
    ]
    if origin is not None:
        headers.append(("Origin", origin))
    if subprotocols:
        headers.append((_PROTOCOL_HEADER, ", ".join(subprotocols)))
    if deflate:
        headers.append((_EXTENSIONS_HEADER, deflate))
    return write_request("GET", target, [*headers, *extra_headers])


@dataclass(frozen=True, slots=True)
class ResponseVerdict:
    """What a client makes of the response; offsets of the violations count in the raw response."""

    violations: tuple[Violation, ...]
    subprotocol: str | None = None
    deflate: DeflateParameters | None = None


def check_response(
    response: ResponseHead,
    *,
    key: str,
    offered_subprotocols: Sequence[str] = (),
    offered_deflate: str | None = None,
) -> ResponseVerdict:
    """Hold a response against the request that it answers (RFC 6455 section 4.1, the numbered list at its end)."""
    if response.status != 101:
        detail = f"{response.status} {quoted(response.reason)}" if response.reason else str(response.status)
        return ResponseVerdict((*response.violations, _at(response.status_span, "status-not-101", detail)))
    headers = response.headers
    answered, bad_extensions = _read_extensions(headers)
    offered, _ = parse_extensions((offered_deflate,) if offered_deflate else ())
    deflate, misused = check_agreed(answered, offered)
    subprotocol, bad_subprotocol = _read_chosen_subprotocol(headers, offered_subprotocols)
    broken = (
        *response.violations,
        *_check_http_version(response.version, response.version_span),
        *_check_upgrade(headers, "response-upgrade-missing", "response-connection-missing"),
        *_check_accept(headers, key),
        *bad_subprotocol,
        *bad_extensions,
        *_located(misused, headers.span(_EXTENSIONS_HEADER)),
        *_check_response_only(headers),
    )
    return ResponseVerdict(broken, subprotocol, deflate)


def _at(span: Span, rule: str, detail: str = "") -> Violation:
    return violation(rule, detail, *span)


def _located(broken: Iterable[Violation], span: Span) -> list[Violation]:
    return [replace(one, offset=span.offset, length=span.length) for one in broken]


def _lowered(tokens: Iterable[str]) -> tuple[str, ...]:
    return tuple(token.lower() for token in tokens)


def _got(headers: Headers, name: str) -> str:
    values = headers.get_all(name)
    return f"it says {quoted(', '.join(values))}" if values else f"there is no {name} header"


def _check_request_line(request: RequestHead) -> list[Violation]:
    broken = []
    if request.method != "GET":
        broken.append(_at(request.method_span, "method-not-get", f"it is {quoted(request.method)}"))
    if _TARGET.fullmatch(request.target) is None:
        broken.append(_at(request.target_span, "request-target-bad", f"it is {quoted(request.target)}"))
    return broken + _check_http_version(request.version, request.version_span)


def _check_http_version(version: str, span: Span) -> list[Violation]:
    if _VERSION.fullmatch(version) is None:
        # RFC 9112 section 2.3: another major version frames its messages in another way.
        return [_at(span, "http-version-unknown", f"it is {quoted(version)}")]
    if version == "HTTP/1.0":
        return [_at(span, "http-version-old", f"it is {quoted(version)}")]
    return []


def _repeated(headers: Headers, name: str, rule: str) -> list[Violation]:
    """`rule` at the second line of a name that may stand only once."""
    lines = headers.lines(name)
    return [_at(lines[1][1], rule, f"{len(lines)} of them")] if len(lines) > 1 else []


def _check_host(headers: Headers) -> list[Violation]:
    hosts = headers.lines("Host")
    if not hosts:
        return [_at(NOWHERE, "host-missing")]
    bad = [
        _at(span, "host-bad", f"it is {quoted(host)}") for host, span in hosts if not _HOST.fullmatch(host)
    ]
    return _repeated(headers, "Host", "host-repeated") + bad


def _check_upgrade(headers: Headers, upgrade_rule: str, connection_rule: str) -> list[Violation]:
    broken = []
    upgrade = _lowered(headers.tokens("Upgrade"))
    # RFC 6455 section 4.2.1 has a request contain the value, section 4.1 has a response be it.
    named = upgrade == ("websocket",) if upgrade_rule.startswith("response") else "websocket" in upgrade
    if not named:
        broken.append(_at(headers.span("Upgrade"), upgrade_rule, _got(headers, "Upgrade")))
    if "upgrade" not in _lowered(headers.tokens("Connection")):
        broken.append(_at(headers.span("Connection"), connection_rule, _got(headers, "Connection")))
    return broken


def _check_key(headers: Headers) -> list[Violation]:
    keys = headers.lines(_KEY_HEADER)
    if not keys:
        return [_at(NOWHERE, "key-missing")]
    bad = [
        _at(span, "key-bad", f"{quoted(key)} {_what_key_is(key)}")
        for key, span in keys
        if _KEY.fullmatch(key) is None
    ]
    return _repeated(headers, _KEY_HEADER, "key-repeated") + bad


def _what_key_is(key: str) -> str:
    try:
        decoded = base64.b64decode(key.encode("latin-1"), validate=True)
    except binascii.Error:
        return "is no base64"
    return (
        f"decodes to {len(decoded)} bytes" if len(decoded) != 16 else "is not the usual spelling of its bytes"
    )


def _check_version(headers: Headers) -> list[Violation]:
    versions = headers.get_all(_VERSION_HEADER)
    if not versions:
        return [_at(NOWHERE, "version-missing")]
    broken = _repeated(headers, _VERSION_HEADER, "version-repeated")
    if WS_VERSION not in versions:
        span = headers.span(_VERSION_HEADER)
        broken.append(_at(span, "version-not-13", _got(headers, _VERSION_HEADER)))
    return broken


def _check_origin(headers: Headers, allowed: tuple[str, ...] | None) -> list[Violation]:
    if allowed is None:
        return []
    known = _lowered(allowed)
    return [
        _at(span, "origin-refused", f"it is {quoted(origin)}")
        for origin, span in headers.lines("Origin")
        if origin.lower() not in known
    ]


def _check_subprotocols(headers: Headers) -> list[Violation]:
    broken = []
    seen: set[str] = set()
    for value, span in headers.lines(_PROTOCOL_HEADER):
        offered = split_list(value)
        bad = next((one for one in offered if not is_token(one)), None if offered else value)
        if bad is not None:
            broken.append(_at(span, "subprotocol-bad", f"{quoted(bad)} is no token"))
        again = None
        for one in offered:
            if one in seen:
                again = one
            seen.add(one)
        if again is not None:
            broken.append(_at(span, "subprotocol-repeated", quoted(again)))
    return broken


def _choose_subprotocol(headers: Headers, spoken: tuple[str, ...] | None) -> str | None:
    """The first in the client's order of preference that the server speaks."""
    offered = headers.tokens(_PROTOCOL_HEADER)
    usable = (one for one in offered if is_token(one) and (spoken is None or one in spoken))
    return next(usable, None)


def _read_extensions(headers: Headers) -> tuple[tuple[Extension, ...], list[Violation]]:
    """All well-formed elements of all lines; the violations point at their lines."""
    found: list[Extension] = []
    broken: list[Violation] = []
    for value, span in headers.lines(_EXTENSIONS_HEADER):
        extensions, bad = parse_extensions((value,))
        found += extensions
        broken += _located(bad, span)
    return tuple(found), broken


def _check_body(headers: Headers) -> list[Violation]:
    broken = []
    for name in ("Content-Length", "Transfer-Encoding"):
        for value, span in headers.lines(name):
            if (name, value) != ("Content-Length", "0"):
                broken.append(_at(span, "request-has-body", f"{name} is {quoted(value)}"))
    return broken


def _check_request_only(headers: Headers) -> list[Violation]:
    return [
        _at(span, "accept-in-request", f"it is {quoted(value)}")
        for value, span in headers.lines(_ACCEPT_HEADER)
    ]


def _check_accept(headers: Headers, key: str) -> list[Violation]:
    values = headers.lines(_ACCEPT_HEADER)
    if not values:
        return [_at(NOWHERE, "accept-missing")]
    right = accept_key(key)
    wrong = [
        _at(span, "accept-wrong", f"it is {quoted(value)}, where {quoted(right)} is due")
        for value, span in values
        if value != right
    ]
    return _repeated(headers, _ACCEPT_HEADER, "accept-repeated") + wrong


def _read_chosen_subprotocol(headers: Headers, offered: Sequence[str]) -> tuple[str | None, list[Violation]]:
    strangers = [
        _at(span, "subprotocol-not-offered", f"it is {quoted(value)}")
        for value, span in headers.lines(_PROTOCOL_HEADER)
        if value not in offered
    ]
    broken = _repeated(headers, _PROTOCOL_HEADER, "subprotocol-several") + strangers
    return headers.get(_PROTOCOL_HEADER), broken


def _check_response_only(headers: Headers) -> list[Violation]:
    """Header fields that a 101 has no business with."""
    rules = {
        _VERSION_HEADER: "version-in-success",
        _KEY_HEADER: "key-in-response",
        # RFC 9110 section 8.6, RFC 9112 section 6.1.
        "Content-Length": "response-has-length",
        "Transfer-Encoding": "response-has-length",
    }
    return [
        _at(span, rule, f"{name} is {quoted(value)}")
        for name, rule in rules.items()
        for value, span in headers.lines(name)
    ]
