"""The one table of a connection's states."""

from __future__ import annotations

from itertools import product

import pytest

from core.protocol.state import TRANSITIONS, IllegalTransitionError, ReadyState, Trigger, step


@pytest.mark.parametrize(("state", "trigger"), list(product(ReadyState, Trigger)))
def test_every_trigger_in_every_state(state: ReadyState, trigger: Trigger) -> None:
    if (state, trigger) in TRANSITIONS:
        assert step(state, trigger) is TRANSITIONS[state, trigger]
    else:
        with pytest.raises(IllegalTransitionError, match=f"{trigger.name} in state {state.name}"):
            step(state, trigger)


def test_every_state_is_reached_and_every_trigger_used() -> None:
    reached = {ReadyState.CONNECTING}
    while more := {after for (before, _), after in TRANSITIONS.items() if before in reached} - reached:
        reached |= more
    assert reached == set(ReadyState)
    assert {trigger for _, trigger in TRANSITIONS} == set(Trigger)


def test_no_way_leads_back() -> None:
    assert all(after >= before for (before, _), after in TRANSITIONS.items())


def test_the_end_of_the_stream_ends_every_state() -> None:
    assert {step(state, Trigger.EOF) for state in ReadyState} == {ReadyState.CLOSED}
