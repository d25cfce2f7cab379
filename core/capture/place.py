"""Where an open capture stands, and whether it still does: somebody may remove it or move it away."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from core.capture.store import files_of

_MOST_NAMES = 1000


def identity(path: Path) -> tuple[int, int] | None:
    """What makes a file the same one; None where there is none. OSError where the system does not say."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


class Place:
    """A capture that is open for writing, with the write-ahead log and its index beside it."""

    def __init__(self, path: Path) -> None:
        """OSError where the system does not say what is there."""
        database, log, index, _ = files_of(path)
        self._files = {file: identity(file) for file in (database, log, index)}

    def is_kept(self) -> bool:
        """Whether all of them are there; what the system does not tell is taken to be."""
        try:
            return all(identity(file) == known for file, known in self._files.items())
        except OSError:
            return True

    def clear_up(self) -> None:
        """Remove the log and its index where the capture itself is gone: they would be taken for the next one's."""
        _, *beside = self._files
        for file in beside:
            with suppress(OSError):
                if identity(file) == self._files[file]:
                    file.unlink()


def next_to(path: Path) -> Path:
    """A name beside `path` that nothing has: `a_2.unmask` for `a.unmask`. FileExistsError where there is none."""
    for number in range(2, _MOST_NAMES):
        found = path.with_name(f"{path.stem}_{number}{path.suffix}")
        if not any(file.exists() or file.is_symlink() for file in files_of(found)):
            return found
    raise FileExistsError(17, "every name beside it is taken", str(path))
