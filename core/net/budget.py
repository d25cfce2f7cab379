"""One bound on the memory held for all peers together: what has arrived and is unfinished, and what waits to be sent.

No peer may hold more than is left. So one peer alone may have half of the room, n greedy peers get an (n + 1)th part
each, and there is always room for a newcomer that wants little (Choudhury and Hahne, "Dynamic Queue Length Thresholds
for Shared-Memory Packet Switches", 1998). A peer that holds more waits. If that does not help, because the waiting
peers wait for each other or because there is no room at all, the peer that holds most is failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

PATIENCE_SECONDS = 2.0
"""Time that a peer waits before another one is failed for it."""
_READ_BYTES = 256 * 1024
"""The most that one read brings."""


class Holder(Protocol):
    """A peer for which memory is held."""

    def measure(self) -> int:
        """Bytes held for it now."""

    def wait_for_room(self) -> None:
        """Take in nothing until `go_on`."""

    def go_on(self) -> None: ...

    def give_up(self, held: int, total: int) -> None:
        """Fail and release what is held: `held` bytes, the largest share of the `total` allowed for all."""


class MemoryBudget:
    """The memory held for each peer. Belongs to the loop's thread."""

    def __init__(
        self,
        total: int,
        loop: asyncio.AbstractEventLoop,
        moves: Callable[[], bool],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """`moves` tells whether waiting helps anyway, because we are the slow side."""
        self._total = total
        self._loop = loop
        self._moves = moves
        self._patience = patience_seconds
        self.held = 0
        """Bytes held for all peers."""
        self._of: dict[Holder, int] = {}
        self._waiting: dict[Holder, float] = {}
        """Waiting peers, and since when."""
        self._looking = False
        self._failing = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def total(self) -> int:
        """Bytes that may be held."""
        return self._total

    @total.setter
    def total(self, total: int) -> None:
        self._total = total
        self._make_room()
        self._look_soon()

    @property
    def waiting(self) -> int:
        """Number of waiting peers."""
        return len(self._waiting)

    def settle(self, holder: Holder, held: int) -> None:
        """Set the bytes held for `holder`. It may be told to wait, or be failed, before this returns."""
        before = self._of.get(holder, 0)
        if held:
            self._of[holder] = held
        else:
            self._of.pop(holder, None)
        self.held += held - before
        if self._failing:
            return
        if held > before:
            if self.held > self._total:
                self._make_room()
            if self._of.get(holder, 0) > self._total - self.held:
                self._let_wait(holder)
        if self._waiting and (held < before or holder in self._waiting):
            self._look_soon()

    def forget(self, holder: Holder) -> None:
        """Forget a peer with all that was held for it."""
        self._waiting.pop(holder, None)
        self.settle(holder, 0)

    def _let_wait(self, holder: Holder) -> None:
        if holder in self._waiting:
            return
        self._waiting[holder] = self._loop.time()
        holder.wait_for_room()
        self._arm()

    def _look_soon(self) -> None:
        """Check whether somebody may go on, once per turn of the loop, however much is released in it."""
        if not self._looking:
            self._looking = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        free = self._total - self.held
        for holder in sorted(self._waiting, key=self._held_for):
            # Each peer that goes on may bring one read before it is checked again.
            free -= _READ_BYTES
            if self._held_for(holder) > free:
                break
            del self._waiting[holder]
            holder.go_on()

    def _held_for(self, holder: Holder) -> int:
        return self._of.get(holder, 0)

    def _arm(self) -> None:
        """Make sure that nobody waits forever."""
        if self._timer is None and self._waiting:
            due = min(self._waiting.values()) + self._patience
            self._timer = self._loop.call_at(due, self._out_of_patience)

    def _out_of_patience(self) -> None:
        self._timer = None
        self._measure()
        self._look()
        now = self._loop.time()
        if self._waiting and min(self._waiting.values()) <= now - self._patience:
            if not self._moves():
                self._fail_greediest()
                self._look()
            for holder in self._waiting:
                self._waiting[holder] = now
        self._arm()

    def _make_room(self) -> None:
        """Fail the peers that hold most until the bound is kept."""
        if self.held <= self._total:
            return
        self._measure()
        while self.held > self._total and self._of:
            self._fail_greediest()

    def _measure(self) -> None:
        """Measure all peers, because sent data is released without a report."""
        for holder in self._of:
            held = holder.measure()
            self.held += held - self._of[holder]
            self._of[holder] = held

    def _fail_greediest(self) -> None:
        holder = max(self._of, key=self._held_for, default=None)
        if holder is None:
            return
        held = self._of[holder]
        self._failing = True
        try:
            self._waiting.pop(holder, None)
            self.settle(holder, 0)
            holder.give_up(held, self._total)
        finally:
            self._failing = False
