"""An attempt to reach a server ends once, however early it is stopped."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from core.errors import ConnectError, StoppedError
from core.net.connect_request import parse_url
from core.net.dial import Dialling, Outbound
from core.net.loop import new_event_loop, wall_clock
from core.net.tls.settings import TlsSettings
from core.net.tls.trust import Trust
from core.net.turns import Turns
from tests.tools.waiting import PATIENCE_SECONDS


class Host:
    """Whose loop and time a connection uses."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.clock = wall_clock()
        self.turns = Turns(self.loop, self.clock)


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(asyncio.wait_for(work(), PATIENCE_SECONDS))


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("is_ready", [False, True])
def test_it_may_be_stopped_at_any_moment(turns: int, is_ready: bool) -> None:
    """A connection that was ready for it is closed too."""

    async def stopped(port: int) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Transport | None = None
        if is_ready:
            ready, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
        failures: list[ConnectError] = []
        outbound = Outbound(Trust(TlsSettings()), ready=ready)
        url = parse_url(f"wss://127.0.0.1:{port}/")
        dialling = Dialling(
            Host(), asyncio.Protocol, url, outbound, 10.0, lambda _change: None, failures.append
        )
        for _ in range(turns):
            await asyncio.sleep(0)
        dialling.stop()
        while not failures:
            await asyncio.sleep(0)
        dialling.stop()
        for _ in range(10):
            await asyncio.sleep(0)
        assert [type(each) for each in failures] == [StoppedError]
        assert ready is None or ready.is_closing()

    with socket.create_server(("127.0.0.1", 0)) as silent:
        run(lambda: stopped(silent.getsockname()[1]))
