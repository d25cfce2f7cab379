"""What a filter compares: the literals in its text, and the kinds of value that fields have."""

from __future__ import annotations

import math
import re
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from core.sizes import multiplied, unit_bytes

PAYLOAD_LIMIT = 16 * 1024 * 1024
"""Longest payload that is parsed as JSON, in bytes; a longer one has no values."""


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A time of day in a filter; the capture decides which moment it means."""

    ns: int
    """Since midnight."""


Value = int | float | Decimal | str | bytes | Enum | TimeOfDay
"""A field's value of a frame: times and durations in ns, choices as their codes."""


class FieldKind(Enum):
    """Kinds of value; the enum's value names the kind in messages about what is expected."""

    FLAG = "true or false"
    NUMBER = "a number, such as 125 or 0x7d, or a size, such as 4KiB"
    CODE = "a number, or one of the names"
    NAME = "one of the names"
    DURATION = "a duration, such as 5ms, 2s or 1m"
    TIME = "a time, such as 14:03:59 or 2026-01-31T12:00:00Z, or a duration since the first frame, such as 5s"
    TEXT = 'a text, such as /chat or "a b"'
    BYTES = 'a text, such as login or "a b", or bytes, such as hex"de ad"'
    JSON = "a number, a text, true, false or null"


ORDERED = frozenset({FieldKind.NUMBER, FieldKind.CODE, FieldKind.DURATION, FieldKind.TIME, FieldKind.JSON})
TEXTUAL = frozenset({FieldKind.TEXT, FieldKind.BYTES, FieldKind.JSON})


class JsonWord(Enum):
    """JSON values other than numbers and texts. Python's booleans would equal 0 and 1."""

    TRUE = "true"
    FALSE = "false"
    NULL = "null"
    CONTAINER = "an object or array"


class Form(Enum):
    """How a literal is written."""

    WORD = "word"
    QUOTED = "quoted"
    HEX = "hex"
    NUMBER = "number"
    SIZE = "size"
    DURATION = "duration"
    TIME = "time"
    CLOCK = "time of day"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it stands in a filter's text, at the characters `start`..`end`."""

    text: str
    """The text as written, without quotes; only `value` has escapes resolved."""
    form: Form
    value: int | float | str | bytes
    start: int
    end: int


_NUMBER = re.compile(
    r"[+-]?(?:0x(?P<hex>[0-9a-f]{1,16})|[0-9]{1,2000}(?P<part>(?:\.[0-9]{1,400})?(?:e[+-]?[0-9]{1,3})?))",
    re.IGNORECASE,
)
_QUANTITY = re.compile(r"([+-]?\d{1,15}(?:\.\d{1,9})?)([a-zA-Zµ]{1,3})")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?")
DURATION_UNITS: Mapping[str, int] = {
    "ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "min": 60 * 10**9,
    "h": 3600 * 10**9, "d": 86400 * 10**9,
}  # fmt: skip


def read_word(text: str, start: int, end: int) -> Literal:
    """Classify an unquoted word: a number, a size, a duration, a time (of day), or just a word."""
    if found := _NUMBER.fullmatch(text):
        if found["hex"]:
            return Literal(text, Form.NUMBER, int(text, 16), start, end)
        number = float(text) if found["part"] else int(text)
        # A number beyond a float's range compares with nothing.
        form = Form.NUMBER if math.isfinite(number) else Form.WORD
        return Literal(text, form, number if form is Form.NUMBER else text, start, end)
    if found := _QUANTITY.fullmatch(text):
        # A bare m means minutes, while M means MiB.
        for form, unit in ((Form.DURATION, DURATION_UNITS.get(found[2])), (Form.SIZE, unit_bytes(found[2]))):
            if unit is not None:
                return Literal(text, form, multiplied(found[1], unit), start, end)
    if found := _TIME.fullmatch(text):
        moment = _time_ns(found)
        if moment is not None:
            return Literal(text, Form.TIME, moment, start, end)
    if found := _CLOCK.fullmatch(text):
        of_day = _of_day_ns(found)
        if of_day is not None:
            return Literal(text, Form.CLOCK, of_day, start, end)
    return Literal(text, Form.WORD, text, start, end)


def _time_ns(found: re.Match[str]) -> int | None:
    """ns since the epoch, in local time if there is no zone; None if there is no such time."""
    day, minute, second, part, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{minute or '00:00'}:{second or '00'}{(zone or '').upper()}")
        seconds = timegm(moment.astimezone().utctimetuple())
    except (ValueError, OverflowError, OSError):
        return None
    return seconds * 10**9 + int((part or "0").ljust(9, "0"))


def _of_day_ns(found: re.Match[str]) -> int | None:
    """ns since midnight; None if no day has such a time."""
    hours, minutes, seconds = (int(each or 0) for each in found.groups()[:3])
    if hours >= 24 or minutes >= 60 or seconds >= 60:
        return None
    return (hours * 3600 + minutes * 60 + seconds) * 10**9 + int((found[4] or "0").ljust(9, "0"))


def as_json(found: object) -> Value:
    """A JSON value as one that can be compared."""
    if found is None:
        return JsonWord.NULL
    if isinstance(found, bool):
        return JsonWord.TRUE if found else JsonWord.FALSE
    if isinstance(found, int | float | Decimal | str):
        return found
    return JsonWord.CONTAINER


def operand_of(kind: FieldKind, literal: Literal, choices: Mapping[str, Value]) -> Value | None:
    """The literal as a value for a field of that kind; None if it is not one."""
    form, value = literal.form, literal.value
    match kind:
        case FieldKind.FLAG:
            return {"true": 1, "false": 0, "1": 1, "0": 0}.get(literal.text.lower())
        case FieldKind.NUMBER:
            return value if form in (Form.NUMBER, Form.SIZE) else None
        case FieldKind.CODE | FieldKind.NAME:
            if form is Form.NUMBER and kind is FieldKind.CODE:
                return value
            return choices.get(str(value).lower().replace("_", "-"))
        case FieldKind.DURATION:
            return value if form is Form.DURATION or value == 0 else None
        case FieldKind.TIME:
            if form is Form.CLOCK:
                assert isinstance(value, int)
                return TimeOfDay(value)
            return value if form is Form.TIME else None
        case FieldKind.BYTES:
            return value if isinstance(value, bytes) else _text(literal).encode("utf-8", "surrogatepass")
        case FieldKind.TEXT:
            return None if form is Form.HEX else _text(literal)
        case FieldKind.JSON:
            return _json_operand(literal)


def _json_operand(literal: Literal) -> Value | None:
    if literal.form is Form.NUMBER:
        assert isinstance(literal.value, int | float)
        return literal.value if math.isfinite(literal.value) else None
    if literal.form is Form.HEX:
        return None
    if literal.form is Form.WORD and literal.text in ("true", "false", "null"):
        return JsonWord(literal.text)
    return _text(literal)


def _text(literal: Literal) -> str:
    """The literal as text; also if it looks like a number, since a payload can contain it."""
    return literal.value if isinstance(literal.value, str) else literal.text
