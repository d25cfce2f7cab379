"""The engine on its own QThread: an asyncio loop in `QThread.run`, with signals for its reports.

One signal without content tells the window that there is something new; the window reads it from the capture. All
methods except `stop` may be called from any thread and return at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal

from app.logic.held_lines import HeldKind, HeldLine, HeldQueue
from core.capture.disk_space import SpaceGauge
from core.capture.marks import MarkChange
from core.capture.numbering import Numbering
from core.capture.recorder import Recorder
from core.capture.records import Direction
from core.net.engine import Engine, SlowPeer
from core.net.failures import Failure
from core.net.fronts.test_page import TestPage
from core.net.host import CaptureMoved, EngineHost, SendResult
from core.net.host_list import HostList
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.net.sources import OpenConnections, Source, SourceState, SourceStatus
from core.protocol.http11 import HeadKind
from core.protocol.outgoing import Outgoing, Target
from core.protocol.state import Role
from core.protocol.violations import Judgement
from core.rules.book import RuleBook
from core.rules.decision import Decision, HeldKey, HeldList, HeldMessage

_HELD_KINDS = {
    None: HeldKind.MESSAGE,
    HeadKind.REQUEST: HeldKind.REQUEST,
    HeadKind.RESPONSE: HeldKind.RESPONSE,
}


class EngineThread(QThread):
    """An `EngineHost` and its thread. Keep a reference until `stop` has returned."""

    changed = Signal()
    """The capture has something new, or `held` has. Emitted at most once per commit; read it when convenient."""
    source = Signal(object)
    """A SourceStatus: the state of a source has changed."""
    listening = Signal(object)
    """tuple[str, ...]: the real addresses of `listen`."""
    stopped_listening = Signal()
    failed = Signal(object)
    """A Failure to show to the person."""
    crashed = Signal(object)
    """The exception that ended the engine; see `restart`."""
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
        gauge: SpaceGauge | None = None,
    ) -> None:
        """Create the capture file at once; raises CaptureError. `gauge` measures its disk."""
        super().__init__(parent)
        self.setObjectName("unmask-engine")
        self._host = EngineHost(capture, version, settings, page, self, gauge)
        self._numbering = Numbering()
        self._held = HeldQueue()
        self._held_list: HeldList | None = None
        """What `_held` was made of."""
        # Before all other slots: until the window knows of a new capture, its numbers are those of the old one.
        self.capture_moved.connect(self._take_numbering)

    @property
    def recorder(self) -> Recorder:
        return self._host.recorder

    @property
    def clock(self) -> Callable[[], int]:
        """The clock that stamps frames, in ns since the epoch."""
        return self._host.clock

    # Any thread.

    @property
    def open_connections(self) -> int:
        """Number of TCP connections."""
        return self._host.open_connections

    def listen(self, address: ListenAddress) -> None:
        """Listen on this address instead of the current one. Answers with `listening` or `failed`."""
        self._host.listen(address)

    def stop_listening(self) -> None:
        """Accept no more connections. Answers with `stopped_listening`."""
        self._host.stop_listening()

    def start_source(self, source: Source) -> None:
        """Start a source beside all others, or replace the one of its id that runs, which stays if that fails.

        Answers with `source`, and with `failed` too if that fails.
        """
        self._host.start_source(source)

    def stop_source(self, source_id: int, connections: OpenConnections = OpenConnections.GO_ON) -> None:
        """Let a source take on no more connections, and possibly close those that it has. Answers with `source`."""
        self._host.stop_source(source_id, connections)

    def let_pass(self, source_id: int, hosts: HostList) -> None:
        """Let the TLS of these hosts pass a proxy untouched from now on."""
        self._host.ask(lambda engine: engine.let_pass(source_id, hosts))

    def ask(self, action: Callable[[Engine], None]) -> None:
        """Run `action` on the engine's thread. Answers with `failed` if it fails."""
        self._host.ask(action)

    @property
    def sources(self) -> tuple[SourceStatus, ...]:
        """The sources that run or have open connections."""
        return self._host.sources

    def send_to(self, targets: Sequence[Target], outgoing: Outgoing) -> int:
        """Send to exactly these targets. Answers with `sent` and the returned id.

        The window's thread only: connections are given by their numbers in the capture that the window knows.
        """
        known = [replace(each, connection=self._numbering.handle(each.connection)) for each in targets]
        return self._host.send_to(known, outgoing)

    def send_to_all(self, outgoing: Outgoing) -> int:
        """Send to all open connections. Answers with `sent` and the returned id."""
        return self._host.send_to_all(outgoing)

    def stop_sending(self, connection_id: int) -> None:
        """Send no more of raw bytes that go out piece by piece. The window's thread only, as `send_to`."""
        handle = self._numbering.handle(connection_id)
        self._host.ask(lambda engine: engine.stop_sending(handle))

    def disconnect_peer(self, connection_id: int) -> None:
        """Cut one TCP connection; emits `failed` if it is closed already. The window's thread only, as `send_to`."""
        handle = self._numbering.handle(connection_id)
        self._host.ask(lambda engine: engine.disconnect(handle))

    def set_auto_reply(self, auto_reply: AutoReply) -> None:
        """Applies to the next message."""
        self._host.ask(lambda engine: engine.set_auto_reply(auto_reply))

    def set_rules(self, book: RuleBook) -> None:
        """These rules apply from now on, on open connections too. What is held stays held until it is decided."""
        self._host.set_rules(book)

    @property
    def held(self) -> HeldQueue:
        """What waited for a person a moment ago. The window's thread only, as `send_to`."""
        held = self._host.held
        if held is not self._held_list:
            lines = [self._held_line(message) for message in held.messages]
            known = tuple(line for line in lines if line is not None)
            self._held = HeldQueue(known, held.total, held.is_stuck)
            # Connections that have no number yet will have one.
            self._held_list = held if len(known) == len(lines) else None
        return self._held

    def decide(self, held: Sequence[HeldLine], decision: Decision) -> None:
        """Let held messages go, or not; emits `failed` if none of them waits any more. The window's thread only."""
        keys = [HeldKey(self._numbering.handle(line.connection), line.ticket) for line in held]
        self._host.decide(keys, decision)

    def let_all_go(self) -> None:
        """Let everything that is held go on unchanged."""
        self._host.let_all_go()

    def set_judgement(self, judgement: Judgement) -> None:
        """Applies to new connections."""
        self._host.ask(lambda engine: engine.set_judgement(judgement))

    def set_settings(self, settings: EngineSettings) -> None:
        """Applies to new connections; the bounds of the capture at once."""
        self._host.set_settings(settings)

    def set_recording(self, on: bool) -> None:
        """Switch the recording of frames on or off; traffic continues either way."""
        self._host.recorder.set_recording(on)

    def clear(self) -> None:
        """Remove all frames and the closed connections."""
        self._host.recorder.clear()

    def clear_connection(self, connection: int) -> None:
        """Remove a connection; if it is open, only its frames. The window's thread only, as `send_to`."""
        self._host.recorder.clear_connection(self._numbering.handle(connection))

    def change_marks(self, change: MarkChange) -> None:
        """Change marks of the capture. Answers with `changed` or `failed`."""
        self._host.change_marks(change)

    def save_as(self, path: Path) -> None:
        """Move the capture to `path` and continue there. Answers with `capture_moved`."""
        self._host.save_as(path)

    def start_new(self, path: Path) -> None:
        """Finish the capture and continue in a new one at `path`. Answers with `capture_moved`."""
        self._host.start_new(path)

    @property
    def slow_peers(self) -> tuple[SlowPeer, ...]:
        """Peers that do not read what is sent to them."""
        numbered = ((self._numbering.number(slow.connection), slow) for slow in self._host.slow_peers)
        return tuple(replace(slow, connection=number) for number, slow in numbered if number is not None)

    def restart(self, settings: EngineSettings) -> None:
        """Begin anew after `crashed`, with the same capture. Listens only when told to."""
        self.wait()
        self._host.revive(settings)
        self.start()

    def stop(self) -> None:
        """Close the connections, end the loop, finish the capture. Waits; idempotent; not from its own thread."""
        self._host.stop()
        if self.isRunning():
            self.wait()
        self._host.close()

    def _held_line(self, message: HeldMessage) -> HeldLine | None:
        """The message under the number that its connection has in the capture; None if that is not known yet."""
        number = self._numbering.number(message.key.connection)
        if number is None:
            return None
        to_server = message.sender is Role.CLIENT
        return HeldLine(
            number, message.key.ticket, _HELD_KINDS[message.head],
            Direction.CLIENT_TO_SERVER if to_server else Direction.SERVER_TO_CLIENT,
            message.opcode, message.payload, message.since_ns, message.until_ns, message.rules,
            message.position + 1, message.behind, message.is_compressed,
        )  # fmt: skip

    def _take_numbering(self, moved: CaptureMoved) -> None:
        self._held_list = None
        self._numbering = moved.numbering

    # On the engine's thread.

    def run(self) -> None:
        try:
            self._host.run()
        except Exception as error:
            self.stopped_listening.emit()
            self.crashed.emit(error)

    # HostListener: called on the engine's and the recorder's threads.

    def on_changed(self) -> None:
        self.changed.emit()

    def on_source(self, status: SourceStatus) -> None:
        self.source.emit(status)
        if status.id:
            return
        if status.state is SourceState.RUNNING and not status.failure:
            self.listening.emit(status.addresses)
        elif status.state in (SourceState.STOPPED, SourceState.FAILED):
            self.stopped_listening.emit()

    def on_failed(self, failure: Failure) -> None:
        self.failed.emit(failure)

    def on_sent(self, result: SendResult) -> None:
        self.sent.emit(result)

    def on_capture_moved(self, moved: CaptureMoved) -> None:
        self.capture_moved.emit(moved)
