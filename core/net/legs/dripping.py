"""Sends bytes piece by piece, each after its pause."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from core.protocol.outgoing import Piece


class Dripping:
    """Sends until all has gone out, or it is stopped. Lives on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        is_stalled: Callable[[], bool],
        pieces: Sequence[Piece],
        write: Callable[[bytes], None],
        done: Callable[[], None],
    ) -> None:
        """While `is_stalled`, the next piece waits for `flows`. `write` sends one piece; `done` is called after the
        last one, and not if it was stopped.
        """
        self._loop = loop
        self._is_stalled = is_stalled
        self._pieces = deque(pieces)
        self._write = write
        self._done = done
        self._timer: asyncio.Handle | None = None
        self._waits_for_peer = False
        self._is_over = False
        self.left_bytes = sum(len(piece.data) for piece in pieces)
        """Bytes that have not gone out."""

    def start(self) -> None:
        """Send the first piece, at once if it has no pause."""
        if self._pieces and self._pieces[0].after_seconds <= 0:
            self._next()
        else:
            self._wait()

    def stop(self) -> None:
        """Send no more. Idempotent."""
        self._is_over = True
        self.left_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def hurry(self) -> None:
        """Send all that is left at once."""
        while self._pieces and not self._is_over:
            piece = self._pieces.popleft()
            self.left_bytes -= len(piece.data)
            self._write(piece.data)
        if not self._is_over:
            self._wait()

    def flows(self) -> None:
        """The peer reads again."""
        if self._waits_for_peer:
            self._waits_for_peer = False
            self._next()

    def _wait(self) -> None:
        if not self._pieces:
            self.stop()
            self._done()
            return
        # Each piece has a turn of the loop for itself, so that the transport does not join it with the next one.
        self._timer = self._loop.call_later(max(0.0, self._pieces[0].after_seconds), self._next)

    def _next(self) -> None:
        if self._is_over:
            return
        if self._is_stalled():
            self._waits_for_peer = True
            return
        if self._pieces:
            piece = self._pieces.popleft()
            self.left_bytes -= len(piece.data)
            self._write(piece.data)
        # The answer to it may have stopped everything.
        if not self._is_over:
            self._wait()
