"""Each capture counts its connections from 1, whichever were open when it began."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.capture.numbering import Numbering


def test_the_first_capture_has_the_handles_as_numbers() -> None:
    assert [Numbering().number(handle) for handle in (1, 2, 49)] == [1, 2, 49]
    assert [Numbering().handle(number) for number in (1, 2, 49)] == [1, 2, 49]


def test_those_that_are_open_come_first_and_then_new_ones() -> None:
    numbering = Numbering((12, 37), 48)
    assert [numbering.number(handle) for handle in (12, 37, 49, 50)] == [1, 2, 3, 4]
    assert [numbering.number(handle) for handle in (1, 13, 48)] == [None, None, None]


@given(st.sets(st.integers(1, 300)), st.integers(0, 50))
def test_numbers_have_no_holes_and_lead_back(kept: set[int], more: int) -> None:
    last = max(kept, default=0) + more
    numbering = Numbering(tuple(sorted(kept)), last)
    handles = [*sorted(kept), *range(last + 1, last + 20)]
    assert [numbering.number(handle) for handle in handles] == list(range(1, len(handles) + 1))
    assert [numbering.handle(number) for number in range(1, len(handles) + 1)] == handles
