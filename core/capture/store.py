"""The capture file and its schema.

An SQLite database (WAL while it is written), recognised by its `application_id`; `user_version` is the schema's
version. There is one writer (`core.capture.recorder`) and any number of readers, each with its own read-only
connection. In a finished capture only marks change (`core.capture.marks`).

Its tables are those of `core.capture.tables`. A file of an earlier format is read as if it had them, and is not changed
for that (`core.capture.migrations`).

Small blocks are merged later, under the id of the first (`core.capture.merging`). Blocks are missing at the front if a
ring has dropped them (`core.capture.ring`) or everything was cleared, and elsewhere if one connection was cleared
(`core.capture.forgetting`). Positions continue to count what a ring dropped, but not what was cleared. Counters of
`total` and `connection` count what was recorded; `total.violations` counts the rows of `violation`.

A commit is complete or absent, and survives any end of the program. A power cut may lose the unsynced commits of the
last seconds, but never one without all later ones.

Payloads are stored unmasked; with the masking key in the record the exact wire bytes can be rebuilt. A message's
payload is stored separately only if it differs from the payload of its single frame.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from core.capture import migrations
from core.capture.checks import check_schema
from core.capture.earlier_schemas import EARLIER_STATEMENTS, in_one_line
from core.capture.private_files import create_file, make_folder, sync
from core.capture.records import ConnectionState
from core.capture.tables import FIRST_TOTAL, META, TABLES, TOTAL, MetaRow
from core.errors import CaptureError

APPLICATION_ID = 0x554E4D4B
_APPLICATION_ID_AT = 68
_SQLITE = b"SQLite format 3\0"
_HEAD = struct.Struct(">16sH6xII60xI")
"""SQLite file format, section 1.3: name, page size, change counter, pages, change counter when pages were counted."""
SCHEMA_VERSION = migrations.NEWEST
PAGE_SIZE = 16 * 1024
LOG_BYTES = 8 * 1024 * 1024
"""Size at which the write-ahead log is written back, and which it keeps if nobody reads for long."""
BUSY_MS = 5000
"""Time that the writer waits for another writer."""
ALL = 0
"""The lane of all connections."""
UNFINISHED = (ConnectionState.CONNECTING, ConnectionState.OPEN, ConnectionState.CLOSING)
"""States that end with the recording run."""
_LONGEST_VALUE = 64 * 1024 * 1024
"""Largest value that is read as a whole. Payloads can be longer and are read piece by piece; a damaged row may declare
an impossible length.
"""
_BESIDE = ("-wal", "-shm", "-journal")
"""Endings of SQLite's files beside a database."""


def create(path: Path, meta: Iterable[tuple[str, object]] = ()) -> sqlite3.Connection:
    """A new capture at `path`, empty except `meta`, open for writing. Raises CaptureError, also if the file exists."""
    try:
        make_folder(path.parent)
        if path.exists():
            raise CaptureError(f"There is a file at {path} already. Choose another name, or remove it.")
        # SQLite's files beside it get the same mode.
        create_file(path)
    except (OSError, ValueError) as error:
        raise _cannot_create(path, error) from error
    try:
        connection = open_for_writing(path)
        try:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute("BEGIN")
            for table in TABLES:
                for statement in table.statements:
                    connection.execute(statement)
            connection.execute(TOTAL.insert, FIRST_TOTAL)
            connection.executemany(META.insert, (MetaRow(*each) for each in meta))
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            connection.execute("COMMIT")
            # From here on, a power cut leaves a capture.
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        remove(path)
        raise _cannot_create(path, error) from error
    return connection


def _cannot_create(path: Path, error: Exception) -> CaptureError:
    return CaptureError(
        f"No capture can be written to {path}: {reason(error)}. "
        "Choose a folder that you may write to, with room on its disk."
    )


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The writer's connection (autocommit; transactions are the caller's). Raises sqlite3.Error."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        connection.execute("PRAGMA journal_mode = WAL")
        # A commit survives any end of the program without waiting for the disk. The recorder has the log written back
        # every few seconds; what is written back survives a power cut.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_BYTES // PAGE_SIZE}")
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        # Free pages are not overwritten with zeros, which some builds of SQLite do by default.
        connection.execute("PRAGMA secure_delete = FAST")
        # Statement journals stay in memory: a file would need a descriptor when there may be none left.
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -16384")
        # Creates the log and its index, so that their presence can be checked.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def close_writing(connection: sqlite3.Connection) -> None:
    """Close the writer's connection and leave a single file if no reader holds it."""
    with closing(connection), suppress(sqlite3.Error):
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")


def close_moved(connection: sqlite3.Connection) -> None:
    """Close the writer's connection to a capture that was moved away; it is complete wherever it is now."""
    with closing(connection), suppress(sqlite3.Error):
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def zeroing(connection: sqlite3.Connection) -> Iterator[None]:
    """Within, deleted data is overwritten, so that it cannot be read on free pages of the file."""
    connection.execute("PRAGMA secure_delete = ON")
    try:
        yield
    finally:
        connection.execute("PRAGMA secure_delete = FAST")


def mark_lost(connection: sqlite3.Connection) -> None:
    """Mark open connections as lost, because the recording has ended. The caller owns the transaction;
    sqlite3.Error.
    """
    connection.execute("UPDATE total SET changes = changes + 1")
    connection.execute(
        "UPDATE connection SET state = ?, changed = (SELECT changes FROM total) WHERE state IN (?, ?, ?)",
        (ConnectionState.LOST, *UNFINISHED),
    )


def files_of(path: Path) -> tuple[Path, ...]:
    """A capture and the files that SQLite may keep beside it."""
    return tuple(path.with_name(path.name + ending) for ending in ("", *_BESIDE))


def log_of(path: Path) -> Path:
    """The write-ahead log of a capture."""
    return path.with_name(path.name + "-wal")


def remove(path: Path) -> None:
    """Remove a capture with SQLite's files beside it, as far as possible."""
    for file in files_of(path):
        with suppress(OSError):
            file.unlink()


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A read-only connection to a capture; raises CaptureError if `path` has none that this version can read."""
    try:
        if path.is_dir():
            raise CaptureError(f"{path} is a folder. Choose a capture in it.")
        if not path.is_file():
            raise CaptureError(f"There is no capture at {path}. Check the name.")
        real = path.resolve()
        _check_length(real, path)
    except OSError as error:
        raise CaptureError(
            f"{path} cannot be opened: {reason(error)}. Check the name and who may read it."
        ) from error
    try:
        try:
            return _connect_to_read(f"{real.as_uri()}?mode=ro", path)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            return _connect_unchanging(real, path)
    except (sqlite3.Error, ValueError, MemoryError) as error:
        raise CaptureError(
            f"{path} cannot be read as a capture: {reason(error)}. It may be damaged or no capture."
        ) from error


def _check_length(real: Path, path: Path) -> None:
    """Raise CaptureError if the file ends before its last page, as an interrupted copy does.

    SQLite notices only whole missing pages; it reads the rest of a cut page as zeros.
    """
    log = real.with_name(real.name + "-wal")
    with real.open("rb") as file:
        head, size = file.read(_HEAD.size), os.fstat(file.fileno()).st_size
    if len(head) < _HEAD.size or (log.exists() and log.stat().st_size):
        # Pages missing in the file are in the log.
        return
    name, page_size, changes, pages, changes_then = _HEAD.unpack(head)
    # SQLite file format, section 1.3.7: the number of pages is valid only if the two counters agree.
    expected = pages * page_size if changes == changes_then else -(-size // (page_size or 1)) * page_size
    if name == _SQLITE and size < expected:
        raise CaptureError(
            f"{path} is cut short: {size} of its {expected} bytes are there. Copy it once more from where it came."
        )


def open_for_changes(path: Path) -> sqlite3.Connection:
    """A connection for changing an existing capture; raises CaptureError if there is none.

    Only the first change tells whether the system permits changes.
    """
    open_for_reading(path).close()
    try:
        connection, version = _connect_and_check(f"{path.resolve().as_uri()}?mode=rw", path)
        try:
            _check_whole_schema(connection, version)
            migrations.let_marks_be_written(connection, version)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, ValueError, OSError) as error:
        raise CaptureError(
            f"{path} cannot be changed: {reason(error)}. Look at it without changes."
        ) from error
    return connection


def _check_whole_schema(connection: sqlite3.Connection, version: int) -> None:
    """Trust only our own schemas: writing may compute what a foreign index or check says."""
    rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
    found = {in_one_line(sql) for (sql,) in rows}
    own = {statement for table in TABLES for statement in table.statements}
    if not (found == own if version == SCHEMA_VERSION else found <= EARLIER_STATEMENTS):
        raise ValueError("its tables are not those of a capture")


def _connect_unchanging(real: Path, path: Path) -> sqlite3.Connection:
    """Open a WAL database in a folder that can't be written: SQLite reads it only as immutable."""
    log = real.with_name(real.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise CaptureError(
            f"{path} was not finished, and its last frames stand in {log.name}, which can be read only where one may "
            "write. Copy both files to a folder of yours and open the capture there."
        )
    return _connect_to_read(f"{real.as_uri()}?mode=ro&immutable=1", path)


def _connect_to_read(uri: str, path: Path) -> sqlite3.Connection:
    connection, version = _connect_and_check(uri, path)
    try:
        migrations.show_as_newest(connection, version)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_and_check(uri: str, path: Path) -> tuple[sqlite3.Connection, int]:
    """A connection, and the format of the file."""
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=1.0)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        connection.execute("PRAGMA cache_size = -8192")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA temp_store = MEMORY")
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application_id != APPLICATION_ID:
            raise CaptureError(f"{path} is no capture of Unmask. Open another file.")
        if not 1 <= version <= SCHEMA_VERSION:
            raise _other_version(path, version)
        check_schema(connection)
        if connection.execute("SELECT frames FROM total").fetchone() is None:
            raise CaptureError(f"{path} is damaged: it lacks its totals. Open another file.")
    except BaseException:
        connection.close()
        raise
    return connection, version


def _other_version(path: Path, version: int) -> CaptureError:
    if version > SCHEMA_VERSION:
        who, way_out = "a newer Unmask", "Update Unmask to open it."
    else:
        who, way_out = "no Unmask", "It is damaged. Open another file."
    return CaptureError(
        f"{path} was written by {who} (format {version}; this one reads 1 to {SCHEMA_VERSION}). {way_out}"
    )


def copy(source: Path, target: Path) -> None:
    """Copy a whole capture, even one that is being written, over `target`. Raises CaptureError."""
    with closing(open_for_reading(source)) as reader:
        try:
            if not is_same(source, target):
                copy_database(reader, target)
        except (sqlite3.Error, OSError, ValueError) as error:
            raise CaptureError(
                f"The capture cannot be saved as {target}: {reason(error)}. Choose another place; nothing is lost."
            ) from error


def copy_database(source: sqlite3.Connection, target: Path) -> None:
    """Copy everything in `source` over `target`, which changes only when the copy is complete.

    Raises sqlite3.Error, OSError or ValueError.
    """
    partial = target.with_name(target.name + ".part")
    try:
        remove(partial)
        create_file(partial)
        if not _copy_what_is_held(source, partial):
            with closing(sqlite3.connect(partial, isolation_level=None)) as copied:
                source.backup(copied)
                copied.execute("PRAGMA journal_mode = DELETE")
        sync(partial)
        # SQLite would use leftover files of the old database for the new one.
        for ending in _BESIDE:
            target.with_name(target.name + ending).unlink(missing_ok=True)
        partial.replace(target)
        sync(target.parent)
    except BaseException:
        remove(partial)
        raise


def _copy_what_is_held(source: sqlite3.Connection, target: Path) -> bool:
    """Copy without free pages, which may still show dropped frames; False if all pages must be copied."""
    (free,) = source.execute("PRAGMA freelist_count").fetchone()
    if not free:
        return False
    try:
        source.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.DatabaseError:
        # A damaged database is copied as it is.
        remove(target)
        create_file(target)
        return False
    return True


def is_capture(path: Path) -> bool:
    """Whether the file begins as a capture does, complete or damaged (SQLite file format, section 1.3)."""
    if not path.is_file():
        # Opening a pipe would block.
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_APPLICATION_ID_AT + 4)
    except OSError:
        return False
    return head.startswith(_SQLITE) and head[_APPLICATION_ID_AT:] == APPLICATION_ID.to_bytes(4, "big")


def is_in_use(path: Path) -> bool:
    """Whether somebody has the capture at `path` open, for writing or for reading."""
    if not path.is_file():
        return False
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=0)
        ) as found:
            # In WAL mode everyone who has it open holds a lock that conflicts with this one.
            found.execute("PRAGMA locking_mode = EXCLUSIVE")
            found.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    return False


def is_same(path: Path, other: Path) -> bool:
    """Whether both are one file."""
    return path.exists() and other.exists() and path.samefile(other)


def reason(error: Exception) -> str:
    """The reason in the system's words, without the path, which the sentence names already; MemoryError has no
    words.
    """
    if isinstance(error, TypeError | IndexError | OverflowError | struct.error):
        # Python's words would be of no use.
        return "one of its tables holds what no capture has there"
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return said or "one of its rows is larger than the memory"
