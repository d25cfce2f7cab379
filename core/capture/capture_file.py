"""The file of a capture that is being written: its place, its transactions, and its move to another file.

It is used by the writer, synchronously. An open file stays readable whatever happens to its name, so a capture that
somebody removes or moves while it is recorded continues, complete, beside its old place.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.capture.place import Place, next_to
from core.capture.private_files import make_folder
from core.capture.store import (
    BUSY_MS,
    LOG_BYTES,
    PAGE_SIZE,
    close_moved,
    close_writing,
    copy_database,
    create,
    is_in_use,
    is_same,
    log_of,
    open_for_writing,
    reason,
)
from core.errors import CaptureError

_READERS_MS = 250
"""Time that readers get to finish their current read."""


class CaptureFile:
    """An open capture; must be closed."""

    def __init__(self, path: Path, meta: Iterable[tuple[str, object]]) -> None:
        """Create a capture with `meta`. Raises CaptureError if that fails or the file exists."""
        self._most_log: int | None = None
        self._is_settled = True
        """Whether nothing was committed since the log was last written back."""
        self.commits = 0
        """Number of commits so far."""
        self._set(create(path, meta), path)

    def _set(self, db: sqlite3.Connection, path: Path) -> None:
        self.db = db
        self.path = path
        self._place = Place(path)
        self._log = log_of(path)
        self._set_log()

    def bound_log(self, most: int | None) -> None:
        """Limit the write-ahead log and each transaction to `most` bytes, as far as readers allow; None means the
        default.
        """
        if most != self._most_log:
            self._most_log = most
            self._set_log()

    def _set_log(self) -> None:
        self._log_full = self._most_log or 0
        """Beyond this size the log is emptied."""
        pages = LOG_BYTES // PAGE_SIZE if self._most_log is None else self._most_log // 2 // PAGE_SIZE
        with suppress(sqlite3.Error):
            self.db.execute(f"PRAGMA wal_autocheckpoint = {pages}")
            # The size to which SQLite cuts the log when it restarts it.
            self.db.execute(f"PRAGMA journal_size_limit = {-1 if self._most_log is None else self._most_log}")

    @property
    def is_in_place(self) -> bool:
        """Whether the file is still at `path`, neither removed nor moved."""
        return self._place.is_kept()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Execute everything in this context, or nothing of it. Raises CaptureError."""
        try:
            self.db.execute("BEGIN IMMEDIATE")
            yield
            self.db.execute("COMMIT")
            self._is_settled = False
            self.commits += 1
        except sqlite3.Error as error:
            raise CaptureError(
                f"The capture {self.path} cannot be written: {error}. Traffic goes on, its frames are lost. "
                f"{_way_out(error)}"
            ) from error
        finally:
            if self.db.in_transaction:
                with suppress(sqlite3.Error):
                    self.db.execute("ROLLBACK")
        self._hold_log()

    def settle(self) -> None:
        """Make all commits survive a power cut: sync the log, and write it back as far as readers allow."""
        if not self._is_settled:
            with suppress(sqlite3.Error):
                (_, committed, settled) = self.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                self._is_settled = committed == settled

    def _hold_log(self) -> None:
        """Keep the log small. SQLite restarts it only while nobody reads, so if it has grown, wait for such a
        moment.
        """
        if self._most_log is None:
            return
        try:
            size = self._log.stat().st_size
            if size <= self._most_log:
                self._log_full = self._most_log
            if size <= self._log_full:
                return
            self.db.execute(f"PRAGMA busy_timeout = {_READERS_MS}")
            (busy, _, _) = self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self.db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            # A long read is not awaited at each commit.
            self._log_full = self._most_log + (self._log.stat().st_size if busy else 0)
        except (sqlite3.Error, OSError):
            return

    def move_to(self, path: Path) -> None:
        """Copy everything to `path`, replacing a file there, and continue in it. After a CaptureError all is as
        before.
        """
        try:
            if is_same(path, self.path):
                return
            if is_in_use(path):
                raise ValueError("that capture is in use, by this or another Unmask")
            self._go_on_in_copy(path)
        except (sqlite3.Error, OSError, ValueError) as error:
            raise CaptureError(
                f"The capture cannot be saved as {path}: {error}. Choose another place; nothing is lost."
            ) from error

    def carry_on(self) -> None:
        """Continue in a new file beside the removed one, with everything. After a CaptureError all is as before."""
        try:
            make_folder(self.path.parent)
            self._go_on_in_copy(next_to(self.path))
        except (sqlite3.Error, OSError) as error:
            raise CaptureError(
                f"The capture {self.path} was removed or moved away, and cannot go on beside it: {reason(error)}. "
                "If it was removed, all of it is lost when Unmask ends, unless you save it elsewhere before."
            ) from error

    def close(self) -> None:
        """Leave a single file if no reader holds it; a file that was moved away is complete wherever it is."""
        if self.is_in_place:
            close_writing(self.db)
        else:
            close_moved(self.db)
            self._place.clear_up()

    def _go_on_in_copy(self, path: Path) -> None:
        copy_database(self.db, path)
        copied = open_for_writing(path)
        self.close()
        self._set(copied, path)


def _way_out(error: sqlite3.Error) -> str:
    """What the person can do about an error."""
    # Also if the disk only says that it could not write.
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return "Make room on the disk, or save the capture elsewhere."
    if isinstance(error, sqlite3.DataError):
        return "The disk is not the reason: one of the frames is larger than a capture can hold. Save the capture."
    return "Save the capture elsewhere."
