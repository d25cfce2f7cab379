"""Durations of a repeated action: percentiles over the last seconds, and since the start.

Adding costs about a microsecond; memory is bounded.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

RECENT_SECONDS = 10.0
_RECENT_TIMES = 8192
_STEP_BITS = 4
"""A doubling has 16 steps, so a percentile since the start is at most a sixteenth too large."""
_MOST_BITS = 44
"""Five hours; longer times count as that."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Times in ns: half are no longer than `p50`, 99 % no longer than `p99`."""

    count: int
    p50: int
    p99: int
    longest: int


class Timings:
    """Durations of one kind. Any thread may add and ask."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._recent: deque[tuple[int, int]] = deque(maxlen=_RECENT_TIMES)
        """Time of adding, and the duration."""
        self.reset()

    def reset(self) -> None:
        """Forget all; `since_start` counts from here."""
        with self._lock:
            self._recent.clear()
            self._steps = [0] * ((_MOST_BITS + 1) << _STEP_BITS)
            self._count = self._longest = 0

    def add(self, nanoseconds: int) -> None:
        """Add a duration that has just ended."""
        with self._lock:
            self._recent.append((self._clock(), nanoseconds))
            self._steps[_step_of(nanoseconds)] += 1
            self._count += 1
            if nanoseconds > self._longest:
                self._longest = nanoseconds

    def recent(self) -> Spread | None:
        """The last `RECENT_SECONDS`, exactly; None if there were none. Of very many only the newest count."""
        with self._lock:
            since = self._clock() - int(RECENT_SECONDS * 1e9)
            times = [each for when, each in self._recent if when >= since]
        if not times:
            return None
        times.sort()
        count = len(times)
        return Spread(count, times[_rank(count, 50) - 1], times[_rank(count, 99) - 1], times[-1])

    def since_start(self) -> Spread | None:
        """All durations, rounded up to a sixteenth; None if there were none."""
        with self._lock:
            if not self._count:
                return None
            half, most = self._at(_rank(self._count, 50)), self._at(_rank(self._count, 99))
            return Spread(self._count, half, most, self._longest)

    def _at(self, rank: int) -> int:
        seen = 0
        for step, count in enumerate(self._steps):
            seen += count
            if seen >= rank:
                return min(_end_of(step), self._longest)
        return self._longest


def _rank(count: int, percent: int) -> int:
    """The rank of a percentile among `count` sorted times; at least 1."""
    return max(1, -(-count * percent // 100))


def _step_of(nanoseconds: int) -> int:
    """The step of a duration: small ones have a step each, a doubling of larger ones has sixteen."""
    shift = min(nanoseconds.bit_length(), _MOST_BITS) - _STEP_BITS - 1
    if shift <= 0:
        return max(nanoseconds, 0)
    return (shift << _STEP_BITS) + min(nanoseconds >> shift, (2 << _STEP_BITS) - 1)


def _end_of(step: int) -> int:
    """The longest duration of a step."""
    shift = (step >> _STEP_BITS) - 1
    if shift <= 0:
        return step
    return (((step & ((1 << _STEP_BITS) - 1)) + (1 << _STEP_BITS) + 1) << shift) - 1
