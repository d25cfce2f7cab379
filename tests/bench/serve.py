"""The echo servers that are measured, each in a process of its own.

    python -m tests.bench.serve unmask|engine|picows|websockets|aiohttp

Each prints its port. `unmask` is the window, following the tail, and `engine` what stands behind it alone: both
record every frame to disk. To a number on standard input they answer, once they have recorded as many data frames,
with one line of JSON, a `Settled`. The others keep and show nothing. Node's `ws` is `tests/e2e/node/echo.mjs`.
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

from core.capture.reader import CaptureReader
from core.capture.recorder import Recorder
from core.capture.records import View
from core.capture.store import remove
from core.errors import CaptureError
from core.net.failures import Failure
from core.net.fronts.test_page import load_test_page
from core.net.host import CaptureMoved, EngineHost, SendResult
from core.net.loop import tune_interpreter
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.net.sources import SourceState, SourceStatus

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
    tune_interpreter()
    with tempfile.TemporaryDirectory(prefix="unmask-bench-") as folder:
        paths = (Path(folder) / f"{number}.unmask" for number in itertools.count())
        settings = EngineSettings(auto_reply=AutoReply.ECHO)
        host = EngineHost(next(paths), "bench", settings, load_test_page(), Announcer())
        moved = threading.Event()

        def on_moved(_error: CaptureError | None) -> None:
            moved.set()

        thread = threading.Thread(target=host.run)
        thread.start()
        host.listen(ListenAddress("127.0.0.1", 0))
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
        engine.listening.connect(announcer.on_listening)
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
            answering.start()
            application.exec()
            answering.join()
        finally:
            desktop.close()


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
        server = await picows.ws_create_server(lambda _request: Echo(), "127.0.0.1", 0)
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
    "picows": serve_picows,
    "websockets": serve_websockets,
    "aiohttp": serve_aiohttp,
}

if __name__ == "__main__":
    SERVERS[sys.argv[1]]()
    sys.stdout.flush()
    # Whoever is still in a library's loop has nothing to tidy up.
    os._exit(0)
