"""Files and folders that only their owner can read, whatever the umask says.

What is recorded holds cookies, tokens and everything that was said, so nobody else on the machine may read it. Systems
without POSIX modes keep the rights of the folder above, which are the user's own in a user's own folders.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_HAS_MODES = os.name == "posix"


def make_folder(folder: Path) -> None:
    """Make `folder`, and what is missing above it, for the owner alone. One that is there stays as it is. OSError."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        # Another run may make it at the same moment.
        with suppress(FileExistsError):
            each.mkdir(FOLDER_MODE)
            close_to_others(each)
    if not folder.is_dir() or (missing and not missing[0].is_dir()):
        raise NotADirectoryError(20, "there is a file where the folder should be", str(folder))


def create_file(path: Path) -> None:
    """Make an empty file that SQLite or anyone else may then fill. FileExistsError where there is one; OSError."""
    os.close(_opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def ensure_file(path: Path) -> None:
    """Make an empty file where there is none. OSError."""
    with suppress(FileExistsError):
        create_file(path)


@contextmanager
def written_whole(target: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of what is at `target` when all within has gone well. OSError.

    Otherwise nothing of it stays. A link at `target` stays one.
    """
    whole = Path(os.path.realpath(target))
    partial = whole.with_name(whole.name + ".part")
    try:
        # Never one that somebody else has put there and may read.
        partial.unlink(missing_ok=True)
        with os.fdopen(_opened(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as out:
            yield out
        partial.replace(whole)
    finally:
        partial.unlink(missing_ok=True)


def open_to_append(path: Path) -> BinaryIO:
    """A file to write to the end of; one that is there keeps its mode, because its owner chose it. OSError."""
    with suppress(FileExistsError):
        return os.fdopen(_opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND), "ab")
    return path.open("ab")


def sync(path: Path) -> None:
    """Have what was written to a file, or which names a folder holds, survive a power cut. OSError for a file."""
    if path.is_dir():
        if _HAS_MODES:
            # Not every file system syncs folders; those that do not keep their names in order by themselves.
            with suppress(OSError):
                _synced(os.open(path, os.O_RDONLY))
    else:
        _synced(os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0)))


def _synced(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def close_to_others(path: Path) -> None:
    """Take a file or folder that is Unmask's own from everybody but its owner, where that can be done."""
    if _HAS_MODES:
        with suppress(OSError):
            mode = FOLDER_MODE if path.is_dir() else FILE_MODE
            if path.stat().st_mode & 0o777 != mode:
                path.chmod(mode)


def _opened(path: Path, flags: int) -> int:
    """A descriptor of a new file. The umask may take more from its mode than it should: that is put right."""
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0), FILE_MODE)
    if _HAS_MODES:
        # Some file systems have no modes; what they give is all that can be had.
        with suppress(OSError):
            os.fchmod(descriptor, FILE_MODE)
    return descriptor
