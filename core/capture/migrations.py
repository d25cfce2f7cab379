"""Captures of earlier formats, read as if they were of the newest one.

Nothing of the file is changed. On a reader's own connection, temporary views have the names of the newest tables and
show the rows of the old ones in the new shape: SQLite looks for a name among temporary objects first. A chain of steps
says how format n looks as format n + 1.

    format 1   payloads in `block` itself, no marks
    format 2   payloads in a table of their own; marks in some files
    format 3   payloads that come again are stored once; gaps in some files
    format 4   legs, heads and replacements; `closed_by` names client and server, `vanished` stands apart
    format 5   sources, what is wrong with TLS, and whether a head has its secrets masked
    format 6   what was done to frames and heads on their way, in place of replacements alone
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from core.capture.earlier_schemas import MARK as MARK_STATEMENTS
from core.capture.earlier_schemas import MARK_CHANGES
from core.capture.source_numbers import UNKNOWN
from core.capture.tables import GAP, MARK, SOURCE, Table
from core.protocol.events import ClosedBy
from core.protocol.handling import Fate

NEWEST = 6
_FIRST_WITH_MARKS = 3
_VANISHED_IN_3, _UNMASK_IN_3 = 3, 2
"""What `closed_by` said up to format 3, when Unmask was always the server; 1 was the client."""

Blobs = Mapping[tuple[str, str], tuple[str, str]]


class _Shape:
    """What a file is made to look like, step by step."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.views: dict[str, str] = {}
        """By the name of a table, the SELECT that shows its rows."""

    def source(self, table: str) -> str:
        """What to select from for the rows of a table as they look up to now."""
        return f"({self.views[table]})" if table in self.views else f"main.{table}"

    def has(self, table: str, column: str) -> bool:
        """Whether the file itself has that column."""
        found = self._db.execute("SELECT 1 FROM pragma_table_info(?, 'main') WHERE name = ?", (table, column))
        return found.fetchone() is not None

    def show_empty(self, *tables: Table[Any]) -> None:
        """Show tables without rows where the file has none of that name."""
        for table in tables:
            if not self.has(table.name, table.key[0]):
                self.views[table.name] = f"SELECT {_nothing(table)} WHERE 0"


def _nothing(table: Table[Any]) -> str:
    return ", ".join(f'NULL AS "{name}"' for name in table.columns)


def _to_2(shape: _Shape) -> None:
    shape.views["payload"] = f"SELECT first AS block, payloads AS bytes FROM {shape.source('block')}"


def _to_3(shape: _Shape) -> None:
    shape.views["payload"] = f"SELECT block, x'' AS repeats, bytes FROM {shape.source('payload')}"
    shape.show_empty(MARK)
    if not shape.has("total", "mark_changes"):
        shape.views["total"] = f"SELECT *, 0 AS mark_changes FROM {shape.source('total')}"


def _to_4(shape: _Shape) -> None:
    shape.show_empty(GAP)
    shape.views["replacement"] = "SELECT NULL AS frame, NULL AS replaces WHERE 0"
    connection = shape.source("connection")
    shape.views["leg"] = (
        # Every connection came in from a client, over plain TCP.
        "SELECT id AS connection, 0 AS side, peer, local, NULL AS tls_version, '' AS tls_cipher, NULL AS tls_alpn, "
        "NULL AS tls_sni, 0 AS tls_resumed, x'' AS tls_chain, opened_ns, opened_ns AS connected_ns, "
        "NULL AS secured_ns, NULL AS answered_ns, NULL AS first_message_ns, closed_ns, "
        "CASE WHEN closed_ns IS NULL THEN 0 WHEN close_code IS NOT 1006 THEN 1 "
        f"WHEN closed_by = {_VANISHED_IN_3} THEN 2 ELSE 3 END AS ended, trailing, trailing_length FROM {connection}"
    )
    shape.views["head"] = (
        f"SELECT id AS connection, 0 AS side, 0 AS kind, request AS raw FROM {connection} WHERE request <> x'' "
        f"UNION ALL SELECT id, 0, 1, response FROM {connection} WHERE response <> x''"
    )
    shape.views["violation"] = (
        "SELECT id, connection, frame, CASE WHEN frame IS NULL THEN 0 END AS head, rule, detail, "
        f'"offset", length FROM {shape.source("violation")}'
    )
    shape.views["connection"] = (
        "SELECT id, changed, mode, state, opened_ns, closed_ns, path, origin, subprotocol, extensions, status, reason, "
        f"close_code, CASE closed_by WHEN {_UNMASK_IN_3} THEN {ClosedBy.UNMASK:d} "
        f"WHEN {_VANISHED_IN_3} THEN {ClosedBy.CLIENT:d} ELSE closed_by END AS closed_by, "
        f"closed_by = {_VANISHED_IN_3} AS vanished, frame_count, data_frame_count, bytes_in, bytes_out, "
        f"violation_count FROM {connection}"
    )


def _to_5(shape: _Shape) -> None:
    shape.show_empty(SOURCE)
    shape.views["head"] = f"SELECT *, 0 AS masked FROM {shape.source('head')}"
    shape.views["leg"] = f"SELECT *, '' AS tls_problem FROM {shape.source('leg')}"
    shape.views["connection"] = f"SELECT *, {UNKNOWN} AS source FROM {shape.source('connection')}"


def _to_6(shape: _Shape) -> None:
    shape.views["total"] = f"SELECT *, 0 AS handling_changes FROM {shape.source('total')}"
    shape.views["head"] = f"SELECT *, '' AS rules, NULL AS held_ns FROM {shape.source('head')}"
    replacement = shape.source("replacement")
    shape.views["handling"] = (
        "SELECT replaces AS frame, 0 AS connection, 0 AS ticket, "
        f"{Fate.REPLACED:d} AS fate, 0 AS decided_by, NULL AS held_ns, '' AS rules, 0 AS redacted, NULL AS cause "
        f"FROM {replacement} UNION ALL SELECT frame, 0, 0, {Fate.PASSED:d}, 0, NULL, '', 0, replaces FROM {replacement}"
    )


_STEPS: Mapping[int, Callable[[_Shape], None]] = {1: _to_2, 2: _to_3, 3: _to_4, 4: _to_5, 5: _to_6}
"""By the format that each begins with."""


def show_as_newest(db: sqlite3.Connection, version: int) -> None:
    """Have a reader's connection to a capture of format `version` show the tables of the newest one. sqlite3.Error."""
    shape = _Shape(db)
    for step in range(version, NEWEST):
        _STEPS[step](shape)
    for name, select in shape.views.items():
        db.execute(f"CREATE TEMP VIEW {name} AS {select}")


def where_blobs_are(version: int) -> Blobs:
    """Table and column, in a file of that format, of values read piece by piece, which views do not allow."""
    return {("payload", "bytes"): ("block", "payloads")} if version == 1 else {}


def let_marks_be_written(db: sqlite3.Connection, version: int) -> None:
    """Give a capture that is to be changed what marks need, which those of format 3 have. sqlite3.Error."""
    if version >= _FIRST_WITH_MARKS or _Shape(db).has(MARK.name, "frame"):
        return
    db.execute("BEGIN IMMEDIATE")
    for statement in (*MARK_STATEMENTS, f"ALTER TABLE total ADD COLUMN {MARK_CHANGES}"):
        db.execute(statement)
    db.execute("COMMIT")
