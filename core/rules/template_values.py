"""Values in templates, as text and as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from types import GeneratorType
from typing import Any

from core.query.fields import Field
from core.query.operators import Several
from core.query.values import FieldKind

Document = Any
"""What `json.loads` returns."""
Filling = Document | bytes
"""What stands in a place of a template: bytes, a text, a number, true, false, a JSON document, or None."""


class FillingError(Exception):
    """A place of a template has nothing that can stand there now. The message is a sentence."""


def filling_of(field: Field, several: Several) -> Filling:
    """The first value of a field, as a template has it."""
    value = several
    if isinstance(value, GeneratorType):
        value = next(value, None)
    elif isinstance(value, tuple):
        value = value[0] if value else None
    if value is None:
        return None
    match field.kind:
        case FieldKind.FLAG:
            return bool(value)
        case FieldKind.NAME:
            return next((name for name, each in field.choices.items() if each == value), str(value))
        case FieldKind.DURATION:
            return _number(value) / 10**9
        case FieldKind.TIME:
            return time_text(int(_number(value)))
    return value.value if isinstance(value, Enum) else value


def _number(value: object) -> int | float:
    assert isinstance(value, int | float)
    return value


def time_text(now_ns: int) -> str:
    """A time as RFC 3339 writes it, in UTC and with milliseconds."""
    seconds, rest = divmod(now_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 10**6:03}Z"


def as_text(value: Filling) -> bytes:
    """The value where it stands in plain text; nothing for what is not there."""
    if isinstance(value, bytes):
        return value
    if value is None:
        return b""
    return (value if isinstance(value, str) else _json_text(value)).encode("utf-8", "replace")


def as_json(value: Filling) -> bytes:
    """The value where one of JSON stands (RFC 8259); bytes are a string of their UTF-8."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return _json_text(value).encode("utf-8", "replace")


def in_string(value: Filling) -> bytes:
    """The value within a string of JSON (RFC 8259 section 7)."""
    text = as_text(value).decode("utf-8", "replace")
    return json.dumps(text, ensure_ascii=False)[1:-1].encode()


def _json_text(value: Document) -> str:
    if isinstance(value, Decimal):
        return str(value)
    try:
        return json.dumps(
            value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_refuse_number
        )
    except RecursionError:
        raise FillingError("The value nests too deep.") from None
    except ValueError as error:
        raise FillingError(f"The value can't be written as JSON: {error}.") from None


def _refuse_number(_value: object) -> object:
    raise ValueError("it has a number with too many digits in it")
