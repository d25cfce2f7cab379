from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from core.net.connect_request import parse_url
from core.net.loop import new_event_loop
from core.net.reach import Reach
from core.net.reaching import reach


class Watched(asyncio.Protocol):
    """Notes what it is told."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._lost()


def test_a_protocol_hears_of_the_end_whenever_dialling_is_stopped() -> None:
    """It is stopped after any number of turns of the loop, so also between the connection and the end of the dial."""

    async def run(port: int) -> tuple[int, int, int]:
        loop = asyncio.get_running_loop()
        url = parse_url(f"ws://127.0.0.1:{port}/")
        made: list[asyncio.Transport] = []
        lost: list[None] = []
        completed = 0

        def reached(transport: asyncio.Transport, _first: bytes) -> None:
            made.append(transport)
            transport.set_protocol(Watched(lambda: lost.append(None)))

        for number in range(300):
            dialling = loop.create_task(reach(loop, url, Reach(), None, 30, reached))
            for _ in range(number % 40):
                await asyncio.sleep(0)
            dialling.cancel()
            try:
                await dialling
                completed += 1
            except asyncio.CancelledError:
                pass
        cut = len(made) - completed
        while len(lost) < cut:
            await asyncio.sleep(0)
        for transport in made:
            transport.abort()
        while len(lost) < len(made):
            await asyncio.sleep(0)
        return len(made), completed, cut

    with (
        socket.create_server(("127.0.0.1", 0), backlog=1024) as server,
        asyncio.Runner(loop_factory=new_event_loop) as runner,
    ):
        made, completed, _ = runner.run(asyncio.wait_for(run(server.getsockname()[1]), 60))
    assert made >= completed
