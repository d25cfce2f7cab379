"""Sends messages in rounds, each at its time. No Qt and no clock here: `due` is told what time it is."""

from __future__ import annotations

from dataclasses import dataclass

from app.logic.resending import Step
from core.errors import PayloadError
from core.protocol.outgoing import Outgoing

MOST_ROUNDS = 1_000_000
FASTEST_SECONDS = 0.001
LONGEST_SECONDS = 3600.0
MOST_AT_ONCE = 200
"""Messages that go out in one go; what is later than that waits for the next."""


@dataclass(frozen=True, slots=True)
class Series:
    """What is sent, and when. Raises PayloadError for what takes too long, or is too fast."""

    steps: tuple[Step, ...]
    rounds: int
    round_seconds: float
    """Time from the beginning of a round to that of the next."""

    def __post_init__(self) -> None:
        if not self.steps:
            raise PayloadError("There is nothing to send: select frames that carry whole messages.")
        if not 1 <= self.rounds <= MOST_ROUNDS:
            raise PayloadError(f"{self.rounds} times is not possible: 1 to {MOST_ROUNDS} is.")
        if not 0 <= self.round_seconds <= LONGEST_SECONDS + self.steps[-1].at_seconds:
            raise PayloadError(f"The pause is 0 to {LONGEST_SECONDS:g} seconds long.")

    @property
    def total(self) -> int:
        """Number of messages."""
        return len(self.steps) * self.rounds


def repeated(outgoing: Outgoing, times: int, interval_seconds: float) -> Series:
    """One message, many times."""
    return Series((Step(0.0, outgoing),), times, interval_seconds)


def in_rhythm(steps: tuple[Step, ...], speed: float, rounds: int, pause_seconds: float) -> Series:
    """A sequence at `speed` times its own; 0 sends everything at once."""
    scaled = tuple(Step(step.at_seconds / speed if speed > 0 else 0.0, step.outgoing) for step in steps)
    return Series(scaled, rounds, (scaled[-1].at_seconds if scaled else 0.0) + pause_seconds)


class Rounds:
    """A series on its way."""

    def __init__(self, series: Series, now: float) -> None:
        """`now` in seconds of any clock that never steps."""
        self._series = series
        self._began = now
        self.sent = 0
        """Messages that were given out."""

    @property
    def total(self) -> int:
        return self._series.total

    @property
    def is_over(self) -> bool:
        return self.sent >= self.total

    def due(self, now: float) -> list[Outgoing]:
        """The messages whose time has come, in order, `MOST_AT_ONCE` at most."""
        found: list[Outgoing] = []
        while not self.is_over and len(found) < MOST_AT_ONCE and self._time_of(self.sent) <= now:
            found.append(self._series.steps[self.sent % len(self._series.steps)].outgoing)
            self.sent += 1
        return found

    def wait(self, now: float) -> float:
        """Seconds until the next message is due; 0 if it is, or if there is none."""
        return 0.0 if self.is_over else max(0.0, self._time_of(self.sent) - now)

    def _time_of(self, number: int) -> float:
        series = self._series
        turn, place = divmod(number, len(series.steps))
        return self._began + turn * series.round_seconds + series.steps[place].at_seconds
