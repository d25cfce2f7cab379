"""The content of a list's cell as terms of the filter language. No Qt here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING

from app.logic.frame_column import FrameColumn
from app.logic.text import decode_prefix
from core.capture.records import ConnectionRecord, Direction, FrameRow
from core.protocol.frames import FIN, OPCODE_NAMES, RSV1, RSV2, RSV3, Opcode
from core.protocol.handling import UNTOUCHED, Fate, Handling
from core.query.quoting import bytes_literal, text_literal

if TYPE_CHECKING:
    from core.query.language import FilterLanguage

FIRST_BYTES = 48
"""Bytes of a payload that a term asks for if the whole is longer."""


class Joint(Enum):
    """How a term is combined with the text already in the line."""

    ONLY = auto()
    NOT = auto()
    AND = auto()
    OR = auto()


def joined(joint: Joint, line: str, term: str, language: FilterLanguage) -> str:
    """The line with the term added; ONLY and NOT replace the line."""
    line = line.strip()
    if joint is Joint.NOT:
        return term.removeprefix("not ") if term.startswith("not ") else f"not {term}"
    if joint is Joint.ONLY or not line:
        return term
    if joint is Joint.OR:
        return f"{line} or {term}"
    return f"({line}) and {term}" if language.has_open_or(line) else f"{line} and {term}"


def terms(row: FrameRow, rules: Iterable[str], column: FrameColumn) -> tuple[str, ...]:
    """Terms that hold for the row, the likeliest first; `rules` are the ids of the rules that it broke."""
    found = {
        FrameColumn.NUMBER: _number,
        FrameColumn.TIME: _time,
        FrameColumn.DELTA: _time,
        FrameColumn.CONNECTION: lambda _row: (),
        FrameColumn.DIRECTION: _direction,
        FrameColumn.OPCODE: _opcode,
        FrameColumn.LENGTH: _length,
        FrameColumn.FLAGS: lambda row: _flags(row, rules),
        FrameColumn.PAYLOAD: _payload,
    }[column](row)
    return (*found, f"connection == {row.connection}")


def connection_terms(record: ConnectionRecord) -> tuple[str, ...]:
    """Terms that hold for all frames of a connection."""
    found = [f"connection == {record.id}"]
    if record.path:
        found.append(f"path == {text_literal(record.path)}")
    if record.origin is not None:
        found.append(f'header["Origin"] == {text_literal(record.origin)}')
    if record.subprotocol is not None:
        found.append(f"subprotocol == {text_literal(record.subprotocol)}")
    if record.source is not None and record.source.name:
        found.append(f"source == {text_literal(record.source.name)}")
    return tuple(found)


def _number(row: FrameRow) -> Iterator[str]:
    for sign in ("==", ">=", "<="):
        yield f"frame {sign} {row.id}"


def _time(row: FrameRow) -> Iterator[str]:
    seconds, rest = divmod(row.time_ns, 1_000_000_000)
    moment = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
    for sign in (">=", "<="):
        yield f"time {sign} {moment}"


def _direction(row: FrameRow) -> Iterator[str]:
    to_server = row.direction is Direction.CLIENT_TO_SERVER
    yield f"direction == {'client-to-server' if to_server else 'server-to-client'}"


def _opcode(row: FrameRow) -> Iterator[str]:
    yield f"opcode == {OPCODE_NAMES.get(row.opcode, row.opcode)}"
    if row.message is not None and row.opcode == Opcode.CONTINUATION:
        yield f"message.opcode == {OPCODE_NAMES[row.message.opcode]}"
    yield "control" if row.head & 0x08 else "not control"


def _length(row: FrameRow) -> Iterator[str]:
    for sign in ("==", ">=", "<="):
        yield f"length {sign} {row.declared_length}"
    if row.message is not None and row.message.length != row.declared_length:
        yield f"message.length >= {row.message.length}"


def _flags(row: FrameRow, rules: Iterable[str]) -> Iterator[str]:
    for rule in dict.fromkeys(rules):
        yield f"violation == {rule}"
    if row.handling is not UNTOUCHED:
        yield from _handling(row.handling)
    for name, bit in (("fin", FIN), ("rsv1", RSV1), ("rsv2", RSV2), ("rsv3", RSV3)):
        yield name if row.head & bit else f"not {name}"
    yield "masked" if row.masked else "not masked"
    if row.message is not None and row.message.compressed:
        yield "compressed"
    if row.truncated:
        yield "truncated"
    yield f"origin == {row.origin.name.lower()}"


def _handling(handling: Handling) -> Iterator[str]:
    if handling.fate is not Fate.PASSED:
        yield f"fate == {handling.fate.name.lower()}"
    for name in handling.rules:
        yield f"rule == {text_literal(name)}"
    if handling.held_ns is not None:
        yield "held"
    if handling.is_redacted:
        yield "redacted"


def _payload(row: FrameRow) -> Iterator[str]:
    content = row.preview
    if not row.content_length:
        yield "length == 0"
        return
    if row.opcode == Opcode.CLOSE and len(content) >= 2:
        yield f"close.code == {int.from_bytes(content[:2], 'big')}"
    if row.content_length == len(content) <= FIRST_BYTES:
        yield f"payload == {bytes_literal(content)}"
        yield f"payload contains {bytes_literal(content)}"
    else:
        yield f"payload contains {bytes_literal(_beginning(content))}"


def _beginning(content: bytes) -> bytes:
    """The first bytes, without cutting a character."""
    first = content[:FIRST_BYTES]
    text = decode_prefix(first)
    return text.encode() if text else first
