"""One transport to a peer: when it is read, what waits to be written, what is due by when, how it ends.

A leg does not know what the bytes mean. Its owner does, and is told of all that happens. An owner may have one leg, or
two whose bytes it hands on from one to the other: then it pauses the reading of the one when the other stalls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Protocol, cast

from core.net.sockets import has_unread, receive_buffer_bytes
from core.net.turns import FIRST_NS, READ_ON_NS, Turns

WRITE_HIGH = 1024 * 1024
"""A peer for which more bytes wait stalls."""


class PauseReason(Enum):
    """Why a leg is not read."""

    RECORDER = auto()
    """The disk is slower than the wire."""
    PEER = auto()
    """What follows from its bytes is not read by the peer that gets it: this one, or that of another leg."""
    HELD = auto()
    """Messages are held back, and no more may wait behind them."""
    MEMORY = auto()
    """More is held of the peer than is left over for others."""
    TURN = auto()
    """What it sent before waits to be worked off, or it has just been served for a while."""


_BACK_PRESSURE = frozenset((PauseReason.RECORDER, PauseReason.PEER, PauseReason.HELD))
"""While these hold, what has been read waits too."""


class LegOwner(Protocol):
    """Who knows what the bytes of a leg mean. All methods are called on the loop's thread."""

    def leg_made(self, leg: Leg) -> None:
        """It is connected."""

    def leg_received(self, leg: Leg, data: bytes, now: int, until: int) -> bool:
        """Work on `data` and on what came before it; whether there is more to do.

        `now` is when that began, `until` when it must end (ns).
        """

    def leg_has_more(self, leg: Leg) -> bool:
        """Whether `leg_received` has more to do with what came already."""

    def leg_stalls(self, leg: Leg) -> None:
        """The peer does not read what is written to it."""

    def leg_flows(self, leg: Leg) -> None:
        """The peer reads again."""

    def leg_ended(self, leg: Leg) -> bool:
        """The peer says no more. Whether something may still be said to it; else the leg closes once all is written."""

    def leg_lost(self, leg: Leg) -> None:
        """The connection is gone. What came before is still worked off."""

    def leg_finished(self, leg: Leg) -> None:
        """The connection is gone and all that came is worked off: the leg says nothing more."""


class Leg(asyncio.Protocol):
    """A transport that came in or was dialled. Lives on the loop's thread."""

    def __init__(
        self, owner: LegOwner, loop: asyncio.AbstractEventLoop, turns: Turns, clock: Callable[[], int]
    ) -> None:
        self._owner = owner
        self._loop = loop
        self._turns = turns
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self.peer_place: object = None
        """Socket address of the other end, from `leg_made` on."""
        self.local_place: object = None
        """Socket address of this end."""
        self.has_ended = False
        """The peer says no more."""
        self._has_said_all = False
        self._paused: set[PauseReason] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._overdue: Callable[[], None] | None = None
        """What is done for a timer that has run out, as soon as all is read that had come by then."""
        self._overdue_from = 0
        """Of `_received`: all that had come by then is read."""
        self._received = 0
        """Bytes."""

    @property
    def is_open(self) -> bool:
        """There is a connection, and it is not being closed."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_connected(self) -> bool:
        """There is a connection, be it one that is being closed."""
        return self._transport is not None

    @property
    def descriptor(self) -> int:
        """The number of its socket; -1 where there is none."""
        sock = None if self._transport is None else self._transport.get_extra_info("socket")
        return -1 if sock is None else int(sock.fileno())

    @property
    def is_stalled(self) -> bool:
        """So much waits for the peer that it is taken not to read."""
        return self.queued_bytes > WRITE_HIGH

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait for the peer to read."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    # What the owner asks.

    def write(self, pieces: Sequence[bytes]) -> None:
        """Write them all; they are let go of where there is no connection."""
        if self._transport is None:
            return
        if len(pieces) == 1:
            self._transport.write(pieces[0])
        else:
            self._transport.writelines(pieces)

    def say_no_more(self) -> None:
        """End our half of the stream, once all is written. When both halves have ended, the connection closes."""
        if self._has_said_all or self._transport is None:
            return
        self._has_said_all = True
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()
        if self.has_ended:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection; what waits to be written is lost."""
        if self._transport is not None:
            self._transport.abort()

    def pause(self, reason: PauseReason) -> None:
        """Read nothing until every reason is gone. One read may still come where it was not connected yet."""
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
        self._paused.add(reason)

    def resume(self, reason: PauseReason) -> None:
        """That reason is gone."""
        if reason not in self._paused:
            return
        self._paused.discard(reason)
        if self._transport is None or PauseReason.TURN in self._paused:
            self._turns.add(self)
        elif not self._paused:
            # Behind the end there is nothing to read, but the end once more.
            if not (self.has_ended or self._transport.is_closing()):
                self._transport.resume_reading()
            self._judge_overdue()

    def set_timer(self, seconds: float, action: Callable[[], None]) -> None:
        """Unless stopped before, do `action` then. What the peer has sent by then is read first: it may stop this.

        There is one timer; setting it again takes the place of before. Reading goes on from then on whether or not the
        peer reads, so `action` must be the end of the leg.
        """
        self.stop_timer()
        self._timer = self._loop.call_later(seconds, self._time_is_up, action)

    def stop_timer(self) -> None:
        self._overdue = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        transport = cast(asyncio.Transport, transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_HIGH)
        # uvloop begins to read behind this, paused or not.
        self._loop.call_soon(self._stay_paused)
        self.peer_place = transport.get_extra_info("peername")
        self.local_place = transport.get_extra_info("sockname")
        self._owner.leg_made(self)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        now = self._clock()
        self._receive(data, now, now + FIRST_NS)

    def eof_received(self) -> bool:
        self.has_ended = True
        # False: the transport closes itself once all is written, if the peer reads it.
        return self._owner.leg_ended(self) and not self._has_said_all

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.stop_timer()
        self._transport = None
        self._owner.leg_lost(self)
        self._paused.discard(PauseReason.PEER)
        self._turns.add(self)

    def pause_writing(self) -> None:
        self._owner.leg_stalls(self)

    def resume_writing(self) -> None:
        self._owner.leg_flows(self)

    # What turns ask.

    def work(self, until: int) -> None:
        """Go on with what the peer has sent."""
        if not self._paused.isdisjoint(_BACK_PRESSURE):
            return  # `resume` brings it here again
        if self._owner.leg_has_more(self):
            self._receive(b"", self._clock(), until)
        elif self._transport is None:
            self._paused.clear()
            self._owner.leg_finished(self)
        else:
            self.resume(PauseReason.TURN)

    # Within.

    def _receive(self, data: bytes, now: int, until: int) -> None:
        has_more = self._owner.leg_received(self, data, now, until)
        if has_more or self._transport is None or self._clock() - now > READ_ON_NS:
            self.pause(PauseReason.TURN)
            self._turns.add(self)
        elif PauseReason.TURN in self._paused:
            # Nothing is left of what waited for a turn.
            self.resume(PauseReason.TURN)
        elif self._overdue is not None:
            self._judge_overdue()

    def _stay_paused(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def _time_is_up(self, action: Callable[[], None]) -> None:
        self._timer = None
        self._overdue = action
        self._overdue_from = self._received + receive_buffer_bytes(self._transport)
        # What it sent is read, even if it does not read itself.
        self.resume(PauseReason.PEER)
        self._judge_overdue()

    def _judge_overdue(self) -> None:
        """Whether the peer was really silent: with nothing of it unread, or nothing that came in time."""
        action = self._overdue
        if action is None:
            return
        waits = bool(self._paused) or self._owner.leg_has_more(self)
        in_time = self._received < self._overdue_from and has_unread(self._transport)
        if self.has_ended or not (waits or in_time):
            self._overdue = None
            action()
