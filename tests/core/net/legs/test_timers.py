"""What is to be done later for a connection."""

from __future__ import annotations

import asyncio

from core.net.legs import timers
from core.net.legs.timers import Timers


def test_it_is_done_later_and_nothing_after_the_end() -> None:
    async def scene() -> list[str]:
        done: list[str] = []
        some = Timers(asyncio.get_running_loop())
        assert some.after(0.01, lambda: done.append("first"))
        assert some.after(60, lambda: done.append("never"))
        while not done:
            await asyncio.sleep(0.001)
        assert len(some) == 1
        some.stop()
        assert not some.after(0, lambda: done.append("too late"))
        assert len(some) == 0
        return done

    assert asyncio.run(scene()) == ["first"]


def test_there_is_a_limit() -> None:
    async def scene() -> None:
        some = Timers(asyncio.get_running_loop())
        for _ in range(timers.MOST_TIMERS):
            assert some.after(60, lambda: None)
        assert not some.after(60, lambda: None)
        some.stop()

    asyncio.run(scene())
