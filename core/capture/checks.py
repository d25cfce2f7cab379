"""Checks values of a damaged or forged capture. ValueError says what is wrong."""

from __future__ import annotations

import sqlite3
from types import UnionType
from typing import Any

from core.capture.blocks import BLOCK_FRAMES
from core.capture.layout import RECORD

Kind = type | UnionType
Row = tuple[Any, ...]

_OPTIONAL_INT: Kind = int | None
_OPTIONAL_STR: Kind = str | None

CONNECTION: tuple[Kind, ...] = (
    *(int, int, int, int, _OPTIONAL_INT, str, str, bytes, bytes, str, _OPTIONAL_STR, _OPTIONAL_STR, str),
    *(int, str, _OPTIONAL_INT, int, bytes, int, int, int, int, int, int),
)
"""Types of the fields of a `ConnectionRecord`, in order."""
TOTALS: tuple[Kind, ...] = (int,) * 9
VIOLATION: tuple[Kind, ...] = (str, str, int, int)
"""Rule, detail, offset, length."""
PROBLEM: tuple[Kind, ...] = (int, int, _OPTIONAL_INT, *VIOLATION)
MARK: tuple[Kind, ...] = (int, str)
"""Frame, note."""
GAP: tuple[Kind, ...] = (int,) * 5
"""Before, reason, frames, first time, last time."""
BLOCK: tuple[Kind, ...] = (int, bytes, bytes | None)
"""Count, records, payloads."""
PAYLOADS: tuple[Kind, ...] = (bytes, bytes)
"""The stored payloads, and the description of repeated and compressed ones."""


def typed(row: Row, kinds: tuple[Kind, ...]) -> Row:
    """`row`, after a check that each value has its type; SQLite does not enforce column types."""
    for number, (value, kind) in enumerate(zip(row, kinds, strict=True), 1):
        if not isinstance(value, kind):
            raise ValueError(f"value {number} of a row is a {type(value).__name__}")
    return row


def block_row(row: Row) -> Row:
    """`row` of `BLOCK`, after a check that it has as many records as it counts, and at least one; a reader would not
    advance past an empty block.
    """
    count, records, _ = typed(row, BLOCK)
    if not 0 < count <= BLOCK_FRAMES:
        raise ValueError(f"it has a block of {count} frames")
    if len(records) != count * RECORD.size:
        raise ValueError(f"a block of {count} frames has {len(records)} bytes of records")
    return row


def check_schema(connection: sqlite3.Connection) -> None:
    """Allow only plain tables and indices: anything else could make SQLite compute without end or bounds."""
    # Views, triggers and virtual tables have no root page; a computed column is declared AS (…).
    suspects = connection.execute(
        "SELECT name, rootpage FROM sqlite_schema WHERE rootpage IS NULL OR rootpage = 0 OR sql LIKE '%as%(%'"
    ).fetchall()
    hidden = "SELECT count(*) FROM pragma_table_xinfo(?) WHERE hidden"
    if any(not page or connection.execute(hidden, (name,)).fetchone()[0] for name, page in suspects):
        raise ValueError("it holds views, triggers or computed columns, which no capture has")
