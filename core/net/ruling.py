"""The rules that apply to all connections, and what waits for a person because of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Protocol

from core.errors import NotHeldError
from core.net.advising import Advising
from core.rules.advice import Adviser
from core.rules.book import RuleBook
from core.rules.decision import Decision, HeldKey, HeldList, HeldMessage
from core.rules.verdict import Onward

SHOWN = 1000
"""Held messages that are told one by one."""
_TELL_SECONDS = 0.003
_PUBLISH_SECONDS = 0.03
_PUBLISH_SHARE = 20
"""Publishing takes one part of the time in so many."""


class Ruled(Protocol):
    """A connection that rules apply to."""

    @property
    def is_stuck(self) -> bool:
        """Whether a peer is not read, because no more may wait."""

    @property
    def held_count(self) -> int:
        """How many messages wait for a person."""

    def hear(self, rules: RuleBook | None) -> None:
        """Let these rules apply from now on."""

    def held(self) -> Iterator[HeldMessage]:
        """What waits for a person."""

    def decide(self, ticket: int, decision: Decision) -> bool:
        """Let something go on that is held, or not. False if it is not held."""


class Ruling:
    """Lives on the loop's thread; `held` may be read by any."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sessions: Mapping[int, Ruled],
        tell: Callable[[], None],
    ) -> None:
        """`sessions`: those of the engine, by handle. `tell` is called when `held` has changed."""
        self._loop = loop
        self._sessions = sessions
        self._tell = tell
        self.rules: RuleBook | None = None
        """None if no rule can ever apply."""
        self.held = HeldList()
        """What waited for a person a moment ago."""
        self._untold: deque[int] = deque()
        """Connections that have not been told of the rules, by handle."""
        self._publishing: asyncio.TimerHandle | None = None
        self._pause = _PUBLISH_SECONDS
        self.advising = Advising(loop)
        """Who is asked about what no rule applies to."""

    def set_rules(self, rules: RuleBook) -> None:
        """Let these rules apply, to open connections too. What is held stays held."""
        self.rules = None if rules.is_empty else rules
        self._tell_all()

    def decide(self, keys: Iterable[HeldKey], decision: Decision) -> int:
        """Decide on held messages; gives how many were still held. Raises NotHeldError if none was."""
        decided = 0
        for key in keys:
            session = self._sessions.get(key.connection)
            decided += session is not None and session.decide(key.ticket, decision)
        if not decided:
            raise NotHeldError(
                "It is held no more: somebody has decided, its time was up, or the connection is over."
            )
        return decided

    def let_all_go(self, connection: int | None = None) -> int:
        """Let everything that is held go on unchanged, on one connection or on all; gives the number."""
        count = 0
        for session in tuple(self._sessions.values()):
            for message in tuple(session.held()):
                if connection in (None, message.key.connection):
                    count += session.decide(message.key.ticket, Onward.PASS)
        return count

    def held_changed(self) -> None:
        """Something waits for a person, or no longer: told soon, however often it happens."""
        if self._publishing is None:
            self._publishing = self._loop.call_later(self._pause, self._publish)

    def set_adviser(self, adviser: Adviser | None) -> None:
        """Ask this one about what passes, on open connections too; None: nobody."""
        self.advising.set(adviser)
        self.ask_anew()

    def ask_anew(self) -> None:
        """The adviser is another one, or wants to know of other things."""
        self._tell_all()

    async def close(self) -> None:
        """Publish nothing more, and ask nobody any more."""
        if self._publishing is not None:
            self._publishing.cancel()
        await self.advising.close()

    def _tell_all(self) -> None:
        """Tell every connection of the rules, a few at a time: with many rules each takes a while."""
        was_telling = bool(self._untold)
        self._untold = deque(self._sessions)
        if not was_telling:
            self._tell_some()

    def _tell_some(self) -> None:
        end = self._loop.time() + _TELL_SECONDS
        while self._untold and self._loop.time() < end:
            session = self._sessions.get(self._untold.popleft())
            if session is not None:
                session.hear(self.rules)
        if self._untold:
            self._loop.call_soon(self._tell_some)

    def _publish(self) -> None:
        self._publishing = None
        started = self._loop.time()
        sessions = tuple(self._sessions.values())
        everything = (message for session in sessions for message in session.held())
        shown = sorted(islice(everything, SHOWN), key=lambda message: message.since_ns)
        total = len(shown) if len(shown) < SHOWN else sum(session.held_count for session in sessions)
        self.held = HeldList(tuple(shown), total, any(session.is_stuck for session in sessions))
        self._tell()
        # With much held this takes a while, which traffic must not wait for all the time.
        self._pause = max(_PUBLISH_SECONDS, _PUBLISH_SHARE * (self._loop.time() - started))
