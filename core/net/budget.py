"""One bound on the memory that all peers together make us hold: what has come and is not done with, what waits to go.

Nobody may hold more than is left over. So one peer alone may have half of the room, n peers that want all of it get an
(n + 1)th part each, and there is always room for one more that wants little (Choudhury and Hahne, "Dynamic Queue Length
Thresholds for Shared-Memory Packet Switches", 1998). Who holds more waits. Where that does not help, because those who
wait are waiting for each other or because there is no room at all, who holds most is failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

PATIENCE_SECONDS = 2.0
"""How long somebody waits before somebody else is failed for it."""
_READ_BYTES = 256 * 1024
"""As much as one read brings at most."""


class Holder(Protocol):
    """A peer for which memory is held."""

    def measure(self) -> int:
        """Bytes held for it now."""

    def wait_for_room(self) -> None:
        """Take in nothing more until `go_on`."""

    def go_on(self) -> None: ...

    def give_up(self, held: int, total: int) -> None:
        """Fail, and let go of what is held: it is the most of `total` bytes that all may have."""


class MemoryBudget:
    """What is held for whom. Belongs to the loop's thread."""

    def __init__(
        self,
        total: int,
        loop: asyncio.AbstractEventLoop,
        moves: Callable[[], bool],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """`moves` says whether waiting helps anyway, since we are the ones who are slow."""
        self._total = total
        self._loop = loop
        self._moves = moves
        self._patience = patience_seconds
        self.held = 0
        """Bytes held for all."""
        self._of: dict[Holder, int] = {}
        self._waiting: dict[Holder, float] = {}
        """Since when."""
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
        """How many wait."""
        return len(self._waiting)

    def settle(self, holder: Holder, held: int) -> None:
        """`held` bytes are held for `holder` from now on. It may be told to wait, or failed, before this returns."""
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
        """It is gone, with all that was held."""
        self._waiting.pop(holder, None)
        self.settle(holder, 0)

    def _let_wait(self, holder: Holder) -> None:
        if holder in self._waiting:
            return
        self._waiting[holder] = self._loop.time()
        holder.wait_for_room()
        self._arm()

    def _look_soon(self) -> None:
        """Whether somebody may go on: once a turn of the loop, however much is let go of in it."""
        if not self._looking:
            self._looking = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        free = self._total - self.held
        for holder in sorted(self._waiting, key=self._held_for):
            # All who go on may bring one read each before they are looked at again.
            free -= _READ_BYTES
            if self._held_for(holder) > free:
                break
            del self._waiting[holder]
            holder.go_on()

    def _held_for(self, holder: Holder) -> int:
        return self._of.get(holder, 0)

    def _arm(self) -> None:
        """See to it that nobody waits without end."""
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
        """No more than all may have is held: who holds most is failed until that is so."""
        if self.held <= self._total:
            return
        self._measure()
        while self.held > self._total and self._of:
            self._fail_greediest()

    def _measure(self) -> None:
        """What waits to go out becomes less without a word."""
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
