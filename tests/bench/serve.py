"""The echo servers that are measured, each in a process of its own.

    python -m tests.bench.serve unmask|engine|picows|websockets|aiohttp
    python -m tests.bench.serve window-relay|relay|ruled-relay|copying PORT

Each prints its port. `unmask` is the window, following the tail, and `engine` what stands behind it alone: both
record every frame to disk. To a number on standard input they answer, once they have recorded as many data frames,
with one line of JSON, a `Settled`. The others keep and show nothing. Node's `ws` is `tests/e2e/node/echo.mjs`.

With a port, what is measured stands between a client and an echo server there: `window-relay` and `relay` as `unmask`
and `engine`, `ruled-relay` has fifty rules besides, and `copying` does nothing but copy bytes.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from core.capture.reader import CaptureReader
from core.capture.recorder import Recorder
from core.capture.records import View
from core.capture.store import remove
from core.errors import CaptureError
from core.net.connect_request import parse_url
from core.net.failures import Failure
from core.net.fronts.test_page import load_test_page
from core.net.host import CaptureMoved, EngineHost, SendResult
from core.net.loop import tune_interpreter
from core.net.relay import Relay
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.net.sources import Source, SourceState, SourceStatus
from core.net.tls.settings import ServerTls, TlsSettings
from tests.bench.fifty_rules import fifty_rules
from tests.bench.secured import authority_file, client_context, leaf_file, server_context

_PATIENCE_SECONDS = 120.0
_LOOK_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Settled:
    """All that came is in the file; a new capture has begun."""

    data_frames: int
    bytes: int
    """Wire bytes of all frames."""
    drained: float
    """When the last of them was committed, by the system's monotonic clock, in seconds."""


def settle(recorder: Recorder, expected: int, is_shown: Callable[[int], bool]) -> Settled:
    """Wait until `expected` data frames are written, and `is_shown` says so of all frames.

    Not on a thread that writes or shows.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        # The last echo goes out just before it is recorded.
        recorder.flush()
        drained = time.monotonic()
        reader = CaptureReader(recorder.path)
        try:
            totals, data_frames = reader.totals(), reader.count(View(control=False))
        finally:
            reader.close()
        if data_frames >= expected:
            break
        _wait_until(end, f"{data_frames} of {expected} data frames are recorded")
    while not is_shown(totals.frames):
        _wait_until(end, f"the window does not show the {totals.frames} frames that were recorded")
    return Settled(data_frames, totals.bytes, drained)


def _wait_until(end: float, otherwise: str) -> None:
    if time.monotonic() > end:
        raise RuntimeError(otherwise)
    time.sleep(_LOOK_SECONDS)


class Announcer:
    """Prints the port; everything else is of no interest here."""

    def on_changed(self) -> None:
        pass

    def on_source(self, status: SourceStatus) -> None:
        if status.addresses and status.state is SourceState.RUNNING:
            self.on_listening(status.addresses)

    def on_listening(self, addresses: tuple[str, ...]) -> None:
        print(addresses[0].rpartition(":")[2], flush=True)

    def on_failed(self, failure: Failure) -> None:
        print(failure.sentence, file=sys.stderr)

    def on_sent(self, result: SendResult) -> None:
        pass

    def on_capture_moved(self, moved: CaptureMoved) -> None:
        pass


def serve_engine() -> None:
    """The engine without the window."""
    _serve_engine(lambda host: host.listen(ListenAddress("127.0.0.1", 0)))


def serve_relay() -> None:
    """The engine as a relay."""
    source = Source(1, "relay", _relay())
    _serve_engine(lambda host: host.start_source(source))


def serve_ruled_relay() -> None:
    """The engine as a relay, with rules."""
    source = Source(1, "relay", _relay())

    def start(host: EngineHost) -> None:
        host.set_rules(fifty_rules())
        host.start_source(source)

    _serve_engine(start)


def _relay() -> Relay:
    certificate = leaf_file()
    shown = None if certificate is None else ServerTls(certificate)
    scheme = "ws" if certificate is None else "wss"
    return Relay(ListenAddress("127.0.0.1", 0), parse_url(f"{scheme}://127.0.0.1:{sys.argv[2]}"), tls=shown)


def _serve_engine(start: Callable[[EngineHost], None]) -> None:
    tune_interpreter()
    with tempfile.TemporaryDirectory(prefix="unmask-bench-") as folder:
        paths = (Path(folder) / f"{number}.unmask" for number in itertools.count())
        authority = authority_file()
        tls = TlsSettings(ca_files=() if authority is None else (authority,))
        settings = EngineSettings(auto_reply=AutoReply.ECHO, tls=tls)
        host = EngineHost(next(paths), "bench", settings, load_test_page(), Announcer())
        moved = threading.Event()

        def on_moved(_error: CaptureError | None) -> None:
            moved.set()

        thread = threading.Thread(target=host.run)
        thread.start()
        start(host)
        for line in sys.stdin:
            settled = settle(host.recorder, int(line), lambda _frames: True)
            path = host.recorder.path
            moved.clear()
            host.recorder.start_new(next(paths), on_moved)
            moved.wait(_PATIENCE_SECONDS)
            remove(path)
            print(json.dumps(asdict(settled)), flush=True)
        host.stop()
        thread.join()
        host.close()


def serve_unmask() -> None:
    """The window as a person has it, with its engine."""
    _serve_window(None)


def serve_window_relay() -> None:
    """The window as a person has it, with a relay."""
    _serve_window(Source(1, "relay", _relay()))


def _serve_window(source: Source | None) -> None:
    from PySide6.QtCore import QObject, Qt, Signal
    from PySide6.QtWidgets import QApplication

    from app.settings import Settings
    from app.window.desktop import Desktop
    from core.capture.session_files import CaptureFolder

    class Questions(QObject):
        """Standard input, read on a thread of its own."""

        ended = Signal()

    tune_interpreter()
    application = QApplication(sys.argv[:1])
    with tempfile.TemporaryDirectory(prefix="unmask-bench-") as name:
        folder = Path(name)
        desktop = Desktop(
            application, Settings.at(folder / "settings.ini"), CaptureFolder(folder / "unsaved")
        )
        engine, window = desktop.engine, desktop.window
        moved = threading.Event()
        # Behind what the window itself does about it.
        engine.capture_moved.connect(lambda _moved: moved.set())
        announcer = Announcer()
        if source is None:
            engine.listening.connect(announcer.on_listening)
        else:
            engine.source.connect(
                lambda status: announcer.on_source(status) if status.id == source.id else None
            )
        engine.set_auto_reply(AutoReply.ECHO)
        questions = Questions()
        questions.ended.connect(window.leave, Qt.ConnectionType.QueuedConnection)
        window.closed.connect(application.quit)

        def answer() -> None:
            for number, line in enumerate(sys.stdin):
                settled = settle(
                    engine.recorder, int(line), lambda frames: window.frame_model.rowCount() >= frames
                )
                path = engine.recorder.path
                moved.clear()
                engine.start_new(folder / f"{number}.unmask")
                moved.wait(_PATIENCE_SECONDS)
                remove(path)
                print(json.dumps(asdict(settled)), flush=True)
            questions.ended.emit()

        answering = threading.Thread(target=answer)
        try:
            window.resize(1360, 860)
            desktop.show(ListenAddress("127.0.0.1", 0))
            if source is not None:
                engine.start_source(source)
            answering.start()
            application.exec()
            answering.join()
        finally:
            desktop.close()


class _Copier(asyncio.Protocol):
    """One side of a connection whose bytes are copied to the other, which is the least that a relay can do."""

    def __init__(self, other: _Copier | None = None) -> None:
        self._other = other
        self._transport: asyncio.Transport
        self._dialling: asyncio.Task[object] | None = None
        self._early: list[bytes] = []
        """What came before the other side was reached."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._other is not None:
            self._other._other = self
            self._transport.writelines(self._other._early)
            self._other._transport.resume_reading()
            return
        loop = asyncio.get_running_loop()
        loop.call_soon(self._transport.pause_reading)
        self._dialling = loop.create_task(
            loop.create_connection(lambda: _Copier(self), "127.0.0.1", int(sys.argv[2]), ssl=client_context())
        )

    def data_received(self, data: bytes) -> None:
        if self._other is None:
            self._early.append(data)
        else:
            self._other._transport.write(data)

    def pause_writing(self) -> None:
        if self._other is not None:
            self._other._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._other is not None:
            self._other._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._other is not None:
            self._other._transport.close()


def serve_copying() -> None:
    import uvloop

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Copier, "127.0.0.1", 0, ssl=server_context())
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    uvloop.run(serve())


def serve_picows() -> None:
    import picows
    import uvloop

    class Echo(picows.WSListener):
        def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
            if frame.msg_type == picows.WSMsgType.CLOSE:
                transport.disconnect()
            else:
                transport.send(frame.msg_type, frame.get_payload_as_bytes())

    async def serve() -> None:
        server = await picows.ws_create_server(lambda _request: Echo(), "127.0.0.1", 0, ssl=server_context())
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    uvloop.run(serve())


def serve_websockets() -> None:
    from websockets.asyncio.server import ServerConnection
    from websockets.asyncio.server import serve as listen
    from websockets.exceptions import ConnectionClosed

    async def echo(connection: ServerConnection) -> None:
        # The load generator closes without a closing handshake.
        with suppress(ConnectionClosed):
            async for message in connection:
                await connection.send(message)

    async def serve() -> None:
        async with listen(echo, "127.0.0.1", 0, compression=None, max_size=None) as server:
            print(next(iter(server.sockets)).getsockname()[1], flush=True)
            await asyncio.Future()

    asyncio.run(serve())


def serve_aiohttp() -> None:
    from aiohttp import WSMsgType, web

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data)
        return socket

    async def serve() -> None:
        application = web.Application()
        application.add_routes([web.get("/", echo)])
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Future()

    asyncio.run(serve())


SERVERS: dict[str, Callable[[], None]] = {
    "unmask": serve_unmask,
    "engine": serve_engine,
    "window-relay": serve_window_relay,
    "relay": serve_relay,
    "ruled-relay": serve_ruled_relay,
    "copying": serve_copying,
    "picows": serve_picows,
    "websockets": serve_websockets,
    "aiohttp": serve_aiohttp,
}

if __name__ == "__main__":
    SERVERS[sys.argv[1]]()
    sys.stdout.flush()
    # Whoever is still in a library's loop has nothing to tidy up.
    os._exit(0)
