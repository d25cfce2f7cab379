"""The engine's view of every recorded connection, whatever its number of legs and whoever is at their ends."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Protocol

from core.capture.legs import LegChange
from core.capture.recorder import Recorder
from core.net.budget import MemoryBudget
from core.net.dial import Outbound
from core.net.failures import Failure
from core.net.legs.chains import Chains
from core.net.legs.leg import Leg, PauseReason
from core.net.ruling import Ruling
from core.net.settings import EngineSettings
from core.net.sources import SourceTag
from core.net.tls.failures import TlsFailure
from core.net.turns import Turns
from core.protocol.events import Origin
from core.protocol.outgoing import Outgoing
from core.protocol.state import Role
from core.rules.book import RuleBook
from core.rules.decision import Decision, HeldMessage
from core.rules.verdict import Cut

UNSETTLED_BYTES = 4096
"""So few received bytes need not be reported to the budget at once."""


class SessionHost(Protocol):
    """What a session needs from the engine."""

    loop: asyncio.AbstractEventLoop
    settings: EngineSettings
    recorder: Recorder
    budget: MemoryBudget
    clock: Callable[[], int]
    turns: Turns
    chains: Chains
    ruling: Ruling

    @property
    def outbound(self) -> Outbound:
        """How servers are reached, for new connections."""

    @property
    def served_connections(self) -> int:
        """Number of connections that were not turned away."""

    def session_closed(self, session: Session) -> None:
        """The session is over and completely recorded."""

    def session_becomes(self, before: Session, after: Session) -> None:
        """`after` has taken over the legs of `before`, under the same id or one of its own."""

    def session_waits(self, session: Session) -> None:
        """The session has paused until the recorder is drained."""

    def session_stalls(self, session: Session) -> None:
        """A peer does not read what is sent to it."""

    def session_flows(self, session: Session) -> None:
        """All peers read again."""

    def tell_failure(self, failure: Failure) -> None:
        """A request of a person has failed."""


class Session(ABC):
    """A recorded connection and its legs. Lives on the loop's thread."""

    def __init__(self, host: SessionHost, source: SourceTag) -> None:
        self._host = host
        self.source = source
        """Where the connection belongs."""
        self.id = 0
        """The recorder's handle of the connection."""
        self._held = 0
        """The value last reported to the budget."""
        self._unsettled = 0
        """Bytes received since then."""

    @property
    @abstractmethod
    def legs(self) -> tuple[Leg, ...]:
        """Its transports, open or not."""

    @property
    @abstractmethod
    def sides(self) -> tuple[Role, ...]:
        """The sides that something can be sent to."""

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether messages can be sent."""

    @property
    @abstractmethod
    def held_bytes(self) -> int:
        """Bytes held for the peers, without those that wait to be written."""

    @abstractmethod
    def send(self, outgoing: Outgoing, toward: Role, origin: Origin) -> None:
        """Send to the peer on that side, one of `sides`; raises CallerError."""

    @property
    def ends(self) -> tuple[Role, ...]:
        """Those of `sides` that talk to Unmask, and not to each other."""
        return self.sides

    def hear(self, rules: RuleBook | None) -> None:  # noqa: ARG002
        """Let these rules apply from now on."""
        return

    def held(self) -> Iterator[HeldMessage]:
        """What waits for a person."""
        return iter(())

    @property
    def held_count(self) -> int:
        """How many messages wait for a person."""
        return sum(1 for _ in self.held())

    def cut(self, side: Role, how: Cut) -> None:
        """End the connection to that side, one of `sides`, or only the stream toward it; no close frame is sent."""
        leg = next(each for each, end in zip(self.legs, self.sides, strict=True) if end is side)
        if how is Cut.RESET:
            leg.reset()
        else:
            leg.say_no_more()

    @property
    def is_stuck(self) -> bool:
        """Whether a peer is not read, because no more may wait for a decision."""
        return False

    def decide(self, ticket: int, decision: Decision) -> bool:  # noqa: ARG002
        """Let something go on that is held, or not. False if it is not held."""
        return False

    @property
    def number(self) -> int:
        """The connection's number in the capture."""
        return self._host.recorder.numbering.number(self.id) or self.id

    @property
    def queued_bytes(self) -> int:
        """Bytes waiting for peers to read."""
        return sum([leg.queued_bytes for leg in self.legs])

    def disconnect(self) -> None:
        """Cut the TCP connections, without a closing handshake."""
        for leg in self.legs:
            leg.abort()

    def hang_up(self) -> None:
        """The person cuts the connections."""
        self.disconnect()

    def recorder_drained(self) -> None:
        """The recorder is drained, for which `session_waits` has waited."""
        for leg in self.legs:
            leg.resume(PauseReason.RECORDER)

    def stop_sending(self) -> None:  # noqa: B027 - most have none
        """Send no more of the raw bytes that are under way, if there are any."""

    # Called by the legs.

    def leg_wants_portions(self, leg: Leg) -> bool:  # noqa: ARG002
        return False

    def leg_secured(self, leg: Leg) -> None:
        self._note_tls(leg)

    def leg_unsecured(self, leg: Leg, failure: TlsFailure) -> None:  # noqa: ARG002
        self._note_tls_failure(Role.CLIENT, failure)

    # Called by the budget (`core.net.budget.Holder`).

    def measure(self) -> int:
        self._held = self.held_bytes + self.queued_bytes
        return self._held

    def wait_for_room(self) -> None:
        for leg in self.legs:
            leg.pause(PauseReason.MEMORY)

    def go_on(self) -> None:
        for leg in self.legs:
            leg.resume(PauseReason.MEMORY)

    @abstractmethod
    def give_up(self, held: int, total: int) -> None:
        """Fail the connection and release what is held."""

    # For subclasses.

    def _settle_read(self, received: int, *, grows: bool) -> None:
        """Report what is held after a read, or leave that to a later one if it is little.

        `grows`: more may be held than was received, as when it is inflated, or when frames wait.
        """
        self._unsettled += received
        if grows or self._unsettled >= UNSETTLED_BYTES or self._held >= UNSETTLED_BYTES:
            self._settle()

    def _settle(self) -> None:
        """Report what is held to the budget if it has changed."""
        self._unsettled = 0
        before = self._held
        held = self.measure()
        if held != before:
            self._host.budget.settle(self, held)

    def _rest_waits(self, leg: Leg, data: bytes) -> bool:
        """Whether a rest that was received earlier (there is no new `data`) must wait until the recorder has drained.

        It may be a large message, all but done.
        """
        if data or not self._host.recorder.is_full:
            return False
        self._wait_for_recorder(leg)
        return True

    def _note_tls_failure(self, side: Role, failure: TlsFailure) -> None:
        """Record why the leg to that side is not secured, or no longer."""
        change = LegChange(side, tls_problem=failure.sentence)
        self._host.recorder.change_leg(self.id, self._host.clock(), change)

    def _note_tls(self, leg: Leg) -> None:
        """Record what is known of a leg's TLS."""
        if leg.secured is not None:
            self._host.recorder.change_leg(self.id, self._host.clock(), leg.secured)

    def _wait_for_recorder(self, leg: Leg) -> None:
        """Read no more from `leg` until the recorder has drained."""
        leg.pause(PauseReason.RECORDER)
        self._host.session_waits(self)

    def _finish(self) -> None:
        """Everything from the legs is recorded, and they are gone."""
        self._host.budget.forget(self)
        self._host.session_closed(self)
