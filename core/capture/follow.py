"""Tells a capture as a story: handshakes, frames and closes in order of time, as far as it is recorded."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Protocol

from core.capture.gaps import Gap, GapReason
from core.capture.legs import HeadPlace, HeadRecord, LegRecord
from core.capture.reader import CaptureReader
from core.capture.records import (
    ConnectionRecord,
    ConnectionState,
    FrameRecord,
    FrameRow,
    Mode,
    Problem,
    Totals,
    View,
)
from core.protocol.handling import Fate
from core.protocol.violations import Violation


class Chapter(IntEnum):
    """What an entry is about; entries of the same moment come in this order."""

    HANDSHAKE = 0
    FRAME = 1
    DECISION = 2
    CLOSE = 3


@dataclass(frozen=True, slots=True)
class Handshake:
    """An opening handshake has ended, successfully or not."""

    connection: ConnectionRecord
    problems: tuple[Problem, ...]
    """What no frame broke."""
    legs: tuple[LegRecord, ...]
    passed_request: bytes = b""
    """The request as it went on to the server; empty if it went on as it came, or did not."""
    passed_response: bytes = b""
    """The response as it went on to the client; empty if it went on as it came, or did not."""
    rules: tuple[str, ...] = ()
    """Names of the rules that applied to request or response."""

    @property
    def violations(self) -> tuple[Violation, ...]:
        return tuple(each.violation for each in self.problems)


@dataclass(frozen=True, slots=True)
class Decision:
    """It is settled what becomes of a frame that was told while it was held."""

    row: FrameRow

    @property
    def time_ns(self) -> int:
        return self.row.time_ns + (self.row.handling.held_ns or 0)


@dataclass(frozen=True, slots=True)
class Close:
    """A connection has ended."""

    connection: ConnectionRecord
    legs: tuple[LegRecord, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A plain HTTP exchange or a tunnel has ended, or the story has; it has no frames."""

    connection: ConnectionRecord
    """`ConnectionState.EXCHANGED` or `TUNNELLED`."""
    problems: tuple[Problem, ...]
    legs: tuple[LegRecord, ...]


PASSING = (ConnectionState.EXCHANGED, ConnectionState.TUNNELLED)
"""States of which a `Passage` is told, and no handshake."""

Entry = Handshake | FrameRecord | Decision | Gap | Passage | Close
_Told = tuple[int, Chapter, int, Entry]
"""An entry with its sort key: time, chapter and id."""


class Stretch(Protocol):
    """Frames that were examined."""

    @property
    def frames(self) -> Sequence[int]:
        """Ids of the frames to tell, in order."""

    @property
    def through(self) -> int:
        """All frames up to this id have been examined."""


Find = Callable[[int], Iterable[Stretch]]
"""Examines the frames with ids above the given one, in order."""


_EVERY = View()
_MOST_WAITING = 100_000
"""Held frames of which a decision is awaited."""


class Follower:
    """Continues where it stopped. It remembers only the ids of connections that have not ended."""

    def __init__(self, reader: CaptureReader, find: Find | None = None, view: View = _EVERY) -> None:
        """Tell only the frames that `find` finds; None means all. Gaps are those of the view."""
        self._reader = reader
        self._view = view
        self._find = find
        self._changes = 0
        self._frame = 0
        """All frames up to this id have been told, or found missing."""
        self._time_ns: int | None = None
        """Time of the last frame that was told."""
        self._gaps: deque[Gap] = deque()
        """Gaps noted in the capture that are still to be told, in order."""
        self._announced: set[int] = set()
        self._passing: set[int] = set()
        """Passages that have not ended."""
        self._waiting: dict[int, None] = {}
        """Frames that were told while they were held, in order."""
        self._handling_changes = 0
        self._generation = reader.totals().generation
        self.missed_frames = 0
        """Frames that existed when they were due, but were gone before they were read."""

    def go_on_with(self, reader: CaptureReader) -> None:
        """Continue with the same capture at another path; only between two calls of `entries`."""
        self._reader = reader

    def entries(self, *, ending: bool = False) -> Iterator[Entry]:
        """What is new since the last call, in order of time. Exhaust it before the next call.

        A gap is told once frames were recorded after it, or when the story is `ending`.
        """
        with self._reader.snapshot():
            totals = self._reader.totals()
            changed = self._reader.connections(self._changes, limit=totals.connections)
            first, last = self._reader.first_frame_id(), self._reader.last_frame_id()
            dropped = self._reader.gaps.dropped(self._view)
            self._gaps = deque(self._reader.gaps.noted(self._view, since=self._frame + 1))
        if totals.generation != self._generation:
            self._generation = totals.generation
            self._reader.forget()
            # Clearing leaves only unfinished connections, or all but one.
            kept = {record.id for record in self._reader.connections()}
            self._announced &= kept
            self._passing &= kept
        self._changes = totals.changes
        decided = self._decisions(totals)
        opened, closed = self._handshakes(changed), self._closes(changed)
        frames = self._story(first, last, dropped, ending=ending)
        for _, _, _, entry in heapq.merge(opened, frames, decided, closed):
            yield entry
        if ending:
            yield from self._unended()

    def _handshakes(self, changed: list[ConnectionRecord]) -> Iterator[_Told]:
        fresh = [
            record
            for record in changed
            if record.id not in self._announced
            and record.state is not ConnectionState.CONNECTING
            and record.state not in PASSING
        ]
        for record in sorted(fresh, key=lambda record: record.opened_ns):
            self._announced.add(record.id)
            problems, legs = self._reader.connection_problems(record.id), self._legs(record)
            heads = self._reader.heads(record.id)
            rules = tuple(dict.fromkeys(name for head in heads for name in head.rules))
            entry = Handshake(record, problems, legs, *_passed(record, heads), rules)
            yield record.opened_ns, Chapter.HANDSHAKE, record.id, entry

    def _story(self, first: int, last: int, dropped: Gap | None, *, ending: bool) -> Iterator[_Told]:
        """The frames up to `last` that are to be told, and all gaps."""
        # Frames cleared before are missing too, but are not a gap.
        gone = 0 if dropped is None else min(first - 1 - self._frame, dropped.frames)
        if dropped is not None and gone > 0:
            yield self._told(replace(dropped, before=first, frames=gone, first_ns=self._since(dropped)))
        self._frame = max(self._frame, first - 1)
        yield from self._frames(last) if self._find is None else self._found(self._find, last)
        if self._frame < last:
            yield from self._missing(last + 1, last - self._frame)
            self._frame = last
        yield from self._noted(self._gaps[-1].before if ending and self._gaps else last)

    def _frames(self, last: int) -> Iterator[_Told]:
        for record in self._reader.frames_after(self._frame, last - self._frame):
            frame = record.row.id
            if frame > last:
                # The frame's handshake may not have been told yet.
                return
            if frame > self._frame + 1:
                yield from self._missing(frame, frame - self._frame - 1)
            if self._gaps:
                yield from self._noted(frame)
            yield self._frame_told(record)

    def _found(self, find: Find, last: int) -> Iterator[_Told]:
        for stretch in find(self._frame):
            first = min(self._reader.first_frame_id() or last + 1, last + 1)
            yield from self._missing(first, first - 1 - self._frame)
            wanted = deque(each for each in stretch.frames if self._frame < each <= last)
            for record in self._reader.frames(tuple(wanted)):
                frame, gone = record.row.id, 0
                while wanted.popleft() != frame:
                    gone += 1
                yield from self._missing(frame, gone)
                yield from self._noted(frame)
                yield self._frame_told(record)
            through = min(stretch.through, last)
            yield from self._missing(through + 1, len(wanted))
            self._frame = max(self._frame, through)
            yield from self._noted(self._frame)
            if self._frame == last:
                break

    def _decisions(self, totals: Totals) -> list[_Told]:
        """What was decided of frames that were told as held."""
        if totals.handling_changes == self._handling_changes:
            return []
        self._handling_changes = totals.handling_changes
        rows = self._reader.rows_of(list(self._waiting))
        # Others were dropped or cleared.
        self._waiting = {row.id: None for row in rows if _is_undecided(row)}
        decisions = [Decision(row) for row in rows if not _is_undecided(row)]
        return sorted((each.time_ns, Chapter.DECISION, each.row.id, each) for each in decisions)

    def _frame_told(self, record: FrameRecord) -> _Told:
        if _is_undecided(record.row):
            self._waiting[record.row.id] = None
            if len(self._waiting) > _MOST_WAITING:
                del self._waiting[next(iter(self._waiting))]
        self._frame, self._time_ns = record.row.id, record.row.time_ns
        return record.row.time_ns, Chapter.FRAME, record.row.id, record

    def _noted(self, through: int) -> Iterator[_Told]:
        """Gaps noted in the capture before frames up to this id."""
        while self._gaps and self._gaps[0].before <= through:
            yield self._told(self._gaps.popleft())

    def _missing(self, before: int, frames: int) -> Iterator[_Told]:
        """A gap for frames before this id that were to be told and are gone."""
        if frames <= 0:
            return
        self.missed_frames += frames
        self._frame = max(self._frame, before - 1)
        reason = GapReason.DROPPED
        if self._reader.totals().generation != self._generation:
            reason = GapReason.CLEARED
        dropped = self._reader.gaps.dropped(self._view)
        now_ns = self._time_ns or 0
        last_ns = now_ns if dropped is None else max(dropped.last_ns, now_ns)
        yield self._told(Gap(before, reason, frames, self._since(dropped), last_ns))

    def _since(self, dropped: Gap | None) -> int:
        """Time from which frames are missing: the first missing one came after the last that was told."""
        if self._time_ns is not None:
            return self._time_ns
        return 0 if dropped is None else dropped.first_ns

    @staticmethod
    def _told(gap: Gap) -> _Told:
        return gap.last_ns, Chapter.FRAME, gap.before - 1, gap

    def _closes(self, changed: list[ConnectionRecord]) -> Iterator[_Told]:
        for record in changed:
            if record.state in PASSING and record.id not in self._announced:
                self._passing.add(record.id)
        over = [record for record in changed if record.closed_ns is not None]
        for record in sorted(over, key=lambda record: record.closed_ns or 0):
            self._announced.discard(record.id)
            entry = self._passage(record) if record.id in self._passing else Close(record, self._legs(record))
            yield record.closed_ns or 0, Chapter.CLOSE, record.id, entry

    def _unended(self) -> Iterator[Passage]:
        """Passages that the story leaves unfinished."""
        for number in sorted(self._passing):
            record = self._reader.connection(number)
            if record is not None:
                yield self._passage(record)

    def _passage(self, record: ConnectionRecord) -> Passage:
        self._passing.discard(record.id)
        return Passage(record, self._reader.connection_problems(record.id), self._legs(record))

    def _legs(self, record: ConnectionRecord) -> tuple[LegRecord, ...]:
        return tuple(self._reader.legs(record.id))


def _passed(record: ConnectionRecord, heads: Iterable[HeadRecord]) -> tuple[bytes, bytes]:
    """Request and response as they went on, where that is not just as they came."""
    if record.mode not in (Mode.RELAY, Mode.PROXY):
        return b"", b""
    raw = {each.place: each.raw for each in heads}
    request, response = raw.get(HeadPlace.SERVER_REQUEST, b""), raw.get(HeadPlace.CLIENT_RESPONSE, b"")
    came = raw.get(HeadPlace.SERVER_RESPONSE)
    return (
        b"" if request == raw.get(HeadPlace.CLIENT_REQUEST) else request,
        b"" if came is None or response == came else response,
    )


def _is_undecided(row: FrameRow) -> bool:
    return row.handling.fate is Fate.HELD and row.handling.held_ns is None
