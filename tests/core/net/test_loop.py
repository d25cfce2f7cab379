from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Iterator

import pytest

from core.net.loop import new_event_loop, tune_interpreter, wall_clock


@pytest.fixture
def interpreter_restored() -> Iterator[None]:
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)
    sys.setswitchinterval(interval)


def test_the_loop_is_the_fastest_at_hand() -> None:
    loop = new_event_loop()
    try:
        expected = "winloop" if sys.platform == "win32" else "uvloop"
        assert type(loop).__module__.partition(".")[0] == expected
    finally:
        loop.close()


def test_asyncio_serves_where_there_is_nothing_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("uvloop", "winloop"):
        # None in `sys.modules` is Python's way to say that a module is not to be had.
        monkeypatch.setitem(sys.modules, name, None)
    loop = new_event_loop()
    try:
        assert isinstance(loop, asyncio.BaseEventLoop)
        assert loop.run_until_complete(asyncio.sleep(0, "done")) == "done"
    finally:
        loop.close()


@pytest.mark.usefixtures("interpreter_restored")
def test_the_interpreter_collects_seldom_and_switches_often() -> None:
    tune_interpreter()
    assert gc.get_threshold()[0] >= 10_000
    assert gc.get_freeze_count() > 0
    assert sys.getswitchinterval() < 0.005
    assert gc.isenabled()


def test_the_clock_tells_the_time_of_day_and_never_goes_back() -> None:
    before = time.time_ns()
    clock = wall_clock()
    ticks = [clock() for _ in range(1000)]
    after = time.time_ns()
    slack = 1_000_000_000
    assert before - slack <= ticks[0]
    assert ticks[-1] <= after + slack
    assert ticks == sorted(ticks)


def test_the_clock_does_not_follow_a_step_of_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = wall_clock()
    first = clock()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert 0 <= clock() - first < 10_000_000_000
