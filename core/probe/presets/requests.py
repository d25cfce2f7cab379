"""Opening handshakes that a server must not accept, or may decline (RFC 6455 sections 4.2, 9.1, 10.2 and 11.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.probe.head import Head
from core.probe.preset import Demand, Preset, RequestFault, Writer, preset
from core.protocol.frames import Opcode
from core.protocol.handshake_rules import (
    ACCEPT_HEADER,
    EXTENSIONS_HEADER,
    KEY_HEADER,
    PROTOCOL_HEADER,
    VERSION_HEADER,
)
from core.protocol.state import Role

_CHOOSE = Demand.CHOOSE
_CLIENT_HELLO = bytes.fromhex(
    "16 03 01 00 3f 01 00 00 3b 03 03 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 19 1a"
    "1b 1c 1d 1e 1f 00 00 02 13 01 01 00 00 10 00 2b 00 03 02 03 04 00 0d 00 04 00 02 04 03 00 00"
)
"""The beginning of a TLS handshake (RFC 8446 section 4.1.2)."""


def _first(change: Callable[[str], str]) -> Callable[[Head], bytes]:
    return lambda head: replace(head, first=change(head.first)).to_bytes()


def _lines(change: Callable[[Head], Head]) -> Callable[[Head], bytes]:
    return lambda head: change(head).to_bytes()


def _request(rule: str, title: str, spoilt: Callable[[Head], bytes], demand: Demand = Demand.FAIL) -> Preset:
    return preset(rule, title, RequestFault(spoilt), demand)


def _target_with_fragment(first: str) -> str:
    method, target, version = first.split(" ")
    return f"{method} {target}#part {version}"


def _offers(value: str) -> Callable[[Head], bytes]:
    return _lines(lambda head: head.instead(EXTENSIONS_HEADER, value))


def _hasty(head: Head) -> bytes:
    return head.to_bytes() + Writer(Role.CLIENT).frame(Opcode.TEXT, b"hasty").wire()


def _cut_key(head: Head) -> Head:
    return head.instead(KEY_HEADER, "dG9vIHNob3J0")


def _repeated_host(head: Head) -> Head:
    return head.instead("Host", *[head.value("Host")] * 2)


REQUESTS = (
    _request("head-looks-like-tls", "TLS where plain HTTP is spoken", lambda _head: _CLIENT_HELLO),
    _request("method-not-get", "the method POST", _first(lambda line: line.replace("GET", "POST", 1))),
    _request("http-version-old", "HTTP/1.0", _first(lambda line: line.replace("HTTP/1.1", "HTTP/1.0"))),
    _request("http-version-unknown", "HTTP/3.7", _first(lambda line: line.replace("HTTP/1.1", "HTTP/3.7"))),
    _request("request-target-bad", "a target with a fragment", _first(_target_with_fragment), _CHOOSE),
    _request(
        "request-has-body",
        "an announced body",
        _lines(lambda head: head.with_lines("Content-Length: 5")),
        _CHOOSE,
    ),
    _request("host-missing", "no Host", _lines(lambda head: head.without("Host"))),
    _request("host-repeated", "two Host headers", _lines(_repeated_host)),
    _request(
        "host-bad",
        "a Host that is none",
        _lines(lambda head: head.instead("Host", head.value("Host").rpartition(":")[0] + ":none")),
    ),
    _request("upgrade-missing", "no Upgrade", _lines(lambda head: head.without("Upgrade"))),
    _request("connection-missing", "no Connection", _lines(lambda head: head.without("Connection"))),
    _request("key-missing", "no Sec-WebSocket-Key", _lines(lambda head: head.without(KEY_HEADER))),
    _request(
        "key-repeated",
        "two keys",
        _lines(lambda head: head.instead(KEY_HEADER, *[head.value(KEY_HEADER)] * 2)),
    ),
    _request("key-bad", "a key of 9 bytes", _lines(_cut_key)),
    _request(
        "version-missing", "no Sec-WebSocket-Version", _lines(lambda head: head.without(VERSION_HEADER))
    ),
    _request(
        "version-repeated", "two versions", _lines(lambda head: head.instead(VERSION_HEADER, "13", "13"))
    ),
    _request("version-not-13", "version 12", _lines(lambda head: head.instead(VERSION_HEADER, "12"))),
    _request(
        "subprotocol-bad",
        "a subprotocol of two words",
        _lines(lambda head: head.instead(PROTOCOL_HEADER, "two words")),
        _CHOOSE,
    ),
    _request(
        "subprotocol-repeated",
        "a subprotocol twice",
        _lines(lambda head: head.instead(PROTOCOL_HEADER, "chat, chat")),
        _CHOOSE,
    ),
    _request(
        "extension-syntax", "an extension that has no name", _offers("permessage-deflate, ;a=1"), _CHOOSE
    ),
    _request(
        "origin-refused",
        "a foreign Origin",
        _lines(lambda head: head.instead("Origin", "http://foreign.example")),
        _CHOOSE,
    ),
    _request(
        "host-foreign",
        "a foreign Host",
        _lines(lambda head: head.instead("Host", "foreign.example")),
        _CHOOSE,
    ),
    _request(
        "accept-in-request",
        "Sec-WebSocket-Accept in the request",
        _lines(lambda head: head.with_lines(f"{ACCEPT_HEADER}: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
        _CHOOSE,
    ),
    _request("data-before-answer", "a frame right behind the request", _hasty, _CHOOSE),
    _request(
        "deflate-parameter-unknown",
        "an unknown parameter of permessage-deflate",
        _offers("permessage-deflate; unknown"),
        _CHOOSE,
    ),
    _request(
        "deflate-parameter-repeated",
        "a parameter of permessage-deflate twice",
        _offers("permessage-deflate; client_no_context_takeover; client_no_context_takeover"),
        _CHOOSE,
    ),
    _request(
        "deflate-parameter-value",
        "a window of 99 bits",
        _offers("permessage-deflate; server_max_window_bits=99"),
        _CHOOSE,
    ),
)
