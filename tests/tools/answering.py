"""A simple server for many clients at once, on a thread of its own; and clients that come and go."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from core.protocol.frames import make_frame
from tests.tools.raw_peer import MASK, RawPeer
from tests.tools.raw_server import response_to
from tests.tools.waiting import PATIENCE_SECONDS

MIB = 1024 * 1024
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Answering:
    """A server for many clients at once: it opens each WebSocket and echoes each byte behind, and serves each page.

    `/large/COUNT` has as many bytes.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="answering")
        self.port = 0

    def __enter__(self) -> Answering:
        self._thread.start()
        assert self._started.wait(PATIENCE_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=1000)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._ending.wait()
        server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b"Upgrade" in head:
                    break
                if head.startswith(b"GET /large/"):
                    await _say_much(writer, int(head[len(b"GET /large/") :].split(b" ")[0]))
                else:
                    writer.write(PAGE)
            writer.write(response_to(head))
            while data := await reader.read(MIB):
                writer.write(data)
                await writer.drain()
        writer.close()


async def _say_much(writer: asyncio.StreamWriter, length: int) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
    piece = bytes(MIB)
    while length:
        part = piece[:length]
        writer.write(part)
        await writer.drain()
        length -= len(part)


def visit(port: int, number: int) -> None:
    """One of many ways to come and go."""
    with suppress(OSError), RawPeer(port) as peer:
        match number % 8:
            case 0:
                peer.send(peer.request())
                peer.head()
                peer.frame(1, b"hello")
                peer.take(11)
            case 1:
                peer.send(peer.request())
                peer.reset()
            case 2:
                peer.send(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" * 3)
                peer.take(len(PAGE))
            case 3:
                peer.send(b"no request\r\n\r\n")
                peer.rest()
            case 4:
                peer.send(peer.request()[:20])
            case 5:
                peer.send(peer.request())
                peer.head()
                peer.send(make_frame(2, bytes(100_000), masking_key=MASK).wire()[:50_000])
                peer.reset()
            case 6:
                peer.send(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nhalf")
            case _:
                peer.send(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
                peer.head()
                peer.reset()
