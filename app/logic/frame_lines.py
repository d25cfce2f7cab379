"""One frame as a table row: every cell as text, made once and painted often. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import lru_cache

from app.logic.text import decode_prefix, duration, grouped, one_line, one_line_bytes
from core.capture.records import FrameRow
from core.protocol.close_codes import describe
from core.protocol.events import Origin
from core.protocol.frames import FIN, RSV1, RSV2, RSV3, Opcode, opcode_name
from core.protocol.handling import UNTOUCHED, Fate, Handling

HEX_PREVIEW_BYTES = 80
_CONTROL = 0x08
"""RFC 6455 section 5.5: the opcode bit that all control frames have; they are never fragments."""


class TimeFormat(Enum):
    """What the time column counts from."""

    ABSOLUTE = "time of day"
    SINCE_START = "since the first frame"
    SINCE_PREVIOUS = "since the frame before"


class Badge(Enum):
    """A small label beside the flags."""

    FRAGMENT_FIRST = auto()
    FRAGMENT_MIDDLE = auto()
    FRAGMENT_LAST = auto()
    COMPRESSED = auto()
    TRUNCATED = auto()
    AUTOMATIC = auto()
    COMPOSED = auto()
    RULE = auto()
    EDITED = auto()
    INJECTED = auto()
    HELD = auto()
    NEVER_PASSED = auto()
    """It was held until the connection was over."""
    DROPPED = auto()
    REPLACED = auto()
    REDACTED = auto()


@dataclass(frozen=True, slots=True)
class HeldFor:
    """A label beside the flags that says how long a frame was held."""

    time: str


Label = Badge | HeldFor


class PayloadKind(Enum):
    """How to paint the payload cell."""

    TEXT = auto()
    BYTES = auto()
    CLOSE = auto()
    EMPTY = auto()


_ORIGIN_BADGES = {
    Origin.AUTOMATIC: Badge.AUTOMATIC,
    Origin.COMPOSED: Badge.COMPOSED,
    Origin.RULE: Badge.RULE,
    Origin.EDITED: Badge.EDITED,
    Origin.INJECTED: Badge.INJECTED,
}


@dataclass(frozen=True, slots=True)
class Line:
    """The cells of one frame."""

    row: FrameRow
    number: str
    time: str
    delta: str
    """Time since the line before in the list; "" on the first."""
    opcode: str
    length: str
    bits: str
    """`F123M` for FIN, RSV1 to RSV3 and MASK; a middle dot for a bit that is 0."""
    badges: tuple[Label, ...]
    payload_kind: PayloadKind
    payload: str
    """On one line, without invisible characters."""


def make_line(row: FrameRow, *, previous_ns: int | None, start_ns: int, time_format: TimeFormat) -> Line:
    """The line of `row`; `previous_ns` is the time of the line before, `start_ns` that of the list's first line."""
    kind, payload = _payload(row)
    return Line(
        row=row,
        number=str(row.id),
        time=format_time(row.time_ns, previous_ns, start_ns, time_format),
        delta="" if previous_ns is None else duration(row.time_ns - previous_ns),
        opcode=opcode_name(row.opcode),
        length=_length(row),
        bits=_bits(row),
        badges=_badges(row),
        payload_kind=kind,
        payload=payload,
    )


def format_time(time_ns: int, previous_ns: int | None, start_ns: int, time_format: TimeFormat) -> str:
    """`14:03:59.123` in local time, or seconds with six decimals since the start or the line before."""
    if time_format is TimeFormat.ABSOLUTE:
        return time_of_day(time_ns)
    origin = start_ns if time_format is TimeFormat.SINCE_START else previous_ns
    return f"{(time_ns - (time_ns if origin is None else origin)) / 1e9:.6f}"


def time_of_day(time_ns: int) -> str:
    """`14:03:59.123` in local time."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{_clock(seconds)}.{rest // 1_000_000:03}"


@lru_cache(maxsize=64)
def _clock(seconds: int) -> str:
    """The local time of day; cached, because many frames fall into the same second."""
    return f"{datetime.fromtimestamp(seconds):%H:%M:%S}"


def _length(row: FrameRow) -> str:
    """The declared length; `12/100` if less arrived, `40 → 300` if the inflated message is longer."""
    declared = grouped(row.declared_length)
    if row.truncated:
        return f"{grouped(row.captured_length)}/{declared}"
    message = row.message
    if message is not None and (message.compressed or message.frame_count > 1):
        return f"{declared} → {grouped(message.length)}"
    return declared


def _bits(row: FrameRow) -> str:
    head = row.head
    return (
        ("F" if head & FIN else "·")
        + ("1" if head & RSV1 else "·")
        + ("2" if head & RSV2 else "·")
        + ("3" if head & RSV3 else "·")
        + ("M" if row.masked else "·")
    )


def _badges(row: FrameRow) -> tuple[Label, ...]:
    badges = _of_handling(row.handling)
    final = row.head & FIN != 0
    if row.opcode == Opcode.CONTINUATION:
        badges.append(Badge.FRAGMENT_LAST if final else Badge.FRAGMENT_MIDDLE)
    elif not final and row.head & _CONTROL == 0:
        badges.append(Badge.FRAGMENT_FIRST)
    if row.message is not None and row.message.compressed:
        badges.append(Badge.COMPRESSED)
    if row.truncated:
        badges.append(Badge.TRUNCATED)
    origin = _ORIGIN_BADGES.get(row.origin)
    if origin is not None:
        badges.append(origin)
    return tuple(badges)


def _of_handling(handling: Handling) -> list[Label]:
    """What was done to a frame comes first: it is what the person looks for."""
    if handling is UNTOUCHED:
        return []
    badges: list[Label] = []
    if handling.fate is Fate.HELD:
        badges.append(Badge.HELD if handling.held_ns is None else Badge.NEVER_PASSED)
    elif handling.fate is not Fate.PASSED:
        badges.append(Badge.DROPPED if handling.fate is Fate.DROPPED else Badge.REPLACED)
    if handling.held_ns is not None:
        badges.append(HeldFor(duration(handling.held_ns)))
    if handling.is_redacted:
        badges.append(Badge.REDACTED)
    return badges


def _payload(row: FrameRow) -> tuple[PayloadKind, str]:
    if row.content_length == 0:
        return PayloadKind.EMPTY, ""
    data = row.preview
    opcode = row.opcode if row.message is None else row.message.opcode
    if opcode == Opcode.CLOSE:
        return PayloadKind.CLOSE, _close(data)
    # RFC 7692 section 6: RSV1 marks compressed data, which is unreadable before its message is complete.
    compressed = row.message is None and row.head & RSV1 != 0
    cut = "…" if row.content_length > len(data) else ""
    if opcode != Opcode.BINARY and not compressed:
        text = decode_prefix(_without_cut_start(data) if opcode == Opcode.CONTINUATION else data)
        if text is not None and (opcode == Opcode.TEXT or text.isprintable()):
            return PayloadKind.TEXT, one_line(text) + cut
        if opcode == Opcode.TEXT:
            return PayloadKind.TEXT, one_line_bytes(data) + cut
    more = " …" if row.content_length > HEX_PREVIEW_BYTES else ""
    return PayloadKind.BYTES, data[:HEX_PREVIEW_BYTES].hex(" ") + more


def _without_cut_start(data: bytes) -> bytes:
    """Without the trailing bytes of a character, up to three, with which a continuation may begin."""
    start = 0
    while start < min(3, len(data)) and data[start] & 0xC0 == 0x80:
        start += 1
    return data[start:]


def _close(data: bytes) -> str:
    """The close code with its name, and the reason (RFC 6455 section 5.5.1)."""
    if len(data) < 2:
        return data.hex()
    code = int.from_bytes(data[:2], "big")
    text = f"{code} {describe(code).name}"
    return f"{text} · {one_line_bytes(data[2:])}" if len(data) > 2 else text
