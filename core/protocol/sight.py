"""What bytes of our own mean to who receives them, and which rules they break.

Needed once raw bytes have gone out: a length that lies takes the frames behind it as its payload, whatever they were
meant to be.
"""

from __future__ import annotations

from core.protocol.deflate import DeflateParameters
from core.protocol.events import FrameReceived, FrameSent, Origin, Report, RunReceived, RunSent
from core.protocol.inbound import Inbound
from core.protocol.limits import ConnectionLimits, Overlong
from core.protocol.state import Role
from core.protocol.violations import Judgement


class Sight:
    """Reads what one side sends. It begins between two frames."""

    def __init__(
        self, sender: Role, limits: ConnectionLimits, deflate: DeflateParameters | None = None
    ) -> None:
        self._inbound = Inbound(sender, limits, Judgement.TOLERANT, Overlong.READ_PAST)
        if deflate is not None:
            self._inbound.start_compression(deflate)

    @property
    def has_closed(self) -> bool:
        """Whether a close frame has gone out."""
        return self._inbound.closing is not None

    @property
    def held_bytes(self) -> int:
        return self._inbound.held_bytes

    def feed(self, data: bytes, origin: Origin) -> list[Report]:
        """The frames that `data` completes."""
        inbound = self._inbound
        inbound.feed(data)
        told: list[Report] = []
        while inbound.has_more:
            told += [_as_sent(report, origin) for report in inbound.receive()]
        return told

    def end(self, origin: Origin) -> list[Report]:
        """What is left of a last frame, because nothing more goes out."""
        return [_as_sent(report, origin) for report in self._inbound.end()]


def _as_sent(report: Report, origin: Origin) -> Report:
    if isinstance(report, RunReceived):
        return RunSent(report.frames, origin)
    assert isinstance(report, FrameReceived), "an Inbound reports frames alone"
    return FrameSent(report.frame, origin, report.completes, report.violations)
