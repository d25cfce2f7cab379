"""Tells from a client's first bytes what it speaks inside a tunnel: TLS, HTTP/1, or something else."""

from __future__ import annotations

import re
from enum import Enum

from core.protocol.headers import TCHAR

MOST_PEEKED = 8192
"""Bytes after which a request line must have ended."""
_MOST_METHOD = 32

# RFC 8446 section 5.1: a record of type handshake (22), version 3.x; section 4: its first message is ClientHello (1).
_TLS = ((0x16,), (0x03,), tuple(range(5)), tuple(range(0x49)), tuple(range(256)), (0x01,))
_METHOD = re.compile(rb"[" + TCHAR.encode("ascii") + rb"]+")
_REQUEST_LINE = re.compile(rb"[" + TCHAR.encode("ascii") + rb"]{1,32} [\x21-\x7e\x80-\xff]+ HTTP/1\.[0-9]\r?")


class FirstBytes(Enum):
    """What a client speaks."""

    TLS = "tls"
    HTTP = "http"
    """HTTP/1 in clear."""
    OTHER = "other"


def judge_first_bytes(data: bytes) -> FirstBytes | None:
    """What `data` begins; None if more of it is needed. The whole of HTTP's request line is looked at."""
    if not data:
        return None
    if data[0] == _TLS[0][0]:
        for byte, allowed in zip(data, _TLS, strict=False):
            if byte not in allowed:
                return FirstBytes.OTHER
        return FirstBytes.TLS if len(data) >= len(_TLS) else None
    # RFC 9112 section 2.2: an empty line before the request line is ignored.
    text = data.lstrip(b"\r\n")
    line, newline, _ = text[:MOST_PEEKED].partition(b"\n")
    if newline:
        return FirstBytes.HTTP if _REQUEST_LINE.fullmatch(line) else FirstBytes.OTHER
    if len(data) >= MOST_PEEKED:
        return FirstBytes.OTHER
    method = _METHOD.match(line)
    length = method.end() if method else 0
    if length > _MOST_METHOD or (line and not length) or line[length : length + 1] not in (b"", b" "):
        return FirstBytes.OTHER
    return None
