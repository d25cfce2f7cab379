"""A capture as a story: handshakes, frames and closes in the order in which they happened, as far as it has come."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from core.capture.reader import CaptureReader
from core.capture.records import ConnectionRecord, ConnectionState, FrameRecord, View
from core.protocol.violations import Violation


class Chapter(IntEnum):
    """What an entry tells; at the same moment they come in this order."""

    HANDSHAKE = 0
    FRAME = 1
    CLOSE = 2


@dataclass(frozen=True, slots=True)
class Handshake:
    """The opening handshake is over, well or not."""

    connection: ConnectionRecord
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """A connection is over."""

    connection: ConnectionRecord


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames that were recorded and dropped before they could be told, because only the newest are kept."""

    frames: int
    before: int
    """Id of the frame behind them."""
    time_ns: int
    """When that one came."""


Entry = Handshake | FrameRecord | Gap | Close


class Stretch(Protocol):
    """Frames that were looked at."""

    @property
    def frames(self) -> Sequence[int]:
        """Ids of those that are to be told, in order."""

    @property
    def through(self) -> int:
        """All frames up to this id have been looked at."""


Find = Callable[[int], Iterable[Stretch]]
"""Looks at the frames with ids above the one given, in order."""


class Follower:
    """Reads on where it stopped. Remembers only the ids of connections that are not over."""

    def __init__(self, reader: CaptureReader, find: Find | None = None) -> None:
        """Tells only the frames that `find` finds; None: all."""
        self._reader = reader
        self._find = find
        self._changes = 0
        self._frame = 0
        self._announced: set[int] = set()
        self._generation = reader.totals().generation

    def entries(self) -> Iterator[Entry]:
        """What is new since the last call, in order of time. Exhaust it before the next call."""
        with self._reader.snapshot():
            totals = self._reader.totals()
            changed = self._reader.connections(self._changes, limit=totals.connections)
            first, last = self._reader.first_frame_id(), self._reader.last_frame_id()
            dropped = self._reader.dropped(View())
        if totals.generation != self._generation:
            self._generation = totals.generation
            self._reader.forget()
            # Clearing leaves, and changes, only connections that are not over.
            self._announced &= {record.id for record in changed}
        self._changes = totals.changes
        opened, closed = self._handshakes(changed), self._closes(changed)
        # What was cleared is missing too, and is no gap.
        gap = max(0, min(first - 1 - self._frame, dropped))
        self._frame = max(self._frame, first - 1)
        frames = self._frames(last, gap) if self._find is None else self._found(self._find, last, gap)
        for _, _, _, entry in heapq.merge(opened, frames, closed):
            yield entry

    def _handshakes(self, changed: list[ConnectionRecord]) -> Iterator[tuple[int, Chapter, int, Entry]]:
        fresh = [
            record
            for record in changed
            if record.id not in self._announced and record.state is not ConnectionState.CONNECTING
        ]
        for record in sorted(fresh, key=lambda record: record.opened_ns):
            self._announced.add(record.id)
            entry = Handshake(record, self._reader.connection_violations(record.id))
            yield record.opened_ns, Chapter.HANDSHAKE, record.id, entry

    def _frames(self, last: int, gap: int) -> Iterator[tuple[int, Chapter, int, Entry]]:
        for record in self._reader.frames_after(self._frame, last - self._frame):
            if record.row.id > last:
                # Cleared meanwhile: this one's handshake may not be told yet.
                return
            time_ns, frame = record.row.time_ns, record.row.id
            gap += frame - self._frame - 1
            if gap:
                yield time_ns, Chapter.FRAME, frame - 1, Gap(gap, frame, time_ns)
            gap, self._frame = 0, frame
            yield time_ns, Chapter.FRAME, frame, record

    def _found(self, find: Find, last: int, gap: int) -> Iterator[tuple[int, Chapter, int, Entry]]:
        for stretch in find(self._frame):
            first = self._reader.first_frame_id()
            if self._frame < first - 1 < last:
                gap += first - 1 - self._frame
                self._frame = first - 1
            yield from self._gap(gap, last)
            wanted = [each for each in stretch.frames if self._frame < each <= last]
            told = 0
            for record in self._reader.frames(wanted):
                time_ns, frame = record.row.time_ns, record.row.id
                place = wanted.index(frame, told)
                if place > told:
                    yield time_ns, Chapter.FRAME, frame - 1, Gap(place - told, frame, time_ns)
                yield time_ns, Chapter.FRAME, frame, record
                told = place + 1
            gap = len(wanted) - told
            self._frame = max(self._frame, min(stretch.through, last))
            if self._frame == last:
                break
        yield from self._gap(gap, last)

    def _gap(self, frames: int, last: int) -> Iterator[tuple[int, Chapter, int, Entry]]:
        """Nothing where these were not dropped but cleared: then there is none left up to `last`."""
        first = self._reader.first_frame_id() if frames else 0
        behind = self._reader.frame(first) if 0 < first <= last else None
        if behind is not None:
            time_ns = behind.row.time_ns
            yield time_ns, Chapter.FRAME, first - 1, Gap(frames, first, time_ns)

    def _closes(self, changed: list[ConnectionRecord]) -> Iterator[tuple[int, Chapter, int, Entry]]:
        over = [record for record in changed if record.closed_ns is not None]
        for record in sorted(over, key=lambda record: record.closed_ns or 0):
            self._announced.discard(record.id)
            yield record.closed_ns or 0, Chapter.CLOSE, record.id, Close(record)
