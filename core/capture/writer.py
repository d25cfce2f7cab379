"""The one writer of a capture file: turns what connections report into rows. Synchronous; see `recorder`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import cast

from core.capture.blocks import FROM_SERVER, BlockBuilder
from core.capture.records import ConnectionState, Direction, Mode
from core.capture.store import ALL, create, tune_writer
from core.errors import CaptureError
from core.protocol.events import (
    ClosedBy,
    ConnectionClosed,
    ConnectionFailed,
    Event,
    FrameReceived,
    FrameSent,
    HandshakeDone,
    HandshakeFailed,
    RequestReceived,
    ResponseReceived,
)
from core.protocol.http11 import RequestHead
from core.protocol.violations import Violation


@dataclass(frozen=True, slots=True)
class Opened:
    """A TCP connection came in, or went out."""

    mode: Mode
    peer: str
    local: str
    received: Direction
    """Which way the frames go that this connection receives."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one connection did at one moment. `size` is about what it takes in memory, in bytes."""

    connection: int
    time_ns: int
    events: list[Event] | Opened
    size: int


@dataclass(slots=True)
class _Track:
    """A connection that is not over yet, as far as the file knows."""

    id: int
    opened: Opened
    opened_ns: int
    state: ConnectionState = ConnectionState.CONNECTING
    request: bytes = b""
    response: bytes = b""
    path: str = ""
    origin: str | None = None
    subprotocol: str | None = None
    extensions: str = ""
    status: int = 0
    reason: str = ""
    closed_ns: int | None = None
    close_code: int | None = None
    closed_by: ClosedBy = ClosedBy.NOBODY
    trailing: bytes = b""
    trailing_length: int = 0
    number: int = 0
    """Frames seen, recorded or not."""
    frames: int = 0
    data_frames: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    violations: int = 0
    block_frames: int = 0
    block_data: int = 0
    from_server: tuple[int, int] = (0, FROM_SERVER)
    """The direction flag of frames received and of frames sent."""

    def row(self, changed: int) -> tuple[object, ...]:
        return (
            self.id, changed, self.opened.mode, self.state, self.opened_ns, self.closed_ns, self.opened.peer,
            self.opened.local, self.request, self.response, self.path, self.origin, self.subprotocol,
            self.extensions, self.status, self.reason, self.close_code, self.closed_by, self.trailing,
            self.trailing_length, self.frames, self.data_frames, self.bytes_in, self.bytes_out, self.violations,
        )  # fmt: skip


@dataclass(slots=True)
class _Running:
    """What `total` says."""

    connections: int = 0
    frames: int = 0
    control: int = 0
    bytes: int = 0
    violations: int = 0
    changes: int = 0
    generation: int = 1


@dataclass(slots=True)
class CaptureWriter:
    """Writes batches into one capture file, a transaction for each call of `write`."""

    path: Path
    version: str
    recording: bool = True
    """Off: connections are kept, frames are counted but not kept."""
    _db: sqlite3.Connection = field(init=False)
    _total: _Running = field(init=False, default_factory=_Running)
    _tracks: dict[int, _Track] = field(init=False, default_factory=dict)
    _touched: dict[int, _Track] = field(init=False, default_factory=dict)
    _next_frame: int = field(init=False, default=1)
    _block: BlockBuilder = field(init=False)
    _found: list[tuple[int, int | None, Violation]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._db = create(self.path)
        self._db.execute(
            "INSERT INTO meta VALUES('created_ns', ?), ('version', ?)", (time.time_ns(), self.version)
        )
        self._block = BlockBuilder(1)

    def write(self, batches: Iterable[Batch]) -> None:
        """Write and commit. CaptureError when the disk will not take it; the file then is as it was before."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for batch in batches:
                if isinstance(batch.events, Opened):
                    self._open(batch, batch.events)
                else:
                    self._add(batch, batch.events)
            self._end_block()
            self._write_tracks()
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise CaptureError(
                f"The capture {self.path} cannot be written: {error}. Make room on the disk or save it elsewhere."
            ) from error

    def clear(self) -> None:
        """Forget all frames and the connections that are over."""
        self._db.execute("BEGIN IMMEDIATE")
        for table in ("block", "lane", "violation", "connection"):
            self._db.execute(f"DELETE FROM {table}")
        total = self._total
        total.connections = len(self._tracks)
        total.frames = total.control = total.bytes = total.violations = 0
        total.generation += 1
        for track in self._tracks.values():
            track.frames = track.data_frames = track.bytes_in = track.bytes_out = track.violations = 0
            self._touched[track.id] = track
        self._write_tracks()
        self._db.execute("COMMIT")

    def move_to(self, path: Path) -> None:
        """Copy all to a new file at `path` (replacing what is there) and go on writing there."""
        partial = path.with_name(path.name + ".part")
        try:
            partial.unlink(missing_ok=True)
            target = sqlite3.connect(partial, isolation_level=None, check_same_thread=False)
            try:
                self._db.backup(target)
            finally:
                target.close()
            for ending in ("-wal", "-shm"):
                path.with_name(path.name + ending).unlink(missing_ok=True)
            partial.replace(path)
            moved = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            moved.execute("PRAGMA journal_mode = WAL")
            tune_writer(moved)
        except (sqlite3.Error, OSError) as error:
            partial.unlink(missing_ok=True)
            raise CaptureError(
                f"The capture cannot be saved as {path}: {error}. Choose another place; nothing is lost."
            ) from error
        self._db.close()
        self._db = moved
        self.path = path

    def close(self) -> None:
        """Mark what is still open as lost and leave a single file behind where no reader holds it."""
        try:
            for track in self._tracks.values():
                track.state = ConnectionState.LOST
                self._touched[track.id] = track
            self._db.execute("BEGIN IMMEDIATE")
            self._write_tracks()
            self._db.execute("COMMIT")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise CaptureError(f"The capture {self.path} could not be finished: {error}.") from error
        finally:
            self._db.close()

    # Connections.

    def _open(self, batch: Batch, opened: Opened) -> None:
        track = _Track(batch.connection, opened, batch.time_ns)
        if opened.received is Direction.SERVER_TO_CLIENT:
            track.from_server = (FROM_SERVER, 0)
        self._tracks[track.id] = track
        self._touched[track.id] = track
        self._total.connections += 1

    def _change(self, track: _Track, time_ns: int, event: Event) -> None:
        """Anything but a frame."""
        if isinstance(event, RequestReceived):
            self._request(track, event.request)
        elif isinstance(event, HandshakeDone):
            answer = event.answer
            track.response, track.status = answer.response, answer.status
            track.subprotocol, track.extensions = answer.subprotocol, answer.extensions
            track.state = ConnectionState.OPEN if answer.accepted else ConnectionState.REFUSED
            if answer.status == 200:
                track.state = ConnectionState.SERVED
            if not answer.accepted:
                track.reason = answer.reason
            self._note(track, None, answer.violations)
        elif isinstance(event, HandshakeFailed):
            track.request, track.response = event.raw, event.answer.response
            track.status, track.reason = event.answer.status, event.answer.reason
            track.state = ConnectionState.REFUSED
            self._note(track, None, event.answer.violations)
        elif isinstance(event, ResponseReceived):
            track.response, track.status = event.response.raw, event.response.status
            track.state = ConnectionState.OPEN if event.response.status == 101 else ConnectionState.REFUSED
            self._note(track, None, event.verdict.violations)
        elif isinstance(event, ConnectionFailed):
            track.state = ConnectionState.CLOSING
        else:
            assert isinstance(event, ConnectionClosed)
            self._close(track, time_ns, event)

    def _request(self, track: _Track, request: RequestHead) -> None:
        track.request, track.path = request.raw, request.target
        track.origin = request.headers.get("origin")

    def _close(self, track: _Track, time_ns: int, event: ConnectionClosed) -> None:
        track.closed_ns = time_ns
        track.trailing, track.trailing_length = event.trailing, event.trailing_length
        if track.state not in (ConnectionState.REFUSED, ConnectionState.SERVED):
            track.state = ConnectionState.CLOSED
            track.close_code, track.closed_by = event.code, event.closed_by
            track.reason = event.reason
        del self._tracks[track.id]

    def _note(self, track: _Track, frame: int | None, found: Iterable[Violation]) -> None:
        for each in found:
            track.violations += 1
            self._total.violations += 1
            self._found.append((track.id, frame, each))

    def _write_tracks(self) -> None:
        total = self._total
        if self._touched:
            total.changes += 1
            marks = ",".join("?" * 25)
            self._db.executemany(
                f"INSERT OR REPLACE INTO connection VALUES({marks})",
                [track.row(total.changes) for track in self._touched.values()],
            )
            self._touched.clear()
        if self._found:
            self._db.executemany(
                'INSERT INTO violation(connection, frame, rule, detail, "offset", length) VALUES(?,?,?,?,?,?)',
                [
                    (connection, frame, found.rule.id, found.detail, found.offset, found.length)
                    for connection, frame, found in self._found
                ],
            )
            self._found.clear()
        self._db.execute(
            "UPDATE total SET connections=?, frames=?, control_frames=?, bytes=?, violations=?, changes=?, "
            "generation=?",
            (
                total.connections, total.frames, total.control, total.bytes, total.violations, total.changes,
                total.generation,
            ),
        )  # fmt: skip

    # Frames.

    def _add(self, batch: Batch, events: list[Event]) -> None:
        track = self._tracks.get(batch.connection)
        if track is None:
            return
        self._touched[track.id] = track
        for kind, run in groupby(events, type):
            if kind is FrameReceived:
                received = cast(list[FrameReceived], list(run))
                if self.recording:
                    self._note_frames(track, received)
                self._add_run(track, batch.time_ns, received, track.from_server[0])
            elif kind is FrameSent:
                self._add_run(track, batch.time_ns, cast(list[FrameSent], list(run)), track.from_server[1])
            else:
                for event in run:
                    self._change(track, batch.time_ns, event)

    def _add_run(
        self, track: _Track, time_ns: int, run: list[FrameReceived] | list[FrameSent], from_server: int
    ) -> None:
        """Frames of one direction."""
        if not self.recording:
            track.number += len(run)
            return
        while run:
            block = self._block
            part = run[: block.room]
            run = run[block.room :]
            data_frames, wire_bytes = block.extend(
                part, connection=track.id, number=track.number + 1, time_ns=time_ns, from_server=from_server
            )
            track.number += len(part)
            track.block_frames += len(part)
            track.block_data += data_frames
            self._next_frame += len(part)
            self._total.bytes += wire_bytes
            if from_server:
                track.bytes_out += wire_bytes
            else:
                track.bytes_in += wire_bytes
            if block.full:
                self._end_block()

    def _note_frames(self, track: _Track, run: list[FrameReceived]) -> None:
        for index, event in enumerate(run):
            if event[1]:
                self._note(track, self._next_frame + index, event[1])

    def _end_block(self) -> None:
        """Write the block that was being filled, and where its frames stand in each list."""
        block, total = self._block, self._total
        count = len(block.records)
        if not count:
            return
        lanes: list[tuple[int, ...]] = []
        data = 0
        for track in self._touched.values():
            if track.block_frames:
                lanes.append(
                    (
                        track.id,
                        block.first,
                        track.frames,
                        track.block_frames,
                        track.data_frames,
                        track.block_data,
                    )
                )
                data += track.block_data
                track.frames += track.block_frames
                track.data_frames += track.block_data
                track.block_frames = track.block_data = 0
        lanes.append((ALL, block.first, total.frames, count, total.frames - total.control, data))
        total.frames += count
        total.control += count - data
        self._db.execute(
            "INSERT INTO block VALUES(?,?,?,?,?,?)",
            (
                block.first, count, block.first_ns, block.last_ns, b"".join(block.records), b"".join(block.payloads)
            ),
        )  # fmt: skip
        self._db.executemany("INSERT INTO lane VALUES(?,?,?,?,?,?)", lanes)
        self._block = BlockBuilder(self._next_frame)
