"""How long each step of opening a connection took, from what the capture says of its legs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from core.capture.legs import LegRecord
from core.protocol.state import Role


class Step(Enum):
    """What was done meanwhile."""

    CONNECT = auto()
    """Finding the server and connecting to it."""
    TLS = auto()
    HANDSHAKE = auto()
    """From the connection to the answer."""
    FIRST_MESSAGE = auto()
    """From the answer to the first whole message of that side."""


@dataclass(frozen=True, slots=True)
class Timing:
    """A step on one leg. Times are ns since the epoch."""

    side: Role
    """Who is at the other end."""
    step: Step
    began_ns: int
    ended_ns: int

    @property
    def took_ns(self) -> int:
        return max(self.ended_ns - self.began_ns, 0)


def timings(legs: Sequence[LegRecord]) -> tuple[Timing, ...]:
    """What is known, in the order in which the steps began; first messages come last."""
    opening = sorted(_opening(legs), key=lambda timing: timing.began_ns)
    firsts = [
        Timing(leg.side, Step.FIRST_MESSAGE, leg.answered_ns, leg.first_message_ns)
        for leg in legs
        if leg.answered_ns is not None and leg.first_message_ns is not None
    ]
    return (*opening, *sorted(firsts, key=lambda timing: timing.ended_ns))


def _opening(legs: Sequence[LegRecord]) -> Iterator[Timing]:
    answering = _answering(legs)
    for leg in legs:
        begun = leg.opened_ns
        if leg.connected_ns is not None:
            if leg.connected_ns > begun:
                yield Timing(leg.side, Step.CONNECT, begun, leg.connected_ns)
            begun = leg.connected_ns
        if leg.secured_ns is not None:
            yield Timing(leg.side, Step.TLS, begun, leg.secured_ns)
            begun = leg.secured_ns
        if leg is answering and leg.answered_ns is not None:
            yield Timing(leg.side, Step.HANDSHAKE, begun, leg.answered_ns)


def _answering(legs: Sequence[LegRecord]) -> LegRecord | None:
    """The leg on which the answer was waited for: that to the server where it was reached."""
    reached = [leg for leg in legs if leg.side is Role.SERVER and leg.connected_ns is not None]
    return next(iter((*reached, *legs)), None)
