"""TLS between a transport and the protocol that uses it.

To the transport the layer is the protocol, to the protocol it is the transport. It holds plain bytes until the stream
is secured and while the peer does not read, and decrypts in portions, so that no peer keeps others waiting.

The two ends of a secured stream are those of TLS: `write_eof` sends close_notify (RFC 8446 section 6.1), and
`eof_received` tells that one came. A stream that ends without it is told too, but `is_truncated` says so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Any, cast

from core.net.tls.failures import TlsEnd, TlsFailure, timed_out
from core.net.tls.listening import StreamEnd, TlsListener
from core.net.tls.openings import Opening
from core.net.tls.pipe import MOST_DELIVERED, TlsPipe
from core.net.turns import FIRST_NS, Turns

_RAW_HIGH = 256 * 1024
"""Encrypted bytes that wait in the transport; all else waits as it is."""
_MOST_SHAKEN = 64 * 1024
"""Bytes held of a peer during its handshake."""
_HIGH = 64 * 1024


class _State(Enum):
    SHAKING = auto()
    SECURED = auto()
    OVER = auto()
    """Nothing is read or written any more; the transport may still have something to send."""


class TlsLayer(asyncio.Transport, asyncio.Protocol):
    """One stream. `introduce` hands it to `protocol`, at the latest once it is secured."""

    def __init__(
        self,
        protocol: asyncio.Protocol,
        listener: TlsListener,
        opening: Opening,
        turns: Turns,
        clock: Callable[[], int],
    ) -> None:
        super().__init__()
        self.is_truncated = False
        """The peer ended the stream without a close_notify."""
        self._protocol = protocol
        self._listener = listener
        self._peer = opening.peer
        self._turns = turns
        self._clock = clock
        self._pipe = TlsPipe(opening, clock)
        self._state = _State.SHAKING
        self._raw: asyncio.Transport | None = None
        self._is_introduced = False
        self._was_secured = False
        self._failure: TlsFailure | None = None
        self._seconds = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_overdue = False
        # Reading.
        self._is_paused = False
        """The protocol wants nothing to read."""
        self._is_raw_paused = False
        self._is_at_end = False
        """Nothing more will come."""
        self._has_told_end = False
        self._lost: tuple[Exception | None] | None = None
        """The transport is gone, for this reason."""
        # Writing.
        self._pending: deque[memoryview] = deque()
        """Written by the protocol, and not encrypted yet."""
        self._pending_bytes = 0
        self._is_held = False
        """The transport wants nothing to write."""
        self._is_stalled = False
        self._high, self._low = _HIGH, _HIGH // 4
        self._will_end: StreamEnd | None = None
        """How to end the stream once all is written."""
        self._has_said_end = False
        self._will_close = False

    @property
    def received_bytes(self) -> int:
        """Number of encrypted bytes received."""
        return self._pipe.received_bytes

    @property
    def unread_bytes(self) -> int:
        """Encrypted bytes that wait to be read."""
        return self._pipe.unread_bytes

    def begin(self, raw: asyncio.Transport, seconds: float, first: bytes = b"") -> None:
        """Start the handshake over a transport that exists already, after `first` was read from it."""
        raw.set_protocol(self)
        raw.resume_reading()
        self.limit(seconds)
        self._start(raw, first)

    def limit(self, seconds: float) -> None:
        """Let the handshake fail that is not complete after `seconds`."""
        self._seconds = seconds
        self._timer = asyncio.get_running_loop().call_later(seconds, self._time_is_up)

    def introduce(self) -> None:
        """Hand the layer to its protocol, as the transport of a new connection."""
        self.adopted()
        self._protocol.connection_made(self)

    def adopted(self) -> None:
        """The protocol uses the layer, in place of a transport that it had before."""
        self._is_introduced = True

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's classes.
        self._start(cast(asyncio.Transport, transport), b"")

    def data_received(self, data: bytes) -> None:
        if self._state is _State.OVER or self._is_at_end or self._will_close:
            return
        waits = self._pipe.unread_bytes > 0
        self._pipe.receive(data)
        if self._state is _State.SECURED and not waits and not self._is_paused:
            self._read(self._clock() + FIRST_NS)
        else:
            # Handshakes take long, and many may come at once.
            self._turns.add(self)
        self._balance()

    def eof_received(self) -> bool:
        self._is_at_end = True
        self._turns.add(self)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = (exc,)
        self._turns.add(self)

    def pause_writing(self) -> None:
        self._is_held = True

    def resume_writing(self) -> None:
        # Not at once: asyncio's transport must not be closed within this call.
        self._is_held = False
        self._turns.add(self)

    # Called by the turns.

    def work(self, until: int) -> None:
        """Go on with what was received, until then, and with what waits to be written."""
        try:
            if self._state is _State.SHAKING:
                self._shake()
            if self._may_read:
                self._read(until)
            self._flush()
            self._follow_end()
        except Exception:
            # A fault of ours, which would come again each time.
            self.abort()
            raise
        self._balance()

    # Called by the protocol, as a transport.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._pipe.object
        return default if self._raw is None else self._raw.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._will_close or self._state is _State.OVER or self._raw is None

    def pause_reading(self) -> None:
        self._is_paused = True
        self._balance()

    def resume_reading(self) -> None:
        if self._is_paused:
            self._is_paused = False
            if self._pipe.unread_bytes or self._is_at_end:
                self._turns.add(self)
            self._balance()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = _HIGH if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        waiting = 0 if self._raw is None else self._raw.get_write_buffer_size()
        return waiting + self._pending_bytes

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.is_closing() or not data:
            return
        if self._will_end is not None or self._has_said_end:
            raise RuntimeError("Cannot write after write_eof")
        if self._state is _State.SECURED and not self._pending:
            self._encrypt(memoryview(data))
        else:
            self._pending.append(memoryview(data))
            self._pending_bytes += len(data)
        if (self._is_held or self._pending) and self._is_introduced and not self._is_stalled:
            self._is_stalled = self.get_write_buffer_size() > self._high
            if self._is_stalled:
                self._protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self, end: StreamEnd = StreamEnd.IN_ORDER) -> None:
        """End our half of the stream once all is written; the peer may go on."""
        if self._will_end is None and not self._has_said_end and not self.is_closing():
            self._will_end = end
            self._flush()

    def close(self) -> None:
        """Close once all is written; nothing more is read."""
        if not self.is_closing():
            self._will_close = True
            self._pipe.drop_unread()
            self._flush()
            if self._state is _State.SHAKING and not self._pending:
                self._close_now()

    def abort(self) -> None:
        if self._raw is not None:
            self._cease()
            self._raw.abort()

    # The handshake.

    def _start(self, raw: asyncio.Transport, first: bytes) -> None:
        self._raw = raw
        raw.set_write_buffer_limits(high=_RAW_HIGH)
        self._listener.tls_began(self)
        if first:
            self._pipe.receive(first)
        # A client speaks first.
        self._turns.add(self)

    def _shake(self) -> None:
        result = self._pipe.shake()
        self._send()
        if isinstance(result, TlsFailure):
            if self._pipe.object is None and self._hand_over():
                return
            self._fail(result)
        elif result:
            self._secured()
        elif self._pipe.object is not None and self._pipe.unread_bytes:
            self._turns.add(self)
        elif self._is_overdue:
            self._fail(timed_out(self._peer, self._seconds))

    def _hand_over(self) -> bool:
        """Let the listener have the transport, if it wants to answer a peer that does not speak TLS."""
        first, raw = self._pipe.first_bytes(), self._raw
        if raw is None:
            return False
        if self._is_raw_paused:
            raw.resume_reading()
        if not self._listener.tls_is_plain(self, raw, first):
            return False
        self._cease()
        self._raw = None
        return True

    def _secured(self) -> None:
        self._state = _State.SECURED
        self._was_secured = True
        self._stop_timer()
        self._listener.tls_secured(self, self._pipe.tls)
        if not self._is_introduced and self._may_read:
            self.introduce()
        self._flush()

    def _time_is_up(self) -> None:
        self._timer = None
        if self._state is not _State.SHAKING:
            return
        if self._pipe.unread_bytes:
            # What came in time counts.
            self._is_overdue = True
            self._turns.add(self)
        else:
            self._fail(timed_out(self._peer, self._seconds))

    def _fail(self, failure: TlsFailure) -> None:
        """End the stream; what OpenSSL still wants to say, an alert, goes first."""
        self._failure = failure
        self._send()
        self._cease()
        self._listener.tls_failed(self, failure, self._pipe.tls_despite)
        if self._raw is not None:
            self._raw.close()

    # Reading.

    @property
    def _may_read(self) -> bool:
        is_wanted = not self._is_paused or self._lost is not None
        return self._state is _State.SECURED and is_wanted and not self._will_close

    def _read(self, until: int) -> None:
        """Decrypt and deliver until then, or until all is delivered or the protocol pauses."""
        pipe = self._pipe
        while self._may_read and pipe.unread_bytes:
            plain, failure = pipe.decrypt(until)
            if plain:
                self._protocol.data_received(plain[0] if len(plain) == 1 else b"".join(plain))
            if failure is not None and self._state is _State.SECURED:
                self._fail(failure)
            if pipe.is_notified:
                self._is_at_end = True
                self._turns.add(self)
            elif self._clock() >= until and pipe.unread_bytes:
                self._turns.add(self)
                break
        # The answer to a KeyUpdate (RFC 8446 section 4.6.3), or an alert.
        self._send()

    def _follow_end(self) -> None:
        """Tell of the end of the stream, and then of the connection, once all before is delivered."""
        if self._lost is None and (self._is_paused or not self._is_at_end):
            return
        # Without an object, what came is an incomplete ClientHello.
        if self._state is not _State.OVER and self._pipe.object is not None and self._pipe.unread_bytes:
            self._turns.add(self)
            return
        if self._is_at_end and self._state is not _State.OVER and not self._has_told_end:
            self._has_told_end = True
            self._tell_end()
        if self._lost is not None:
            self._tell_lost(self._lost[0])

    def _tell_end(self) -> None:
        if self._state is _State.SHAKING:
            self._fail(self._pipe.vanished)
            return
        self.is_truncated = not self._pipe.is_notified
        if not self._protocol.eof_received():
            self.close()

    def _tell_lost(self, reason: Exception | None) -> None:
        if self._raw is None:
            return
        self._raw = None
        self._stop_timer()
        if self._state is _State.SHAKING:
            self._fail(self._pipe.vanished)
        self._state = _State.OVER
        if self._was_secured:
            self._pipe.ended()
        if self._is_introduced:
            self._protocol.connection_lost(reason if self._failure is None else TlsEnd(self._failure))

    def _balance(self) -> None:
        """Read from the transport only where what was received is used up and somebody wants more."""
        if self._raw is None or self._raw.is_closing():
            return
        is_shaking = self._state is _State.SHAKING
        wants = not self._is_at_end and (is_shaking or not self._is_paused)
        wants = wants and self._pipe.unread_bytes <= (_MOST_SHAKEN if is_shaking else 0)
        if wants == self._is_raw_paused:
            self._is_raw_paused = not wants
            if wants:
                self._raw.resume_reading()
            else:
                self._raw.pause_reading()

    # Writing.

    def _flush(self) -> None:
        """Encrypt what waits, as much as the transport wants; then end and close as the protocol wished."""
        while self._pending and self._state is _State.SECURED and not self._is_held:
            data = self._pending.popleft()
            self._pending_bytes -= len(data)
            self._encrypt(data)
        if self._state is not _State.SECURED or self._pending:
            return
        if self._will_end is not None:
            self._end_stream(self._will_end)
        if self._will_close:
            self._close_now()
        if self._is_stalled and self.get_write_buffer_size() <= self._low:
            self._is_stalled = False
            self._protocol.resume_writing()

    def _encrypt(self, data: memoryview) -> None:
        """Encrypt and send; what the transport does not want goes back to what waits."""
        at = 0
        while at < len(data):
            if self._is_held:
                self._pending.appendleft(data[at:])
                self._pending_bytes += len(data) - at
                return
            failure = self._pipe.encrypt(data[at : at + MOST_DELIVERED])
            if failure is not None:
                self._fail(failure)
                return
            at += MOST_DELIVERED
            self._send()

    def _send(self) -> None:
        data = self._pipe.to_send()
        if data and self._raw is not None and not self._raw.is_closing():
            self._raw.write(data)

    def _end_stream(self, end: StreamEnd) -> None:
        """Say close_notify, and end the transport's stream too: some peers look only at that."""
        self._will_end = None
        self._has_said_end = True
        if end is StreamEnd.IN_ORDER:
            self._pipe.notify()
            self._send()
        if self._raw is not None and not self._raw.is_closing() and self._raw.can_write_eof():
            self._raw.write_eof()

    def _close_now(self) -> None:
        if self._state is _State.SECURED and not self._has_said_end:
            self._has_said_end = True
            self._pipe.notify()
            self._send()
        self._cease()
        if self._raw is not None:
            self._raw.close()

    def _cease(self) -> None:
        """Read and write no more."""
        self._state = _State.OVER
        self._stop_timer()
        self._pipe.drop_unread()
        self._pending.clear()
        self._pending_bytes = 0

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
