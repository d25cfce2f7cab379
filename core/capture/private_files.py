"""Files and folders that only their owner can read, whatever the umask.

Captures hold cookies, tokens and everything that was said, so nobody else on the machine may read them. On systems
without POSIX modes files get the rights of their folder, which in a user's own folders belong to the user.
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
    """Make `folder` and missing parents for the owner alone. An existing folder is left unchanged. Raises OSError."""
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
    """Make an empty file to be filled by SQLite or others. Raises FileExistsError, or another OSError."""
    os.close(_opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def ensure_file(path: Path) -> None:
    """Make an empty file if there is none. Raises OSError."""
    with suppress(FileExistsError):
        create_file(path)


@contextmanager
def written_whole(target: Path) -> Iterator[BinaryIO]:
    """A file to write that replaces `target` if the context ends without error. Raises OSError.

    Otherwise nothing of it remains. A link at `target` stays a link.
    """
    whole = Path(os.path.realpath(target))
    partial = whole.with_name(whole.name + ".part")
    try:
        # Always a new file: one that somebody else has put there could be read by them.
        partial.unlink(missing_ok=True)
        with os.fdopen(_opened(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as out:
            yield out
        partial.replace(whole)
    finally:
        partial.unlink(missing_ok=True)


def open_to_append(path: Path) -> BinaryIO:
    """A file to append to; an existing file keeps its mode, which its owner chose. Raises OSError."""
    with suppress(FileExistsError):
        return os.fdopen(_opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND), "ab")
    return path.open("ab")


def sync(path: Path) -> None:
    """Make the content of a file, or the names in a folder, survive a power cut. Raises OSError for a file."""
    if path.is_dir():
        if _HAS_MODES:
            # Not every file system can sync folders; those that cannot keep their names in order themselves.
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
    """Take one of Unmask's files or folders away from everybody but its owner, if possible."""
    if _HAS_MODES:
        with suppress(OSError):
            mode = FOLDER_MODE if path.is_dir() else FILE_MODE
            if path.stat().st_mode & 0o777 != mode:
                path.chmod(mode)


def _opened(path: Path, flags: int) -> int:
    """A descriptor of a new file. The umask may remove too much from its mode, which is corrected."""
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0), FILE_MODE)
    if _HAS_MODES:
        # On file systems without modes there is nothing to correct.
        with suppress(OSError):
            os.fchmod(descriptor, FILE_MODE)
    return descriptor
