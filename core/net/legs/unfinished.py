"""A message that has not come completely, with the control frames that came within it (RFC 6455 section 5.4).

They wait with it for some seconds: if nobody touches it, all its bytes go on in the order in which they came. If it
takes longer, or somebody touches it, they overtake.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from core.net.legs.unit import Unit

PATIENCE_SECONDS = 3.0
_FRAME_BYTES = 200
"""About what a fragment takes beside its bytes."""


@dataclass(slots=True, eq=False)
class Unfinished:
    """One message."""

    unit: Unit
    size: int = 0
    """About the memory that it takes."""
    is_overtaken: bool = False
    """Control frames no longer wait with it."""
    timer: asyncio.TimerHandle | None = None
    _within: list[tuple[int, bytes]] = field(default_factory=list)
    """Control frames, each with the number of fragments before it."""

    def add(self, piece: bytes) -> None:
        """One more fragment."""
        self.unit.pieces.append(piece)
        self.size += len(piece) + _FRAME_BYTES

    def add_control(self, piece: bytes) -> None:
        """Let a control frame wait."""
        self._within.append((len(self.unit.pieces), piece))
        self.size += len(piece) + _FRAME_BYTES

    def take_controls(self) -> list[bytes]:
        """The control frames, which wait no more."""
        self._stop_timer()
        self.is_overtaken = True
        within, self._within = self._within, []
        return [piece for _, piece in within]

    def in_order(self) -> list[bytes]:
        """All that came, as it came."""
        self._stop_timer()
        pieces, begun = [], 0
        for place, control in self._within:
            pieces += self.unit.pieces[begun:place]
            pieces.append(control)
            begun = place
        return pieces + self.unit.pieces[begun:]

    def _stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
