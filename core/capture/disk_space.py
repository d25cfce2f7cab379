"""Free space on the capture's disk, and how long it will last."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.capture.store import files_of

LOW_BYTES = 1 << 30
LOW_SECONDS = 60.0
LOOK_SECONDS = 2.0
_LOG_BYTES = 64 * 1024 * 1024
"""Room for the write-ahead log beside a capture that no longer grows."""
_RATE_SECONDS = 10.0
_LEAST_SPAN = 0.5


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """The state of the disk at the last look."""

    capture_bytes: int
    """Size of the file, including SQLite's files beside it."""
    free_bytes: int
    """Bytes that this user can still write on the disk."""
    growth: float
    """Recent growth of the capture in bytes per second; 0 if it has not grown."""
    to_grow: int | None = None
    """Bytes by which the capture may still grow; None means without limit."""

    @property
    def seconds_left(self) -> float | None:
        """Time until the disk is full at the present rate; None if the capture does not grow."""
        return self.free_bytes / self.growth if self.growth > 0 else None

    def is_low(self, margin: float = 1.0) -> bool:
        """Whether space is low; a larger margin tells whether an earlier warning still holds."""
        if self.to_grow is not None and self.free_bytes > self.to_grow + _LOG_BYTES * margin:
            return False
        left = self.seconds_left
        return self.free_bytes < LOW_BYTES * margin or (left is not None and left < LOW_SECONDS * margin)


def free_bytes(path: Path) -> int:
    """Free bytes of the file system that has the folder of `path`. Raises OSError."""
    return shutil.disk_usage(path.parent).free


class SpaceGauge:
    """Measures the disk when told to, which should be every `interval` seconds; belongs to one thread."""

    def __init__(
        self,
        free: Callable[[Path], int] = free_bytes,
        clock: Callable[[], float] = time.monotonic,
        interval: float = LOOK_SECONDS,
    ) -> None:
        self.interval = interval
        self._free = free
        self._clock = clock
        self._path: Path | None = None
        self._sizes: deque[tuple[float, int]] = deque(maxlen=64)

    def look(self, path: Path, most: int | None = None) -> DiskSpace | None:
        """Measure the disk of the capture at `path`, limited to `most` bytes; None if that is impossible."""
        if path != self._path:
            self._path = path
            self._sizes.clear()
        try:
            free = self._free(path)
        except OSError:
            return None
        size = 0
        for file in files_of(path):
            with suppress(OSError):
                size += file.stat().st_size
        now = self._clock()
        self._sizes.append((now, size))
        while len(self._sizes) > 2 and now - self._sizes[1][0] >= _RATE_SECONDS:
            self._sizes.popleft()
        began, first = self._sizes[0]
        span = now - began
        growth = max(0.0, (size - first) / span) if span >= _LEAST_SPAN else 0.0
        return DiskSpace(size, free, growth, None if most is None else max(0, most - size))
