"""The questions that a script's process has not answered yet."""

from __future__ import annotations

from collections.abc import Callable

from core.rules.advice import Question
from core.rules.verdict import Verdict
from core.scripts.records import LARGEST_PAYLOAD

MOST_QUESTIONS = 100_000
"""Questions that may be in the process at a time. Before that, gates are full, and senders are not read."""
MOST_BYTES = LARGEST_PAYLOAD
"""Bytes of messages that may be in the process at a time."""

Decide = Callable[[Verdict], None]


class Waiting:
    """A message that waits for the answer."""

    __slots__ = ("asked", "begun", "decide", "question")

    def __init__(self, question: Question, decide: Decide, asked: float) -> None:
        self.question = question
        self.decide = decide
        self.asked = asked
        """When, by the loop's clock."""
        self.begun: float | None = None
        """When the script is known to have been at it, or had nothing else to do."""


class Questions:
    """Those that wait, and those whose time is over.

    The script begins with them in order: with the first that waits as soon as the one before is answered, and with all
    that were asked before one that it has answered.
    """

    def __init__(self) -> None:
        self._last = 0
        self._is_ready = False
        """Whether the script could have begun."""
        self._waiting: dict[int, Waiting] = {}
        self._begun = 0
        """The last one that has begun."""
        self._overdue: dict[int, Question] = {}
        """Their messages have gone on; the answer may still come."""
        self._bytes = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    @property
    def last(self) -> int:
        """The number of the last question."""
        return self._last

    @property
    def first_begun(self) -> float | None:
        """When the script began with the first that waits; None if nothing does."""
        return next((each.begun for each in self._waiting.values()), None)

    def has_room(self, question: Question) -> bool:
        count = len(self._waiting) + len(self._overdue)
        return count < MOST_QUESTIONS and self._bytes + len(question.payload) <= MOST_BYTES

    def be_ready(self, now: float) -> None:
        """The process is there: from now on the script is at it."""
        self._is_ready = True
        self._begin_first(now)

    def add(self, question: Question, decide: Decide, now: float) -> int:
        """Gives the number of the question."""
        self._last += 1
        self._bytes += len(question.payload)
        self._waiting[self._last] = Waiting(question, decide, now)
        self._begin_first(now)
        return self._last

    def answered(self, ticket: int, now: float) -> Waiting | None:
        """The answer to this question has come; None if nothing waits for it."""
        waiting = self._waiting.pop(ticket, None)
        if waiting is not None:
            self._bytes -= len(waiting.question.payload)
            self._begin_until(ticket, now)
        return waiting

    def answered_late(self, ticket: int, now: float) -> Question | None:
        """The answer to this question has come after its time; None if it was never asked."""
        question = self._overdue.pop(ticket, None)
        if question is not None:
            self._bytes -= len(question.payload)
            self._begin_until(ticket, now)
        return question

    def all_begun(self, until: int) -> None:
        """The script has begun with all up to this one, when they were asked."""
        for ticket in range(self._begun + 1, until + 1):
            waiting = self._waiting.get(ticket)
            if waiting is not None:
                waiting.begun = waiting.asked
        self._begun = max(self._begun, until)

    def give_up(self, before: float, now: float) -> list[Waiting]:
        """Wait no longer for what it has begun with until then; gives these."""
        late: list[Waiting] = []
        while self._waiting:
            ticket, waiting = next(iter(self._waiting.items()))
            if waiting.begun is None or waiting.begun > before:
                break
            del self._waiting[ticket]
            self._overdue[ticket] = waiting.question
            late.append(waiting)
        self._begin_first(now)
        return late

    def give_up_all(self) -> list[Waiting]:
        """Wait for nothing any more; gives what waited."""
        waiting, self._waiting = self._waiting, {}
        self._overdue.update((ticket, each.question) for ticket, each in waiting.items())
        return list(waiting.values())

    def _begin_until(self, ticket: int, now: float) -> None:
        for before in range(self._begun + 1, ticket):
            waiting = self._waiting.get(before)
            if waiting is not None:
                waiting.begun = now
        self._begun = max(self._begun, ticket)
        self._begin_first(now)

    def _begin_first(self, now: float) -> None:
        first = next(iter(self._waiting), None)
        if self._is_ready and first is not None and first > self._begun:
            self._waiting[first].begun = now
            self._begun = first
