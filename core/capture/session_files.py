"""The folder of unsaved captures: who uses them, and which were left behind.

A capture in use is protected by an exclusive lock on a small SQLite file beside it. The lock disappears with its
process, however that ends, so a capture without one was left behind and can be offered.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from core.capture.private_files import close_to_others, ensure_file, make_folder
from core.capture.reader import CaptureReader
from core.capture.records import ConnectionState
from core.capture.store import UNFINISHED, close_writing, mark_lost, open_for_writing
from core.errors import CaptureError

ENDING = ".unmask"
_LOCK_ENDING = ".lock"
_MOST_LISTED = 50
_BROKEN_OFF = (*UNFINISHED, ConnectionState.LOST)
"""States of connections that a run which ends normally does not leave behind."""


def default_folder() -> Path:
    """The folder for unsaved captures in the user's own data."""
    return Path(platformdirs.user_data_dir("unmask", appauthor=False)) / "captures"


@dataclass(frozen=True, slots=True)
class Holdings:
    """What would be lost with a capture: its frames or, if it has none, refused handshakes."""

    frames: int
    refused: int
    """Connections whose handshake was refused; not counted if there are frames."""

    @property
    def worth_keeping(self) -> bool:
        return self.frames > 0 or self.refused > 0


def holdings(reader: CaptureReader) -> Holdings:
    """What a capture has that is worth keeping. Raises CaptureError if it cannot be read."""
    frames = reader.totals().frames
    if frames:
        return Holdings(frames, 0)
    return Holdings(0, sum(each.state is ConnectionState.REFUSED for each in reader.connections()))


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """An unsaved capture of an earlier run."""

    path: Path
    modified: float
    """Seconds since the epoch."""
    size: int
    """Bytes of the file."""
    holdings: Holdings
    finished: bool
    """Whether its run ended normally and kept it, rather than breaking off."""


class CaptureFolder:
    """A folder of unsaved captures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def claim_new(self) -> ClaimedCapture:
        """A name for a new capture, locked against other runs. Raises CaptureError if the folder can't be written."""
        stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
        try:
            make_folder(self.folder)
            self._put_right()
            for number in range(1, 1000):
                path = self.folder / f"unsaved_{stamp}{'' if number == 1 else f'_{number}'}{ENDING}"
                lock = None if path.exists() else _lock(path)
                if lock is not None:
                    return ClaimedCapture(path, lock)
        except (OSError, sqlite3.Error) as error:
            raise CaptureError(
                f"No capture can be kept in {self.folder}: {error}. Make that folder writable, or name a capture file."
            ) from error
        raise CaptureError(f"{self.folder} holds too many captures of this second: {path}. Remove some.")

    def _put_right(self) -> None:
        """Close the folder and its files to other users: earlier versions left them open."""
        close_to_others(self.folder)
        for path in self.folder.glob(f"unsaved_*{ENDING}*"):
            close_to_others(path)

    def left_behind(self) -> list[LeftBehind]:
        """Captures without a lock that are worth keeping, newest first.

        Those that hold nothing worth keeping are removed, unreadable ones are left alone.
        """
        found: list[LeftBehind] = []
        for path in sorted(self.folder.glob(f"unsaved_*{ENDING}"), reverse=True)[:_MOST_LISTED]:
            try:
                lock = _lock(path)
            except sqlite3.Error:
                # If locks are impossible, nothing can be offered.
                continue
            if lock is None:
                continue
            try:
                entry = _look_into(path)
                if entry is not None and not entry.holdings.worth_keeping:
                    discard(path)
                    entry = None
            finally:
                _unlock(path, lock)
            if entry is not None:
                found.append(entry)
        return found

    def claim(self, path: Path) -> ClaimedCapture | None:
        """Lock a capture that was left behind; None if another run has it or it is gone."""
        try:
            lock = _lock(path)
        except sqlite3.Error:
            return None
        if lock is None:
            return None
        claimed = ClaimedCapture(path, lock)
        if not path.is_file():
            claimed.release()
            return None
        return claimed


class ClaimedCapture:
    """The path of an unsaved capture of this run, locked until `release`."""

    def __init__(self, path: Path, lock: sqlite3.Connection) -> None:
        self.path = path
        self._lock: sqlite3.Connection | None = lock

    def follow(self, path: Path) -> None:
        """The capture continues at `path`: lock that instead, unless another run was faster."""
        self.release()
        with contextlib.suppress(sqlite3.Error):
            self._lock = _lock(path)
        self.path = path

    def release(self) -> None:
        """Release the lock: the capture was saved elsewhere, or this run has ended. Idempotent."""
        if self._lock is not None:
            _unlock(self.path, self._lock)
            self._lock = None


def discard(path: Path) -> None:
    """Remove a capture with SQLite's files beside it."""
    for ending in ("", "-wal", "-shm", "-journal"):
        with contextlib.suppress(OSError):
            path.with_name(path.name + ending).unlink()


def discard_unused(path: Path) -> None:
    """Remove a finished capture that was made for a failed start and never had a connection."""
    try:
        with contextlib.closing(CaptureReader(path)) as reader:
            unused = reader.totals().connections == 0
    except CaptureError:
        return
    if unused:
        discard(path)


def _look_into(path: Path) -> LeftBehind | None:
    try:
        reader = CaptureReader(path)
    except CaptureError:
        return None
    try:
        states = {each.state for each in reader.connections()}
        held = holdings(reader)
        stat, in_order = path.stat(), _is_closed(path) and states.isdisjoint(_BROKEN_OFF)
        entry = LeftBehind(path, stat.st_mtime, stat.st_size, held, in_order)
    except (CaptureError, OSError):
        return None
    finally:
        reader.close()
    if not states.isdisjoint(UNFINISHED):
        _settle(path)
    return entry


def _is_closed(path: Path) -> bool:
    """Whether its writer has closed it, which ends its WAL mode: byte 18 of an SQLite file tells."""
    with path.open("rb") as file:
        return file.read(19)[18:] == b"\x01"


def _settle(path: Path) -> None:
    """Tidy up after a killed run: none of its connections is open any more. The file keeps its time."""
    with contextlib.suppress(sqlite3.Error, OSError):
        times = path.stat()
        connection = open_for_writing(path)
        try:
            connection.execute("BEGIN IMMEDIATE")
            mark_lost(connection)
            connection.execute("COMMIT")
        finally:
            close_writing(connection)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _lock(path: Path) -> sqlite3.Connection | None:
    """The lock of a capture; None if another run holds it."""
    place = path.with_name(path.name + _LOCK_ENDING)
    with contextlib.suppress(OSError):
        ensure_file(place)
    lock = sqlite3.connect(place, timeout=0, isolation_level=None)
    try:
        lock.execute("PRAGMA journal_mode = MEMORY")
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        lock.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return None
        raise
    return lock


def _unlock(path: Path, lock: sqlite3.Connection) -> None:
    with contextlib.suppress(OSError):
        path.with_name(path.name + _LOCK_ENDING).unlink()
    lock.close()
