"""The questions that a script's process has not answered yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.rules.advice import Question
from core.rules.verdict import Verdict
from core.scripts.records import LARGEST_PAYLOAD

MOST_QUESTIONS = 4096
"""Questions that may be in the process at a time."""
MOST_BYTES = LARGEST_PAYLOAD
"""Bytes of messages that may be in the process at a time."""

Decide = Callable[[Verdict], None]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits for the answer."""

    question: Question
    decide: Decide
    asked: float
    """When, by the loop's clock."""


class Questions:
    """Those that wait in the order in which they were asked, and those whose time is over."""

    def __init__(self) -> None:
        self._last = 0
        self._waiting: dict[int, Waiting] = {}
        self._overdue: dict[int, Question] = {}
        """Their messages have gone on; the answer may still come."""
        self._bytes = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    @property
    def oldest(self) -> float:
        """When the first of those that wait was asked."""
        return next(iter(self._waiting.values())).asked

    def has_room(self, question: Question) -> bool:
        count = len(self._waiting) + len(self._overdue)
        return count < MOST_QUESTIONS and self._bytes + len(question.payload) <= MOST_BYTES

    def add(self, question: Question, decide: Decide, now: float) -> int:
        """Gives the number of the question."""
        self._last += 1
        self._bytes += len(question.payload)
        self._waiting[self._last] = Waiting(question, decide, now)
        return self._last

    def answered(self, ticket: int) -> Waiting | None:
        """The answer to this question has come; None if nothing waits for it."""
        waiting = self._waiting.pop(ticket, None)
        if waiting is not None:
            self._bytes -= len(waiting.question.payload)
        return waiting

    def answered_late(self, ticket: int) -> Question | None:
        """The answer to this question has come after its time; None if it was never asked."""
        question = self._overdue.pop(ticket, None)
        if question is not None:
            self._bytes -= len(question.payload)
        return question

    def give_up(self, before: float) -> list[Waiting]:
        """Wait no longer for what was asked until then; gives these."""
        late: list[Waiting] = []
        while self._waiting:
            ticket, waiting = next(iter(self._waiting.items()))
            if waiting.asked > before:
                break
            del self._waiting[ticket]
            self._overdue[ticket] = waiting.question
            late.append(waiting)
        return late
