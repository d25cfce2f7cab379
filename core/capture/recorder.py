"""The writer thread: takes what the loop hands over, commits in batches, wakes the readers, pushes back.

The loop's side never waits: `record` appends to a queue. The queue is bounded by cooperation: when `is_full`, its
feeders must stop until the `on_drained` callback; sessions do so by not reading, so that TCP pushes back.

When the file can't be written, frames are lost and counted, and each later commit tries again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import cast

from core.capture.disk_space import DiskSpace, SpaceGauge
from core.capture.legs import LegChange
from core.capture.marks import MarkChange
from core.capture.numbering import Numbering
from core.capture.records import Direction
from core.capture.ring import KEEP_ALL, Dropped, Keep
from core.capture.timings import Timings
from core.capture.tracks import Opened
from core.capture.writer import Batch, CaptureWriter
from core.errors import CaptureError, UnmaskError
from core.protocol.events import Report, Ruled, RunReceived, RunSent

COMMIT_SECONDS = 0.03
PLACE_SECONDS = 0.5
"""How often to check that the capture is still in its place."""
_SETTLE_SECONDS = 5.0
"""Recorded data older than this, plus a little, survives a power cut."""
_AGAIN_SECONDS = 10.0
"""Time before the next try if the capture was removed and cannot continue beside its place."""
BACKLOG_BYTES = 32 * 1024 * 1024
"""Approximate limit of the queue's memory."""
LITTLE_BYTES = 16 * 1024
"""Amount that counts as little compared to it."""
_DROP_BYTES = 16 * 1024 * 1024
"""Approximate amount dropped at once from a capture that exceeds its bounds."""
_EVENT_BYTES = 400
"""Approximate memory of an event beside its payload."""
_RUN_FRAME_BYTES = 150
"""Approximate memory of a frame in a run beside its payload."""
_RUNS = (RunReceived, RunSent)

_Command = Callable[[], None]


@dataclass(frozen=True, slots=True)
class RecorderCallbacks:
    """What the recorder reports. All are called on its thread and must return at once."""

    on_commit: Callable[[], None]
    """The file has something new."""
    on_drained: Callable[[], None]
    """The backlog is small again."""
    on_failure: Callable[[CaptureError], None]
    """The file can't be written. Called once, until writing works again; see `Recorder.lost_frames`."""
    on_carried: Callable[[Path, Path], None] = lambda _before, _path: None
    """The capture was removed or moved away from the first path; everything, and what follows, is at the second."""


class Recorder:
    """Owns the capture file being written, and the thread that writes it."""

    def __init__(
        self,
        path: Path,
        version: str,
        callbacks: RecorderCallbacks,
        keep: Keep = KEEP_ALL,
        gauge: SpaceGauge | None = None,
    ) -> None:
        self._writer = CaptureWriter(path, version, keep=keep)
        self._callbacks = callbacks
        self.commits = Timings()
        """Durations of transactions."""
        self._gauge = gauge or SpaceGauge()
        self._space = self._gauge.look(path, keep.bytes)
        self._look_due = time.monotonic() + self._gauge.interval
        self._place_due = time.monotonic() + PLACE_SECONDS
        self._settle_due = time.monotonic() + _SETTLE_SECONDS
        self._adrift: CaptureError | None = None
        """Why the capture could not be continued after it was removed."""
        self._lock = threading.Condition()
        self._queue: deque[Batch | _Command] = deque()
        self._backlog_bytes = 0
        self._little_bytes = 0
        """Part of the backlog that came in little amounts."""
        self._commit_at = keep.commit_bytes
        """Approximate size of one commit."""
        self._idle = False
        self._hurry = False
        self._stopping = False
        self._was_full = False
        self._dropping = False
        """Whether more remains to be dropped."""
        self._merging = False
        """Whether more small blocks remain to be merged."""
        self._failure: CaptureError | None = None
        self._next_handle = 1
        self._thread = threading.Thread(target=self._run, name="unmask-recorder", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path:
        """Path of the capture; `save_as` and `start_new` change it."""
        return self._writer.path

    @property
    def numbering(self) -> Numbering:
        """Numbers of connections in the capture; `start_new` changes them."""
        return self._writer.numbering

    @property
    def backlog_bytes(self) -> int:
        """Approximate memory of what waits to be written."""
        return self._backlog_bytes

    @property
    def written_frames(self) -> int:
        """Frames written since the recorder was made, including later dropped ones."""
        return self._writer.written_frames

    @property
    def space(self) -> DiskSpace | None:
        """The disk as of a few seconds ago; None if it cannot be measured."""
        return self._space

    @property
    def is_full(self) -> bool:
        """Whether feeders must stop until `on_drained`."""
        if self._backlog_bytes < BACKLOG_BYTES:
            return False
        with self._lock:
            if self._backlog_bytes < BACKLOG_BYTES or self._stopping:
                return False
            # The thread decreases the backlog under the same lock, so it will notice this and call.
            self._was_full = True
            return True

    def holds_up(self, size: int) -> bool:
        """Whether a feeder that has just recorded `size` bytes must stop until `on_drained`.

        A feeder that recorded little need not wait for others that filled the queue: it may continue up to a separate
        limit.
        """
        if size <= LITTLE_BYTES and self._little_bytes < BACKLOG_BYTES:
            return False
        return self.is_full

    @property
    def is_behind(self) -> bool:
        """Whether somebody was told to stop and waits for `on_drained`."""
        return self._was_full

    @property
    def failure(self) -> CaptureError | None:
        """Why the last commit failed, or why the capture has no place any more; None if all is well."""
        return self._failure or self._adrift

    @property
    def is_adrift(self) -> bool:
        """Whether the capture was removed or moved away and could not continue elsewhere."""
        return self._adrift is not None

    @property
    def lost_frames(self) -> int:
        """Frames that could not be written."""
        return self._writer.lost_frames

    # Called by the loop.

    def open_connection(self, opened: Opened, time_ns: int) -> int:
        """Start a connection; gives its handle."""
        handle = self._next_handle
        self._next_handle += 1
        self._put(Batch(handle, time_ns, opened, _EVENT_BYTES))
        return handle

    def change_leg(self, connection: int, time_ns: int, change: LegChange) -> None:
        """Something became known of a leg of a connection, or another one began."""
        self._put(Batch(connection, time_ns, change, _EVENT_BYTES))

    def record(
        self, connection: int, time_ns: int, events: Sequence[Report], size: int, received: Direction
    ) -> int:
        """Take over what a connection reported, by its handle; gives its approximate size in memory.

        `size` is about the bytes that `events` hold, which must not change any more. `received` is the direction of
        received frames; sent ones go the other way.
        """
        size += _EVENT_BYTES * len(events)
        for event in events:
            if isinstance(event, Ruled):
                event = event.received
            if isinstance(event, _RUNS):
                size += _RUN_FRAME_BYTES * len(event.frames.heads)
        self._put(Batch(connection, time_ns, events, size, received))
        return size

    def _put(self, batch: Batch) -> None:
        with self._lock:
            if self._stopping:
                return
            self._queue.append(batch)
            self._backlog_bytes += batch.size
            if batch.size <= LITTLE_BYTES:
                self._little_bytes += batch.size
            if self._idle:
                self._idle = False
                self._lock.notify()

    # Any thread. Requests take effect in queue order, between what was recorded before and after.

    def set_recording(self, on: bool) -> None:
        """Switch the recording of frames on or off."""

        def switch() -> None:
            self._writer.recording = on

        self._command(switch)

    def set_keep(self, keep: Keep) -> None:
        """Set the bounds of the capture."""

        def change() -> None:
            self._writer.keep = keep
            self._commit_at = keep.commit_bytes

        self._command(change)

    def clear(self) -> None:
        """Remove all frames and all closed connections."""
        self._command(self._writer.clear)

    def clear_connection(self, handle: int) -> None:
        """Remove a connection; if it is open, only its frames."""
        self._command(lambda: self._writer.clear_connection(handle))

    def change_marks(self, change: MarkChange, failed: Callable[[UnmaskError], None]) -> None:
        """Change marks; visible after the next commit. `failed` is called on the recorder's thread."""

        def go() -> None:
            try:
                self._writer.change_marks(change)
            except UnmaskError as error:
                failed(error)

        if not self._command(go):
            failed(
                CaptureError(
                    "Recording is over: the bookmarks stay as they are. Open the capture to change them."
                )
            )

    def save_as(self, path: Path, done: Callable[[CaptureError | None], None]) -> None:
        """Move the capture to `path` and continue there. `done` is called on the recorder's thread, or at once
        if over.
        """
        self._go_to(lambda: self._writer.move_to(path), done)

    def start_new(self, path: Path, done: Callable[[CaptureError | None], None]) -> None:
        """Finish the capture; continue in a new one at `path` with the open connections. `done` as in `save_as`."""
        self._command(self._merge_rest)
        self._go_to(lambda: self._writer.start_new(path), done)

    def _go_to(self, action: _Command, done: Callable[[CaptureError | None], None]) -> None:
        def go() -> None:
            try:
                action()
            except CaptureError as error:
                done(error)
            else:
                self._failure = self._adrift = None
                done(None)

        if not self._command(go):
            done(CaptureError(f"Recording is over: the capture stays at {self.path}. Copy that file."))

    def flush(self) -> None:
        """Wait until everything recorded before is written, or lost."""
        reached = threading.Event()
        if self._command(reached.set):
            while not reached.wait(0.5) and self._thread.is_alive():
                pass

    def close(self) -> None:
        """Write what is pending and end the thread. Idempotent."""
        with self._lock:
            self._stopping = True
            self._lock.notify()
        self._thread.join()

    def _command(self, action: _Command) -> bool:
        """Queue `action`; False if it will not be done."""
        with self._lock:
            if self._stopping:
                return False
            self._queue.append(action)
            self._hurry = True
            self._idle = False
            self._lock.notify()
            return True

    # On the writer's thread.

    def _run(self) -> None:
        try:
            going = True
            while going:
                going = self._turn()
        finally:
            with self._lock:
                self._stopping = True
            self._look_after_place()
            self._guard(self._merge_rest)
            self._guard(self._writer.close)

    def _turn(self) -> bool:
        """Wait for work, do it, report; False when all is done and the recorder should stop."""
        with self._lock:
            while not (self._queue or self._stopping or self._dropping or self._merging):
                self._idle = True
                if not self._lock.wait(max(min(self._look_due, self._place_due) - time.monotonic(), 0.0)):
                    break
            self._idle = False
            # More arrives in the meantime, and one commit takes it all.
            self._lock.wait_for(self._hurried, COMMIT_SECONDS)
            work, taken = self._take()
            self._hurry = self._hurry and bool(self._queue)
            ending = self._stopping and not self._queue
        for are_batches, part in groupby(work, lambda each: isinstance(each, Batch)):
            if are_batches:
                self._write(cast(list[Batch], list(part)))
            else:
                for command in cast(Sequence[_Command], part):
                    self._guard(command)
        dropped = self._drop_oldest(max(_DROP_BYTES, 2 * taken))
        if work or dropped.frames:
            self._guard(self._callbacks.on_commit)
        with self._lock:
            self._backlog_bytes -= taken
            drained = self._was_full and self._backlog_bytes < BACKLOG_BYTES // 2
            if drained:
                self._was_full = False
        if drained:
            self._guard(self._callbacks.on_drained)
        self._merging = False
        if not self._hurried() and self._backlog_bytes <= LITTLE_BYTES:
            self._guard(self._merge)
        if time.monotonic() >= self._look_due:
            self._space = self._gauge.look(self._writer.path, self._writer.keep.bytes)
            self._look_due = time.monotonic() + self._gauge.interval
        if time.monotonic() >= self._settle_due:
            self._writer.settle()
            self._settle_due = time.monotonic() + _SETTLE_SECONDS
        if time.monotonic() >= self._place_due:
            self._look_after_place()
        return not ending

    def _look_after_place(self) -> None:
        """Continue beside the old place if somebody has removed or moved the capture."""
        before, told = self._writer.path, self._adrift is not None
        if self._writer.is_in_place:
            self._adrift = None
        else:
            try:
                self._writer.carry_on()
            except CaptureError as error:
                self._adrift = error
                if not told:
                    self._guard(partial(self._callbacks.on_failure, error))
            else:
                self._adrift = None
                self._guard(partial(self._callbacks.on_carried, before, self._writer.path))
        self._place_due = time.monotonic() + (PLACE_SECONDS if self._adrift is None else _AGAIN_SECONDS)

    def _take(self) -> tuple[list[Batch | _Command], int]:
        """Take work for the next commit, and its approximate size. The lock must be held.

        A large backlog is taken in parts, so that feeders may continue while the rest is written.
        """
        if self._backlog_bytes <= self._commit_at:
            work, self._queue = list(self._queue), deque()
            self._little_bytes = 0
            return work, self._backlog_bytes
        work, taken = [], 0
        while self._queue and taken < self._commit_at:
            item = self._queue.popleft()
            work.append(item)
            if isinstance(item, Batch):
                taken += item.size
                if item.size <= LITTLE_BYTES:
                    self._little_bytes -= item.size
        return work, taken

    def _hurried(self) -> bool:
        return self._hurry or self._stopping or self._backlog_bytes >= self._commit_at

    def _write(self, batches: list[Batch]) -> None:
        began = time.perf_counter_ns()
        if self._guard(lambda: self._writer.write(batches)):
            self._failure = None
            self.commits.add(time.perf_counter_ns() - began)

    def _merge(self) -> None:
        self._merging = self._writer.merge()

    def _merge_rest(self) -> None:
        self._writer.merge(ending=True)

    def _drop_oldest(self, budget: int) -> Dropped:
        """Drop frames beyond the bounds, in steps that keep up with new ones."""
        dropped = Dropped()

        def drop() -> None:
            nonlocal dropped
            dropped = self._writer.drop_oldest(time.time_ns(), budget)

        self._guard(drop)
        self._dropping = dropped.more
        return dropped

    def _guard(self, action: Callable[[], None]) -> bool:
        """Run `action` and report an error once: nothing may end this thread silently."""
        try:
            action()
        except CaptureError as error:
            self._fail(error)
        except Exception as error:
            fault = CaptureError(
                f"Recording failed by a fault of Unmask: {error!r}. Save the capture and report it."
            )
            fault.__cause__ = error
            self._fail(fault)
        else:
            return True
        return False

    def _fail(self, error: CaptureError) -> None:
        told, self._failure = self._failure is not None, error
        if not told:
            self._callbacks.on_failure(error)
