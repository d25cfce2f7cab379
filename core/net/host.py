"""Hosts an engine with its loop and recorder, and lets other threads use it. It knows neither Qt nor kinds of threads.

The host's owner calls `run` on the thread that becomes the loop's. All other methods may be called from any thread
before, during and after `run`, and return at once; results come through the `HostListener`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from core.capture.disk_space import SpaceGauge
from core.capture.marks import MarkChange
from core.capture.numbering import Numbering
from core.capture.recorder import Recorder, RecorderCallbacks
from core.errors import CaptureError, UnmaskError
from core.net.connect_request import ConnectRequest
from core.net.engine import Engine, SlowPeer
from core.net.failures import Failure, FailureKind
from core.net.fronts.test_page import TestPage, TestPageFront
from core.net.loop import new_event_loop, wall_clock
from core.net.settings import EngineSettings, ListenAddress
from core.net.sources import Listen, OpenConnections, Source, SourceStatus
from core.protocol.events import Origin
from core.protocol.outgoing import Outgoing, Target
from core.rules.book import RuleBook
from core.rules.decision import Decision, HeldKey, HeldList
from core.rules.verdict import Cut


@dataclass(frozen=True, slots=True)
class SendResult:
    """The result of a `send`."""

    request_id: int
    error: str | None
    """Why nothing was sent; None if it was."""
    count: int
    """Number of connections reached."""


@dataclass(frozen=True, slots=True)
class CaptureMoved:
    """The result of a `save_as` or a `start_new`, or the news that a capture was removed or moved away."""

    path: Path
    error: str | None
    """Why recording continues in the old place; None if it continues at `path`."""
    numbering: Numbering
    """Numbers of the connections in the capture."""
    removed: Path | None = None
    """The old place, if somebody removed the capture or moved it away. Everything is at `path`."""


class HostListener(Protocol):
    """Receives the host's reports, on the loop's or the recorder's thread; must return at once."""

    def on_changed(self) -> None:
        """The capture has something new, or `EngineHost.held` has."""

    def on_source(self, status: SourceStatus) -> None:
        """The state of a source has changed."""

    def on_failed(self, failure: Failure) -> None:
        """A request failed, or something that runs by itself cannot continue."""

    def on_sent(self, result: SendResult) -> None: ...

    def on_capture_moved(self, moved: CaptureMoved) -> None: ...


class EngineHost:
    """The engine, reachable from any thread."""

    def __init__(
        self,
        capture: Path,
        version: str,
        settings: EngineSettings,
        page: TestPage,
        listener: HostListener,
        gauge: SpaceGauge | None = None,
    ) -> None:
        """Create the capture file at once; raises CaptureError. `gauge` measures its disk."""
        self.clock = wall_clock()
        """The clock that stamps frames: ns since the epoch, never stepping."""
        self._settings = settings
        self._page = page
        self._listener = listener
        self._requests = itertools.count(1)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: Engine | None = None
        self._ending: asyncio.Event | None = None
        self._early: list[Callable[[Engine], None]] = []
        self._rules: RuleBook | None = None
        self._begin()
        callbacks = RecorderCallbacks(
            listener.on_changed,
            self._on_drained,
            lambda error: self._fail(FailureKind.CAPTURE, str(self.recorder.path), error),
            lambda before, path: listener.on_capture_moved(
                CaptureMoved(path, None, self.recorder.numbering, before)
            ),
        )
        self.recorder = Recorder(capture, version, callbacks, settings.keep, gauge)

    def start_source(self, source: Source) -> None:
        """Start a source beside all others, or replace the one of its id that runs, which stays if that fails.

        Answers with `on_source`, and with `on_failed` too if that fails.
        """
        self._post(lambda engine: engine.start_source(source))

    def stop_source(self, source_id: int, connections: OpenConnections = OpenConnections.GO_ON) -> None:
        """Let a source take on no more connections, and possibly close those that it has; also one that is starting.

        Answers with `on_source` if it was running or starting.
        """
        self._post(lambda engine: engine.stop_source(source_id, connections))

    def listen(self, address: ListenAddress) -> None:
        """Start the source 0, which is the server of who connects there."""
        self.start_source(Source(0, "listen", Listen(address)))

    def stop_listening(self) -> None:
        """Stop the source 0."""
        self.stop_source(0)

    @property
    def sources(self) -> tuple[SourceStatus, ...]:
        """The sources that run or have open connections."""
        with self._lock:
            return () if self._engine is None else self._engine.sources

    def connect(self, request: ConnectRequest) -> None:
        """Connect to a server. The result is recorded in the capture; a failure also comes as `on_failed`."""

        def dial(engine: Engine) -> None:
            try:
                engine.connect(request)
            except UnmaskError as error:
                self._fail(FailureKind.CONNECT, request.shown_url, error)

        self._post(dial)

    def send(self, target: Target, outgoing: Outgoing, origin: Origin = Origin.COMPOSED) -> int:
        """Send to one side of a connection, by handle. Answers with `on_sent` and the returned id."""
        return self.send_to((target,), outgoing, origin)

    def send_to(self, targets: Sequence[Target], outgoing: Outgoing, origin: Origin = Origin.COMPOSED) -> int:
        """Send to exactly these targets, by handle. Answers with `on_sent` and the returned id."""
        return self._send(lambda engine: engine.send_to(targets, outgoing, origin))

    def send_to_all(self, outgoing: Outgoing, origin: Origin = Origin.COMPOSED) -> int:
        """Send to all open connections. Answers with `on_sent` and the returned id."""
        return self._send(lambda engine: engine.send_to_all(outgoing, origin))

    def _send(self, send: Callable[[Engine], int]) -> int:
        request_id = next(self._requests)

        def answered(engine: Engine) -> None:
            try:
                result = SendResult(request_id, None, send(engine))
            except UnmaskError as error:
                result = SendResult(request_id, str(error), 0)
            self._listener.on_sent(result)

        self._post(answered)
        return request_id

    def ask(self, action: Callable[[Engine], None]) -> None:
        """Run `action` on the loop's thread. A failure comes as `on_failed`."""

        def guarded(engine: Engine) -> None:
            try:
                action(engine)
            except UnmaskError as error:
                self._fail(FailureKind.COMMAND, "", error)

        self._post(guarded)

    def change_marks(self, change: MarkChange) -> None:
        """Change marks of the capture. Answers with `on_changed` or `on_failed`."""
        self.recorder.change_marks(change, lambda error: self._fail(FailureKind.MARK, "", error))

    def save_as(self, path: Path) -> None:
        """Move the capture to `path` and continue there. Answers with `on_capture_moved`."""

        self.recorder.save_as(path, lambda error: self._capture_moved(path, error))

    def start_new(self, path: Path) -> None:
        """Finish the capture and continue in a new one at `path`. Answers with `on_capture_moved`."""
        self.recorder.start_new(path, lambda error: self._capture_moved(path, error))

    def set_settings(self, settings: EngineSettings) -> None:
        """Applies to new connections; the bounds of the capture at once."""
        self.recorder.set_keep(settings.keep)
        self.ask(lambda engine: engine.set_settings(settings))

    def set_rules(self, rules: RuleBook) -> None:
        """Let these rules apply from now on, to open connections too. They go on when the host is revived."""
        self._rules = rules
        self._post(lambda engine: engine.ruling.set_rules(rules))

    @property
    def held(self) -> HeldList:
        """What waits for a person."""
        with self._lock:
            return HeldList() if self._engine is None else self._engine.ruling.held

    def decide(self, keys: Sequence[HeldKey], decision: Decision) -> None:
        """Decide on held messages. If none of them is held any more, that comes as `on_failed`."""

        def decide(engine: Engine) -> None:
            engine.ruling.decide(keys, decision)

        self.ask(decide)

    def cut(self, target: Target, how: Cut) -> None:
        """End one side of a connection without a close frame, or only the stream toward it; its failure is told."""
        self.ask(lambda engine: engine.cut(target, how))

    def let_all_go(self, connection: int | None = None) -> None:
        """Let everything that is held go on unchanged, on one connection (by handle) or on all."""

        def let_go(engine: Engine) -> None:
            engine.ruling.let_all_go(connection)

        self.ask(let_go)

    @property
    def slow_peers(self) -> tuple[SlowPeer, ...]:
        """Peers that do not read what we send, the worst first."""
        with self._lock:
            return () if self._engine is None else self._engine.slow_peers

    @property
    def open_connections(self) -> int:
        """Number of TCP connections."""
        with self._lock:
            return 0 if self._engine is None else self._engine.open_connections

    def revive(self, settings: EngineSettings) -> None:
        """Allow `run` again after it has raised, with a new engine and the same capture."""
        with self._lock:
            self._settings = settings
            self._begin()

    def stop(self) -> None:
        """Close the connections and let `run` return. Idempotent. Join the thread, then call `close`."""
        with self._lock:
            self._stopped = True
            loop, ending = self._loop, self._ending
        if loop is not None and ending is not None:
            # The loop may have ended by itself.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(ending.set)

    def close(self) -> None:
        """Finish the capture, after `run` has returned or if it never ran. Idempotent."""
        with self._lock:
            self._stopped = True
        self.recorder.close()

    def run(self) -> None:
        """Run the loop until `stop`. Raises what a bug of ours raised in it."""
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self._main())
        finally:
            with self._lock:
                self._stopped = True
                self._loop = self._engine = self._ending = None

    def _begin(self) -> None:
        """Initialize the state for `run`."""
        self._stopped = False
        self._bug: Exception | None = None

    async def _main(self) -> None:
        front = TestPageFront(self._page)
        listener = self._listener
        engine = Engine(
            self.recorder,
            self._settings,
            front,
            self.clock,
            listener.on_failed,
            listener.on_source,
            listener.on_changed,
        )
        ending = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_loop_error)
        with self._lock:
            early, self._early = self._early, []
            if self._stopped:
                return
            self._loop, self._engine, self._ending = loop, engine, ending
            if self._rules is not None:
                engine.ruling.set_rules(self._rules)
            for action in early:
                loop.call_soon(action, engine)
        await ending.wait()
        await engine.stop()
        if self._bug is not None:
            raise self._bug

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle an uncaught exception: a fault of the machine is reported, a bug of ours ends the loop."""
        error = context.get("exception")
        engine = self._engine
        if engine is not None and isinstance(error, OSError) and error.errno == errno.EMFILE:
            engine.tell_scarcity()
        elif isinstance(error, OSError):
            sentence = f"{context.get('message', 'The network failed')}: {error}."
            self._listener.on_failed(Failure(FailureKind.NETWORK, "", sentence))
        elif isinstance(error, Exception):
            self._bug = error
            self.stop()
        else:
            loop.default_exception_handler(context)

    def _post(self, action: Callable[[Engine], None]) -> None:
        """Run `action` on the loop's thread as soon as there is a loop; not after `stop`."""
        with self._lock:
            if self._stopped:
                return
            loop, engine = self._loop, self._engine
            if loop is None or engine is None:
                self._early.append(action)
                return
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(action, engine)

    def _fail(self, kind: FailureKind, subject: str, error: UnmaskError) -> None:
        self._listener.on_failed(Failure(kind, subject, str(error)))

    def _capture_moved(self, path: Path, error: CaptureError | None) -> None:
        sentence = None if error is None else str(error)
        self._listener.on_capture_moved(CaptureMoved(path, sentence, self.recorder.numbering))

    def _on_drained(self) -> None:
        # Also after `stop`: earlier requests are still processed.
        with self._lock:
            loop, engine = self._loop, self._engine
        if loop is not None and engine is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(engine.resume)
