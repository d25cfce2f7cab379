"""What becomes of a message that a script has not answered about."""

from __future__ import annotations

from core.rules.verdict import Verdict

UNCHANGED = Verdict()
HIDDEN = Verdict(recorded=b"")
"""It passes, and nothing of it is recorded."""


def unanswered(*, redacts: bool) -> Verdict:
    """`redacts`: the script says what is recorded of messages, so that without it nobody knows."""
    return HIDDEN if redacts else UNCHANGED
