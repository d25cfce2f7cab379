"""Captures that Unmask knows about: unsaved ones of earlier runs, and recent ones. No Qt here."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from core.capture.reader import CaptureReader
from core.capture.session_files import CaptureFolder, Holdings, LeftBehind, holdings
from core.capture.store import is_same, reason
from core.errors import CaptureError

_NOTHING = Holdings(0, 0)


class CaptureStanding(Enum):
    """What is known about a capture's file."""

    BROKEN_OFF = auto()
    """Not saved; its run was killed or crashed."""
    KEPT = auto()
    """Not saved; its run ended normally and kept it."""
    SAVED = auto()
    RECORDING = auto()
    """The one that is being recorded."""
    GONE = auto()
    """Removed, moved away, or on a disk that is not available."""
    UNREADABLE = auto()


@dataclass(frozen=True, slots=True)
class KnownCapture:
    """A capture's file, and its content if it can be read."""

    path: Path
    standing: CaptureStanding
    holdings: Holdings = _NOTHING
    size: int = 0
    """Bytes of the file."""
    modified: float = 0.0
    """Seconds since the epoch."""
    problem: str = ""
    """A sentence that says why it cannot be read."""

    @property
    def unsaved(self) -> bool:
        return self.standing in (CaptureStanding.BROKEN_OFF, CaptureStanding.KEPT)

    @property
    def can_be_opened(self) -> bool:
        return self.standing not in (CaptureStanding.GONE, CaptureStanding.UNREADABLE)


def known_of(left: LeftBehind) -> KnownCapture:
    """The entry for a capture that was left behind."""
    standing = CaptureStanding.KEPT if left.finished else CaptureStanding.BROKEN_OFF
    return KnownCapture(left.path, standing, left.holdings, left.size, left.modified)


def known_captures(
    folder: CaptureFolder, held: Iterable[KnownCapture], recent: Iterable[Path], live: Path
) -> list[KnownCapture]:
    """Unsaved captures first, newest first; then the recent ones in their order. Reads a little of each file.

    `held` are unsaved captures in use by this run, which are not offered to others; `live` is being recorded.
    """
    unsaved = [*held, *map(known_of, folder.left_behind())]
    unsaved.sort(key=lambda each: each.modified, reverse=True)
    paths = {each.path for each in unsaved}
    return [*unsaved, *(_look_at(path, live) for path in recent if path not in paths)]


def _look_at(path: Path, live: Path) -> KnownCapture:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return KnownCapture(path, CaptureStanding.GONE)
    except OSError as error:
        return KnownCapture(path, CaptureStanding.UNREADABLE, problem=reason(error))
    try:
        with closing(CaptureReader(path)) as reader:
            held = holdings(reader)
    except CaptureError as error:
        return KnownCapture(
            path, CaptureStanding.UNREADABLE, _NOTHING, stat.st_size, stat.st_mtime, str(error)
        )
    standing = CaptureStanding.RECORDING if is_same(path, live) else CaptureStanding.SAVED
    return KnownCapture(path, standing, held, stat.st_size, stat.st_mtime)
