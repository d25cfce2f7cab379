"""The sources that run: starts and stops them, and tells what becomes of each. Lives on the loop's thread."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from core.errors import PortInUseError, UnmaskError
from core.net.client_status import ClientStatus
from core.net.failures import Failure, FailureKind
from core.net.sources import Source, SourceState, SourceStatus


class Running(Protocol):
    """What keeps a source going."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The real addresses listened on."""

    @property
    def state(self) -> SourceState:
        """RUNNING, or STARTING until it says more by `RunningSources.note`."""

    @property
    def client(self) -> ClientStatus | None:
        """What its client does, if it connects to a server."""

    def stop(self) -> None:
        """Take on nothing new. Idempotent."""


Starter = Callable[[Source, Running | None], Coroutine[Any, Any, Running]]
"""Starts a source; raises UnmaskError with the reason if that fails.

The second argument is what runs of the source already, which is stopped once the start has succeeded. A starter may
have to take its port; then it puts that back before it fails. It undoes everything when it is cancelled.
"""


@dataclass(slots=True)
class _Seat:
    source: Source
    state: SourceState = SourceState.STOPPED
    running: Running | None = None
    starting: asyncio.Task[None] | None = None
    failure: str = ""
    client: ClientStatus | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        return () if self.running is None else self.running.addresses


class RunningSources:
    """All sources that run, are about to, or have open connections."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        starters: Mapping[type, Starter],
        tell: Callable[[SourceStatus], None],
        tell_failure: Callable[[Failure], None],
    ) -> None:
        """`starters` has one for each type of `Source.what`. `tell` is told each change of a state."""
        self._loop = loop
        self._starters = starters
        self._tell = tell
        self._tell_failure = tell_failure
        self._seats: dict[int, _Seat] = {}
        self._connections: Counter[int] = Counter()
        """Open connections of each source, by its id; clients may come in just behind its stop."""

    @property
    def statuses(self) -> tuple[SourceStatus, ...]:
        """The present state of each, and of those that have stopped but have open connections. Any thread."""
        return tuple(map(self._status, tuple(self._seats.values())))

    def start(self, source: Source) -> None:
        """Start a source, or replace the one of this id that runs, which stays if that fails. A client is replaced at
        once.
        """
        seat = self._seats.setdefault(source.id, _Seat(source))
        if seat.starting is not None:
            seat.starting.cancel()
        seat.source = source
        self._change(seat, SourceState.STARTING)
        seat.starting = self._loop.create_task(self._start(seat, source))

    def stop(self, source_id: int) -> None:
        """Stop a source, also one that is starting: it does not come up afterwards."""
        seat = self._seats.get(source_id)
        if seat is None or seat.state in (SourceState.STOPPED, SourceState.FAILED):
            return
        if seat.starting is not None:
            seat.starting.cancel()
            seat.starting = None
        if seat.running is not None:
            seat.running.stop()
            seat.running = None
        self._change(seat, SourceState.STOPPED)

    def stop_all(self) -> None:
        """Stop every source."""
        for source_id in tuple(self._seats):
            self.stop(source_id)

    def note(self, running: Running, source_id: int, failure: str = "") -> None:
        """What runs of a source says that its `state` or `client` has changed, and why."""
        seat = self._seats.get(source_id)
        if seat is None or seat.running is not running:
            return
        seat.client = running.client
        if running.state in (SourceState.STOPPED, SourceState.FAILED):
            seat.running = None
        target = seat.source.target
        self._change(seat, running.state, failure)
        if running.state is SourceState.FAILED:
            self._tell_failure(Failure(FailureKind.CONNECT, target, failure))

    def joined(self, source_id: int) -> None:
        """A connection has begun."""
        self._connections[source_id] += 1

    def left(self, source_id: int) -> None:
        """A connection is over."""
        self._connections[source_id] -= 1
        if not self._connections[source_id]:
            del self._connections[source_id]
            if (seat := self._seats.get(source_id)) is not None:
                self._tidy(seat)

    async def _start(self, seat: _Seat, source: Source) -> None:
        try:
            started = await self._starters[type(source.what)](source, seat.running)
        except UnmaskError as error:
            seat.starting = None
            self._failed(seat, source, error)
            return
        except asyncio.CancelledError:
            # Stopped, or replaced by another start.
            return
        except Exception as error:
            self._loop.call_exception_handler({"message": "A source failed to start", "exception": error})
            return
        seat.starting = None
        if seat.running is not None:
            seat.running.stop()
        seat.running, seat.client = started, started.client
        self._change(seat, started.state)

    def _failed(self, seat: _Seat, source: Source, error: UnmaskError) -> None:
        sentence = str(error)
        if isinstance(error, PortInUseError):
            sentence = self._in_our_use(seat, source) or sentence
        if source.address is not None and not seat.addresses:
            # A start before this one was replaced while it had the port.
            seat.running = None
        if seat.addresses:
            sentence = f"{sentence} Unmask goes on listening on {', '.join(seat.addresses)}."
        self._change(seat, SourceState.FAILED if seat.running is None else SourceState.RUNNING, sentence)
        kind = FailureKind.CONNECT if source.address is None else FailureKind.LISTEN
        self._tell_failure(Failure(kind, str(source.address or source.target), sentence))

    def _in_our_use(self, seat: _Seat, source: Source) -> str:
        """Which other source has the port that `source` is to have, in a sentence; "" if none has."""
        assert source.address is not None
        ending = f":{source.address.port}"
        for other in self._seats.values():
            if other is not seat and any(each.endswith(ending) for each in other.addresses):
                return (
                    f"Port {source.address.port} is in use by “{other.source.name}”, which is another source of "
                    "Unmask. Stop that one, or choose another port (0 picks a free one)."
                )
        return ""

    def _change(self, seat: _Seat, state: SourceState, failure: str = "") -> None:
        seat.state, seat.failure = state, failure
        self._tell(self._status(seat))
        self._tidy(seat)

    def _status(self, seat: _Seat) -> SourceStatus:
        number = seat.source.id
        return SourceStatus(
            number, seat.state, seat.addresses, self._connections[number], seat.failure, seat.client
        )

    def _tidy(self, seat: _Seat) -> None:
        """Forget a source that is over, with all its connections."""
        is_over = seat.state in (SourceState.STOPPED, SourceState.FAILED)
        if is_over and not self._connections[seat.source.id]:
            self._seats.pop(seat.source.id, None)
