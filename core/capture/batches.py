"""What is handed to a recorder: what one connection did at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.capture.layout import FROM_SERVER
from core.capture.legs import LegChange
from core.capture.records import Direction
from core.capture.tracks import Opened
from core.protocol.events import Report
from core.protocol.state import Role


class Batch(NamedTuple):
    """What one connection did at one moment."""

    connection: int
    """Its handle (`core.capture.numbering`)."""
    time_ns: int
    events: Sequence[Report] | Opened | LegChange
    size: int
    """Approximate memory, in bytes."""
    received: Direction = Direction.CLIENT_TO_SERVER
    """Direction of received frames; sent frames go the other way."""

    @property
    def sender(self) -> Role:
        """Who sent what was received."""
        return Role.SERVER if self.received is Direction.SERVER_TO_CLIENT else Role.CLIENT

    @property
    def received_flag(self) -> int:
        """What a record says of frames that were received: FROM_SERVER or 0."""
        return FROM_SERVER if self.received is Direction.SERVER_TO_CLIENT else 0
