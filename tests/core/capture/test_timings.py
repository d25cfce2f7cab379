"""Percentiles of what is timed again and again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.capture.timings import RECENT_SECONDS, Spread, Timings

SECOND = 1_000_000_000


class Clock:
    """A clock that stands still until it is moved."""

    now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_nothing_was_timed() -> None:
    timings = Timings()
    assert timings.recent() is None
    assert timings.since_start() is None


def test_percentiles_are_those_of_the_sorted_times(clock: Clock) -> None:
    timings = Timings(clock)
    for time in reversed(range(1, 201)):
        timings.add(time * 1000)
    assert timings.recent() == Spread(200, 100_000, 198_000, 200_000)


def test_what_is_long_ago_counts_since_the_start_only(clock: Clock) -> None:
    timings = Timings(clock)
    timings.add(5 * SECOND)
    clock.now = int((RECENT_SECONDS + 1) * SECOND)
    assert timings.recent() is None
    timings.add(7)
    assert timings.recent() == Spread(1, 7, 7, 7)
    since = timings.since_start()
    assert since is not None
    assert (since.count, since.p50, since.longest) == (2, 7, 5 * SECOND)


def test_after_a_reset_there_is_nothing() -> None:
    timings = Timings()
    timings.add(5)
    timings.reset()
    assert (timings.recent(), timings.since_start()) == (None, None)


def test_what_is_held_stays_bounded(clock: Clock) -> None:
    timings = Timings(clock)
    for time in range(100_000):
        timings.add(time)
    recent, since = timings.recent(), timings.since_start()
    assert recent is not None
    assert since is not None
    assert recent.count < 10_000
    assert recent.longest == since.longest == 99_999
    assert since.count == 100_000


@given(st.lists(st.integers(0, 10**14), min_size=1, max_size=300))
def test_since_the_start_no_percentile_is_too_small_and_none_a_sixteenth_too_large(times: list[int]) -> None:
    timings = Timings(Clock())
    for time in times:
        timings.add(time)
    exact, rounded = timings.recent(), timings.since_start()
    assert exact is not None
    assert rounded is not None
    assert (rounded.count, rounded.longest) == (exact.count, exact.longest)
    for told, true in ((rounded.p50, exact.p50), (rounded.p99, exact.p99)):
        # Five hours and more count as the longest that there was.
        assert true >= 1 << 44 or true <= told <= true * 17 / 16 + 1
