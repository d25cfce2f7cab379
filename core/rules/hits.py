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
        self._hits: dict[int, RuleHits] = {}
        self.changes = 0
        """Grows with every hit."""

    def add(self, rule: int, now_ns: int, count: int = 1) -> None:
        before = self._hits.get(rule)
        self._hits[rule] = RuleHits(count if before is None else before.count + count, now_ns)
        self.changes += 1

    def of(self, rule: int) -> RuleHits | None:
        """None if the rule never applied."""
        return self._hits.get(rule)

    def forget(self, rule: int) -> None:
        """Count the rule from 0 again."""
        self._hits.pop(rule, None)
        self.changes += 1
