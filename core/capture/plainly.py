"""Reads what was reported of ruled traffic as if no rule had been there."""

from __future__ import annotations

from collections.abc import Sequence

from core.protocol.events import Decided, Replacing, Report, Ruled

_RULED = frozenset((Ruled, Decided, Replacing))


def plainly(events: Sequence[Report]) -> Sequence[Report]:
    """The frames of `events`, and what else is among them, without what was decided on frames."""
    if _RULED.isdisjoint(map(type, events)):
        return events
    plain: list[Report] = []
    for event in events:
        if isinstance(event, Ruled):
            plain.append(event.received)
        elif isinstance(event, Replacing):
            plain.append(event.sent)
        elif not isinstance(event, Decided):
            plain.append(event)
    return plain
