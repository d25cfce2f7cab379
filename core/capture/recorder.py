"""The writer thread: takes what the loop hands over, commits in batches, wakes the readers, pushes back.

The loop's side never waits: `record` appends to a queue. The queue is bounded by asking: when `is_full`, whoever
feeds it must stop until the `on_drained` callback comes; sessions do so by not reading, so that TCP pushes back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.capture.writer import Batch, CaptureWriter, Opened
from core.errors import CaptureError
from core.protocol.events import Event

COMMIT_SECONDS = 0.02
BACKLOG_BYTES = 96 * 1024 * 1024
"""About what the queue may take in memory."""
_COMMIT_AT_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RecorderCallbacks:
    """What the recorder tells. All are called on its thread and must return at once."""

    on_commit: Callable[[], None]
    """Something new stands in the file."""
    on_drained: Callable[[], None]
    """The backlog is small again."""
    on_failure: Callable[[CaptureError], None]
    """The file can't be written any more; what is recorded from now on is counted as lost."""


class Recorder:
    """Owns the capture file that is being written, and the thread that writes it."""

    def __init__(self, path: Path, version: str, callbacks: RecorderCallbacks) -> None:
        self._writer = CaptureWriter(path, version)
        self._callbacks = callbacks
        self._lock = threading.Condition()
        self._pending: list[Batch] = []
        self._commands: list[Callable[[], None]] = []
        self._pending_bytes = 0
        self._writing_bytes = 0
        self._idle = False
        self._stopping = False
        self._was_full = False
        self._failure: CaptureError | None = None
        self._lost_batches = 0
        self._next_connection = 1
        self._thread = threading.Thread(target=self._run, name="unmask-recorder", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path:
        """Where the capture is; changes with `save_as`."""
        return self._writer.path

    @property
    def backlog_bytes(self) -> int:
        return self._pending_bytes + self._writing_bytes

    @property
    def is_full(self) -> bool:
        """Whoever records must stop until `on_drained`."""
        if self.backlog_bytes < BACKLOG_BYTES:
            return False
        self._was_full = True
        return True

    @property
    def failure(self) -> CaptureError | None:
        """Why nothing is written any more."""
        return self._failure

    # The loop's side.

    def open_connection(self, opened: Opened, time_ns: int) -> int:
        """The id of a new connection."""
        connection = self._next_connection
        self._next_connection += 1
        self._put(Batch(connection, time_ns, opened, 500))
        return connection

    def record(self, connection: int, time_ns: int, events: list[Event], size: int) -> None:
        """Take over what a connection reported. `size` is its wire bytes; the list must not be changed later."""
        self._put(Batch(connection, time_ns, events, size + 400 * len(events)))

    def _put(self, batch: Batch) -> None:
        with self._lock:
            self._pending.append(batch)
            self._pending_bytes += batch.size
            if self._idle:
                self._idle = False
                self._lock.notify()

    # Any thread.

    def set_recording(self, on: bool) -> None:
        """Whether frames are kept. Takes effect between two frames, in the order of the queue."""

        def switch() -> None:
            self._writer.recording = on

        self._command(switch)

    def clear(self) -> None:
        """Forget all frames and all connections that are over."""
        self._command(self._writer.clear)

    def save_as(self, path: Path, done: Callable[[CaptureError | None], None]) -> None:
        """Move the capture to `path` and go on there. `done` is called on the recorder's thread."""

        def move() -> None:
            try:
                self._writer.move_to(path)
            except CaptureError as error:
                done(error)
            else:
                done(None)

        self._command(move)

    def flush(self) -> None:
        """Wait until all that was recorded before stands in the file."""
        reached = threading.Event()
        self._command(reached.set)
        while not reached.wait(0.5):
            if not self._thread.is_alive():
                return

    def close(self) -> None:
        """Write what is pending and end the thread. Idempotent."""
        with self._lock:
            self._stopping = True
            self._lock.notify()
        self._thread.join()

    def _command(self, action: Callable[[], None]) -> None:
        with self._lock:
            if self._stopping:
                return
            self._commands.append(action)
            self._idle = False
            self._lock.notify()

    # The writer's side.

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            try:
                self._writer.close()
            except CaptureError as error:
                self._fail(error)

    def _turn(self) -> bool:
        """Wait for work, do it, tell; False when all is done and the recorder is to stop."""
        with self._lock:
            while not (self._pending or self._commands or self._stopping):
                self._idle = True
                self._lock.wait()
            self._idle = False
            if self._pending and not self._commands and not self._stopping:
                # More comes in the meantime, and one commit takes it all.
                self._lock.wait_for(self._hurried, COMMIT_SECONDS)
            batches, self._pending = self._pending, []
            commands, self._commands = self._commands, []
            self._writing_bytes, self._pending_bytes = self._pending_bytes, 0
            stopping = self._stopping
        self._write(batches)
        for command in commands:
            try:
                command()
            except CaptureError as error:
                self._fail(error)
        self._writing_bytes = 0
        if batches or commands:
            self._callbacks.on_commit()
        if self._was_full and self.backlog_bytes < BACKLOG_BYTES // 2:
            self._was_full = False
            self._callbacks.on_drained()
        return not stopping

    def _hurried(self) -> bool:
        return bool(self._commands) or self._stopping or self._pending_bytes >= _COMMIT_AT_BYTES

    def _write(self, batches: list[Batch]) -> None:
        if not batches:
            return
        if self._failure is not None:
            self._lost_batches += len(batches)
            return
        try:
            self._writer.write(batches)
        except CaptureError as error:
            self._fail(error)

    def _fail(self, error: CaptureError) -> None:
        self._failure = error
        self._callbacks.on_failure(error)
