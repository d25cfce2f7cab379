"""How much room the capture's disk has, and how long that lasts."""

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
"""What the write-ahead log may take beside a capture that grows no more."""
_RATE_SECONDS = 10.0
_LEAST_SPAN = 0.5


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """As it was at the last look."""

    capture_bytes: int
    """The file, with what SQLite keeps beside it."""
    free_bytes: int
    """What this user may still write on its disk."""
    growth: float
    """Bytes a second by which the capture has grown lately; 0 where it has not."""
    to_grow: int | None = None
    """By how many bytes it may grow at most; None: without a bound."""

    @property
    def seconds_left(self) -> float | None:
        """Until the disk is full at the present rate; None where the capture does not grow."""
        return self.free_bytes / self.growth if self.growth > 0 else None

    def is_low(self, margin: float = 1.0) -> bool:
        """Whether it is time to say something; with a larger margin, whether it still is."""
        if self.to_grow is not None and self.free_bytes > self.to_grow + _LOG_BYTES * margin:
            return False
        left = self.seconds_left
        return self.free_bytes < LOW_BYTES * margin or (left is not None and left < LOW_SECONDS * margin)


def free_bytes(path: Path) -> int:
    """Of the file system that holds the folder of `path`. OSError."""
    return shutil.disk_usage(path.parent).free


class SpaceGauge:
    """Looks at the disk when told to, which is to be every `interval` seconds; belongs to one thread."""

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
        """At the disk of the capture at `path`, which is to hold `most` bytes at most; None where that can't be."""
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
