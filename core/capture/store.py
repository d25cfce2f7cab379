"""The capture file.

An SQLite database (WAL while it is written), recognised by its `application_id`; `user_version` is the schema's
version. One writer (`core.capture.recorder`), any number of readers, each with a read-only connection of its own.

    meta        key, value: `created_ns`, `version` of the program
    total       one row: running totals, `changes` and `generation` (see `Totals`)
    connection  one row a TCP connection with its opening handshake: raw request and response head, what was
                negotiated, how it ended, counters. `changed` is the value of `total.changes` at its last change
    block       frames in order of arrival (`core.capture.blocks`): `first` is the id of its first frame, `records`
                fixed-size records, `payloads` the payload bytes
    lane        which rows of a list lie in which block: for each connection, and for 0 = all connections, the list
                position of its first frame in the block, counted with and without control frames
    violation   every rule broken, with the frame that broke it, or NULL for the opening handshake

Payloads are stored unmasked; with the masking key in the record the exact wire bytes can be rebuilt. A message's
payload is stored apart only where it is not the payload of its one frame.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from core.errors import CaptureError

APPLICATION_ID = 0x554E4D4B
SCHEMA_VERSION = 1
PAGE_SIZE = 32 * 1024
ALL = 0
"""The lane of all connections."""

_SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE total(
    id INTEGER PRIMARY KEY CHECK (id = 1),
    connections INTEGER NOT NULL, frames INTEGER NOT NULL, control_frames INTEGER NOT NULL, bytes INTEGER NOT NULL,
    violations INTEGER NOT NULL, changes INTEGER NOT NULL, generation INTEGER NOT NULL
);
INSERT INTO total VALUES(1, 0, 0, 0, 0, 0, 0, 1);
CREATE TABLE connection(
    id INTEGER PRIMARY KEY,
    changed INTEGER NOT NULL, mode INTEGER NOT NULL, state INTEGER NOT NULL,
    opened_ns INTEGER NOT NULL, closed_ns INTEGER, peer TEXT NOT NULL, local TEXT NOT NULL,
    request BLOB NOT NULL, response BLOB NOT NULL, path TEXT NOT NULL, origin TEXT, subprotocol TEXT,
    extensions TEXT NOT NULL, status INTEGER NOT NULL, reason TEXT NOT NULL,
    close_code INTEGER, closed_by INTEGER NOT NULL, trailing BLOB NOT NULL, trailing_length INTEGER NOT NULL,
    frame_count INTEGER NOT NULL, data_frame_count INTEGER NOT NULL,
    bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL, violation_count INTEGER NOT NULL
);
CREATE INDEX connection_changed ON connection(changed);
CREATE TABLE block(
    first INTEGER PRIMARY KEY, count INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
    records BLOB NOT NULL, payloads BLOB NOT NULL
);
CREATE TABLE lane(
    connection INTEGER NOT NULL, block INTEGER NOT NULL,
    position INTEGER NOT NULL, count INTEGER NOT NULL,
    data_position INTEGER NOT NULL, data_count INTEGER NOT NULL,
    PRIMARY KEY(connection, block)
) WITHOUT ROWID;
CREATE INDEX lane_position ON lane(connection, position);
CREATE INDEX lane_data ON lane(connection, data_position, block);
CREATE TABLE violation(
    id INTEGER PRIMARY KEY, connection INTEGER NOT NULL, frame INTEGER,
    rule TEXT NOT NULL, detail TEXT NOT NULL, "offset" INTEGER NOT NULL, length INTEGER NOT NULL
);
CREATE INDEX violation_frame ON violation(frame, connection);
"""


def create(path: Path) -> sqlite3.Connection:
    """A new, empty capture at `path`, open for writing (autocommit; transactions are the caller's)."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
            connection.execute("PRAGMA journal_mode = WAL")
            tune_writer(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        except sqlite3.Error:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise CaptureError(
            f"No capture can be written to {path}: {error}. "
            "Choose a folder that you may write to, with room on its disk."
        ) from error
    return connection


def tune_writer(connection: sqlite3.Connection) -> None:
    """What a connection that writes needs: a commit survives a crash of the program without waiting for the disk."""
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 512")
    connection.execute("PRAGMA cache_size = -16384")


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A read-only connection to a capture; CaptureError where `path` holds none that this version can read."""
    if not path.is_file():
        raise CaptureError(f"There is no capture at {path}. Check the name.")
    location = quote(str(path.resolve()))
    try:
        try:
            connection = _connect_and_check(f"file:{location}?mode=ro", path)
        except sqlite3.OperationalError:
            # A WAL database in a folder that can't be written opens only when SQLite may take it as unchanging.
            connection = _connect_and_check(f"file:{location}?mode=ro&immutable=1", path)
    except sqlite3.Error as error:
        raise CaptureError(
            f"{path} cannot be read as a capture: {error}. It may be damaged or no capture."
        ) from error
    return connection


def _connect_and_check(uri: str, path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=1.0)
    try:
        connection.execute("PRAGMA cache_size = -8192")
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application_id != APPLICATION_ID:
            raise CaptureError(f"{path} is a database, but no capture of Unmask. Open another file.")
        if version > SCHEMA_VERSION:
            raise CaptureError(
                f"{path} was written by a newer Unmask (format {version}; this one reads up to {SCHEMA_VERSION}). "
                "Update Unmask to open it."
            )
        connection.execute("SELECT frames FROM total").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def copy(source: Path, target: Path) -> None:
    """Copy a whole capture, also one that is being written, over what is at `target`. CaptureError if that fails."""
    reader = open_for_reading(source)
    partial = target.with_name(target.name + ".part")
    try:
        partial.unlink(missing_ok=True)
        with closing(sqlite3.connect(partial, isolation_level=None)) as copied:
            reader.backup(copied)
        partial.replace(target)
    except (sqlite3.Error, OSError) as error:
        partial.unlink(missing_ok=True)
        raise CaptureError(
            f"The capture cannot be saved as {target}: {error}. Choose another place; nothing is lost."
        ) from error
    finally:
        reader.close()
