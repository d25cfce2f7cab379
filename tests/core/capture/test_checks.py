"""Captures that were forged or damaged beyond what SQLite itself sees."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.reader import CaptureReader
from core.capture.records import View
from core.capture.writer import CaptureWriter
from core.errors import CaptureError
from tests.tools.captures import opened, received
from tests.tools.recorded import CaptureMaker


@pytest.fixture
def forge(tmp_path: Path) -> Callable[[str], Path]:
    """A good capture, and then that SQL."""

    def make(sql: str) -> Path:
        path = tmp_path / "forged.unmask"
        with CaptureMaker(path) as maker:
            maker.peer().say("hello")
            maker.peer().vanish()
        with closing(sqlite3.connect(path)) as db:
            db.executescript(sql)
        return path

    return make


@pytest.mark.parametrize(
    "sql",
    [
        # Each would have SQLite count for ever, or build a gigabyte, as soon as it is read.
        "DROP TABLE total; CREATE VIEW total AS WITH RECURSIVE n(frames) AS "
        "(SELECT 1 UNION ALL SELECT frames + 1 FROM n) SELECT sum(frames) AS frames FROM n",
        "ALTER TABLE block ADD COLUMN huge AS (zeroblob(1000000000))",
        "CREATE VIRTUAL TABLE words USING fts5(text)",
        "CREATE TRIGGER t AFTER INSERT ON block BEGIN DELETE FROM block; END",
    ],
)
def test_a_capture_holds_tables_and_indices_only(forge: Callable[[str], Path], sql: str) -> None:
    with pytest.raises(CaptureError, match="no capture has"):
        CaptureReader(forge(sql))


def _totals(reader: CaptureReader) -> None:
    reader.totals()


def _connections(reader: CaptureReader) -> None:
    reader.connections()


def _rows(reader: CaptureReader) -> None:
    reader.rows(View(), 0, 10)


def _count(reader: CaptureReader) -> None:
    reader.count(View())


def _frame(reader: CaptureReader) -> None:
    reader.frame(1)


def _frames_after(reader: CaptureReader) -> None:
    list(reader.frames_after(0, 10))


def _problems(reader: CaptureReader) -> None:
    reader.problems()


@pytest.mark.parametrize(
    ("sql", "read"),
    [
        ("UPDATE total SET frames = 'many'", _totals),
        ("UPDATE leg SET peer = x'00'", _connections),
        ("UPDATE head SET raw = 'text'", _connections),
        ("UPDATE connection SET state = 99", _connections),
        ("UPDATE lane SET position = -5, count = 0 WHERE connection = 0", _count),
        ("UPDATE block SET count = count + 1", _rows),
        ("UPDATE block SET count = 1e300", _rows),
        ("UPDATE block SET count = 0, records = x''", _frames_after),
        ("UPDATE block SET records = substr(records, 2)", _frame),
        ("UPDATE payload SET bytes = x''", _frame),
        ("UPDATE payload SET bytes = 'text'", _frame),
        ("UPDATE payload SET repeats = 'text'", _frame),
        ("UPDATE payload SET repeats = x'00'", _frame),
        ("DELETE FROM payload", _frame),
        ("UPDATE block SET first = 9223372036854775807", _frames_after),
        ("UPDATE block SET records = replace(records, substr(records, 21, 4), x'ffffffff')", _frame),
        (
            "INSERT INTO violation(connection, frame, rule, detail, offset, length) VALUES(1, 1, 'x', x'00', 1, 1)",
            _problems,
        ),
    ],
)
def test_what_cannot_be_is_a_capture_error(
    forge: Callable[[str], Path], sql: str, read: Callable[[CaptureReader], None]
) -> None:
    with closing(CaptureReader(forge(sql))) as reader, pytest.raises(CaptureError, match="is damaged"):
        read(reader)


def test_payloads_that_are_read_at_once_are_bytes(tmp_path: Path) -> None:
    path = tmp_path / "forged.unmask"
    with closing(CaptureWriter(path, "0")) as writer:
        writer.write([opened(1), received(1, *[bytes(100_000) for _ in range(10)])])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE payload SET bytes = replace(hex(bytes), '00', 'x')")
    with closing(CaptureReader(path)) as reader, pytest.raises(CaptureError, match="is damaged"):
        list(reader.frames_after(0, 10))
