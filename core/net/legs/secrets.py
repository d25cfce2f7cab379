"""Keeps out of the capture what rules call secret in the messages that Unmask sends itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.protocol.events import Caused, Completes, FrameReceived, FrameSent, Message, Report, RunSent, singly
from core.protocol.frames import CONTROL
from core.protocol.state import Role
from core.rules.hearing import Hearing


def without_secrets(
    events: Sequence[Report], hearing: Hearing | None, sender: Role, now_ns: int
) -> list[Report]:
    """The events as they may be recorded. `sender`: in whose place Unmask speaks."""
    if hearing is None or not hearing.redacts(sender):
        return [*events]
    shown: list[Report] = []
    for event in events:
        if isinstance(event, RunSent):
            shown += [
                _shown(each, hearing, sender, now_ns)
                for each in singly((event,))
                if isinstance(each, FrameSent)
            ]
        elif isinstance(event, FrameSent):
            shown.append(_shown(event, hearing, sender, now_ns))
        elif isinstance(event, Caused):
            shown.append(replace(event, sent=_shown(event.sent, hearing, sender, now_ns)))
        else:
            shown.append(event)
    return shown


def _shown(sent: FrameSent, hearing: Hearing, sender: Role, now_ns: int) -> FrameSent:
    frame, completes = sent.frame, sent.completes
    if frame.head & CONTROL:
        return sent
    if completes is None:
        # A part of a message says nothing of the whole.
        return sent._replace(frame=frame._replace(payload=b""))
    recorded = hearing.recorded_of_sent(FrameReceived(frame, (), completes), sender, now_ns)
    if recorded is None:
        return sent
    if completes is Completes.ITSELF:
        completes = Message(frame.opcode, b"", False, 1, len(frame.payload))
    assert isinstance(completes, Message)
    return sent._replace(frame=frame._replace(payload=b""), completes=completes._replace(payload=recorded))
