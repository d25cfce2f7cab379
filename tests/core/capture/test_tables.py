"""A table is made of what its rows are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from core.capture.tables import (
    CONNECTION,
    FIRST_TOTAL,
    LANE,
    LEG,
    MARK,
    META,
    TABLES,
    TOTAL,
    LaneRow,
    MarkRow,
    Table,
    typed,
)

SOME: dict[object, object] = {int: 7, str: "text", bytes: b"blob", object: 1.5}


def some_row(table: Table[Any]) -> tuple[object, ...]:
    return tuple(SOME.get(kind) for kind in table.columns.values())


@pytest.fixture
def db() -> Any:
    with closing(sqlite3.connect(":memory:")) as made:
        for table in TABLES:
            for statement in table.statements:
                made.execute(statement)
        yield made


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_row_comes_back_as_it_was_put_in(db: sqlite3.Connection, table: Table[Any]) -> None:
    row = some_row(table)
    db.execute(table.insert, row)
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(table.insert, row)
    db.execute(table.replace, row)
    db.execute(table.update, row)
    [found] = db.execute(f"SELECT {table.all} FROM {table.name}").fetchall()
    assert table.read(found) == row
    assert type(table.read(found)) is table.row


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_only_columns_that_may_be_none_may_be_null(db: sqlite3.Connection, table: Table[Any]) -> None:
    for place, (name, kind) in enumerate(table.columns.items()):
        row = list(some_row(table))
        row[place] = None
        if table.key == (name,) and kind is int:
            # SQLite gives the row a number of its own.
            continue
        if kind in (int, str, bytes):
            with pytest.raises(sqlite3.IntegrityError):
                db.execute(table.insert, row)
            with pytest.raises(ValueError, match=f"value {place + 1} of a row is a NoneType"):
                table.read(tuple(row))
        else:
            assert table.read(tuple(row)) == tuple(row)


def test_statements_read_as_sql_does() -> None:
    assert MARK.statements == (
        'CREATE TABLE mark("frame" INTEGER NOT NULL, "note" TEXT NOT NULL, PRIMARY KEY("frame"))',
        'CREATE INDEX mark_frame ON mark("frame")',
    )
    assert META.statements == (
        'CREATE TABLE meta("key" TEXT NOT NULL, "value", PRIMARY KEY("key")) WITHOUT ROWID',
    )
    assert '"tls_version" TEXT, "tls_cipher" TEXT NOT NULL' in LEG.statements[0]
    assert LANE.statements[0].endswith('PRIMARY KEY("connection", "block")) WITHOUT ROWID')
    assert MARK.insert == 'INSERT INTO mark("frame", "note") VALUES(?, ?)'


def test_a_single_number_as_key_is_the_rows_own(db: sqlite3.Connection) -> None:
    """Values are read piece by piece by it."""
    db.execute(MARK.insert, MarkRow(42, "note"))
    assert db.execute("SELECT rowid FROM mark").fetchone() == (42,)


def test_a_row_is_changed_by_its_key(db: sqlite3.Connection) -> None:
    first, second = LaneRow(1, 2, 3, 4, 5, 6), LaneRow(1, 3, 3, 4, 5, 6)
    db.executemany(LANE.insert, (first, second))
    changed = second._replace(position=9, data_count=8)
    db.execute(LANE.update, changed)
    assert db.execute(f"SELECT {LANE.all} FROM lane ORDER BY block").fetchall() == [first, changed]


def test_a_value_of_another_kind_is_told(db: sqlite3.Connection) -> None:
    db.execute(TOTAL.insert, FIRST_TOTAL)
    db.execute("UPDATE total SET frames = 'many'")
    with pytest.raises(ValueError, match="value 3 of a row is a str"):
        TOTAL.read(db.execute(f"SELECT {TOTAL.all} FROM total").fetchone())
    with pytest.raises(ValueError, match=r"zip\(\)"):
        typed((1, 2), (int,))
    assert CONNECTION.kinds("origin", "id") == (str | None, int)
