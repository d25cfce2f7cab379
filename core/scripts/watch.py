"""Notices that files were saved. It asks the file system on a thread of its own, as that may be slow to answer."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

LOOK_SECONDS = 0.25
_JOIN_SECONDS = 2.0
_Stamp = tuple[int, int, int] | None


class FileWatch:
    """Looks at some files until it is closed."""

    def __init__(
        self, path: Path, saved: Callable[[], None], gone: Callable[[], None], seconds: float = LOOK_SECONDS
    ) -> None:
        """`saved` is called once a change of any file has rested for a moment, `gone` when `path` is not there any
        more; both on the watch's thread.
        """
        self._path = path
        self._saved = saved
        self._gone = gone
        self._seconds = seconds
        self._others: tuple[Path, ...] = ()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="unmask-script-watch", daemon=True)
        self._seen = self._stamps()
        self._thread.start()

    def look_at(self, others: tuple[Path, ...]) -> None:
        """Look at these files too. Any thread."""
        self._others = others

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        # A file system that does not answer is not waited for.
        self._thread.join(_JOIN_SECONDS)

    def _stamps(self) -> dict[Path, _Stamp]:
        return {path: _stamp(path) for path in (self._path, *self._others)}

    def _look(self) -> None:
        before = self._seen
        is_gone = False
        while not self._over.wait(self._seconds):
            now = self._stamps()
            missing = now[self._path] is None
            if missing and before[self._path] is None and not is_gone:
                # An editor that saves takes the file away for a moment only.
                is_gone = True
                self._gone()
            # Half-written files are still growing.
            if (
                now == before
                and not missing
                and any(self._seen.get(path, stamp) != stamp for path, stamp in now.items())
            ):
                self._saved()
                self._seen = now
                is_gone = False
            elif now.keys() != self._seen.keys():
                self._seen = {path: self._seen.get(path, stamp) for path, stamp in now.items()}
            before = now


def _stamp(path: Path) -> _Stamp:
    """What changes when a file is saved; None if it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
