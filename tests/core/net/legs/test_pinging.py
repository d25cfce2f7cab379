from __future__ import annotations

import asyncio
import itertools

from core.net.client_status import Pulse
from core.net.legs.pinging import Pinging


def test_round_trips_are_measured_and_silence_is_counted() -> None:
    async def run() -> tuple[list[bytes], list[Pulse]]:
        sent: list[bytes] = []
        told: list[Pulse] = []
        enough = asyncio.Event()
        now = itertools.count(0, 1000)

        def ping(payload: bytes) -> None:
            sent.append(payload)
            if len(sent) in (1, 4):
                pinging.ponged(payload, next(now))
                # The same answer again, and one to nothing, say nothing.
                pinging.ponged(payload, next(now))
                pinging.ponged(b"", next(now))
            if len(sent) == 5:
                pinging.stop()
                enough.set()

        pinging = Pinging(asyncio.get_running_loop(), lambda: next(now), 0.01, ping, told.append)
        pinging.start()
        await enough.wait()
        return sent, told

    sent, told = asyncio.run(run())
    assert len(set(sent)) == 5
    assert told == [
        Pulse(1000, 0),
        Pulse(1000, 1),
        Pulse(1000, 2),
        Pulse(1000, 0),
    ]


def test_who_is_told_may_stop_it() -> None:
    async def run() -> list[bytes]:
        sent: list[bytes] = []
        over = asyncio.Event()

        def stop(_pulse: Pulse) -> None:
            pinging.stop()
            over.set()

        pinging = Pinging(asyncio.get_running_loop(), lambda: 0, 0.01, sent.append, stop)
        pinging.start()
        await over.wait()
        await asyncio.sleep(0)
        return sent

    assert len(asyncio.run(run())) == 1
