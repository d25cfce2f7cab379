"""A session between a client that has come in and the server that Unmask dials for it."""

from __future__ import annotations

from abc import abstractmethod

from core.errors import NotOpenError
from core.net.legs.leg import Leg, PauseReason
from core.net.legs.session import Session, SessionHost
from core.net.sources import SourceTag
from core.protocol.events import Origin
from core.protocol.outgoing import Outgoing
from core.protocol.state import Role


class Between(Session):
    """What sessions with a leg to a client and one to its server share: what slows one, slows the other."""

    def __init__(self, host: SessionHost, source: SourceTag, client: Leg | None, server: Leg | None) -> None:
        """None: a leg that is to be made."""
        super().__init__(host, source)
        self._limits = host.settings.limits
        self._client = client or Leg(self, host.loop, host.turns, host.clock)
        self._server = server
        """None until there is a connection."""

    @property
    def client(self) -> Leg:
        return self._client

    # Called by the engine.

    @property
    def legs(self) -> tuple[Leg, ...]:
        return (self._client,) if self._server is None else (self._client, self._server)

    @property
    def sides(self) -> tuple[Role, ...]:
        """None: what goes to either is the other's to say."""
        return ()

    @property
    def ends(self) -> tuple[Role, ...]:
        return ()

    def send(self, outgoing: Outgoing, toward: Role, origin: Origin) -> None:  # noqa: ARG002
        raise NotOpenError(f"Connection #{self.number} is relayed: what its ends say, they say themselves.")

    # Called by the leg.

    @abstractmethod
    def leg_made(self, leg: Leg) -> None: ...

    @abstractmethod
    def leg_received(self, leg: Leg, data: bytes, now: int, until: int) -> bool: ...

    @abstractmethod
    def leg_has_more(self, leg: Leg) -> bool: ...

    def leg_stalls(self, leg: Leg) -> None:
        other = self._other(leg)
        if other is not None:
            other.pause(PauseReason.PEER)
        self._host.session_stalls(self)

    def leg_flows(self, leg: Leg) -> None:
        other = self._other(leg)
        if other is not None:
            other.resume(PauseReason.PEER)
        self._host.session_flows(self)
        self._settle()

    @abstractmethod
    def leg_ended(self, leg: Leg) -> bool: ...

    @abstractmethod
    def leg_lost(self, leg: Leg) -> None: ...

    @abstractmethod
    def leg_finished(self, leg: Leg) -> None: ...

    # For subclasses.

    def _side(self, leg: Leg) -> Role:
        return Role.CLIENT if leg is self._client else Role.SERVER

    def _other(self, leg: Leg) -> Leg | None:
        return self._server if leg is self._client else self._client
