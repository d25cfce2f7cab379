"""The states of a script's process."""

from __future__ import annotations

import pytest

from core.scripts.state import ProcessState, Trigger, step


def test_a_process_lives_and_ends() -> None:
    state = ProcessState.STARTING
    for trigger, after in (
        (Trigger.LOADED, ProcessState.RUNNING),
        (Trigger.SILENT, ProcessState.STUCK),
        (Trigger.HEARD, ProcessState.RUNNING),
        (Trigger.FOLLOWED, ProcessState.FINISHING),
        (Trigger.OVER, ProcessState.ENDED),
    ):
        state = step(state, trigger)
        assert state is after


@pytest.mark.parametrize("state", ProcessState)
def test_every_process_can_end(state: ProcessState) -> None:
    assert step(state, Trigger.OVER) is ProcessState.ENDED


def test_what_has_ended_does_not_begin_again() -> None:
    for trigger in set(Trigger) - {Trigger.OVER}:
        with pytest.raises(KeyError):
            step(ProcessState.ENDED, trigger)
