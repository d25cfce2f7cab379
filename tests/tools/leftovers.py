"""What a test must not leave behind: threads, open sockets, event loops."""

from __future__ import annotations

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
    """What is there at one moment."""

    threads: frozenset[threading.Thread]
    handles: frozenset[tuple[str, str]]
    """(descriptor, what it is), for sockets and event loops. Known on Linux only."""

    @classmethod
    def now(cls) -> Inventory:
        return cls(frozenset(filter(_is_alive, threading.enumerate())), frozenset(_handles()))

    def left_since(self, grace_seconds: float) -> list[str]:
        """Sentences on what has come since and is still there after `grace_seconds`."""
        left = self._difference()
        if left:
            gc.collect()
            left = self._difference()
        # The system tells nobody when a thread that Qt ended is gone, so it has to be asked.
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
        return sorted(threads + handles)


def _is_alive(thread: threading.Thread) -> bool:
    """threading never learns that a thread which it did not start, such as a QThread, has ended; the system does."""
    if isinstance(thread, threading._DummyThread) and sys.platform == "linux":
        return (_TASKS / str(thread.native_id)).exists()
    return thread.is_alive()


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
