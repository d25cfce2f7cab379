"""The echo servers that are measured, each in a process of its own.

    python -m tests.bench.serve unmask|picows|websockets

Prints the port, then, for unmask on SIGTERM, how many frames the capture holds.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
import threading
from pathlib import Path

from core.capture.reader import CaptureReader
from core.net.host import CaptureMoved, EngineHost, SendResult
from core.net.loop import tune_interpreter
from core.net.settings import AutoReply, EngineSettings, ListenAddress
from core.net.test_page import load_test_page


class Announcer:
    """Prints the port; everything else is of no interest here."""

    def on_changed(self) -> None:
        pass

    def on_listening(self, addresses: tuple[str, ...]) -> None:
        print(addresses[0].rpartition(":")[2], flush=True)

    def on_stopped_listening(self) -> None:
        pass

    def on_failed(self, sentence: str) -> None:
        print(sentence, file=sys.stderr)

    def on_sent(self, result: SendResult) -> None:
        pass

    def on_capture_moved(self, moved: CaptureMoved) -> None:
        pass


def serve_unmask() -> None:
    """The real engine, recording every frame to disk."""
    tune_interpreter()
    with tempfile.TemporaryDirectory(prefix="unmask-bench-") as folder:
        path = Path(folder) / "bench.unmask"
        settings = EngineSettings(auto_reply=AutoReply.ECHO)
        host = EngineHost(path, "bench", settings, load_test_page(), Announcer())
        thread = threading.Thread(target=host.run)
        signal.signal(signal.SIGTERM, lambda *_: host.stop())
        thread.start()
        host.listen(ListenAddress("127.0.0.1", 0))
        thread.join()
        host.close()
        reader = CaptureReader(path)
        frames, size = reader.totals().frames, path.stat().st_size
        reader.close()
        print(json.dumps({"frames": frames, "bytes": size}), flush=True)


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

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async def serve() -> None:
        async with listen(echo, "127.0.0.1", 0, compression=None) as server:
            print(next(iter(server.sockets)).getsockname()[1], flush=True)
            await asyncio.Future()

    asyncio.run(serve())


SERVERS = {"unmask": serve_unmask, "picows": serve_picows, "websockets": serve_websockets}

if __name__ == "__main__":
    SERVERS[sys.argv[1]]()
