"""Answers in the order of the questions, though `async` functions may finish in any."""

from __future__ import annotations

from collections import deque
from functools import partial

from core.protocol.state import Role
from core.rules.advice import Question
from core.rules.moment import Moment
from core.rules.verdict import Verdict
from core.scripts.questions import Decide


class Order:
    """Holds an answer back until those to earlier messages of its direction are there."""

    def __init__(self) -> None:
        self._lines: dict[tuple[int, Role], deque[_Place]] = {}

    def kept(self, question: Question, decide: Decide) -> Decide:
        """What is to get the answer instead of `decide`, which gets it in its turn."""
        if question.moment is not Moment.MESSAGE:
            return decide
        key = question.connection, question.sender
        place = _Place(decide)
        self._lines.setdefault(key, deque()).append(place)
        return partial(self._answered, key, place)

    def _answered(self, key: tuple[int, Role], place: _Place, verdict: Verdict) -> None:
        place.verdict = verdict
        line = self._lines[key]
        while line and (answer := line[0].verdict) is not None:
            line.popleft().decide(answer)
        if not line:
            self._lines.pop(key, None)


class _Place:
    def __init__(self, decide: Decide) -> None:
        self.decide = decide
        self.verdict: Verdict | None = None
