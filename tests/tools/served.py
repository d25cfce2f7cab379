"""The real engine and capture on a thread, without a window, and access to the capture."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from core.capture.reader import CaptureReader
from core.capture.records import ConnectionRecord, Direction, FrameRecord
from core.errors import CallerError
from core.net.connect_request import parse_url
from core.net.engine import Engine
from core.net.failures import Failure
from core.net.fronts.test_page import load_test_page
from core.net.host import CaptureMoved, EngineHost, SendResult
from core.net.relay import Relay
from core.net.settings import EngineSettings, ListenAddress
from core.net.sources import Source, SourceState, SourceStatus, What
from core.protocol.outgoing import Outgoing, Target
from core.protocol.state import Role
from tests.tools.waiting import PATIENCE_SECONDS

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a capture."""

    direction: Direction
    opcode: int
    payload: bytes
    frames: int
    compressed: bool
    wire_length: int


def frames_of(reader: CaptureReader, connection: int | None = None) -> list[FrameRecord]:
    """The frames of a connection, or all."""
    found = reader.frames_after(0, 10_000_000)
    return [each for each in found if connection in (None, each.row.connection)]


def messages_of(reader: CaptureReader, connection: int | None = None) -> list[Said]:
    """The messages of a connection, or all, in order of their last frames."""
    said = []
    for record in frames_of(reader, connection):
        message, payload = record.row.message, record.message_payload
        if message is not None and payload is not None:
            assert message.length == len(payload)
            said.append(
                Said(
                    record.row.direction,
                    message.opcode,
                    payload,
                    message.frame_count,
                    message.compressed,
                    message.wire_length,
                )
            )
    return said


def to_client(connection: int) -> Target:
    """The client of a connection, by its handle."""
    return Target(connection, Role.CLIENT)


def to_clients(*connections: int) -> list[Target]:
    """The clients of connections, by their handles."""
    return [to_client(each) for each in connections]


class Served:
    """Listens on a free port. Use it as a context manager, on the thread that also reads the capture."""

    def __init__(self, capture: Path, settings: EngineSettings) -> None:
        self._news = threading.Condition()
        self.statuses: dict[int, SourceStatus] = {}
        self.told: list[SourceStatus] = []
        """All that was told of sources."""
        """What was told last of each source, by its id; 0 is the listener."""
        self._sent: dict[int, SendResult] = {}
        self._failures: list[Failure] = []
        self._source_ids = itertools.count(1)
        self.host = EngineHost(capture, "0", settings, load_test_page(), self)
        self.reader = CaptureReader(capture)
        self._thread = threading.Thread(target=self.host.run, name="engine")

    def __enter__(self) -> Served:
        self._thread.start()
        self.host.listen(ListenAddress("127.0.0.1", 0))
        self.source(0, SourceState.RUNNING)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.reader.close()
        self.host.stop()
        self._thread.join(PATIENCE_SECONDS)
        self.host.close()
        if kind is None:
            assert self._failures == [], self._failures

    @property
    def port(self) -> int:
        return _port(self.statuses[0])

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def relay(self, target: str) -> int:
        """Relays to that ws:// URL; the port to connect to."""
        return self.relay_with(Relay(ListenAddress("127.0.0.1", 0), parse_url(target)))

    def relay_with(self, relay: Relay) -> int:
        """Relays in that manner; the port to connect to."""
        return _port(self.start(relay))

    def start(self, what: What, name: str = "") -> SourceStatus:
        """Starts a source; what it tells once it runs."""
        source = Source(next(self._source_ids), name, what)
        self.host.start_source(source)
        return self.source(source.id, SourceState.RUNNING)

    def source(self, source_id: int, state: SourceState) -> SourceStatus:
        """What a source tells, once it is in that state."""

        def is_there() -> bool:
            return source_id in self.statuses and self.statuses[source_id].state is state

        self._await(is_there, f"source {source_id} is {state.value}")
        return self.statuses[source_id]

    def send(self, outgoing: Outgoing, connection: int | None = 1) -> int:
        """Send to a client or to all; gives the number reached."""
        host = self.host
        request = (
            host.send_to_all(outgoing) if connection is None else host.send(to_client(connection), outgoing)
        )
        self._await(lambda: request in self._sent, "it was sent")
        result = self._sent[request]
        assert result.error is None
        return result.count

    @property
    def has_failures(self) -> bool:
        """Whether something has failed that is not known of."""
        return bool(self._failures)

    def failure(self) -> Failure:
        """The next failure, which is then known of."""
        self._await(lambda: bool(self._failures), "something has failed")
        return self._failures.pop(0)

    def captured(self, holds: Callable[[CaptureReader], bool], what: str) -> CaptureReader:
        """The capture, once `holds` is true for it."""
        self._await(lambda: holds(self.reader), what)
        return self.reader

    def closed(self, connection: int = 1) -> ConnectionRecord:
        """The record of a connection, once it is closed."""

        def is_over(reader: CaptureReader) -> bool:
            record = reader.connection(connection)
            return record is not None and record.closed_ns is not None

        found = self.captured(is_over, f"connection {connection} is over").connection(connection)
        assert found is not None
        return found

    def opened(self, connection: int = 1) -> ConnectionRecord:
        """The record of a connection, once it is open."""

        def is_open(reader: CaptureReader) -> bool:
            record = reader.connection(connection)
            return record is not None and record.status == 101

        found = self.captured(is_open, f"connection {connection} is open").connection(connection)
        assert found is not None
        return found

    def _await(self, holds: Callable[[], bool], what: str) -> None:
        with self._news:
            if not self._news.wait_for(holds, PATIENCE_SECONDS):
                raise AssertionError(f"after {PATIENCE_SECONDS:.0f} s it is not so that {what}")

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()

    # HostListener.

    def on_changed(self) -> None:
        self._tell()

    def on_source(self, status: SourceStatus) -> None:
        self.statuses[status.id] = status
        self.told.append(status)
        self._tell()

    def on_failed(self, failure: Failure) -> None:
        self._failures.append(failure)
        self._tell()

    def on_sent(self, result: SendResult) -> None:
        self._sent[result.request_id] = result
        self._tell()

    def on_capture_moved(self, moved: CaptureMoved) -> None:
        pass


def _port(status: SourceStatus) -> int:
    return int(status.addresses[0].rpartition(":")[2])


def on_loop(served: Served, action: Callable[[Engine], Result]) -> Result:
    """Run `action` on the engine's thread; gives its result or raises its error."""
    answers: queue.Queue[Result | CallerError] = queue.Queue()

    def act(engine: Engine) -> None:
        try:
            answers.put(action(engine))
        except CallerError as error:
            answers.put(error)

    served.host.ask(act)
    answer = answers.get(timeout=PATIENCE_SECONDS)
    if isinstance(answer, CallerError):
        raise answer
    return answer
