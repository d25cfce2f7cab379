"""Checks values of a damaged or forged capture. ValueError says what is wrong."""

from __future__ import annotations

import sqlite3

from core.capture.blocks import BLOCK_FRAMES
from core.capture.layout import RECORD
from core.capture.tables import BLOCK, Kind, Row, typed

_BLOCK: tuple[Kind, ...] = (*BLOCK.kinds("count", "records"), bytes | None)
"""Count, records, payloads."""


def block_row(row: Row) -> Row:
    """Count, records and payloads of a block, after a check that it has as many records as it counts, and at least one;
    a reader would not advance past an empty block. Raises ValueError.
    """
    count, records, _ = typed(row, _BLOCK)
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
