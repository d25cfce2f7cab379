"""The queue of one direction: decisions come in any order, and what is let go follows the order of arrival.

    gate.arrive(ticket, message, size)
    gate.decide(ticket, edited)
    while (message := gate.take()) is not None: ...

It knows neither clocks nor bytes. What overtakes the queue, such as a control frame, never enters it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(slots=True)
class _Place(Generic[Item]):
    """One item of the queue."""

    ticket: int
    item: Item | None
    """None once it goes nowhere."""
    size: int
    is_decided: bool
    behind: int = 0
    """How many later items go before it."""


@dataclass(frozen=True, slots=True)
class Waiting(Generic[Item]):
    """An item that is not decided on."""

    ticket: int
    position: int
    """Number of items before it, those included that are decided on."""
    item: Item


class Gate(Generic[Item]):
    """One direction. From `most_items` or `most_bytes` on it is full: it takes more, but should not get it."""

    def __init__(self, most_items: int, most_bytes: int) -> None:
        self._most_items = most_items
        self._most_bytes = most_bytes
        self._queue: deque[_Place[Item]] = deque()
        self._undecided: dict[int, _Place[Item]] = {}
        """By ticket, in order of arrival."""
        self._lagging: list[_Place[Item]] = []
        """Items whose turn has come and that let others go first."""
        self._due: deque[_Place[Item]] = deque()
        """Those of them that have let enough go."""
        self.held_bytes = 0
        """Size of all that is in it."""

    def __len__(self) -> int:
        """Number of items in it."""
        return len(self._queue) + len(self._lagging) + len(self._due)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in it, so that an item may go on without entering."""
        return not (self._queue or self._lagging or self._due)

    @property
    def is_full(self) -> bool:
        """Whether no more should arrive."""
        return len(self) >= self._most_items or self.held_bytes >= self._most_bytes

    @property
    def undecided(self) -> int:
        """Number of items that nobody has decided on."""
        return len(self._undecided)

    def arrive(
        self, ticket: int, item: Item, size: int, *, is_decided: bool = False, behind: int = 0
    ) -> None:
        """Put an item at the end. `ticket` is unique; `is_decided`: it only waits for its turn.

        `behind`: when its turn comes, it lets so many later items go first.
        """
        place = _Place(ticket, item, size, is_decided, behind)
        self._queue.append(place)
        self.held_bytes += size
        if not is_decided:
            self._undecided[ticket] = place

    def decide(self, ticket: int, item: Item | None, behind: int = 0) -> bool:
        """Let an item go as `item` when its turn comes, or nowhere if that is None.

        False if it is not in the queue, or was decided on before.
        """
        place = self._undecided.pop(ticket, None)
        if place is None:
            return False
        place.item, place.behind, place.is_decided = item, behind, True
        return True

    def item(self, ticket: int) -> Item | None:
        """An item that nobody has decided on; None if there is none of this ticket."""
        place = self._undecided.get(ticket)
        return None if place is None else place.item

    def take(self) -> Item | None:
        """The next item to go on; None if there is none, or if nobody has decided on it."""
        while True:
            if self._due:
                return self._leave(self._due.popleft())
            if not self._queue or not self._queue[0].is_decided:
                return None
            place = self._queue.popleft()
            if place.item is None:
                self.held_bytes -= place.size
            elif place.behind:
                self._lagging.append(place)
            else:
                self._count()
                return self._leave(place)

    def flush(self, spares: Callable[[Item], bool] = lambda _: False) -> list[Waiting[Item]]:
        """Let everything go in order, what lags behind at last; gives what nobody had decided on.

        What it spares still waits for its decision.
        """
        undecided = [waiting for waiting in self.waiting() if not spares(waiting.item)]
        for waiting in undecided:
            self._undecided.pop(waiting.ticket).is_decided = True
        for place in self._queue:
            place.behind = 0
        self._queue += self._lagging
        for place in self._lagging:
            place.behind = 0
        self._lagging.clear()
        return undecided

    def waiting(self) -> Iterator[Waiting[Item]]:
        """What nobody has decided on, in order."""
        ahead = len(self._due)
        for position, place in enumerate(self._queue, ahead):
            if not place.is_decided and place.item is not None:
                yield Waiting(place.ticket, position, place.item)

    def items(self) -> Iterator[Item]:
        """What nobody has decided on, in order of arrival."""
        return (place.item for place in self._undecided.values() if place.item is not None)

    def clear(self) -> list[Item]:
        """Forget everything; gives what was in it and would have gone on, in order of arrival."""
        places = [*self._due, *self._lagging, *self._queue]
        places.sort(key=lambda place: place.ticket)
        self._queue.clear()
        self._lagging.clear()
        self._due.clear()
        self._undecided.clear()
        self.held_bytes = 0
        return [place.item for place in places if place.item is not None]

    def _leave(self, place: _Place[Item]) -> Item | None:
        self.held_bytes -= place.size
        return place.item

    def _count(self) -> None:
        """One item has gone: those that lag behind have let one more go first."""
        if not self._lagging:
            return
        for place in self._lagging:
            place.behind -= 1
        self._due += [place for place in self._lagging if not place.behind]
        self._lagging = [place for place in self._lagging if place.behind]
