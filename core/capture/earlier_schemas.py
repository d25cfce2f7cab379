"""The statements of which the schemas of formats 1 to 5 were made. They never change: files hold them."""

from __future__ import annotations

MARK = (
    "CREATE TABLE mark(frame INTEGER PRIMARY KEY, note TEXT NOT NULL)",
    "CREATE INDEX mark_frame ON mark(frame)",
)
"""Since format 2, but not in each file of it."""
MARK_CHANGES = "mark_changes INTEGER NOT NULL DEFAULT 0"
"""A column of `total` that came with marks."""

_TOTAL = (
    "CREATE TABLE total( id INTEGER PRIMARY KEY CHECK (id = 1), connections INTEGER NOT NULL, frames INTEGER NOT NULL, "
    "control_frames INTEGER NOT NULL, bytes INTEGER NOT NULL, violations INTEGER NOT NULL, changes INTEGER NOT NULL, "
    "generation INTEGER NOT NULL{})"
)
_BLOCK = (
    "CREATE TABLE block( first INTEGER PRIMARY KEY, count INTEGER NOT NULL, first_ns INTEGER NOT NULL, "
    "last_ns INTEGER NOT NULL, records BLOB NOT NULL{})"
)
_STATEMENTS = (
    *MARK,
    _TOTAL.format(" "),
    _TOTAL.format(", mark_changes INTEGER NOT NULL "),
    _TOTAL.format(f" , {MARK_CHANGES}"),
    _BLOCK.format(", payloads BLOB NOT NULL "),
    _BLOCK.format(" "),
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE connection( id INTEGER PRIMARY KEY, changed INTEGER NOT NULL, mode INTEGER NOT NULL, "
    "state INTEGER NOT NULL, opened_ns INTEGER NOT NULL, closed_ns INTEGER, peer TEXT NOT NULL, local TEXT NOT NULL, "
    "request BLOB NOT NULL, response BLOB NOT NULL, path TEXT NOT NULL, origin TEXT, subprotocol TEXT, "
    "extensions TEXT NOT NULL, status INTEGER NOT NULL, reason TEXT NOT NULL, close_code INTEGER, "
    "closed_by INTEGER NOT NULL, trailing BLOB NOT NULL, trailing_length INTEGER NOT NULL, "
    "frame_count INTEGER NOT NULL, data_frame_count INTEGER NOT NULL, bytes_in INTEGER NOT NULL, "
    "bytes_out INTEGER NOT NULL, violation_count INTEGER NOT NULL )",
    "CREATE INDEX connection_changed ON connection(changed)",
    "CREATE TABLE payload(block INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
    "CREATE TABLE payload(block INTEGER PRIMARY KEY, repeats BLOB NOT NULL, bytes BLOB NOT NULL)",
    "CREATE TABLE lane( connection INTEGER NOT NULL, block INTEGER NOT NULL, position INTEGER NOT NULL, "
    "count INTEGER NOT NULL, data_position INTEGER NOT NULL, data_count INTEGER NOT NULL, "
    "PRIMARY KEY(connection, block) ) WITHOUT ROWID",
    "CREATE INDEX lane_position ON lane(connection, position)",
    "CREATE INDEX lane_data ON lane(connection, data_position, block)",
    "CREATE TABLE violation( id INTEGER PRIMARY KEY, connection INTEGER NOT NULL, frame INTEGER, rule TEXT NOT NULL, "
    'detail TEXT NOT NULL, "offset" INTEGER NOT NULL, length INTEGER NOT NULL )',
    "CREATE INDEX violation_frame ON violation(frame, connection)",
    "CREATE INDEX violation_connection ON violation(connection, frame)",
    "CREATE TABLE gap( connection INTEGER NOT NULL, before INTEGER NOT NULL, reason INTEGER NOT NULL, "
    "frames INTEGER NOT NULL, data_frames INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, "
    "PRIMARY KEY(connection, before, reason) ) WITHOUT ROWID",
    "CREATE INDEX gap_before ON gap(before)",
)

_FORMAT_4 = (
    'CREATE TABLE meta("key" TEXT NOT NULL, "value", PRIMARY KEY("key")) WITHOUT ROWID',
    'CREATE TABLE total("id" INTEGER NOT NULL, "connections" INTEGER NOT NULL, "frames" INTEGER NOT NULL, '
    '"control_frames" INTEGER NOT NULL, "bytes" INTEGER NOT NULL, "violations" INTEGER NOT NULL, '
    '"changes" INTEGER NOT NULL, "generation" INTEGER NOT NULL, "mark_changes" INTEGER NOT NULL, '
    'PRIMARY KEY("id"))',
    'CREATE TABLE connection("id" INTEGER NOT NULL, "changed" INTEGER NOT NULL, "mode" INTEGER NOT NULL, '
    '"state" INTEGER NOT NULL, "opened_ns" INTEGER NOT NULL, "closed_ns" INTEGER, "path" TEXT NOT NULL, '
    '"origin" TEXT, "subprotocol" TEXT, "extensions" TEXT NOT NULL, "status" INTEGER NOT NULL, '
    '"reason" TEXT NOT NULL, "close_code" INTEGER, "closed_by" INTEGER NOT NULL, '
    '"vanished" INTEGER NOT NULL, "frame_count" INTEGER NOT NULL, "data_frame_count" INTEGER NOT NULL, '
    '"bytes_in" INTEGER NOT NULL, "bytes_out" INTEGER NOT NULL, "violation_count" INTEGER NOT NULL, '
    'PRIMARY KEY("id"))',
    'CREATE INDEX connection_changed ON connection("changed")',
    'CREATE TABLE leg("connection" INTEGER NOT NULL, "side" INTEGER NOT NULL, "peer" TEXT NOT NULL, '
    '"local" TEXT NOT NULL, "tls_version" TEXT, "tls_cipher" TEXT NOT NULL, "tls_alpn" TEXT, "tls_sni" TEXT, '
    '"tls_resumed" INTEGER NOT NULL, "tls_chain" BLOB NOT NULL, "opened_ns" INTEGER NOT NULL, '
    '"connected_ns" INTEGER, "secured_ns" INTEGER, "answered_ns" INTEGER, "first_message_ns" INTEGER, '
    '"closed_ns" INTEGER, "ended" INTEGER NOT NULL, "trailing" BLOB NOT NULL, '
    '"trailing_length" INTEGER NOT NULL, PRIMARY KEY("connection", "side")) WITHOUT ROWID',
    'CREATE TABLE head("connection" INTEGER NOT NULL, "side" INTEGER NOT NULL, "kind" INTEGER NOT NULL, '
    '"raw" BLOB NOT NULL, PRIMARY KEY("connection", "side", "kind")) WITHOUT ROWID',
    'CREATE TABLE block("first" INTEGER NOT NULL, "count" INTEGER NOT NULL, "first_ns" INTEGER NOT NULL, '
    '"last_ns" INTEGER NOT NULL, "records" BLOB NOT NULL, PRIMARY KEY("first"))',
    'CREATE TABLE payload("block" INTEGER NOT NULL, "repeats" BLOB NOT NULL, "bytes" BLOB NOT NULL, '
    'PRIMARY KEY("block"))',
    'CREATE TABLE lane("connection" INTEGER NOT NULL, "block" INTEGER NOT NULL, "position" INTEGER NOT NULL, '
    '"count" INTEGER NOT NULL, "data_position" INTEGER NOT NULL, "data_count" INTEGER NOT NULL, '
    'PRIMARY KEY("connection", "block")) WITHOUT ROWID',
    'CREATE INDEX lane_position ON lane("connection", "position")',
    'CREATE INDEX lane_data ON lane("connection", "data_position", "block")',
    'CREATE TABLE violation("id" INTEGER NOT NULL, "connection" INTEGER NOT NULL, "frame" INTEGER, '
    '"head" INTEGER, "rule" TEXT NOT NULL, "detail" TEXT NOT NULL, "offset" INTEGER NOT NULL, '
    '"length" INTEGER NOT NULL, PRIMARY KEY("id"))',
    'CREATE INDEX violation_frame ON violation("frame", "connection")',
    'CREATE INDEX violation_connection ON violation("connection", "frame")',
    'CREATE TABLE replacement("frame" INTEGER NOT NULL, "replaces" INTEGER NOT NULL, PRIMARY KEY("frame"))',
    'CREATE TABLE mark("frame" INTEGER NOT NULL, "note" TEXT NOT NULL, PRIMARY KEY("frame"))',
    'CREATE INDEX mark_frame ON mark("frame")',
    'CREATE TABLE gap("connection" INTEGER NOT NULL, "before" INTEGER NOT NULL, "reason" INTEGER NOT NULL, '
    '"frames" INTEGER NOT NULL, "data_frames" INTEGER NOT NULL, "first_ns" INTEGER NOT NULL, '
    '"last_ns" INTEGER NOT NULL, PRIMARY KEY("connection", "before", "reason")) WITHOUT ROWID',
    'CREATE INDEX gap_before ON gap("before")',
)

_FORMAT_5 = (
    'CREATE TABLE connection("id" INTEGER NOT NULL, "changed" INTEGER NOT NULL, "mode" INTEGER NOT NULL, '
    '"state" INTEGER NOT NULL, "opened_ns" INTEGER NOT NULL, "closed_ns" INTEGER, "path" TEXT NOT NULL, '
    '"origin" TEXT, "subprotocol" TEXT, "extensions" TEXT NOT NULL, "status" INTEGER NOT NULL, "reason" TEXT '
    'NOT NULL, "close_code" INTEGER, "closed_by" INTEGER NOT NULL, "vanished" INTEGER NOT NULL, "frame_count" '
    'INTEGER NOT NULL, "data_frame_count" INTEGER NOT NULL, "bytes_in" INTEGER NOT NULL, "bytes_out" INTEGER '
    'NOT NULL, "violation_count" INTEGER NOT NULL, "source" INTEGER NOT NULL, PRIMARY KEY("id"))',
    'CREATE TABLE source("id" INTEGER NOT NULL, "mode" INTEGER NOT NULL, "name" TEXT NOT NULL, "address" TEXT '
    'NOT NULL, "target" TEXT NOT NULL, PRIMARY KEY("id"))',
    'CREATE TABLE leg("connection" INTEGER NOT NULL, "side" INTEGER NOT NULL, "peer" TEXT NOT NULL, "local" '
    'TEXT NOT NULL, "tls_version" TEXT, "tls_cipher" TEXT NOT NULL, "tls_alpn" TEXT, "tls_sni" TEXT, '
    '"tls_resumed" INTEGER NOT NULL, "tls_chain" BLOB NOT NULL, "tls_problem" TEXT NOT NULL, "opened_ns" '
    'INTEGER NOT NULL, "connected_ns" INTEGER, "secured_ns" INTEGER, "answered_ns" INTEGER, "first_message_ns" '
    'INTEGER, "closed_ns" INTEGER, "ended" INTEGER NOT NULL, "trailing" BLOB NOT NULL, "trailing_length" '
    'INTEGER NOT NULL, PRIMARY KEY("connection", "side")) WITHOUT ROWID',
    'CREATE TABLE head("connection" INTEGER NOT NULL, "side" INTEGER NOT NULL, "kind" INTEGER NOT NULL, "raw" '
    'BLOB NOT NULL, "masked" INTEGER NOT NULL, PRIMARY KEY("connection", "side", "kind")) WITHOUT ROWID',
)
"""Those of format 5 that format 4 does not have."""


def in_one_line(statement: str) -> str:
    """A statement without its line breaks and indentation."""
    return " ".join(statement.split())


EARLIER_STATEMENTS = frozenset(map(in_one_line, (*_STATEMENTS, *_FORMAT_4, *_FORMAT_5)))
