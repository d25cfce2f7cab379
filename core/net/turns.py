"""Shares the loop's time: what peers have sent is processed in turns, so that a busy peer keeps nobody waiting."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

FIRST_NS = 1_000_000
"""Time for new data at once; the rest waits for its turn, and reading pauses."""
SLICE_NS = 4_000_000
"""Time for all waiting rests together in one turn of the loop."""
READ_ON_NS = 250_000
"""A worker that takes longer is not read before its next turn: libuv reads a busy socket up to 32 times in one turn."""


class Worker(Protocol):
    """Has work that may wait."""

    def work(self, until: int) -> None:
        """Work until then, or until nothing is left; with work left, it adds itself again."""


class Turns:
    """A fair queue: a worker goes to the end after its turn. Between turns the loop serves its sockets and timers."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], int]) -> None:
        self._loop = loop
        self._clock = clock
        self._queue: OrderedDict[Worker, None] = OrderedDict()
        self._done: OrderedDict[Worker, None] = OrderedDict()
        """Workers that wait only for the next turn."""
        self._scheduled = False

    def add(self, worker: Worker) -> None:
        """Let a worker work in its turn, once, however often it is added before."""
        self._queue[worker] = None
        self._schedule()

    def add_done(self, worker: Worker) -> None:
        """Let a worker that has nothing left to do continue in the next turn: it need not wait for all that have."""
        self._done[worker] = None
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._take)

    def _take(self) -> None:
        self._scheduled = False
        try:
            for _ in range(len(self._done)):
                worker, _ = self._done.popitem(last=False)
                worker.work(self._clock() + SLICE_NS)
            until = self._clock() + SLICE_NS
            for _ in range(len(self._queue)):
                worker, _ = self._queue.popitem(last=False)
                worker.work(until)
                if self._clock() >= until:
                    break
        finally:
            if self._queue or self._done:
                self._schedule()
