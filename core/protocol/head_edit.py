"""A head with a few headers changed, or with their values hidden; all other lines stay byte for byte what they were."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from core.protocol.headers import is_token
from core.protocol.http11 import RequestHead, ResponseHead

_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")
_VISIBLE = re.compile(rb"[^\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True)
class HeadEdit:
    """What is changed. The default changes nothing."""

    removed: tuple[str, ...] = ()
    """Names of headers that are left out, before others are added."""
    added: tuple[tuple[str, str], ...] = ()
    """Names and values; where one of that name is left out, it takes its place, else it comes last."""


def edited(head: RequestHead | ResponseHead, edit: HeadEdit) -> bytes:
    """The raw head with `edit` made. A header is added only if its name is a token; what no value holds becomes `?`."""
    raw = head.raw
    # Before the empty line that ends the head, which may be a bare line feed.
    end = len(raw) - (2 if raw.endswith(b"\r\n") else 1)
    coming = [(name, _line(name, value)) for name, value in edit.added if is_token(name)]
    changes: list[tuple[int, int, bytes]] = []
    for name in {each.lower(): None for each in edit.removed}:
        mine = b"".join(line for each, line in coming if each.lower() == name)
        for number, (_, (offset, length)) in enumerate(head.headers.lines(name)):
            changes.append((offset, raw.index(b"\n", offset + length) + 1, b"" if number else mine))
            if not number:
                coming = [each for each in coming if each[0].lower() != name]
    changes.append((end, end, b"".join(line for _, line in coming)))
    made = bytearray(raw)
    for start, stop, text in sorted(changes, reverse=True):
        made[start:stop] = text
    return bytes(made)


def without_values(head: RequestHead | ResponseHead, names: Collection[str]) -> bytes:
    """The raw head with an asterisk for each byte of the values of these headers, so that no offset moves."""
    made = bytearray(head.raw)
    for name in names:
        for _, (offset, length) in head.headers.lines(name):
            start = made.index(b":", offset) + 1
            made[start : offset + length] = _VISIBLE.sub(b"*", bytes(made[start : offset + length]))
    return bytes(made)


def sendable(value: str) -> str:
    """A header's value with `?` for each character that no value can hold (RFC 9110 section 5.5)."""
    return _UNSENDABLE.sub("?", value)


def _line(name: str, value: str) -> bytes:
    return f"{name}: {sendable(value)}".encode("latin-1") + b"\r\n"
