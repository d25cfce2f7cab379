"""The interface of what interprets the bytes of a leg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from core.net.tls.failures import TlsFailure

if TYPE_CHECKING:
    from core.net.legs.leg import Leg


class LegOwner(Protocol):
    """Interprets the bytes of a leg. All methods are called on the loop's thread."""

    def leg_made(self, leg: Leg) -> None:
        """The leg is connected."""

    def leg_received(self, leg: Leg, data: bytes, now: int, until: int) -> bool:
        """Process `data` and what came before it; True if there is more to do.

        `now` is the start, `until` the latest end of this work (ns).
        """

    def leg_has_more(self, leg: Leg) -> bool:
        """Whether `leg_received` can do more with data already received."""

    def leg_wants_portions(self, leg: Leg) -> bool:
        """Whether `leg_received` takes long over much data, and is better given little at once."""

    def leg_stalls(self, leg: Leg) -> None:
        """The peer does not read what is written to it."""

    def leg_flows(self, leg: Leg) -> None:
        """The peer reads again."""

    def leg_ended(self, leg: Leg) -> bool:
        """The peer has ended its stream. True if something may still be sent to it; else the leg closes after its last
        write.
        """

    def leg_lost(self, leg: Leg) -> None:
        """The connection is gone. What arrived before is still processed."""

    def leg_finished(self, leg: Leg) -> None:
        """The connection is gone and all data is processed: the last call of a leg."""

    def leg_secured(self, leg: Leg) -> None:
        """TLS was agreed on: `Leg.secured`."""

    def leg_unsecured(self, leg: Leg, failure: TlsFailure) -> None:
        """TLS was not agreed on, or it broke; the leg ends."""
