"""What was done to a frame, in a line of the console."""

from __future__ import annotations

from app.logic.text import duration
from core.capture.records import FrameRow
from core.protocol.events import Origin
from core.protocol.handling import DecidedBy, Fate

_FATES = {Fate.DROPPED: "dropped", Fate.REPLACED: "replaced"}
_BY = {
    DecidedBy.RULE: "by a rule",
    DecidedBy.PERSON: "by you",
    DecidedBy.SCRIPT: "by a script",
    DecidedBy.DEADLINE: "because nobody decided in time",
}


def handling_text(row: FrameRow) -> str:
    """Such as `held for 3.20 s, dropped by you (rule: Hold logins)`; "" where nothing was done."""
    handling = row.handling
    parts = []
    if handling.fate is Fate.HELD:
        parts.append("held, never passed on" if handling.held_ns is not None else "held")
    elif handling.held_ns is not None:
        parts.append(f"held for {duration(handling.held_ns)}")
    fate, by = _FATES.get(handling.fate, ""), _BY.get(handling.decided_by, "")
    if fate or (by and handling.held_ns is not None):
        parts.append(f"{fate or 'passed on'} {by}".rstrip())
    if row.cause is not None:
        parts.append(f"{'in place' if row.origin is Origin.EDITED else 'because'} of frame {row.cause}")
    if handling.is_redacted:
        parts.append("redacted")
    said = ", ".join(parts)
    if not handling.rules:
        return said
    rules = f"rule{'s' if len(handling.rules) > 1 else ''}: {', '.join(handling.rules)}"
    return f"{said} ({rules})" if said else rules
