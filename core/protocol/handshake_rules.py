"""The rules of the opening handshake, each checked on a head; `core.protocol.handshake` decides the consequences.

Every function returns the violations it finds, with the place of the offending line in the raw head.

Source: RFC 6455 sections 4.1, 4.2.1, 9.1, 10.2 and 11.3; RFC 9112 sections 2.3, 3.2 and 6.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from core.protocol.deflate import Extension, parse_extensions
from core.protocol.headers import NOWHERE, Headers, HeadSpan, is_token, quoted, split_list
from core.protocol.http11 import RequestHead
from core.protocol.violations import Violation, violation

WS_VERSION = "13"
KEY_HEADER = "Sec-WebSocket-Key"
VERSION_HEADER = "Sec-WebSocket-Version"
ACCEPT_HEADER = "Sec-WebSocket-Accept"
PROTOCOL_HEADER = "Sec-WebSocket-Protocol"
EXTENSIONS_HEADER = "Sec-WebSocket-Extensions"

_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")
"""Base64 of 16 bytes whose unused bits are 0."""
_TARGET = re.compile(r"(?:/|(?i:https?)://[^/?#])[\x21\x22\x24-\x7e]*")
_HOST = re.compile(r"(?:\[[0-9A-Za-z:.%\-]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]+)(?::[0-9]*)?")
_VERSION = re.compile(r"HTTP/1\.[0-9]")
_MAX_PER_PLACE = 16


def at(span: HeadSpan, rule: str, detail: str = "") -> Violation:
    """The violation of `rule` at a place in the raw head."""
    return violation(rule, detail, *span)


def located(broken: Sequence[Violation], span: HeadSpan) -> list[Violation]:
    """Move violations to a place in the raw head; if there are too many, the last one tells how many there were."""
    kept = [replace(one, offset=span.offset, length=span.length) for one in broken[:_MAX_PER_PLACE]]
    if len(broken) > len(kept):
        kept[-1] = replace(kept[-1], detail=f"{kept[-1].detail}; {len(broken)} such problems in all")
    return kept


def lowered(tokens: Iterable[str]) -> tuple[str, ...]:
    return tuple(token.lower() for token in tokens)


def _got(headers: Headers, name: str) -> str:
    values = headers.get_all(name)
    return f"it says {quoted(', '.join(values))}" if values else f"there is no {name} header"


def check_request_line(request: RequestHead) -> list[Violation]:
    broken = []
    if request.method != "GET":
        broken.append(at(request.method_span, "method-not-get", f"it is {quoted(request.method)}"))
    if _TARGET.fullmatch(request.target) is None:
        broken.append(at(request.target_span, "request-target-bad", f"it is {quoted(request.target)}"))
    return broken + check_http_version(request.version, request.version_span)


def check_http_version(version: str, span: HeadSpan) -> list[Violation]:
    if _VERSION.fullmatch(version) is None:
        # RFC 9112 section 2.3: another major version delimits its messages differently.
        return [at(span, "http-version-unknown", f"it is {quoted(version)}")]
    if version == "HTTP/1.0":
        return [at(span, "http-version-old", f"it is {quoted(version)}")]
    return []


def _repeated(headers: Headers, name: str, rule: str) -> list[Violation]:
    """`rule` at the second line of a header that may occur only once."""
    lines = headers.lines(name)
    return [at(lines[1][1], rule, f"{len(lines)} of them")] if len(lines) > 1 else []


def check_host(headers: Headers) -> list[Violation]:
    hosts = headers.lines("Host")
    if not hosts:
        return [at(NOWHERE, "host-missing")]
    bad = [at(span, "host-bad", f"it is {quoted(host)}") for host, span in hosts if not _HOST.fullmatch(host)]
    return _repeated(headers, "Host", "host-repeated") + bad


def check_request_upgrade(headers: Headers) -> list[Violation]:
    broken = []
    # RFC 6455 section 4.2.1: the request's Upgrade contains the value.
    if "websocket" not in lowered(headers.tokens("Upgrade")):
        broken.append(at(headers.span("Upgrade"), "upgrade-missing", _got(headers, "Upgrade")))
    return broken + _check_connection(headers, "connection-missing")


def check_response_upgrade(headers: Headers) -> list[Violation]:
    broken = []
    # RFC 6455 section 4.1: the response's Upgrade is the value.
    if lowered(headers.get_all("Upgrade")) != ("websocket",):
        broken.append(at(headers.span("Upgrade"), "response-upgrade-missing", _got(headers, "Upgrade")))
    return broken + _check_connection(headers, "response-connection-missing")


def _check_connection(headers: Headers, rule: str) -> list[Violation]:
    if "upgrade" in lowered(headers.tokens("Connection")):
        return []
    return [at(headers.span("Connection"), rule, _got(headers, "Connection"))]


def check_key(headers: Headers) -> list[Violation]:
    keys = headers.lines(KEY_HEADER)
    if not keys:
        return [at(NOWHERE, "key-missing")]
    bad = [
        at(span, "key-bad", f"{quoted(key)} {_what_key_is(key)}")
        for key, span in keys
        if _KEY.fullmatch(key) is None
    ]
    return _repeated(headers, KEY_HEADER, "key-repeated") + bad


def _what_key_is(key: str) -> str:
    try:
        decoded = base64.b64decode(key.encode("latin-1"), validate=True)
    except binascii.Error:
        return "is no base64"
    if len(decoded) != 16:
        return f"decodes to {len(decoded)} bytes"
    return "is not the usual spelling of its bytes"


def check_version(headers: Headers) -> list[Violation]:
    versions = headers.get_all(VERSION_HEADER)
    if not versions:
        return [at(NOWHERE, "version-missing")]
    broken = _repeated(headers, VERSION_HEADER, "version-repeated")
    if WS_VERSION not in versions:
        span = headers.span(VERSION_HEADER)
        broken.append(at(span, "version-not-13", _got(headers, VERSION_HEADER)))
    return broken


def check_origin(headers: Headers, allowed: tuple[str, ...] | None) -> list[Violation]:
    if allowed is None:
        return []
    known = lowered(allowed)
    return [
        at(span, "origin-refused", f"it is {quoted(origin)}")
        for origin, span in headers.lines("Origin")
        if origin.lower() not in known
    ]


def check_host_is_local(headers: Headers, names: tuple[str, ...] | None) -> list[Violation]:
    """Check against DNS rebinding: a client on loopback must call us by a name of loopback or by one of `names`."""
    if names is None:
        return []
    return [
        at(span, "host-foreign", f"it is {quoted(host)}")
        for host, span in headers.lines("Host")
        if not _is_loopback_name(host) and _without_port(host) not in lowered(names)
    ]


def _is_loopback_name(host: str) -> bool:
    name = _without_port(host)
    # RFC 6761 section 6.3: localhost and all names below it are loopback.
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and not port.endswith("]") else host.lower()


def check_subprotocols(headers: Headers) -> list[Violation]:
    broken = []
    seen: set[str] = set()
    for value, span in headers.lines(PROTOCOL_HEADER):
        offered = split_list(value)
        bad = next((one for one in offered if not is_token(one)), None if offered else value)
        if bad is not None:
            broken.append(at(span, "subprotocol-bad", f"{quoted(bad)} is no token"))
        again = None
        for one in offered:
            if one in seen:
                again = one
            seen.add(one)
        if again is not None:
            broken.append(at(span, "subprotocol-repeated", quoted(again)))
    return broken


def choose_subprotocol(headers: Headers, spoken: tuple[str, ...] | None) -> str | None:
    """The client's first choice that the server speaks."""
    offered = headers.tokens(PROTOCOL_HEADER)
    usable = (one for one in offered if is_token(one) and (spoken is None or one in spoken))
    return next(usable, None)


def read_extensions(headers: Headers) -> tuple[tuple[Extension, ...], list[Violation]]:
    """All well-formed elements of all lines; the violations point at their lines."""
    found: list[Extension] = []
    broken: list[Violation] = []
    for value, span in headers.lines(EXTENSIONS_HEADER):
        extensions, bad = parse_extensions((value,))
        found += extensions
        broken += located(bad, span)
    return tuple(found), broken


def check_body(headers: Headers) -> list[Violation]:
    broken = []
    for name in ("Content-Length", "Transfer-Encoding"):
        for value, span in headers.lines(name):
            if (name, value) != ("Content-Length", "0"):
                broken.append(at(span, "request-has-body", f"{name} is {quoted(value)}"))
    return broken


def check_request_only(headers: Headers) -> list[Violation]:
    return [
        at(span, "accept-in-request", f"it is {quoted(value)}")
        for value, span in headers.lines(ACCEPT_HEADER)
    ]


def check_accept(headers: Headers, right: str) -> list[Violation]:
    values = headers.lines(ACCEPT_HEADER)
    if not values:
        return [at(NOWHERE, "accept-missing")]
    wrong = [
        at(span, "accept-wrong", f"it is {quoted(value)}, where {quoted(right)} is due")
        for value, span in values
        if value != right
    ]
    return _repeated(headers, ACCEPT_HEADER, "accept-repeated") + wrong


def read_chosen_subprotocol(headers: Headers, offered: Sequence[str]) -> tuple[str | None, list[Violation]]:
    strangers = [
        at(span, "subprotocol-not-offered", f"it is {quoted(value)}")
        for value, span in headers.lines(PROTOCOL_HEADER)
        if value not in offered
    ]
    broken = _repeated(headers, PROTOCOL_HEADER, "subprotocol-several") + strangers
    return headers.get(PROTOCOL_HEADER), broken


def check_response_only(headers: Headers) -> list[Violation]:
    """Check for header fields that must not occur in a 101."""
    rules = {
        VERSION_HEADER: "version-in-success",
        KEY_HEADER: "key-in-response",
        # RFC 9110 section 8.6, RFC 9112 section 6.1.
        "Content-Length": "response-has-length",
        "Transfer-Encoding": "response-has-length",
    }
    return [
        at(span, rule, f"{name} is {quoted(value)}")
        for name, rule in rules.items()
        for value, span in headers.lines(name)
    ]
