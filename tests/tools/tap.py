"""A TCP forwarder that copies every byte it passes on: an independent witness of what was on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

_READ_BYTES = 64 * 1024
_PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class TappedConnection:
    """The bytes of one connection. `name` is the peer's address as the server behind the tap sees it."""

    name: str
    client: str
    """The address of the client before the tap, as the tap sees it."""
    to_server: bytearray = field(default_factory=bytearray)
    to_client: bytearray = field(default_factory=bytearray)


class Tap:
    """Listens on its own port and forwards to `127.0.0.1:target`. `port` is known once `started` is set."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = 0
        self.connections: list[TappedConnection] = []
        """In the order in which they came. A port may be another connection's later."""
        self.started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    def of(self, name: str) -> TappedConnection:
        """The connection of that name. Raises StopIteration if none came."""
        return next(each for each in self.connections if each.name == name)

    def run(self) -> None:
        """Forward until `stop`, on its own thread."""
        asyncio.run(self._serve())

    def stop(self) -> None:
        """Accept no more connections, and let existing ones end. Any thread."""
        if self._loop is not None and self._ending is not None:
            self._loop.call_soon_threadsafe(self._ending.set)

    async def _serve(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.started.set()
        await self._ending.wait()
        server.close()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_PATIENCE_SECONDS)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            host, port = far_writer.get_extra_info("sockname")[:2]
            near_host, near_port = writer.get_extra_info("peername")[:2]
            tapped = TappedConnection(f"{host}:{port}", f"{near_host}:{near_port}")
            self.connections.append(tapped)
            await asyncio.gather(
                _copy(reader, far_writer, tapped.to_server), _copy(far_reader, writer, tapped.to_client)
            )
            for each in (writer, far_writer):
                each.close()
                with contextlib.suppress(OSError):
                    await each.wait_closed()
        finally:
            self._under_way.discard(task)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, copied: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_READ_BYTES):
            copied += data
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()


@contextlib.contextmanager
def tapping(target: int) -> Iterator[Tap]:
    """A tap before the server on `target`; leaving the block waits for existing connections."""
    tap = Tap(target)
    thread = threading.Thread(target=tap.run, name="tap")
    thread.start()
    try:
        if not tap.started.wait(_PATIENCE_SECONDS):
            raise RuntimeError("the tap did not start")
        yield tap
    finally:
        tap.stop()
        thread.join()
