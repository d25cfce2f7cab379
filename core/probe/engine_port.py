"""The port of a probe to a running engine and its capture."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from core.capture.reader import CaptureReader
from core.capture.recorder import Recorder
from core.capture.records import View
from core.errors import CallerError
from core.net.client_status import Pulse
from core.net.connect_request import ConnectRequest
from core.net.engine import Engine
from core.net.legs.connecting import Outcome
from core.probe.port import Answers, Look
from core.protocol.events import ConnectionClosed, Origin
from core.protocol.handshake import Answer, ServerPolicy, is_websocket_request, refuse
from core.protocol.handshake_rules import KEY_HEADER
from core.protocol.http11 import RequestHead
from core.protocol.outgoing import Outgoing, Target
from core.protocol.state import Role

_ROWS_AT_ONCE = 1000


class ReachableEngine(Protocol):
    """An engine on its own thread."""

    @property
    def recorder(self) -> Recorder:
        """Knows the numbers of connections."""

    def ask(self, action: Callable[[Engine], None]) -> None:
        """Run `action` on its thread."""


class ProbeFront:
    """Answers one client as it was told, and turns all others away. Lives on the loop's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Answers | None = None
        self._key = ""

    def arm(self, answers: Answers | None) -> None:
        """Answer the next client so; None turns it away. Any thread."""
        with self._lock:
            self._answers = answers
            self._key = ""

    @property
    def taken_key(self) -> str:
        """The Sec-WebSocket-Key of the client that was answered; "" as long as none was. Any thread."""
        with self._lock:
            return self._key

    def answer(self, request: RequestHead, policy: ServerPolicy) -> Answer | None:
        if not is_websocket_request(request):
            return refuse(426, "A probe waits here for a WebSocket client.")
        with self._lock:
            answers, self._answers = self._answers, None
            if answers is not None:
                self._key = request.headers.get(KEY_HEADER) or ""
        if answers is None:
            # RFC 9110 section 10.2.3.
            return refuse(503, "Another connection is being probed: try again.", (), (("Retry-After", "1"),))
        return answers(request, policy)


class EnginePort:
    """One connection at a time of an engine. All methods are for the thread that the reader belongs to."""

    def __init__(self, host: ReachableEngine, reader: CaptureReader, front: ProbeFront | None = None) -> None:
        """`front` answers the clients of the source that is probed."""
        self._host = host
        self._reader = reader
        self._front = front
        self._handle: int | None = None
        self._round = 0
        """Counts the connections, so that a late answer of the loop is not taken for the newest."""
        self._side = Role.SERVER
        self._rows = 0
        """Frames of the connection that were given already."""
        self._changes = 0
        self._last_number = 0

    def dial(self, request: ConnectRequest) -> None:
        self._begin(Role.SERVER)
        this = self._round

        def dial(engine: Engine) -> None:
            handle = engine.connect(request, _Unheard())
            if self._round == this:
                self._handle = handle

        self._host.ask(dial)

    def await_client(self, answers: Answers) -> None:
        assert self._front is not None, "it listens"
        self._begin(Role.CLIENT)
        totals = self._reader.totals()
        self._changes, self._last_number = totals.changes, totals.connections
        self._front.arm(answers)

    def look(self) -> Look | None:
        number = self._number()
        record = None if number is None else self._reader.connection(number)
        if number is None or record is None:
            return None
        rows = self._reader.rows(View(number), self._rows, _ROWS_AT_ONCE)
        self._rows += len(rows)
        legs = self._reader.legs(number)
        was_reached = any(leg.connected_ns is not None for leg in legs)
        return Look(record, was_reached, tuple(rows))

    def send(self, outgoing: Outgoing) -> None:
        handle, side = self._handle, self._side
        if handle is None:
            return

        def send(engine: Engine) -> None:
            try:
                engine.send(Target(handle, side), outgoing, Origin.COMPOSED)
            except CallerError:
                # It has closed meanwhile, which is an answer.
                return

        self._host.ask(send)

    def cut(self) -> None:
        handle = self._handle
        if self._front is not None:
            self._front.arm(None)
        if handle is None:
            return

        def cut(engine: Engine) -> None:
            try:
                engine.disconnect(handle)
            except CallerError:
                return

        self._host.ask(cut)

    def _begin(self, side: Role) -> None:
        self._round += 1
        self._side = side
        self._handle = None
        self._rows = 0

    def _number(self) -> int | None:
        """The number of the connection in the capture, once there is one."""
        if self._handle is None and self._front is not None:
            self._find_client(self._front.taken_key)
        return None if self._handle is None else self._host.recorder.numbering.number(self._handle)

    def _find_client(self, key: str) -> None:
        """Find the connection of the client that was answered, by its key."""
        if not key:
            return
        line = key.encode("latin-1")
        for record in self._reader.connections(self._changes):
            if record.id > self._last_number and line in record.request and record.status != 503:
                self._handle = self._host.recorder.numbering.handle(record.id)


class _Unheard:
    """Hears of a connection whose fate the capture tells."""

    def decided(self, outcome: Outcome) -> None:
        pass

    def pulsed(self, pulse: Pulse) -> None:
        pass

    def ended(self, closed: ConnectionClosed | None) -> None:
        pass
