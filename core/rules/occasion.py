"""What a rule knows when it applies: what has come, how often, and when."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from core.query.fields import Subject

Match = re.Match[str] | re.Match[bytes]
Groups = Callable[[Subject], Match | None]
"""Finds what the pattern of a rule's condition matched."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """One time at which a rule applies."""

    subject: Subject
    counter: int
    """How often the rule has applied on this connection, this time included."""
    now_ns: int
    """Since the epoch."""
    dice: random.Random
    groups: Groups
    match: Match | None = None
    """What the pattern of an action matched; None: that of the condition counts."""

    def found(self) -> Match | None:
        """What `{match.1}` speaks of."""
        return self.groups(self.subject) if self.match is None else self.match
