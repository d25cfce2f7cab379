"""A request head as it goes on to another server: a few lines changed, all others byte for byte what came."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.protocol.http11 import RequestHead


class OriginHeader(Enum):
    """What becomes of Origin."""

    KEPT = "kept"
    TARGET = "target"
    """It says what a page of the target would."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class HeadRewrite:
    """What is changed."""

    host: str | None = None
    """What Host says; None: what it said."""
    origin: OriginHeader = OriginHeader.KEPT
    target_origin: str = ""
    """The origin of the target, such as `http://example.com`."""
    base_path: str = ""
    """What stands before the path, such as `/api`; without a slash at its end."""
    target: str | None = None
    """The whole request target; None: what it was."""
    removed: tuple[str, ...] = ()
    """Headers that do not go on."""


def rewrite(request: RequestHead, wanted: HeadRewrite) -> bytes:
    """The request's raw head with `wanted` changed."""
    changes: list[tuple[int, int, bytes]] = []

    def set_line(name: str, line: bytes | None) -> None:
        lines = request.headers.lines(name)
        for number, (_, span) in enumerate(lines):
            if number == 0 and line is not None:
                changes.append((span.offset, span.offset + span.length, line))
            else:
                changes.append((span.offset, _line_end(request.raw, span.offset + span.length), b""))
        if not lines and line is not None:
            changes.append((end, end, line + b"\r\n"))

    # Before the empty line that ends the head, which may be a bare line feed.
    end = len(request.raw) - (2 if request.raw.endswith(b"\r\n") else 1)
    if wanted.base_path and request.target.startswith("/"):
        at = request.target_span.offset
        changes.append((at, at, wanted.base_path.encode("latin-1")))
    if wanted.target is not None:
        at, length = request.target_span
        changes.append((at, at + length, wanted.target.encode("latin-1")))
    for name in wanted.removed:
        set_line(name, None)
    if wanted.host is not None:
        set_line("host", b"Host: " + wanted.host.encode("latin-1"))
    if wanted.origin is OriginHeader.REMOVED:
        set_line("origin", None)
    elif wanted.origin is OriginHeader.TARGET and "origin" in request.headers:
        set_line("origin", b"Origin: " + wanted.target_origin.encode("latin-1"))
    raw = bytearray(request.raw)
    for start, stop, text in sorted(changes, reverse=True):
        raw[start:stop] = text
    return bytes(raw)


def _line_end(raw: bytes, at: int) -> int:
    """Behind the line feed of the line that ends at `at`."""
    return raw.index(b"\n", at) + 1
