"""The event loop: uvloop or winloop if installed, else asyncio's own."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable

from core.net.descriptors import raise_limit

_SWITCH_SECONDS = 0.001


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A new event loop of the fastest available kind."""
    try:
        if sys.platform == "win32":
            import winloop as fast_loop
        else:
            import uvloop as fast_loop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = fast_loop.new_event_loop()
    return loop


def tune_interpreter() -> None:
    """Prepare a process that hosts an engine.

    A flood makes many short-lived tuples, two threads need to respond quickly, and each connection takes a descriptor.
    """
    raise_limit()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    sys.setswitchinterval(_SWITCH_SECONDS)


def wall_clock() -> Callable[[], int]:
    """A clock in ns since the epoch that never steps: it reads the wall clock once and continues monotonically."""
    base = time.time_ns() - time.perf_counter_ns()
    monotonic = time.perf_counter_ns
    return lambda: base + monotonic()
