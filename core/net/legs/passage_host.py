"""What one direction of a relayed connection needs from the session that it belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from core.protocol.events import Caused, Report
from core.protocol.outgoing import RawEnd
from core.protocol.state import Role
from core.rules.verdict import Cut, Send


class PassageHost(Protocol):
    """A relayed connection."""

    loop: asyncio.AbstractEventLoop
    clock: Callable[[], int]

    def next_ticket(self) -> int:
        """A number that no unit of the connection has."""

    def tell(self, sender: Role, events: Sequence[Report]) -> None:
        """Record what came from that side, and what was decided on it."""

    def tell_sent(self, sender: Role, events: Sequence[Caused]) -> None:
        """Record what Unmask has sent in place of that side."""

    def write(self, sender: Role, pieces: Sequence[bytes]) -> None:
        """Write to the receiver of what that side sends."""

    def send_besides(self, send: Send, ticket: int, rules: tuple[str, ...]) -> None:
        """Carry out what a verdict sends."""

    def cut(self, cut: Cut, sender: Role) -> None:
        """End the connection, or the stream toward the receiver of what that side sends."""

    def raw_ended(self, sender: Role, end: RawEnd) -> None:
        """Raw bytes toward the receiver of what that side sends have gone out; do with the stream as was asked."""

    def stop_reading(self, sender: Role) -> None:
        """No more may wait."""

    def go_on_reading(self, sender: Role) -> None:
        """There is room again."""

    def advised(self, sender: Role) -> None:
        """An adviser has answered about something of that side."""

    def held_changed(self) -> None:
        """Something waits for a person, or no longer."""

    def fail(self, reason: str) -> None:
        """The connection cannot go on, for the reason given in a sentence."""
