"""Things to be done later for one connection; none of them outlives it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

MOST_TIMERS = 10_000


class Timers:
    """Lives on the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handles: set[asyncio.TimerHandle] = set()
        self._is_over = False

    def __len__(self) -> int:
        return len(self._handles)

    def after(self, seconds: float, action: Callable[[], None]) -> bool:
        """Do it after so many seconds. False if nothing is done any more, or if too much waits already."""
        if self._is_over or len(self._handles) >= MOST_TIMERS:
            return False

        def due() -> None:
            self._handles.discard(handle)
            action()

        handle = self._loop.call_later(seconds, due)
        self._handles.add(handle)
        return True

    def stop(self) -> None:
        """Do nothing of it, and nothing any more."""
        self._is_over = True
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
