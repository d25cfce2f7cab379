"""What is shown of a source: what it is, and how it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.logic.known_sources import KnownSource
from core.capture.records import Mode, SourceLabel
from core.net.client_status import ClientStatus
from core.net.sources import SourceState as SourceState
from core.net.sources import SourceStatus


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A source, as a row of a list."""

    id: int
    name: str
    kind: Mode
    state: SourceState
    address: str
    """Where it listens, or would; "" if it does not listen."""
    target: str
    """The URL that it connects to; "" if it has none of its own."""
    open_connections: int
    is_secure: bool
    """Whether its clients come over TLS."""
    failure: str
    """Why it could not be started; "" if it could."""
    attempt: int = 0
    """The attempt to connect again that follows after a pause; 0 if it does not wait for one."""
    round_trip_ms: float | None = None
    """How long the last ping took to be answered."""
    unanswered: int = 0
    """Pings since then without an answer."""
    is_recorded: bool = False
    """Whether it is known from the capture alone: there is nothing to start, stop or edit."""

    @property
    def is_on(self) -> bool:
        """Whether it takes on connections, or is about to."""
        return self.state in (SourceState.STARTING, SourceState.RUNNING)

    @property
    def place(self) -> str:
        """Where it listens and where it connects."""
        return " → ".join(filter(None, (self.address, self.target)))

    @property
    def short_place(self) -> str:
        """Leaves out this machine's own address before the port, where a target follows."""
        return self.place.removeprefix("127.0.0.1") if self.target else self.place


def line_of(known: KnownSource, status: SourceStatus) -> SourceLine:
    """A source that was added, and how it stands."""
    address = ", ".join(status.addresses) or ("" if known.address is None else str(known.address))
    client = status.client or ClientStatus("")
    trip = client.pulse.round_trip_ns
    return SourceLine(
        known.id,
        known.name,
        known.kind,
        status.state,
        address,
        known.target,
        status.open_connections,
        known.is_secure,
        status.failure,
        client.failures if client.next_attempt_ns is not None else 0,
        None if trip is None else trip / 1e6,
        client.pulse.unanswered,
    )


def recorded_lines(
    labels: Iterable[SourceLabel], beside: Iterable[SourceLine] = ()
) -> tuple[SourceLine, ...]:
    """The sources that a capture tells of, one for each name, without those that are known otherwise.

    Their ids are negative, which no other source's is, and tell them apart within one capture.
    """
    names = {line.name for line in beside}
    newest = {label.name: label for label in labels}
    return tuple(
        SourceLine(
            -number,
            label.name,
            label.mode,
            SourceState.STOPPED,
            label.address,
            label.target,
            0,
            is_secure=False,
            failure="",
            is_recorded=True,
        )
        for number, label in enumerate(newest.values(), 1)
        if label.name not in names
    )
