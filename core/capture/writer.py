"""The single writer of a capture file: turns what connections report into rows. Synchronous; see `recorder`.

Everything is applied in memory first and then written in one transaction, so that after a disk error the file and the
counts agree: those frames are lost, later ones may be written.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.capture.batches import Batch as Batch
from core.capture.blocks import MOST_FRAME_BYTES, BlockBuilder, OneFrame, cut_to_fit
from core.capture.capture_file import CaptureFile
from core.capture.forgetting import Running, forget
from core.capture.gaps import GapReason, Missing
from core.capture.layout import FROM_SERVER, HANDLED
from core.capture.legs import LegChange
from core.capture.marks import MarkChange, change_marks
from core.capture.merging import Merger
from core.capture.numbering import Numbering
from core.capture.pending import Pending
from core.capture.ring import KEEP_ALL, Dropped, Keep, drop_oldest, room_for
from core.capture.ruled import frames_of, unrecorded_bytes
from core.capture.store import ALL, mark_lost
from core.capture.tables import BLOCK, CLEARED, LANE, PAYLOAD, PayloadRow
from core.capture.tracks import Broken, Opened, Track
from core.errors import CaptureError
from core.protocol.events import (
    Caused,
    Decided,
    FrameReceived,
    FrameSent,
    Origin,
    Report,
    Ruled,
    RunReceived,
    RunSent,
)
from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import Opcode

_MOST_WAITING = 256
"""Ended connections kept in memory while nothing can be written."""


@dataclass(slots=True)
class CaptureWriter:
    """Writes batches into one capture file, one transaction for each call of `write`."""

    path: Path
    version: str
    recording: bool = True
    """If off, connections are recorded, and frames are only counted, as a gap."""
    keep: Keep = KEEP_ALL
    """Bounds that `drop_oldest` enforces."""
    most_frame_bytes: int = MOST_FRAME_BYTES
    """Limit of a frame with its message. A larger one is cut."""
    lost_frames: int = field(init=False, default=0)
    """Frames that could not be written. They become a gap as soon as writing works again."""
    written_frames: int = field(init=False, default=0)
    """Frames that were written."""
    _file: CaptureFile = field(init=False)
    _merger: Merger = field(init=False, default_factory=Merger)
    _total: Running = field(init=False, default_factory=Running)
    _committed: Running = field(init=False, default_factory=Running)
    """`_total` as it is in the file."""
    numbering: Numbering = field(init=False, default_factory=Numbering)
    """Numbers of the connections in this capture."""
    _last_handle: int = field(init=False, default=0)
    _tracks: dict[int, Track] = field(init=False, default_factory=dict)
    """Connections by handle."""
    _touched: dict[int, Track] = field(init=False, default_factory=dict)
    _next_frame: int = field(init=False, default=1)
    _block: BlockBuilder = field(init=False)
    _blocks: list[tuple[BlockBuilder, list[tuple[int, ...]]]] = field(init=False, default_factory=list)
    """Full blocks, with their rows of `lane`."""
    _pending: Pending = field(init=False, default_factory=Pending)
    _missing: Missing = field(init=False, default_factory=Missing)
    """Missing frames not yet noted in the file's `gap`; all precede the next block."""

    def __post_init__(self) -> None:
        self._file = self._create(self.path)
        self._block = BlockBuilder(1)

    def write(self, batches: Iterable[Batch]) -> None:
        """Write and commit. Raises CaptureError if the disk fails: the file is as before, and the frames are lost."""
        before = self._next_frame
        self._file.bound_log(None if self.keep.bytes is None else self.keep.log_bytes)
        with self._falling_back():
            for batch in batches:
                if isinstance(batch.events, Opened):
                    self._open(batch.connection, batch.events, batch.time_ns)
                else:
                    self._add(batch, batch.events)
            self._end_block()
            with self._file.transaction():
                self._write_blocks()
                self._write_changes(before)
                self._missing.write(self._db, before)
        self._keep()

    def clear(self) -> None:
        """Remove all frames and the closed connections. Raises CaptureError if the disk fails."""
        self._touched = dict(self._tracks)
        for track in self._tracks.values():
            track.forget_frames()
            track.restate()
        self._pending.sources.restate(track.opened.source for track in self._tracks.values())
        self._total = Running(
            connections=sum(track.committed is not None for track in self._tracks.values()),
            changes=self._total.changes,
            generation=self._total.generation + 1,
        )
        with self._falling_back(), self._file.transaction():
            for table in CLEARED:
                self._db.execute(f"DELETE FROM {table.name}")
            self._db.execute("UPDATE total SET mark_changes = mark_changes + 1")
            self._write_changes(self._next_frame)
        self._keep()
        # Return the room to the disk unless somebody is reading; there is little left to move.
        with suppress(sqlite3.Error):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def clear_connection(self, handle: int) -> None:
        """Remove a connection; if it is open, only its frames. Raises CaptureError if the disk fails."""
        number, track = self.numbering.number(handle), self._tracks.get(handle)
        if number is None:
            return
        with self._falling_back(), self._file.transaction():
            forgotten = forget(self._db, number, self._next_frame, stays=track is not None)
            self._total.lose(forgotten)
            if track is not None:
                track.forget_frames(forgotten.violations_left)
                self._touched[handle] = track
            self._db.execute("UPDATE total SET mark_changes = mark_changes + 1")
            self._write_changes(self._next_frame)
        self._next_frame, self._block = forgotten.next_frame, BlockBuilder(forgotten.next_frame)
        self._keep()

    def drop_oldest(self, now_ns: int, budget: int) -> Dropped:
        """Drop about `budget` bytes of what exceeds `keep`. Raises CaptureError like `write`."""
        if self.keep.everything:
            return Dropped()
        with self._file.transaction():
            dropped = self._drop(now_ns, budget, 0)
        self._committed.violations -= dropped.violations
        return dropped

    def _drop(self, now_ns: int, budget: int, coming: int) -> Dropped:
        """Drop what exceeds `keep` with `coming` bytes about to be written, within a transaction."""
        dropped = drop_oldest(self._db, self.keep, now_ns, budget, coming)
        if dropped.frames:
            self._db.execute(
                "UPDATE total SET violations = violations - ?, mark_changes = mark_changes + ?",
                (dropped.violations, dropped.marks),
            )
        self._total.violations -= dropped.violations
        return dropped

    def merge(self, *, ending: bool = False) -> bool:
        """Merge small blocks for a few ms, or all at the `ending` of a capture; whether more may remain."""
        return (self._merger.finish if ending else self._merger.step)(self._file, self.keep)

    def change_marks(self, change: MarkChange) -> None:
        """Change marks. Raises CaptureError or CallerError, and changes nothing then."""
        change_marks(self._db, self.path, change)

    @property
    def is_in_place(self) -> bool:
        """Whether the capture is still at `path`, neither removed nor moved."""
        return self._file.is_in_place

    def settle(self) -> None:
        """Make everything written survive a power cut."""
        self._file.settle()

    def move_to(self, path: Path) -> None:
        """Copy everything to a file at `path` (replacing one there) and continue in it. Raises CaptureError."""
        self._file.move_to(path)
        self.path = self._file.path

    def carry_on(self) -> None:
        """Continue in a new file beside the removed or moved one, with everything. Raises CaptureError."""
        self._file.carry_on()
        self.path = self._file.path

    def start_new(self, path: Path) -> None:
        """Finish the capture and continue in a new one at `path`, with the open connections and no frames.

        Raises CaptureError; then all is as before.
        """
        new = self._create(path)
        with suppress(CaptureError):
            self.close()
        self._file, self.path = new, path
        self._total, self._committed = Running(), Running()
        self._next_frame, self._block = 1, BlockBuilder(1)
        self._pending.begin_anew()
        self._missing.clear()
        self._touched = dict(sorted(self._tracks.items()))
        self.numbering = Numbering(tuple(self._touched), self._last_handle)
        for number, track in enumerate(self._touched.values(), 1):
            track.begin_anew(number, self._pending.sources.number(track.opened.source))
        # What the disk does not take now is written with the next batch.
        with suppress(CaptureError):
            self.write(())

    def _create(self, path: Path) -> CaptureFile:
        return CaptureFile(path, (("created_ns", time.time_ns()), ("version", self.version)))

    def close(self) -> None:
        """Mark open connections as lost, and leave a single file if no reader holds it."""
        try:
            with self._file.transaction():
                self._missing.write(self._db, self._next_frame)
                mark_lost(self._db)
        finally:
            self._file.close()

    # Transactions.

    @property
    def _db(self) -> sqlite3.Connection:
        return self._file.db

    def _keep(self) -> None:
        """Note that everything is in the file."""
        self.written_frames += sum(block.count for block, _ in self._blocks)
        self._committed = replace(self._total)
        for track in self._touched.values():
            track.keep()
        self._touched.clear()
        self._blocks.clear()
        self._pending.keep()
        self._missing.clear()

    @contextmanager
    def _falling_back(self) -> Iterator[None]:
        """Fall back if something in this context fails; the error goes on."""
        try:
            yield
        except Exception:
            self._fall_back()
            raise

    def _fall_back(self) -> None:
        """Nothing since `_keep` is in the file: count lost frames, keep the state of connections."""
        self._miss_what_is_lost()
        blocks = [*(block for block, _ in self._blocks), self._block]
        self.lost_frames += sum(block.count for block in blocks)
        self._next_frame = blocks[0].first
        self._block = BlockBuilder(self._next_frame)
        self._blocks.clear()
        self._pending.drop()
        self._total = replace(self._committed)
        over = [handle for handle in self._touched if handle not in self._tracks]
        for handle in over[:-_MOST_WAITING]:
            del self._touched[handle]
        tracks = (*self._touched.values(), *self._tracks.values())
        for track in tracks:
            track.fall_back()
        self._missing.forget_all_but({track.id for track in tracks})

    def _miss_what_is_lost(self) -> None:
        """Count the frames of blocks that did not reach the file."""
        lost = GapReason.NOT_WRITTEN
        for block, lanes in self._blocks:
            for lane, _, _, frames, _, data in lanes:
                self._missing.add(lane, lost, frames, data, block.first_ns, block.last_ns)
        for track in self._touched.values():
            if track.block_frames:
                times = self._block.first_ns, self._block.last_ns
                self._missing.add(track.id, lost, track.block_frames, track.block_data, *times)
                self._missing.add(ALL, lost, track.block_frames, track.block_data, *times)

    def _pass(self, track: Track, time_ns: int, frames: int, data: int) -> None:
        """Count frames that are not recorded."""
        for lane in (track.id, ALL):
            self._missing.add(lane, GapReason.NOT_RECORDED, frames, data, time_ns, time_ns)

    def _write_blocks(self) -> None:
        stored: Iterable[PayloadRow] = (block.payload_row for block, _ in self._blocks)
        if self.keep.bytes is not None:
            stored = list(stored)
            coming = sum(
                room_for(len(block.records), len(payload.bytes))
                for (block, _), payload in zip(self._blocks, stored, strict=True)
            )
            self._drop(time.time_ns(), 2 * coming, coming)
        for (block, lanes), payload in zip(self._blocks, stored, strict=True):
            self._db.execute(BLOCK.insert, block.row)
            self._db.execute(PAYLOAD.insert, payload)
            self._db.executemany(LANE.insert, lanes)

    def _write_changes(self, new_from: int) -> None:
        total = self._total
        if self._touched:
            total.changes += 1
            total.connections += sum(track.committed is None for track in self._touched.values())
        self._pending.write(self._db, self._touched.values(), total.changes, new_from)
        total.write(self._db)

    # Reports of connections.

    def _open(self, handle: int, opened: Opened, time_ns: int) -> None:
        self._last_handle = max(self._last_handle, handle)
        number = self.numbering.number(handle)
        if number is not None:
            source = self._pending.sources.number(opened.source)
            self._tracks[handle] = self._touched[handle] = Track(number, opened, time_ns, source)

    def _add(self, batch: Batch, events: Sequence[Report] | LegChange) -> None:
        track = self._tracks.get(batch.connection)
        if track is None:
            return
        self._touched[batch.connection] = track
        time_ns = batch.time_ns
        if isinstance(events, LegChange):
            track.change_leg(time_ns, events)
            return
        received = batch.received_flag
        sent = received ^ FROM_SERVER
        is_silent = received not in track.heard
        for event in events:
            if is_silent and track.hear(event, received, time_ns):
                is_silent = False
            if isinstance(event, FrameReceived):
                self._add_frame(track, time_ns, event, received)
            elif isinstance(event, FrameSent):
                self._add_frame(track, time_ns, event, sent)
            elif isinstance(event, RunReceived):
                self._add_run(track, time_ns, event.frames, Origin.PEER, received)
            elif isinstance(event, RunSent):
                self._add_run(track, time_ns, event.frames, event.origin, sent)
            elif isinstance(event, Ruled):
                for frame in frames_of(event):
                    self._add_frame(track, time_ns, frame, received, event)
            elif isinstance(event, Caused):
                self._add_frame(track, time_ns, event.sent, sent, event)
            elif isinstance(event, Decided):
                self._pending.handlings.decide(track.id, event)
            else:
                self._note(track, track.change(time_ns, event))
        if track.closed_ns is not None:
            del self._tracks[batch.connection]

    def _note(self, track: Track, broken: Broken, frame: int | None = None) -> None:
        track.counts.violations += len(broken.violations)
        self._total.violations += len(broken.violations)
        self._pending.note_violations(track.id, broken.violations, frame=frame, head=broken.head)

    # Frames.

    def _add_frame(
        self,
        track: Track,
        time_ns: int,
        event: OneFrame,
        from_server: int,
        told: Ruled | Caused | None = None,
    ) -> None:
        if isinstance(event, FrameSent) and event.frame.opcode == Opcode.CLOSE:
            track.close_sent()
        track.number += 1
        if not self.recording:
            self._pass(track, time_ns, 1, 0 if event[0][0] & 8 else 1)
            return
        event = cut_to_fit(event, self.most_frame_bytes)
        self._make_room(event.frame.payload)
        if event.violations:
            self._note(track, Broken(event.violations), self._next_frame)
        block = self._block
        if told is None:
            wire_bytes = block.append(event, track.id, track.number, time_ns, from_server)
        else:
            self._pending.handlings.note(self._next_frame, track.id, told)
            wire_bytes = block.append(event, track.id, track.number, time_ns, from_server, HANDLED)
            wire_bytes += unrecorded_bytes(told, event)
        track.block_frames += 1
        if not event[0][0] & 8:
            track.block_data += 1
        self._count(track, 1, wire_bytes, from_server)

    def _add_run(
        self, track: Track, time_ns: int, run: FrameColumns, origin: Origin, from_server: int
    ) -> None:
        """Add whole plain messages."""
        total = len(run.heads)
        if not self.recording:
            track.number += total
            self._pass(track, time_ns, total, total)
            return
        start = 0
        while start < total:
            self._make_room(run.payloads[start])
            count = min(self._block.room, total - start)
            wire_bytes = self._block.extend_run(
                run if count == total else run.part(start, start + count),
                connection=track.id, number=track.number + 1, time_ns=time_ns, from_server=from_server, origin=origin,
            )  # fmt: skip
            start += count
            track.number += count
            track.block_frames += count
            track.block_data += count
            self._count(track, count, wire_bytes, from_server)

    def _count(self, track: Track, frames: int, wire_bytes: int, from_server: int) -> None:
        """Count frames added to the block."""
        self._next_frame += frames
        self._total.bytes += wire_bytes
        if from_server:
            track.counts.bytes_out += wire_bytes
        else:
            track.counts.bytes_in += wire_bytes

    def _make_room(self, payload: bytes) -> None:
        """Make room for one more frame with this payload."""
        if not self._block.takes(payload):
            self._end_block()

    def _end_block(self) -> None:
        """Queue the current block for writing, with the places of its frames in each list."""
        block, total = self._block, self._total
        count = block.count
        if not count:
            return
        lanes: list[tuple[int, ...]] = []
        data = 0
        for track in self._touched.values():
            if track.block_frames:
                counts = track.counts
                places = counts.frames, track.block_frames, counts.data_frames, track.block_data
                lanes.append((track.id, block.first, *places))
                data += track.block_data
                counts.frames += track.block_frames
                counts.data_frames += track.block_data
                track.block_frames = track.block_data = 0
        lanes.append((ALL, block.first, total.frames, count, total.frames - total.control, data))
        total.frames += count
        total.control += count - data
        self._blocks.append((block, lanes))
        self._block = BlockBuilder(self._next_frame)
