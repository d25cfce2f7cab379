"""Where captures live that nobody has saved yet: the folder, whose they are, and which were left behind.

A capture in use is held by an exclusive lock on a small SQLite file beside it. The lock goes with its process,
however that ends, so that a capture without one was left behind, by a crash or on purpose, and can be offered.
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
"""States of connections that a run that ends in order does not leave behind."""


def default_folder() -> Path:
    """The folder for unsaved captures in the user's own data."""
    return Path(platformdirs.user_data_dir("unmask", appauthor=False)) / "captures"


@dataclass(frozen=True, slots=True)
class Holdings:
    """What would be missed of a capture: its frames, or, where it has none, handshakes that were refused."""

    frames: int
    refused: int
    """Connections whose handshake was refused; not counted where there are frames."""

    @property
    def worth_keeping(self) -> bool:
        return self.frames > 0 or self.refused > 0


def holdings(reader: CaptureReader) -> Holdings:
    """What a capture holds that is worth keeping. CaptureError where it cannot be read."""
    frames = reader.totals().frames
    if frames:
        return Holdings(frames, 0)
    return Holdings(0, sum(each.state is ConnectionState.REFUSED for each in reader.connections()))


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """An unsaved capture of a run that is over."""

    path: Path
    modified: float
    """Seconds since the epoch."""
    size: int
    """Bytes of the file."""
    holdings: Holdings
    finished: bool
    """Whether its run ended in order and kept it, and did not break off."""


class CaptureFolder:
    """A folder of unsaved captures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def claim_new(self) -> ClaimedCapture:
        """A name for a new capture, held against other runs. CaptureError where the folder can't be written."""
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
        """Take the folder and what lies in it from other users: earlier versions left it open to them."""
        close_to_others(self.folder)
        for path in self.folder.glob(f"unsaved_*{ENDING}*"):
            close_to_others(path)

    def left_behind(self) -> list[LeftBehind]:
        """Captures that no run holds and that are worth keeping, newest first.

        Those that hold nothing worth keeping are removed, unreadable ones are left alone.
        """
        found: list[LeftBehind] = []
        for path in sorted(self.folder.glob(f"unsaved_*{ENDING}"), reverse=True)[:_MOST_LISTED]:
            try:
                lock = _lock(path)
            except sqlite3.Error:
                # Where no lock can be had nothing can be offered either.
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
        """A capture that was left behind, held against other runs; None where one has it or it is gone."""
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
    """The path of an unsaved capture of this run, held until `release`."""

    def __init__(self, path: Path, lock: sqlite3.Connection) -> None:
        self.path = path
        self._lock: sqlite3.Connection | None = lock

    def follow(self, path: Path) -> None:
        """The capture goes on at `path`: hold that instead, where no other run was faster."""
        self.release()
        with contextlib.suppress(sqlite3.Error):
            self._lock = _lock(path)
        self.path = path

    def release(self) -> None:
        """Let other runs have it: it was saved elsewhere, or this run is over. Idempotent."""
        if self._lock is not None:
            _unlock(self.path, self._lock)
            self._lock = None


def discard(path: Path) -> None:
    """Remove a capture with what SQLite keeps beside it."""
    for ending in ("", "-wal", "-shm", "-journal"):
        with contextlib.suppress(OSError):
            path.with_name(path.name + ending).unlink()


def discard_unused(path: Path) -> None:
    """Remove a finished capture that was made for a start which failed: no connection ever came to it."""
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
    """Whether its writer has closed it, which takes it out of WAL mode: byte 18 of an SQLite file says so."""
    with path.open("rb") as file:
        return file.read(19)[18:] == b"\x01"


def _settle(path: Path) -> None:
    """The run that recorded here was killed: nothing of it is open any more. The file keeps its time."""
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
    """The lock of a capture, or None where another run holds it."""
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
