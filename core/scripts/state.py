"""The states of a script's process, and the table of transitions between them."""

from __future__ import annotations

from enum import Enum, auto


class ProcessState(Enum):
    """What a script's process does."""

    STARTING = auto()
    RUNNING = auto()
    STUCK = auto()
    """It does not answer: everything passes unchanged."""
    FINISHING = auto()
    """A newer one has taken its place; what it was asked, it may still answer."""
    ENDED = auto()


class Trigger(Enum):
    """What moves a process from one state to another."""

    LOADED = auto()
    """The file has run."""
    SILENT = auto()
    """The time for an answer is over, and nothing came since."""
    HEARD = auto()
    """Something came."""
    FOLLOWED = auto()
    """A newer one takes its place."""
    OVER = auto()
    """It has ended, or is being ended."""


_S, _T = ProcessState, Trigger

TRANSITIONS: dict[tuple[ProcessState, Trigger], ProcessState] = {
    (_S.STARTING, _T.LOADED): _S.RUNNING,
    (_S.STARTING, _T.HEARD): _S.STARTING,
    (_S.STARTING, _T.OVER): _S.ENDED,
    (_S.RUNNING, _T.HEARD): _S.RUNNING,
    (_S.RUNNING, _T.SILENT): _S.STUCK,
    (_S.RUNNING, _T.FOLLOWED): _S.FINISHING,
    (_S.RUNNING, _T.OVER): _S.ENDED,
    (_S.STUCK, _T.HEARD): _S.RUNNING,
    (_S.STUCK, _T.SILENT): _S.STUCK,
    (_S.STUCK, _T.FOLLOWED): _S.FINISHING,
    (_S.STUCK, _T.OVER): _S.ENDED,
    (_S.FINISHING, _T.HEARD): _S.FINISHING,
    (_S.FINISHING, _T.SILENT): _S.FINISHING,
    (_S.FINISHING, _T.OVER): _S.ENDED,
    (_S.ENDED, _T.OVER): _S.ENDED,
}


def step(state: ProcessState, trigger: Trigger) -> ProcessState:
    """The state after `trigger`; KeyError, which is a bug of ours, if the table has no such transition."""
    return TRANSITIONS[state, trigger]
