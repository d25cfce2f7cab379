"""One transport to a peer: reading, writing, timer and end.

A leg does not know what the bytes mean. Its owner does, and is told everything that happens. An owner has one leg, or
two between which it passes bytes; then it pauses reading one while the other stalls.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import cast

from core.capture.legs import LegChange, Tls
from core.net.legs.leg_owner import LegOwner
from core.net.sockets import has_unread, receive_buffer_bytes, untaken_bytes
from core.net.tls.failures import TlsEnd, TlsFailure
from core.net.tls.layer import TlsLayer
from core.net.tls.listening import StreamEnd
from core.net.tls.openings import Opening
from core.net.tls.server import Meeting
from core.net.turns import FIRST_NS, READ_ON_NS, Turns
from core.protocol.handshake import Answer, refuse
from core.protocol.state import Role

_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""A `struct linger`: unsent data is dropped, and the peer is told by a reset."""
_PORTION = 4096
"""Bytes that an owner is given at once that takes long over them."""
WRITE_HIGH = 1024 * 1024
"""Bytes waiting for a peer from which on it counts as stalled."""


class PauseReason(Enum):
    """Why a leg is not being read."""

    RECORDER = auto()
    """The disk is slower than the wire."""
    PEER = auto()
    """A receiver does not read what follows from its bytes: this peer, or that of another leg."""
    HELD = auto()
    """Messages are held back, and no more may queue after them."""
    MEMORY = auto()
    """More memory is held for the peer than is left for others."""
    TURN = auto()
    """What it sent earlier waits for its turn, or it was just served for a while."""


_BACK_PRESSURE = frozenset((PauseReason.RECORDER, PauseReason.PEER, PauseReason.HELD))
"""While one of these holds, data already read waits too."""


class Leg(asyncio.Protocol):
    """A transport that was accepted or dialled. Lives on the loop's thread."""

    def __init__(
        self, owner: LegOwner, loop: asyncio.AbstractEventLoop, turns: Turns, clock: Callable[[], int]
    ) -> None:
        self._owner = owner
        self._loop = loop
        self._turns = turns
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self.peer_place: object = None
        """Socket address of the other end, set from `leg_made` on."""
        self.local_place: object = None
        """Socket address of this end."""
        self.has_ended = False
        """Whether the peer has ended its stream."""
        self.was_reset = False
        """The connection broke; it did not end in order."""
        self.meeting: Meeting | None = None
        """How the leg is secured as soon as there is a connection; None: it is plain."""
        self.tls_failure: TlsFailure | None = None
        """Why the leg is not secured, or no longer."""
        self.refusal: Answer | None = None
        """The answer to whatever this peer asks for; None: its requests are served."""
        self.passed: frozenset[int] = frozenset()
        """Ids of the sources that what is written to a dialled leg has passed (`core.net.legs.chains`)."""
        self._has_said_all = False
        self._paused: set[PauseReason] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._overdue: Callable[[], None] | None = None
        """Action of an expired timer, to be run as soon as everything that had arrived by then is read."""
        self._overdue_from = 0
        """Value of `_arrived` when everything that had arrived by then is read."""
        self._received = 0
        """Bytes received."""
        self._rest = bytearray()
        """Received, and not given to the owner yet."""
        self._is_released = False
        """Somebody else has the transport."""
        self.secured: LegChange | None = None
        """What TLS has agreed on with the other end."""

    @property
    def is_open(self) -> bool:
        """Whether there is a connection that is not being closed."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, even one that is being closed."""
        return self._transport is not None

    @property
    def has_said_all(self) -> bool:
        """Whether our half of the stream has ended."""
        return self._has_said_all

    @property
    def descriptor(self) -> int:
        """The number of its socket; -1 if there is none."""
        sock = None if self._transport is None else self._transport.get_extra_info("socket")
        return -1 if sock is None else int(sock.fileno())

    @property
    def is_stalled(self) -> bool:
        """Whether so much is waiting for the peer that it counts as not reading."""
        return self.queued_bytes > WRITE_HIGH

    @property
    def queued_bytes(self) -> int:
        """Bytes waiting for the peer to read."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    @property
    def untaken_bytes(self) -> int:
        """Bytes waiting for the peer to read, with those that the system holds if it tells."""
        return 0 if self._transport is None else untaken_bytes(self._transport)

    @property
    def rest_bytes(self) -> int:
        """Bytes that were received, and not given to the owner yet."""
        return len(self._rest)

    @property
    def has_more(self) -> bool:
        """Whether data already received waits to be processed."""
        return bool(self._rest) or self._owner.leg_has_more(self)

    @property
    def end(self) -> StreamEnd:
        """How the peer has ended its stream."""
        is_truncated = isinstance(self._transport, TlsLayer) and self._transport.is_truncated
        return StreamEnd.TRUNCATED if is_truncated else StreamEnd.IN_ORDER

    # Called by the owner.

    def hand_over(self, owner: LegOwner) -> None:
        """Give the leg to another owner, which is not told again that it is connected. The timer stops."""
        self.stop_timer()
        self._owner = owner
        if self.is_stalled:
            owner.leg_stalls(self)

    def release(self) -> asyncio.Transport | None:
        """Give up the connection to somebody who sets another protocol on it; None if it is closing.

        The owner hears no more of this leg.
        """
        transport, self._transport = self._transport, None
        self.stop_timer()
        self._is_released = True
        if transport is None or transport.is_closing() or self._rest:
            return None
        if self._paused:
            transport.resume_reading()
        return transport

    def give_back(self, data: bytes) -> None:
        """Bring what an owner was given and did not use once more, as if it had just arrived."""
        if data:
            now = self._clock()
            self._rest[:0] = data
            self._receive(b"", now, now + FIRST_NS)

    def drop_rest(self) -> None:
        """Forget what was received and not given to the owner."""
        self._rest.clear()

    def secure(self, opening: Opening, seconds: float, first: bytes = b"") -> None:
        """Go on over TLS, whose handshake may take `seconds`; `first` was read and belongs to it.

        The owner is told by `leg_secured` or `leg_unsecured`. What is written until then waits.
        """
        assert self._transport is not None
        layer = TlsLayer(self, self, opening, self._turns, self._clock)
        layer.begin(self._transport, seconds, first)

    def write(self, pieces: Sequence[bytes]) -> None:
        """Write all pieces; without a connection, or after `say_no_more`, they are dropped."""
        if self._transport is None or self._has_said_all:
            return
        if len(pieces) == 1:
            self._transport.write(pieces[0])
        else:
            self._transport.writelines(pieces)

    def say_no_more(self, end: StreamEnd = StreamEnd.IN_ORDER) -> None:
        """End our half of the stream after the last write. When both halves have ended, the connection closes."""
        transport = self._transport
        if self._has_said_all or transport is None:
            return
        self._has_said_all = True
        if transport.can_write_eof() and not transport.is_closing():
            if isinstance(transport, TlsLayer):
                transport.write_eof(end)
            else:
                transport.write_eof()
        if self.has_ended:
            transport.close()

    def close(self) -> None:
        """Close the connection once all is written; nothing more is read."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection; waiting data is lost."""
        if self._transport is not None:
            self._transport.abort()

    def reset(self) -> None:
        """Cut the connection so that the peer sees a reset, and no end of the stream."""
        sock = None if self._transport is None else self._transport.get_extra_info("socket")
        if sock is not None and self.is_open:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.abort()

    def pause(self, reason: PauseReason) -> None:
        """Stop reading until every reason is gone. If the leg was not connected yet, one read may still come."""
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
        self._paused.add(reason)

    def resume(self, reason: PauseReason) -> None:
        """Remove a reason."""
        if reason not in self._paused:
            return
        self._paused.discard(reason)
        if self._transport is None or PauseReason.TURN in self._paused:
            self._turns.add(self)
        elif not self._paused:
            # After the end of the stream only the end can be read again.
            if not (self.has_ended or self._transport.is_closing()):
                self._transport.resume_reading()
            self._judge_overdue()

    def set_timer(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` after `seconds`, unless stopped. What the peer sent by then is read first, and may stop it.

        There is one timer; setting it again replaces it. From its expiry on, reading continues whether or not the peer
        reads, so `action` must end the leg.
        """
        self.stop_timer()
        self._timer = self._loop.call_later(seconds, self._time_is_up, action)

    def stop_timer(self) -> None:
        self._overdue = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's classes.
        self._use(cast(asyncio.Transport, transport))
        # uvloop starts reading after this call, even if paused.
        self._loop.call_soon(self._stay_paused)
        self.peer_place = transport.get_extra_info("peername")
        self.local_place = transport.get_extra_info("sockname")
        if self.meeting is not None:
            self.secure(self.meeting.opening(self.local_place), self.meeting.seconds)
        self._owner.leg_made(self)

    def data_received(self, data: bytes) -> None:
        if self._is_released:
            return
        self._received += len(data)
        now = self._clock()
        self._receive(data, now, now + FIRST_NS)

    def eof_received(self) -> bool:
        self.has_ended = True
        if self._is_released:
            return False
        # False: the transport closes itself after the last write, if the peer reads it.
        return self._owner.leg_ended(self) and not self._has_said_all

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_released:
            return
        self.was_reset = exc is not None
        if isinstance(exc, TlsEnd):
            self.tls_failure = exc.failure
        self.stop_timer()
        self._transport = None
        self._owner.leg_lost(self)
        self._paused.discard(PauseReason.PEER)
        self._turns.add(self)

    def pause_writing(self) -> None:
        self._owner.leg_stalls(self)

    def resume_writing(self) -> None:
        self._owner.leg_flows(self)

    # Called by the layer of TLS.

    def tls_began(self, layer: TlsLayer) -> None:
        layer.adopted()
        self._use(layer)

    def tls_secured(self, layer: TlsLayer, tls: Tls) -> None:  # noqa: ARG002
        self.secured = LegChange(Role.CLIENT, secured_ns=self._clock(), tls=tls)
        self._owner.leg_secured(self)

    def tls_failed(self, layer: TlsLayer, failure: TlsFailure, tls: Tls | None) -> None:  # noqa: ARG002
        self.tls_failure = failure
        self._owner.leg_unsecured(self, failure)

    def tls_is_plain(self, layer: TlsLayer, transport: asyncio.Transport, first: bytes) -> bool:  # noqa: ARG002
        if self._has_said_all:
            return False
        self.refusal = refuse(400, "This port speaks TLS: use wss:// or https:// to reach it.")
        transport.set_protocol(self)
        self._use(transport)
        self.data_received(first)
        return True

    # Called by the turns.

    def work(self, until: int) -> None:
        """Continue with what the peer has sent."""
        if self._is_released:
            return
        if not self._paused.isdisjoint(_BACK_PRESSURE):
            # `resume` brings it here again.
            self._paused.add(PauseReason.TURN)
            return
        if self.has_more:
            try:
                self._receive(b"", self._clock(), until)
            except Exception:
                # A fault of ours, which would come again each time.
                self.abort()
                if self._transport is None:
                    self._owner.leg_finished(self)
                raise
        elif self._transport is None:
            self._paused.clear()
            self._owner.leg_finished(self)
        else:
            self.resume(PauseReason.TURN)

    # Internals.

    def _use(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_HIGH)
        if self._paused:
            transport.pause_reading()

    def _receive(self, data: bytes, now: int, until: int) -> None:
        if self._rest or (len(data) > _PORTION and self._owner.leg_wants_portions(self)):
            self._rest += data
            has_more = self._receive_portions(now, until)
        else:
            has_more = self._owner.leg_received(self, data, now, until)
        if self._is_released:
            return
        if has_more or self._transport is None:
            self.pause(PauseReason.TURN)
            self._turns.add(self)
        elif self._clock() - now > READ_ON_NS:
            self.pause(PauseReason.TURN)
            self._turns.add_done(self)
        elif self._paused and PauseReason.TURN in self._paused:
            # Nothing that waited for a turn is left.
            self.resume(PauseReason.TURN)
        elif self._overdue is not None:
            self._judge_overdue()

    def _receive_portions(self, now: int, until: int) -> bool:
        """Give the owner of the rest as much as there is time for; True if there is more to do."""
        rest = self._rest
        while rest and self._paused.isdisjoint(_BACK_PRESSURE):
            size = _PORTION if self._owner.leg_wants_portions(self) else len(rest)
            portion = bytes(rest[:size])
            del rest[:size]
            self._owner.leg_received(self, portion, now, until)
            if self._clock() >= until:
                break
        return self.has_more

    def _stay_paused(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    @property
    def _arrived(self) -> int:
        """Bytes received, encrypted ones where the leg is secured."""
        layer = self._transport
        return layer.received_bytes if isinstance(layer, TlsLayer) else self._received

    @property
    def _has_unread(self) -> bool:
        layer = self._transport
        return has_unread(layer) or (isinstance(layer, TlsLayer) and layer.unread_bytes > 0)

    def _time_is_up(self, action: Callable[[], None]) -> None:
        self._timer = None
        self._overdue = action
        self._overdue_from = self._arrived + receive_buffer_bytes(self._transport)
        # Read what it sent, even if it does not read itself.
        self.resume(PauseReason.PEER)
        self._judge_overdue()

    def _judge_overdue(self) -> None:
        """Check whether the peer was really silent: nothing of it is unread, and nothing arrived in time."""
        action = self._overdue
        if action is None:
            return
        waits = bool(self._paused) or self.has_more
        in_time = self._arrived < self._overdue_from and self._has_unread
        if self.has_ended or not (waits or in_time):
            self._overdue = None
            action()
