"""How often each rule has applied."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RuleHits:
    """The hits of one rule on all connections."""

    count: int
    last_ns: int
    """Time of the last one, since the epoch."""


class HitCounts:
    """Hits by the rules' ids. One thread counts, others may read."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._last_ns: dict[int, int] = {}
        self.changes = 0
        """Grows with every hit."""

    def add(self, rule: int, now_ns: int, count: int = 1) -> None:
        self._last_ns[rule] = now_ns
        self._counts[rule] = self._counts.get(rule, 0) + count
        self.changes += 1

    def of(self, rule: int) -> RuleHits | None:
        """None if the rule never applied."""
        count = self._counts.get(rule)
        return None if count is None else RuleHits(count, self._last_ns.get(rule, 0))

    def forget(self, rule: int) -> None:
        """Count the rule from 0 again."""
        self._counts.pop(rule, None)
        self.changes += 1
