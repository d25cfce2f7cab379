"""Where characters begin in UTF-8 (RFC 3629), also in the middle of a payload and among invalid bytes."""

from __future__ import annotations

from core.decoders.visible import visible


def character_start(data: bytes, at: int) -> int:
    """`at`, or up to 3 less to avoid cutting a character."""
    for back in range(1, min(3, at) + 1) if _is_continuation(data, at) else ():
        byte = data[at - back]
        if byte & 0xC0 != 0x80:
            return at - back if _length(byte) > back else at
    return at


def character_end(data: bytes, at: int) -> int:
    """`at`, or up to 3 more to avoid cutting a character."""
    start = character_start(data, at)
    return at if start == at else min(start + _length(data[start]), len(data))


def shown(data: bytes) -> str:
    """Text that is safe to show; bytes that are not UTF-8 appear as `\\xff`."""
    return visible(data.decode("utf-8", "backslashreplace"))


def _is_continuation(data: bytes, at: int) -> bool:
    return 0 < at < len(data) and data[at] & 0xC0 == 0x80


def _length(lead: int) -> int:
    """Length of the character that begins with the byte `lead`."""
    return 1 + (lead >= 0xC2) + (lead >= 0xE0) + (0xF0 <= lead < 0xF5)
