"""Rounds: what is due, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logic.repeating import MOST_AT_ONCE, Rounds, Series, in_rhythm, repeated
from app.logic.resending import Step
from core.errors import PayloadError
from core.protocol.outgoing import OutgoingPing

PING = OutgoingPing(b"p")
STEPS = (Step(0.0, OutgoingPing(b"a")), Step(0.5, OutgoingPing(b"b")), Step(2.0, OutgoingPing(b"c")))


def test_one_message_at_an_interval() -> None:
    rounds = Rounds(repeated(PING, 3, 0.5), 10.0)
    assert rounds.due(10.0) == [PING]
    assert rounds.due(10.4) == []
    assert rounds.wait(10.4) == pytest.approx(0.1)
    assert rounds.due(11.0) == [PING, PING]
    assert rounds.is_over
    assert (rounds.sent, rounds.total, rounds.wait(11.0)) == (3, 3, 0.0)
    assert rounds.due(99.0) == []


def test_a_sequence_at_twice_its_speed_and_again() -> None:
    rounds = Rounds(in_rhythm(STEPS, 2.0, 2, 1.0), 0.0)
    moments = []
    now = 0.0
    while not rounds.is_over:
        moments += [(now, each.payload) for each in rounds.due(now) if isinstance(each, OutgoingPing)]
        now += 0.25
    assert moments == [(0.0, b"a"), (0.25, b"b"), (1.0, b"c"), (2.0, b"a"), (2.25, b"b"), (3.0, b"c")]


def test_all_at_once_keeps_the_order() -> None:
    rounds = Rounds(in_rhythm(STEPS, 0.0, 1, 0.0), 5.0)
    assert [each.payload for each in rounds.due(5.0) if isinstance(each, OutgoingPing)] == [b"a", b"b", b"c"]


def test_what_is_late_comes_in_portions() -> None:
    rounds = Rounds(repeated(PING, 1000, 0.0), 0.0)
    assert len(rounds.due(0.0)) == MOST_AT_ONCE
    assert rounds.wait(0.0) == 0.0
    assert rounds.sent == MOST_AT_ONCE


@given(times=st.integers(1, 50), interval=st.floats(0, 2), steps=st.lists(st.floats(0, 30), max_size=100))
def test_nothing_is_lost_or_early(times: int, interval: float, steps: list[float]) -> None:
    rounds = Rounds(repeated(PING, times, interval), 0.0)
    now, given_out = 0.0, 0
    for wait in [*steps, 200.0]:
        now += wait
        given_out += len(rounds.due(now))
        assert given_out == rounds.sent <= times
        assert given_out <= 1 + (now / interval if interval else times) + 1e-6
    assert given_out == times


@pytest.mark.parametrize(
    ("steps", "times", "interval", "word"),
    [
        ((), 1, 0.0, "nothing to send"),
        (STEPS, 0, 0.0, "0 times"),
        (STEPS, 2_000_000, 0.0, "2000000 times"),
        (STEPS, 1, 4000.0, "0 to 3600 seconds"),
    ],
)
def test_what_cannot_be_is_refused(steps: tuple[Step, ...], times: int, interval: float, word: str) -> None:
    with pytest.raises(PayloadError, match=word):
        Series(steps, times, interval)
