"""Turns: who has worked goes behind the others, and the loop gets a word in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.net.turns import SLICE_NS, Turns


class Clock:
    """Goes on only by what is worked."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


class Busy:
    """Has so many nanoseconds of work, and writes down when it does how much."""

    def __init__(
        self, name: str, work: int, clock: Clock, log: list[str], again: Callable[[Busy], None]
    ) -> None:
        self._name = name
        self._left = work
        self._clock = clock
        self._log = log
        self._again = again

    def work(self, until: int) -> None:
        done = min(self._left, until - self._clock.now)
        self._clock.now += done
        self._left -= done
        self._log.append(self._name)
        if self._left:
            self._again(self)


def in_turns(**work: int) -> list[str]:
    """Who worked, one after the other; a dot where the loop did something else."""
    log: list[str] = []

    async def run() -> None:
        clock, loop = Clock(), asyncio.get_running_loop()
        turns = Turns(loop, clock)
        for name, nanoseconds in work.items():
            busy = Busy(name, nanoseconds, clock, log, turns.add)
            turns.add(busy)
            turns.add(busy)
        while turns._queue:
            await asyncio.sleep(0)
            log.append(".")

    asyncio.run(run())
    return log


def test_one_after_the_other_and_the_loop_between_them() -> None:
    log = in_turns(a=2 * SLICE_NS, b=SLICE_NS, c=3 * SLICE_NS)
    assert "".join(log) == "a.b.c.a.c.c."


def test_little_work_of_many_shares_a_slice() -> None:
    log = in_turns(a=SLICE_NS // 2, b=SLICE_NS // 4, c=SLICE_NS, d=1)
    assert "".join(log) == "abc.dc."


def test_who_has_more_waits_for_the_next_turn_even_alone() -> None:
    assert "".join(in_turns(a=3 * SLICE_NS)) == "a.a.a."


def test_who_has_nothing_left_to_do_is_not_kept_waiting_by_those_who_have() -> None:
    log: list[str] = []

    async def run() -> None:
        clock = Clock()
        turns = Turns(asyncio.get_running_loop(), clock)
        for name in "abc":
            turns.add(Busy(name, 2 * SLICE_NS, clock, log, turns.add))
        while not log:
            await asyncio.sleep(0)
        turns.add_done(Busy("done", 0, clock, log, turns.add))
        while len(log) < 3:
            await asyncio.sleep(0)

    asyncio.run(run())
    assert log[:3] == ["a", "done", "b"]
