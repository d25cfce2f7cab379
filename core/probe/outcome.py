"""How a peer took a fault, and whether the RFC lets it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.probe.preset import Demand, Preset


class Outcome(Enum):
    """What a peer did."""

    CLOSED = "closed"
    """It sent a close frame."""
    REFUSED = "refused"
    """It answered the request with an error."""
    DROPPED = "dropped"
    """It ended or broke the stream without a word."""
    IGNORED = "ignored"
    """It went on."""
    HUNG = "hung"
    """It did nothing for as long as was waited."""
    CRASHED = "crashed"
    """It could not be reached afterwards."""
    SKIPPED = "skipped"
    """The fault could not be made."""


_FAILS = frozenset((Outcome.CLOSED, Outcome.REFUSED, Outcome.DROPPED, Outcome.SKIPPED))
_FINE = {
    Demand.FAIL: _FAILS,
    Demand.CHOOSE: _FAILS | {Outcome.IGNORED},
    Demand.WAIT: _FAILS | {Outcome.IGNORED, Outcome.HUNG},
    Demand.GO_ON: frozenset((Outcome.IGNORED, Outcome.SKIPPED)),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one preset."""

    preset: Preset
    outcome: Outcome
    code: int | None = None
    """The close code, or the HTTP status of a refusal."""
    detail: str = ""
    """Why it was skipped, or what else there is to say, in a sentence."""
    connection: int | None = None
    """The number of its connection in the capture."""
    frame: int | None = None
    """The id of the first frame of the fault."""
    answer: int | None = None
    """The id of the frame that answers it."""
    seconds: float = 0.0
    """Time from the fault to the outcome."""

    @property
    def is_fine(self) -> bool:
        """Whether the RFC lets a peer do so."""
        return self.outcome in _FINE[self.preset.demand]

    @property
    def said(self) -> str:
        """The outcome in a few words."""
        match self.outcome:
            case Outcome.CLOSED:
                return f"closed with {self.code}" if self.code is not None else "closed without a code"
            case Outcome.REFUSED:
                return f"refused with {self.code}"
            case Outcome.DROPPED:
                return "ended the stream"
            case Outcome.IGNORED:
                return "went on"
            case Outcome.HUNG:
                return f"did nothing for {self.seconds:.0f} s"
            case Outcome.CRASHED:
                return "could not be reached afterwards"
            case Outcome.SKIPPED:
                return "not tried"


DEMANDED = {
    Demand.FAIL: "has to fail the connection",
    Demand.CHOOSE: "may fail the connection or go on",
    Demand.WAIT: "may fail the connection, go on or wait",
    Demand.GO_ON: "has to go on",
}
"""What the RFC wants of the peer, in words."""
