"""The adviser of an engine, which is asked about what passes, such as a script."""

from __future__ import annotations

import asyncio

from core.rules.advice import Adviser


class Advising:
    """Keeps the one that is asked. Lives on the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._adviser: Adviser | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def adviser(self) -> Adviser | None:
        """Who is asked; None: nobody."""
        return self._adviser

    def set(self, adviser: Adviser | None) -> None:
        """Ask this one from now on, and end the one before."""
        before, self._adviser = self._adviser, adviser
        if before is not None and before is not adviser:
            task = self._loop.create_task(before.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Ask nobody, and wait until all are ended."""
        self.set(None)
        if self._closing:
            await asyncio.wait(self._closing)
