"""A client and its server after the opening handshake: two legs, and an observer of what passes.

Bytes are handed on before they are looked at, and as they came.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.capture.records import Direction
from core.net.legs.between import Between
from core.net.legs.leg import Leg
from core.net.legs.session import SessionHost
from core.net.sources import SourceTag
from core.protocol.events import Report
from core.protocol.observer import Observer
from core.protocol.state import ReadyState, Role

_DIRECTIONS = {Role.CLIENT: Direction.CLIENT_TO_SERVER, Role.SERVER: Direction.SERVER_TO_CLIENT}


class Relayed(Between):
    """One client and its server, which have agreed on what follows."""

    def __init__(
        self,
        host: SessionHost,
        source: SourceTag,
        connection: int,
        client: Leg,
        server: Leg,
        observer: Observer,
    ) -> None:
        """`observer` knows request and response. Hand over both legs after this."""
        super().__init__(host, source, client, server)
        self.id = connection
        self._observer = observer
        self._unrecorded = {Role.CLIENT: 0, Role.SERVER: 0}
        """Bytes received of either that no event has told of yet."""
        self._first: Role | None = None
        """Whose stream ended first."""
        self._finished: set[Role] = set()

    @property
    def is_open(self) -> bool:
        return self._observer.state is ReadyState.OPEN and all(leg.is_open for leg in self.legs)

    @property
    def held_bytes(self) -> int:
        return self._observer.held_bytes

    def give_up(self, held: int, total: int) -> None:
        """An observer can't fail what it looks at, so it looks away: what passes goes on, and is not read any more."""
        self.go_on()
        self._tell(Role.CLIENT, self._observer.look_away(held, total), self._host.clock())
        self._settle()

    # Called by the legs.

    def leg_made(self, leg: Leg) -> None:
        raise AssertionError(f"the leg to {leg.peer_place} was made before the handshake")

    def leg_received(self, leg: Leg, data: bytes, now: int, until: int) -> bool:
        sender, other = self._side(leg), self._other(leg)
        if data and other is not None:
            # Before it is looked at: the other side need not wait for that.
            other.write((data,))
            alone = self._observer.take_alone(sender, data)
            if alone is not None:
                self._unrecorded[sender] += len(data)
                self._tell_read(leg, sender, (alone,), now)
                self._settle_read(len(data), grows=False)
                return False
        if self._rest_waits(leg, data):
            return True
        self._unrecorded[sender] += len(data)
        observer, clock = self._observer, self._host.clock
        events: list[Report] = [*observer.feed(sender, data)] if data else []
        while has_more := observer.has_more(sender):
            events += observer.receive(sender)
            if clock() >= until:
                has_more = observer.has_more(sender)
                break
        self._tell_read(leg, sender, events, now)
        self._settle_read(len(data), grows=has_more or observer.deflate is not None)
        return has_more

    def leg_has_more(self, leg: Leg) -> bool:
        return self._observer.has_more(self._side(leg))

    def leg_ended(self, leg: Leg) -> bool:
        self._note_first(leg)
        other = self._other(leg)
        if other is not None:
            other.say_no_more(leg.end)
        return True

    def leg_lost(self, leg: Leg) -> None:
        self._note_first(leg)
        other = self._other(leg)
        if other is not None and leg.was_reset:
            other.reset()
        elif other is not None:
            other.close()

    def leg_finished(self, leg: Leg) -> None:
        side = self._side(leg)
        self._finished.add(side)
        self._tell(side, self._observer.end(side), self._host.clock())
        if len(self._finished) == len(Role):
            self._tell(side, self._observer.close(self._first), self._host.clock())
            self._finish()

    # Internals.

    def _note_first(self, leg: Leg) -> None:
        if self._first is None:
            self._first = self._side(leg)

    def _tell_read(self, leg: Leg, sender: Role, events: Sequence[Report], now: int) -> None:
        """Record what was read from a leg, which must wait if that takes too long."""
        if self._host.recorder.holds_up(self._tell(sender, events, now)):
            self._wait_for_recorder(leg)

    def _tell(self, sender: Role, events: Sequence[Report], now: int) -> int:
        """Record what `sender` did; gives its size for the recorder."""
        if not events:
            return 0
        size, self._unrecorded[sender] = self._unrecorded[sender], 0
        return self._host.recorder.record(self.id, now, events, size, _DIRECTIONS[sender])
