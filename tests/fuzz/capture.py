"""A capture file that was tampered with: opened, read by every way there is, followed; only CaptureError may come."""

from __future__ import annotations

import atexit
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from core.capture.follow import Follower
from core.capture.marks import KeepMarks, Mark
from core.capture.reader import CaptureReader
from core.capture.records import (
    ConnectionRecord,
    ConnectionState,
    Direction,
    FrameRecord,
    FrameRow,
    Mode,
    View,
)
from core.capture.store import close_writing, copy
from core.capture.tracks import Opened
from core.capture.writer import Batch, CaptureWriter
from core.errors import CaptureError
from core.protocol.connection import Connection, ServerSide
from core.protocol.events import Origin, RequestReceived
from core.protocol.frames import Opcode, make_frame
from core.protocol.handshake import ServerPolicy, client_request
from core.protocol.violations import Judgement, Severity
from tests.fuzz.head import KEY
from tests.fuzz.script import Script

_PAGE = 512
_MOST_ENTRIES = 200
_VIEWS = (View(), View(1, control=False), View(9))
_TABLES = ("total", "connection", "block", "lane", "violation", "meta", "payload", "mark")
_BLOBS = (
    (("block", "records"), ("payload", "bytes")),
    (("connection", "request"), ("connection", "trailing")),
)
_SCHEMES = (
    "DROP TABLE {0}",
    "DELETE FROM {0}",
    "ALTER TABLE {0} RENAME TO other; CREATE VIEW {0} AS SELECT * FROM other",
    "ALTER TABLE {0} ADD COLUMN more",
    "DROP INDEX lane_data",
    "PRAGMA application_id = 1",
    "PRAGMA user_version = 0",
    "PRAGMA user_version = 77",
)


@dataclass(frozen=True, slots=True)
class Base:
    """A good capture: the file, and the log beside it."""

    file: bytes
    log: bytes
    columns: dict[str, tuple[str, ...]]


def run(data: bytes) -> None:
    """First byte: whether the log is there too, and how it is read. Then what is done to the file, see `_tamper`."""
    script = Script(data)
    options = script.byte()
    base = _bases()[options & 1]
    file, log = bytearray(base.file), bytearray(base.log)
    while script.more:
        file = _tamper(script, file, log, base.columns)
    path = _folder() / "capture.unmask"
    path.write_bytes(file)
    beside = path.with_name(path.name + "-wal")
    if log:
        beside.write_bytes(log)
    try:
        _examine(path, at_one_moment=not options & 2)
        if options & 4:
            with suppress(CaptureError):
                copy(path, path.with_name("copied.unmask"))
    finally:
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)


def _tamper(
    script: Script, file: bytearray, log: bytearray, columns: dict[str, tuple[str, ...]]
) -> bytearray:
    match script.byte() & 7:
        case 0:
            at, width = script.number(), 1 + (script.byte() & 7)
            file[at : at + width] = script.take(width)
        case 1:
            del file[script.number() :]
        case 2 if log:
            at, width = script.number() % len(log), 1 + (script.byte() & 7)
            log[at : at + width] = script.take(width)
        case 3:
            scheme, table = _SCHEMES[script.byte() % len(_SCHEMES)], _TABLES[script.byte() % len(_TABLES)]
            return _through_sqlite(file, lambda db: db.executescript(scheme.format(table)))
        case 4 | 5:
            table, column = _BLOBS[script.byte() & 1][script.byte() & 1]
            return _patch_blob(file, table, column, script)
        case _:
            table = _TABLES[script.byte() % len(_TABLES)]
            column = columns[table][script.byte() % len(columns[table])]
            row, value = script.byte() & 3, _value(script)
            return _through_sqlite(file, lambda db: _set(db, table, column, row, value))
    return file


def _value(script: Script) -> object:
    """A value of any type."""
    kind = script.byte() % 7
    if kind == 0:
        return None
    if kind == 1:
        return int.from_bytes(script.take(8), "big", signed=True)
    if kind == 2:
        return script.byte() - 4
    if kind == 3:
        return script.number() / 7
    if kind == 4:
        return script.take(script.byte() & 31).decode("latin-1")
    return script.take(script.byte() & 127)


def _set(db: sqlite3.Connection, table: str, column: str, row: int, value: object) -> None:
    where = "LIMIT 1 OFFSET ?"
    key = "rowid" if table not in ("lane", "meta") else {"lane": "(connection, block)", "meta": "key"}[table]
    db.execute(
        f'UPDATE OR REPLACE {table} SET "{column}" = ? WHERE {key} IN (SELECT {key.strip("()")} FROM {table} {where})',
        (value, row),
    )


def _patch_blob(file: bytearray, table: str, column: str, script: Script) -> bytearray:
    row, at, width = script.byte() & 3, script.number(), script.byte() & 15
    patch = script.take(width)

    def write(db: sqlite3.Connection) -> None:
        found = db.execute(f"SELECT rowid, {column} FROM {table} LIMIT 1 OFFSET ?", (row,)).fetchone()
        if found is not None and isinstance(found[1], bytes):
            blob = bytearray(found[1])
            at_ = at % (len(blob) + 1)
            blob[at_ : at_ + len(patch)] = patch
            db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (bytes(blob), found[0]))

    return _through_sqlite(file, write)


def _through_sqlite(file: bytearray, change: Callable[[sqlite3.Connection], object]) -> bytearray:
    """The file after a change in memory; as it was where SQLite will not have it."""
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as db,
        suppress(sqlite3.Error, ValueError),
    ):
        log = file[18:20]
        plain = bytearray(file)
        plain[18:20] = b"\x01\x01"  # in memory there is no log
        db.deserialize(bytes(plain))
        db.execute("PRAGMA ignore_check_constraints = ON")
        change(db)
        changed = bytearray(db.serialize())
        changed[18:20] = log
        return changed
    return file


# What is read.


def _examine(path: Path, *, at_one_moment: bool) -> None:
    try:
        reader = CaptureReader(path)
    except CaptureError:
        return
    try:
        with reader.snapshot() if at_one_moment else nullcontext():
            for read in (_read_lists, _read_frames, _read_connections, _read_story):
                with suppress(CaptureError):
                    read(reader)
    finally:
        reader.close()


def _read_lists(reader: CaptureReader) -> None:
    with suppress(CaptureError):
        assert all(type(value) is int for value in _fields(reader.totals()))
    for view in _VIEWS:
        with suppress(CaptureError):
            count = reader.count(view)
            assert count >= 0
            for first in {0, max(count - 3, 0)}:
                rows = reader.rows(view, first, 6)
                for row in rows:
                    _check_row(row)
                for row in rows[:1]:
                    reader.position(view, row.id)
    with suppress(CaptureError):
        for problem in reader.problems(0, 20):
            assert isinstance(problem.violation.rule.severity, Severity)
            assert _types(problem.id, problem.connection, problem.violation.offset) == (int, int, int)
            assert isinstance(problem.violation.detail, str)
    with suppress(CaptureError):
        assert all(type(frame) is int for frame in reader.marks.frames())
        for mark in reader.marks.some(0, 20):
            assert _types(mark.frame, mark.note) == (int, str)
    reader.problem_count()


def _read_frames(reader: CaptureReader) -> None:
    last = reader.last_frame_id()
    for number in {1, 2, last, last + 1}:
        with suppress(CaptureError):
            record = reader.frame(number)
            if record is not None:
                _check_frame(record)
                reader.frame_at(record.row.time_ns)


def _read_connections(reader: CaptureReader) -> None:
    for record in reader.connections():
        _check_connection(record)
        with suppress(CaptureError):
            reader.connection_violations(record.id)
    found = reader.connection(1)
    assert found is None or found.id == 1


def _read_story(reader: CaptureReader) -> None:
    for entry in islice(Follower(reader).entries(), _MOST_ENTRIES):
        if isinstance(entry, FrameRecord):
            _check_frame(entry)
        else:
            _check_connection(entry.connection)


def _check_row(row: FrameRow) -> None:
    assert isinstance(row.origin, Origin)
    assert isinstance(row.preview, bytes)
    assert row.severity == 0 or Severity(row.severity)


def _check_frame(record: FrameRecord) -> None:
    """What the window and the exports do with one."""
    _check_row(record.row)
    assert len(record.frame.wire()) == len(record.frame.header()) + record.row.captured_length
    assert isinstance(record.note, str | None)
    assert record.message_payload is None or len(record.message_payload) == record.row.content_length


def _check_connection(record: ConnectionRecord) -> None:
    assert isinstance(record.state, ConnectionState)
    assert isinstance(record.mode, Mode)
    assert _types(record.id, record.opened_ns, record.frame_count) == (int, int, int)
    assert _types(record.peer, record.local, record.path) == (str, str, str)
    assert _types(record.extensions, record.reason) == (str, str)
    assert _types(record.request, record.response, record.trailing) == (bytes, bytes, bytes)
    assert isinstance(record.origin, str | None)
    assert isinstance(record.subprotocol, str | None)
    assert isinstance(record.closed_ns, int | None)


def _types(*values: object) -> tuple[type, ...]:
    return tuple(map(type, values))


def _fields(value: object) -> Iterator[object]:
    return (getattr(value, name) for name in type(value).__slots__)  # type: ignore[attr-defined]


# What is tampered with.


@cache
def _folder() -> Path:
    """In memory where there is such a place."""
    shared = Path("/dev/shm")
    usable = shared.is_dir() and os.access(shared, os.W_OK)
    folder = tempfile.mkdtemp(prefix="unmask-fuzz-", dir=shared if usable else None)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@cache
def _bases() -> tuple[Base, Base]:
    """The same capture finished, and as a crash leaves it with a log."""
    path = _folder() / "base.unmask"
    _record(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute(f"PRAGMA page_size = {_PAGE}")
        db.execute("VACUUM")
        tables = {name: tuple(row[1] for row in db.execute(f"PRAGMA table_info({name})")) for name in _TABLES}
        finished = Base(path.read_bytes(), b"", tables)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("UPDATE total SET changes = changes + 1")
        db.execute("UPDATE connection SET changed = changed + 1")
        crashed = Base(path.read_bytes(), path.with_name(path.name + "-wal").read_bytes(), tables)
    return finished, crashed


def _record(path: Path) -> None:
    writer = CaptureWriter(path, "0")
    for number in (1, 2):
        connection = Connection(ServerSide(ServerPolicy(judgement=Judgement.TOLERANT)))
        opened = Opened(Mode.LISTEN, f"127.0.0.1:{number}", "127.0.0.1:8080", Direction.CLIENT_TO_SERVER)
        writer.write([Batch(number, number, opened, 0)])
        events = connection.receive_data(client_request("localhost", "/", KEY))
        for event in tuple(events):
            if isinstance(event, RequestReceived):
                events += connection.answer(event.proposed)
        for opcode, payload in ((1, b"text"), (9, b"ping"), (3, b"reserved"), (2, b"x" * 300)):
            events += connection.receive_data(make_frame(opcode, payload, masking_key=b"mask").wire())
        events += connection.send_message(Opcode.TEXT, b"in fragments", origin=Origin.COMPOSED, fragments=3)
        if number == 1:
            events += connection.receive_eof()
        writer.write([Batch(number, number + 10, events, 0)])
    writer.change_marks(KeepMarks((Mark(2, "a note"), Mark(5, ""))))
    close_writing(writer._db)  # as it is when it was not closed in peace
