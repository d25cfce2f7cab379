"""A good capture, and what a script makes of it: a small file, changed through SQLite and byte by byte."""

from __future__ import annotations

import atexit
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from core.capture.marks import KeepMarks, Mark, change_marks_of
from core.capture.records import Mode, SourceLabel
from core.capture.repeats import REPEATED_FROM
from core.capture.store import close_writing
from core.capture.tables import TABLES
from core.capture.tracks import Opened
from core.capture.writer import Batch, CaptureWriter
from core.protocol.endpoint import Endpoint, ServerSide
from core.protocol.events import (
    Caused,
    Completes,
    Decided,
    FrameReceived,
    FrameSent,
    Origin,
    RequestReceived,
    Ruled,
)
from core.protocol.frames import Opcode, make_frame
from core.protocol.handling import DecidedBy, Fate, Handling
from core.protocol.handshake import ServerPolicy, client_request
from core.protocol.violations import Judgement
from tests.fuzz.head import KEY
from tests.fuzz.script import Script

Value = str | int | float | bytes | None

_PAGE = 1024
_TABLES = tuple(table.name for table in TABLES)
_KEYS = {table.name: ", ".join(table.key) for table in TABLES if "WITHOUT ROWID" in table.statements[0]}
_BLOBS = (
    (("block", "records"), ("payload", "bytes"), ("payload", "repeats")),
    (("head", "raw"), ("leg", "trailing")),
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
_VALUES: tuple[Value, ...] = (
    None,
    *range(-2, 18),
    *(54, 108, 255, 4096, 4097, 65535, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, -(2**31), -(2**63)),
    *(0.5, -1.5, 1e300, float("inf")),
    *("", "text", "2", "\0", "\x1b[31m", "\u202e\U0001f600", "frame-too-long", "x" * 3000),
    *(
        b"",
        b"\0",
        b"\xff",
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(54),
        b"\xff" * 54,
        bytes(range(108)),
        bytes(3000),
    ),
)
"""A few only, so that a changed file is often one that was made before."""
_MOST_CHANGES = 3
"""Through SQLite, which are dear."""
_MOST_PATCHES = 8

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Scheme:
    """SQL run on the file."""

    sql: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A value put into a row of a table, of any type."""

    table: str
    column: str
    row: int
    value: Value


@dataclass(frozen=True, slots=True)
class Base:
    """A good capture: the file, the log beside it, and where the first bytes of its blobs stand in the file."""

    file: bytes
    log: bytes
    columns: dict[str, tuple[str, ...]]
    blobs: dict[tuple[str, str, int], Range]
    """Offset and length, by table, column and row."""


def tampered(script: Script, *, with_log: bool) -> tuple[bytes, bytes]:
    """A file and a log (b"" without) after what the script does to them.

    What goes through SQLite is done first, whatever the order, so that a file is made only once for many scripts.
    """
    base = _bases()[with_log]
    changes: list[Scheme | Cell] = []
    patches: list[tuple[int, bytes]] = []
    log, stop = bytearray(base.log), len(base.file) * 2
    while script.more and len(patches) < _MOST_PATCHES:
        match script.byte() & 7:
            case 0:
                patches.append(_patch(script))
            case 1:
                stop = min(stop, script.number())
            case 2 if log:
                at, patch = _patch(script)
                at %= len(log)
                log[at : at + len(patch)] = patch
            case 3:
                scheme, table = _choose(_SCHEMES, script), _choose(_TABLES, script)
                changes.append(Scheme(scheme.format(table)))
            case 4 | 5:
                blobs = _BLOBS[script.byte() & 1]
                table, column = blobs[script.byte() % len(blobs)]
                row, at, patch = script.byte() & 3, script.number(), script.take(script.byte() & 15)
                start, length = base.blobs.get((table, column, row), (0, 0))
                patches.append((start + at % (length + 1), patch[:length]))
            case _:
                table = _choose(_TABLES, script)
                column = _choose(base.columns[table], script)
                changes.append(Cell(table, column, script.byte() & 3, _VALUES[script.byte() % len(_VALUES)]))
    file = bytearray(_changed(base.file, tuple(changes[:_MOST_CHANGES])))
    for at, patch in patches:
        file[at : at + len(patch)] = patch
    return bytes(file[:stop]), bytes(log)


def _patch(script: Script) -> tuple[int, bytes]:
    at, width = script.number(), 1 + (script.byte() & 7)
    return at, script.take(width)


def _choose(choices: tuple[str, ...], script: Script) -> str:
    return choices[script.byte() % len(choices)]


@lru_cache(4096)
def _changed(file: bytes, changes: tuple[Scheme | Cell, ...]) -> bytes:
    """The file after changes in memory; those that SQLite will not have are left out."""
    if not changes:
        return file
    db = _memory()
    db.deserialize(file[:18] + b"\x01\x01" + file[20:])  # in memory there is no log
    for change in changes:
        with suppress(sqlite3.Error, ValueError):
            _apply(db, change)
    changed = db.serialize()
    return changed[:18] + file[18:20] + changed[20:]


@cache
def _memory() -> sqlite3.Connection:
    """A database that is filled again and again."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    atexit.register(db.close)
    db.execute("PRAGMA ignore_check_constraints = ON")
    return db


def _apply(db: sqlite3.Connection, change: Scheme | Cell) -> None:
    if isinstance(change, Scheme):
        db.executescript(change.sql)
        return
    key = _KEYS.get(change.table, "rowid")
    db.execute(
        f'UPDATE OR REPLACE {change.table} SET "{change.column}" = ? '
        f"WHERE ({key}) IN (SELECT {key} FROM {change.table} LIMIT 1 OFFSET ?)",
        (change.value, change.row),
    )


# The good capture.


@cache
def _bases() -> tuple[Base, Base]:
    """A finished capture, and that capture as a crash leaves it, with a log."""
    with TemporaryDirectory(prefix="unmask-fuzz-") as folder:
        path = Path(folder, "base.unmask")
        _record(path)
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute(f"PRAGMA page_size = {_PAGE}")
            db.execute("VACUUM")
            finished = _base(db, path, b"")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("UPDATE total SET changes = changes + 1")
            db.execute("UPDATE connection SET changed = changed + 1")
            return finished, _base(db, path, path.with_name(path.name + "-wal").read_bytes())


def _base(db: sqlite3.Connection, path: Path, log: bytes) -> Base:
    file = path.read_bytes()
    columns = {name: tuple(row[1] for row in db.execute(f"PRAGMA table_info({name})")) for name in _TABLES}
    blobs = {
        (table, column, row): _find(file, blob)
        for table, column in (blob for pair in _BLOBS for blob in pair)
        for row, (blob,) in enumerate(db.execute(f"SELECT {column} FROM {table}"))
        if blob
    }
    return Base(file, log, columns, blobs)


def _find(file: bytes, blob: bytes) -> Range:
    """Where a blob stands, as far as it stands in one page."""
    length = len(blob)
    while blob[:length] not in file:
        length -= 1
    return file.index(blob[:length]), length


def _record(path: Path) -> None:
    writer = CaptureWriter(path, "0")
    for number in (1, 2):
        connection = Endpoint(ServerSide(ServerPolicy(judgement=Judgement.TOLERANT)))
        source = SourceLabel(Mode.LISTEN, f"listen {number}", "127.0.0.1:8080", "")
        opened = Opened(Mode.LISTEN, f"127.0.0.1:{number}", "127.0.0.1:8080", source)
        writer.write([Batch(number, number, opened, 0)])
        events = connection.receive_data(client_request("localhost", f"/{number}", KEY))
        for event in tuple(events):
            if isinstance(event, RequestReceived):
                events += connection.answer(event.proposed)
        for opcode, payload in ((1, b"text %d" % number), (9, b"ping"), (3, b"reserved"), (2, b"x" * 700)):
            events += connection.receive_data(make_frame(opcode, payload, masking_key=b"mask").wire())
        events += connection.send_message(Opcode.TEXT, b"in fragments", origin=Origin.COMPOSED, fragments=3)
        if number == 1:
            events += connection.receive_eof()
        else:
            long = bytes(REPEATED_FROM)
            events += connection.receive_data(make_frame(2, long, masking_key=b"mask").wire())
            echoed = events[-1].frame.payload if isinstance(events[-1], FrameReceived) else b""
            events += connection.send_message(Opcode.BINARY, echoed, origin=Origin.RULE)
            came = FrameReceived(make_frame(1, b"came", masking_key=b"mask"), (), Completes.ITSELF)
            events += [
                Ruled(came, Handling(Fate.HELD, rules=("one", "two")), 1, ("a rule's note",)),
                Caused(FrameSent(make_frame(1, b"went"), Origin.EDITED, Completes.ITSELF), 1),
                Decided(1, Handling(Fate.REPLACED, DecidedBy.PERSON, 5)),
            ]
        writer.write([Batch(number, number + 10, events, 0)])
    close_writing(writer._db)  # as it is when it was not closed in peace
    change_marks_of(path, KeepMarks((Mark(2, "a note"), Mark(9, ""))))
