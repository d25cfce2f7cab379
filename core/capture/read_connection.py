"""A read-only connection to a capture whose memory does not grow with use."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.capture.migrations import NEWEST, Blobs, where_blobs_are
from core.capture.place import identity
from core.capture.store import open_for_reading
from core.errors import CaptureError

_MOST_BLOBS = 5000
_MAPPED_BYTES = 1 << 40


class ReadConnection:
    """Belongs to the thread that made it; must be closed.

    sqlite3 keeps a note of every opened blob, some 90 bytes, until its connection is closed. After many of them another
    connection therefore takes over, between two snapshots.
    """

    def __init__(self, path: Path, cache_kib: int | None = None) -> None:
        """`cache_kib` limits the page cache; None means the default of readers. Raises CaptureError if there is no
        capture.
        """
        self._path = path
        self._cache_kib = cache_kib
        self._file = _identity(path)
        self._blobs = 0
        self._schema: int | None = None
        """The number of the file's schema, where it is of an earlier format."""
        self._places: Blobs = {}
        self.connection = self._open()
        """The current connection."""

    @property
    def in_transaction(self) -> bool:
        return self.connection.in_transaction

    def begin(self) -> None:
        """Start a snapshot: everything read until "ROLLBACK" is executed is of one moment."""
        if self._blobs > _MOST_BLOBS or (
            self._schema is not None and self._schema != self._schema_of(self.connection)
        ):
            self._renew()
        self.connection.execute("BEGIN")

    def execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return self.connection.execute(sql, values)

    @contextmanager
    def blob(self, table: str, column: str, row: int) -> Iterator[sqlite3.Blob]:
        """A value that can be read from any offset."""
        self._blobs += 1
        table, column = self._places.get((table, column), (table, column))
        with self.connection.blobopen(table, column, row, readonly=True) as blob:
            yield blob

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """Map the file into memory within this context, because SQLite walks through all pages before a distant byte of
        a long value.
        """
        self.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
        try:
            yield
        finally:
            # Mapped pages count as memory of the process.
            self.execute("PRAGMA mmap_size = 0")

    def close(self) -> None:
        self.connection.close()

    def _open(self) -> sqlite3.Connection:
        opened = open_for_reading(self._path)
        if self._cache_kib is not None:
            opened.execute(f"PRAGMA cache_size = {-self._cache_kib}")
        (version,) = opened.execute("PRAGMA user_version").fetchone()
        self._places = where_blobs_are(version)
        # Its first mark makes another file of it.
        self._schema = None if version == NEWEST else self._schema_of(opened)
        return opened

    @staticmethod
    def _schema_of(connection: sqlite3.Connection) -> int:
        (number,) = connection.execute("PRAGMA main.schema_version").fetchone()
        return int(number)

    def _renew(self) -> None:
        self._blobs = 0
        if self._file is None or _identity(self._path) != self._file:
            # The file was moved or its name reused; an open connection still sees the right one.
            return
        try:
            renewed = self._open()
        except CaptureError:
            return
        self.connection.close()
        self.connection = renewed


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        return identity(path)
    except OSError:
        return None
