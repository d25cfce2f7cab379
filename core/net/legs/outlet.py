"""What goes out to the receiver of one direction, so that nothing comes between the bytes of a frame.

What passes untouched is counted, and goes out together; what Unmask sends goes between frames, messages between
messages (RFC 6455 section 5.4). Some bytes may be let go slowly.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.net.legs.dripping import Dripping
from core.protocol.events import FrameSent, Origin
from core.protocol.outgoing import Outgoing, OutgoingClose, OutgoingMessage, OutgoingRaw, RawEnd
from core.protocol.rewriting import Rewriting
from core.protocol.wire_bytes import WireBytes

_TICK_SECONDS = 0.02
"""Time between two portions of what goes slowly, at least."""


@dataclass(frozen=True, slots=True)
class Sending:
    """Something that Unmask sends along."""

    outgoing: Outgoing
    origin: Origin
    ticket: int = 0
    """That of the unit that it answers or repeats; 0: none."""
    rules: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        if isinstance(self.outgoing, OutgoingRaw):
            return self.outgoing.size
        return 0 if isinstance(self.outgoing, OutgoingClose) else len(self.outgoing.payload)


class Outlet:
    """One receiver. Lives on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        wire: WireBytes,
        rewriting: Rewriting,
        write: Callable[[Sequence[bytes]], None],
        tell: Callable[[Sending, Sequence[FrameSent]], None],
        freed: Callable[[], None],
        raw_ended: Callable[[RawEnd], None],
    ) -> None:
        """`tell` is told of each frame that is sent along; `freed` is called once something slow has gone, `raw_ended`
        once raw bytes have.
        """
        self._loop = loop
        self._wire = wire
        self._rewriting = rewriting
        self._write = write
        self._tell = tell
        self._freed = freed
        self._raw_ended = raw_ended
        self._dripping: Dripping | None = None
        """Raw bytes that go out piece by piece."""
        self.is_in_message = False
        """Whether a message was begun and not ended."""
        self.is_awaited = False
        """Whether a message is being made that goes out next."""
        self.is_closed = False
        """Whether nothing more can be sent: a close frame of ours has gone out, or the stream has ended."""
        self._out: list[bytes] = []
        self._sendings: deque[Sending] = deque()
        """What waits for the end of a frame or message."""
        self._slow: deque[bytes] = deque()
        """Frames that go out slowly."""
        self._rate = 0.0
        self._begun = 0
        """Bytes of the first of these that have gone out."""
        self._timer: asyncio.TimerHandle | None = None
        self._after_slow: Callable[[], None] | None = None
        self._urgent: list[bytes] = []
        """Frames that wait for the end of a frame that goes slowly."""

    @property
    def is_free(self) -> bool:
        """Whether the next message may go out."""
        return self._after_slow is None and not self.is_awaited

    @property
    def waiting_bytes(self) -> int:
        """Bytes that are here and have not gone out."""
        waiting = len(self._wire) + self._rewriting.held_bytes + sum(each.size for each in self._sendings)
        dripping = 0 if self._dripping is None else self._dripping.left_bytes
        return waiting + sum(map(len, self._slow)) + sum(map(len, self._urgent)) + dripping

    @property
    def has_waiting(self) -> bool:
        """Whether something that is sent along has not gone out."""
        return bool(self._sendings) or not self.is_free

    # What came, in the order in which it came.

    def pass_on(self, count: int) -> None:
        """Let the next bytes that came go out."""
        self._wire.pass_on(count)

    def take(self, count: int) -> bytes:
        """The next bytes that came; they go out only by `put`."""
        self._collect()
        return self._wire.take(count)

    def skip(self, count: int) -> None:
        """Let the next bytes that came go nowhere."""
        self._collect()
        self._wire.skip(count)

    def run_ahead(self) -> None:
        """Let all that is here go out, though the frame is not whole."""
        self._wire.run_ahead()

    # What is made of it.

    def put(self, pieces: Sequence[bytes]) -> None:
        """Let frames go out next."""
        if self.is_closed:
            return
        self._collect()
        if self._begun:
            self._urgent += pieces
        else:
            self._out += pieces

    def put_slowly(self, frames: Sequence[bytes], bytes_per_second: float, gone: Callable[[], None]) -> None:
        """Let a message go out at a rate; `gone` is called when it has. Meanwhile only control frames go out."""
        assert self.is_free, "one message at a time"
        self._collect()
        self._slow = deque(frames)
        self._rate = bytes_per_second
        self._after_slow = gone
        self._timer = self._loop.call_later(self._pause(), self._drip)

    def hurry(self) -> None:
        """Let what goes slowly out at once."""
        if self._dripping is not None:
            self._dripping.hurry()
        elif self._after_slow is not None:
            self._drip_out(sum(map(len, self._slow)))

    def send(self, sending: Sending) -> None:
        """Send something along, as soon as that does not disturb what goes out."""
        if self._sendings or not self._may_go(sending):
            self._sendings.append(sending)
            self.settle()
        else:
            self._go(sending)

    def settle(self) -> None:
        """Send what has waited and may go now; control frames do not wait for messages."""
        if not self._sendings:
            return
        waiting, self._sendings = self._sendings, deque()
        for sending in waiting:
            if self._may_go(sending):
                self._go(sending)
            else:
                self._sendings.append(sending)

    def flush(self) -> None:
        """Write everything that goes out."""
        self._collect()
        if self._out:
            out, self._out = self._out, []
            self._write(out)

    def stop_raw(self) -> None:
        """Send no more of the raw bytes that are under way."""
        if self._dripping is not None:
            self._dripping.stop()
            self._end_raw(self._dripping, RawEnd.GO_ON)

    def stop(self) -> None:
        """Nothing goes out any more."""
        if self._dripping is not None:
            self._dripping.stop()
            self._dripping = None
        self.is_closed = True
        self._sendings.clear()
        self._slow.clear()
        self._urgent.clear()
        self._after_slow = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Internals.

    def _collect(self) -> None:
        self._out += self._wire.collect()

    def _may_go(self, sending: Sending) -> bool:
        if self._wire.has_gone_ahead:
            return False
        if isinstance(sending.outgoing, OutgoingMessage | OutgoingRaw):
            return self.is_free and not self.is_in_message
        if self._dripping is not None:
            return False
        return not isinstance(sending.outgoing, OutgoingClose) or self.is_free

    def _go(self, sending: Sending) -> None:
        if self.is_closed:
            return
        if isinstance(sending.outgoing, OutgoingRaw):
            self._go_raw(sending, sending.outgoing)
            return
        events = self._rewriting.write(sending.outgoing, sending.origin)
        self.put(self._rewriting.take())
        self._tell(sending, events)
        if isinstance(sending.outgoing, OutgoingClose):
            # RFC 6455 section 5.5.1: no data frames after a close frame.
            self.is_closed = True

    def _go_raw(self, sending: Sending, raw: OutgoingRaw) -> None:
        """Send raw bytes; until the last of them has gone, everything else waits."""
        self._collect()
        self._rewriting.begin_raw()
        self._after_slow, self._begun = _nothing, 1

        def write(data: bytes) -> None:
            events = self._rewriting.raw(data, sending.origin)
            self._out += self._rewriting.take()
            self._tell(sending, events)
            self.flush()

        def done() -> None:
            # It may have gone without a pause.
            self._end_raw(dripping, raw.end, sending)

        dripping = self._dripping = Dripping(self._loop, _never, raw.pieces, write, done)
        dripping.start()

    def _end_raw(self, dripping: Dripping, end: RawEnd, sending: Sending | None = None) -> None:
        if dripping is not self._dripping:
            return
        self._dripping, self._after_slow, self._begun = None, None, 0
        self._tell(sending or Sending(OutgoingRaw(()), Origin.INJECTED), self._rewriting.end_raw())
        self.is_closed |= self._rewriting.has_closed
        self._out += self._urgent
        self._urgent.clear()
        self.flush()
        self._raw_ended(end)
        self._freed()
        self.flush()

    def _pause(self) -> float:
        """Time until at least a byte may go."""
        return max(_TICK_SECONDS, 1 / self._rate)

    def _drip(self) -> None:
        self._timer = None
        self._drip_out(max(1, int(self._rate * self._pause())))
        self.flush()

    def _drip_out(self, count: int) -> None:
        """Let so many more bytes out."""
        while self._slow:
            frame = self._slow[0]
            piece = frame[self._begun : self._begun + count]
            self._out.append(piece)
            count -= len(piece)
            self._begun += len(piece)
            if self._begun < len(frame):
                break
            self._slow.popleft()
            self._begun = 0
            self._out += self._urgent
            self._urgent.clear()
        if self._slow:
            self._timer = self._timer or self._loop.call_later(self._pause(), self._drip)
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        gone, self._after_slow = self._after_slow, None
        if gone is not None:
            gone()
            self._freed()


def _nothing() -> None:
    pass


def _never() -> bool:
    return False
