"""Reads what a client asks for from the first bytes of a TLS stream, without judging them.

What is not understood in them is left out: OpenSSL reads them once more, and knows which alert they deserve.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_BYTES = 64 * 1024
"""A longer ClientHello is not waited for."""
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_SERVER_NAME, _ALPN, _VERSIONS = 0, 16, 43
_HOST_NAME = re.compile(rb"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_\-.]*[A-Za-z0-9_])?")


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client asks for (RFC 8446 section 4.1.2)."""

    server_name: str | None = None
    """The host that it means (SNI, RFC 6066 section 3), in lower case; None if it names none, or nonsense."""
    alpn: tuple[str, ...] = ()
    """The protocols that it offers, best first (RFC 7301)."""
    versions: tuple[int, ...] = ()
    """The versions that it offers, such as 0x0304 for TLS 1.3."""


def read_client_hello(data: bytes) -> ClientHello | None:
    """What the first bytes of a stream ask for; None if more of them are needed.

    `data` begins with a record of type handshake, as `core.protocol.first_bytes` tells.
    """
    message = _message(data)
    if message is None:
        return None if len(data) < MOST_BYTES else ClientHello()
    try:
        return _hello(message)
    except (IndexError, ValueError):
        return ClientHello()


def describe_tls(data: bytes) -> str:
    """What came, in words, where the first bytes of a stream are TLS."""
    if data[0] != _HANDSHAKE:
        return "a TLS record came"
    hello = read_client_hello(data)
    if hello is None or hello.server_name is None:
        return "a TLS ClientHello came"
    return f"a TLS ClientHello for {hello.server_name} came"


def _message(data: bytes) -> bytes | None:
    """The first handshake message, put together from records (RFC 8446 section 5.1); None: incomplete."""
    message = bytearray()
    at = 0
    while len(data) - at >= 5:
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        if data[at] != _HANDSHAKE or size == 0:
            return b""
        message += data[at + 5 : at + 5 + size]
        at += 5 + size
        # Type and length come first (RFC 8446 section 4).
        if len(message) >= 4:
            length = 4 + int.from_bytes(message[1:4], "big")
            if message[0] != _CLIENT_HELLO or length > MOST_BYTES:
                return b""
            if len(message) >= length:
                return bytes(message[:length])
    return None


def _hello(message: bytes) -> ClientHello:
    # Head, legacy version and random come before the session id.
    at = 4 + 2 + 32
    at += 1 + message[at]
    at += 2 + _number(message, at)
    at += 1 + message[at]
    name: str | None = None
    alpn: tuple[str, ...] = ()
    versions: tuple[int, ...] = (_number(message, 4),)
    for kind, body in _extensions(message, at):
        if kind == _SERVER_NAME:
            name = _name(body)
        elif kind == _ALPN:
            alpn = tuple(_protocols(body))
        elif kind == _VERSIONS:
            versions = tuple(_number(body, each) for each in range(1, 1 + body[0], 2))
    return ClientHello(name, alpn, versions)


def _extensions(message: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Type and content of each, as far as they are whole."""
    if at == len(message):
        return
    end = at + 2 + _number(message, at)
    at += 2
    while at + 4 <= end:
        kind, size = _number(message, at), _number(message, at + 2)
        yield kind, _part(message, at + 4, size)
        at += 4 + size


def _name(body: bytes) -> str | None:
    # A list, of which only the type 0 and only one of it are in use (RFC 6066 section 3).
    if body[2] != 0:
        return None
    name = _part(body, 5, _number(body, 3))
    return name.decode("ascii").lower() if _HOST_NAME.fullmatch(name) else None


def _protocols(body: bytes) -> Iterator[str]:
    at = 2
    while at < len(body):
        yield _part(body, at + 1, body[at]).decode("ascii", "backslashreplace")
        at += 1 + body[at]


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(_part(data, at, 2), "big")


def _part(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise ValueError("cut short")
    return data[at : at + size]
