"""Makes the frames of a message, in steps where that takes long, so that others need not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from core.net.legs.outlet import Outlet
from core.protocol.events import FrameSent, Origin
from core.protocol.outgoing import OutgoingMessage, Written
from core.protocol.rewriting import Rewriting
from core.protocol.steps import Steps, finish

_AT_ONCE = 256 * 1024
"""Bytes of a message that is compressed in one step."""

Made = Callable[[Sequence[FrameSent]], None]


class Remaking:
    """One message at a time. Lives on the loop's thread."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, rewriting: Rewriting, outlet: Outlet, freed: Callable[[], None]
    ) -> None:
        """`freed` is called when a message is made that took more than one step."""
        self._loop = loop
        self._rewriting = rewriting
        self._outlet = outlet
        self._freed = freed
        self._under_way: tuple[Steps[Sequence[FrameSent]], Made] | None = None

    def make(self, message: Written, origin: Origin, made: Made) -> None:
        """Make it at once, or else keep the outlet waiting until `made` is called."""
        steps = self._rewriting.writing(message, origin)
        if not isinstance(message, OutgoingMessage) or len(message.payload) <= _AT_ONCE:
            made(finish(steps))
            return
        assert self._under_way is None, "one at a time"
        self._outlet.is_awaited = True
        self._under_way = steps, made
        self._loop.call_soon(self._go_on)

    def hurry(self) -> None:
        """Finish what is under way at once."""
        if self._under_way is not None:
            steps, made = self._under_way
            self._done(made, finish(steps))

    def drop(self) -> None:
        """Give up what is under way: nothing more is written."""
        self._under_way = None

    def _go_on(self) -> None:
        if self._under_way is None:
            return
        steps, made = self._under_way
        try:
            next(steps)
        except StopIteration as done:
            self._done(made, done.value)
            self._freed()
        else:
            self._loop.call_soon(self._go_on)

    def _done(self, made: Made, sent: Sequence[FrameSent]) -> None:
        self._under_way = None
        self._outlet.is_awaited = False
        made(sent)
