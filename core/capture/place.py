"""Watches the place of an open capture, which somebody may remove or move away."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from core.capture.store import files_of

_MOST_NAMES = 1000


def identity(path: Path) -> tuple[int, int] | None:
    """Identifies a file; None if there is none. Raises OSError if the system does not tell."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


class Place:
    """The place of a capture open for writing, with its write-ahead log and the log's index."""

    def __init__(self, path: Path) -> None:
        """Raises OSError if the system does not tell which file is there."""
        database, log, index, _ = files_of(path)
        self._files = {file: identity(file) for file in (database, log, index)}

    def is_kept(self) -> bool:
        """Whether all files are in place; if the system does not tell, they are taken to be."""
        try:
            return all(identity(file) == known for file, known in self._files.items())
        except OSError:
            return True

    def clear_up(self) -> None:
        """Remove log and index if the capture is gone; otherwise SQLite would use them for the next capture there."""
        _, *beside = self._files
        for file in beside:
            with suppress(OSError):
                if identity(file) == self._files[file]:
                    file.unlink()


def next_to(path: Path) -> Path:
    """A free name beside `path`: `a_2.unmask` for `a.unmask`. Raises FileExistsError if there is none."""
    for number in range(2, _MOST_NAMES):
        found = path.with_name(f"{path.stem}_{number}{path.suffix}")
        if not any(file.exists() or file.is_symlink() for file in files_of(found)):
            return found
    raise FileExistsError(17, "every name beside it is taken", str(path))
