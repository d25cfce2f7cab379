"""The engine on a thread of its own: an asyncio loop in `QThread.run`.

The loop tells the window by one payload-less signal that there is something new, and the window pulls it from the
capture. The window tells the loop by `call_soon_threadsafe`. All methods may be called from any thread and return
at once, but for `stop`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal

from core.capture.recorder import Recorder, RecorderCallbacks
from core.errors import CaptureError, UnmaskError
from core.net.engine import Engine
from core.net.loop import new_event_loop
from core.net.outgoing import Outgoing
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.net.test_page import TestPage
from core.protocol.violations import Judgement


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of a `send`."""

    request_id: int
    error: str | None
    """Why nothing was sent; None: it was."""
    count: int
    """To how many connections it went."""


@dataclass(frozen=True, slots=True)
class CaptureMoved:
    """What became of a `save_as`."""

    path: Path
    error: str | None


class EngineThread(QThread):
    """Owns the recorder, the loop and the engine. Keep a reference until `stop` has returned."""

    changed = Signal()
    """Something new stands in the capture. Comes at most once a commit; pull when it suits."""
    listening = Signal(object)
    """tuple[str, ...]: the real addresses."""
    stopped_listening = Signal()
    failed = Signal(str)
    """A sentence for the person: listening failed, the capture can't be written."""
    crashed = Signal(object)
    """The exception that ended the engine."""
    sent = Signal(object)
    """A SendResult."""
    capture_moved = Signal(object)
    """A CaptureMoved."""

    def __init__(
        self,
        capture: Path,
        version: str,
        settings: EngineSettings,
        page: TestPage,
        parent: QObject | None = None,
    ) -> None:
        """Creates the capture file at once: CaptureError if that can't be."""
        super().__init__(parent)
        self.setObjectName("unmask-engine")
        self._settings = settings
        self._page = page
        self._requests = itertools.count(1)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: Engine | None = None
        self._ending: asyncio.Event | None = None
        self._listening_task: asyncio.Task[None] | None = None
        self._early: list[Callable[[], None]] = []
        self._stopped = False
        callbacks = RecorderCallbacks(self._on_commit, self._on_drained, self._on_capture_failure)
        self.recorder = Recorder(capture, version, callbacks)

    # Any thread.

    def listen(self, address: ListenAddress) -> None:
        """Listen there, in place of before. Answers with `listening` or `failed`."""
        self._post(lambda: self._start(address))

    def stop_listening(self) -> None:
        """Accept no more. Answers with `stopped_listening`."""
        self._post(self._stop_listening)

    def send(self, connection_id: int | None, outgoing: Outgoing) -> int:
        """Send to one connection, or with None to all that are open. Answers with `sent` and the id returned."""
        request_id = next(self._requests)
        self._post(lambda: self._send(request_id, connection_id, outgoing))
        return request_id

    def disconnect_peer(self, connection_id: int) -> None:
        """Cut one TCP connection. Says `failed` if it is closed already."""
        self._post(lambda: self._guarded(lambda engine: engine.disconnect(connection_id)))

    def set_auto_reply(self, auto_reply: AutoReply) -> None:
        self._post(lambda: self._guarded(lambda engine: engine.set_auto_reply(auto_reply)))

    def set_judgement(self, judgement: Judgement) -> None:
        self._post(lambda: self._guarded(lambda engine: engine.set_judgement(judgement)))

    def set_settings(self, settings: EngineSettings) -> None:
        """Takes effect with the next connection."""
        self._post(lambda: self._guarded(lambda engine: engine.set_settings(settings)))

    def set_recording(self, on: bool) -> None:
        """Whether frames are kept; traffic goes on either way."""
        self.recorder.set_recording(on)

    def clear(self) -> None:
        """Forget all frames and the connections that are over."""
        self.recorder.clear()

    def save_as(self, path: Path) -> None:
        """Move the capture to `path` and go on recording there. Answers with `capture_moved`."""

        def done(error: CaptureError | None) -> None:
            self.capture_moved.emit(CaptureMoved(path, None if error is None else str(error)))

        self.recorder.save_as(path, done)

    def stop(self) -> None:
        """Close the connections, end the loop and finish the capture. Waits; idempotent; from the GUI's thread."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            loop = self._loop
        if loop is not None:
            # It may have ended by itself.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._end)
        if self.isRunning():
            self.wait()
        self.recorder.close()

    # The engine's thread.

    def run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self._main())
        except Exception as error:
            self.crashed.emit(error)
        finally:
            with self._lock:
                self._loop = self._engine = None

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        ending = self._ending = asyncio.Event()
        engine = Engine(self.recorder, self._settings, self._page)
        with self._lock:
            self._loop, self._engine = loop, engine
            early, self._early = self._early, []
            if self._stopped:
                ending.set()
        for action in early:
            action()
        await ending.wait()
        await engine.stop()

    def _post(self, action: Callable[[], None]) -> None:
        """Run `action` on the loop's thread, as soon as there is a loop."""
        with self._lock:
            if self._stopped:
                return
            if self._loop is None:
                self._early.append(action)
                return
            loop = self._loop
        # It may have ended a moment ago.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(action)

    def _end(self) -> None:
        if self._ending is not None:
            self._ending.set()

    def _start(self, address: ListenAddress) -> None:
        assert self._loop is not None
        # Held until it is done: the loop keeps only a weak reference to a task.
        self._listening_task = self._loop.create_task(self._listen(address))

    async def _listen(self, address: ListenAddress) -> None:
        assert self._engine is not None
        try:
            names = await self._engine.listen(address)
        except UnmaskError as error:
            self.stopped_listening.emit()
            self.failed.emit(str(error))
        else:
            self.listening.emit(names)

    def _stop_listening(self) -> None:
        assert self._engine is not None
        self._engine.stop_listening()
        self.stopped_listening.emit()

    def _send(self, request_id: int, connection_id: int | None, outgoing: Outgoing) -> None:
        assert self._engine is not None
        try:
            count = self._engine.send(connection_id, outgoing)
        except UnmaskError as error:
            self.sent.emit(SendResult(request_id, str(error), 0))
        else:
            self.sent.emit(SendResult(request_id, None, count))

    def _guarded(self, action: Callable[[Engine], None]) -> None:
        assert self._engine is not None
        try:
            action(self._engine)
        except UnmaskError as error:
            self.failed.emit(str(error))

    # The recorder's thread.

    def _on_commit(self) -> None:
        self.changed.emit()

    def _on_drained(self) -> None:
        self._post(lambda: self._guarded(lambda engine: engine.resume()))

    def _on_capture_failure(self, error: CaptureError) -> None:
        self.failed.emit(str(error))
