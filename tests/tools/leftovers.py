"""What a test must not leave behind: threads, unfinished tasks, open sockets, event loops."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_DESCRIPTORS = Path("/proc/self/fd")
_TASKS = Path("/proc/self/task")


@dataclass(frozen=True, slots=True)
class Inventory:
    """What exists at one moment."""

    threads: frozenset[threading.Thread]
    handles: frozenset[tuple[str, str]]
    """Descriptor and kind of each socket and event loop. Known on Linux only."""

    tasks: frozenset[asyncio.Task[object]]

    @classmethod
    def now(cls) -> Inventory:
        threads = filter(_is_alive, threading.enumerate())
        return cls(frozenset(threads), frozenset(_handles()), frozenset(_tasks()))

    def left_since(self, grace_seconds: float) -> list[str]:
        """Sentences about what is new since then and still exists after `grace_seconds`."""
        left = self._difference()
        if left:
            gc.collect()
            left = self._difference()
        # Nothing reports that a thread which Qt ended is gone, so it has to be polled.
        deadline = time.monotonic() + grace_seconds
        while left and time.monotonic() < deadline:
            time.sleep(0.002)
            left = self._difference()
        return left

    def _difference(self) -> list[str]:
        new = Inventory.now()
        threads = [f"the thread {thread.name!r} still runs" for thread in new.threads - self.threads]
        handles = [
            f"{what} is still open (descriptor {number})" for number, what in new.handles - self.handles
        ]
        tasks = [f"the task {task.get_coro()} never ended" for task in new.tasks - self.tasks]
        return sorted(threads + handles + tasks)


def _is_alive(thread: threading.Thread) -> bool:
    """Whether a thread runs; for threads it did not start, such as a QThread, only the system knows, not
    `threading`.
    """
    if isinstance(thread, threading._DummyThread) and sys.platform == "linux":
        return (_TASKS / str(thread.native_id)).exists()
    return thread.is_alive()


def _tasks() -> list[asyncio.Task[object]]:
    """The unfinished tasks of all loops. asyncio gives only those of one loop; its registry has all."""
    registry = getattr(asyncio.tasks, "_scheduled_tasks", None)
    if registry is None:
        registry = asyncio.tasks._all_tasks  # type: ignore[attr-defined]  # Python 3.11
    return [task for task in list(registry) if not task.done()]


def _handles() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if not _DESCRIPTORS.is_dir():
        return found
    for number in os.listdir(_DESCRIPTORS):
        try:
            target = os.readlink(_DESCRIPTORS / number)
        except FileNotFoundError:
            continue
        if target.startswith("socket:"):
            found.append((number, "the socket " + target[7:]))
        elif target == "anon_inode:[eventpoll]":
            found.append((number, "an event loop"))
    return found
