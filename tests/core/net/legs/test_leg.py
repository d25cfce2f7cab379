"""Two legs between real sockets, and an owner that hands on what comes: as a relay will be one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from core.net.legs.leg import WRITE_HIGH, Leg, PauseReason
from core.net.loop import new_event_loop, wall_clock
from core.net.tls.failures import TlsFailure
from core.net.turns import Turns
from tests.tools.waiting import PATIENCE_SECONDS

MIB = 1024 * 1024


class Pair:
    """Owns a leg to a client and one to a server, and passes on bytes, ends and losses."""

    def __init__(self) -> None:
        loop, clock = asyncio.get_running_loop(), wall_clock()
        self.turns = turns = Turns(loop, clock)
        self.near = Leg(self, loop, turns, clock)
        self.far = Leg(self, loop, turns, clock)
        self.most_queued = 0
        self.received = 0
        self.rest = b""
        """What came from the client and could not be passed on at once."""
        self.ended: list[Leg] = []
        self.finished: list[Leg] = []
        self.both_finished = asyncio.Event()

    def other(self, leg: Leg) -> Leg:
        return self.far if leg is self.near else self.near

    def leg_made(self, leg: Leg) -> None:
        pass

    def leg_received(self, leg: Leg, data: bytes, now: int, until: int) -> bool:  # noqa: ARG002
        other = self.other(leg)
        if leg is self.near and self.rest:
            data, self.rest = self.rest + data, b""
        other.write([data])
        self.received += len(data)
        self.most_queued = max(self.most_queued, other.queued_bytes)
        return False

    def leg_wants_portions(self, leg: Leg) -> bool:  # noqa: ARG002
        return False

    def leg_has_more(self, leg: Leg) -> bool:
        return leg is self.near and bool(self.rest)

    def leg_secured(self, leg: Leg) -> None:
        pass

    def leg_unsecured(self, leg: Leg, failure: TlsFailure) -> None:
        pass

    def leg_stalls(self, leg: Leg) -> None:
        self.other(leg).pause(PauseReason.PEER)

    def leg_flows(self, leg: Leg) -> None:
        self.other(leg).resume(PauseReason.PEER)

    def leg_ended(self, leg: Leg) -> bool:
        self.ended.append(leg)
        self.other(leg).say_no_more()
        return True

    def leg_lost(self, leg: Leg) -> None:
        if not leg.has_ended:
            self.other(leg).abort()
        self.other(leg).resume(PauseReason.PEER)

    def leg_finished(self, leg: Leg) -> None:
        self.finished.append(leg)
        if len(self.finished) == 2:
            self.both_finished.set()


@dataclass(frozen=True, slots=True)
class Ends:
    """What the pair stands between."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


Test = Callable[[], Coroutine[Any, Any, None]]
_LOOPS = (new_event_loop, asyncio.SelectorEventLoop)


@pytest.fixture(params=_LOOPS, ids=["fast loop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Callable[[Test], None]:
    def on_loop(test: Test) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await test()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(bounded())

    return on_loop


@asynccontextmanager
async def between(pair: Pair) -> AsyncIterator[tuple[Ends, Ends]]:
    """A client and a server with the pair between them; afterwards both legs are done, each told of once."""
    loop = asyncio.get_running_loop()
    accepted: asyncio.Future[Ends] = loop.create_future()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(Ends(reader, writer))

    async with (
        await asyncio.start_server(take, "127.0.0.1", 0) as target,
        await loop.create_server(lambda: pair.near, "127.0.0.1", 0) as listening,
    ):
        await loop.create_connection(lambda: pair.far, "127.0.0.1", target.sockets[0].getsockname()[1])
        client = Ends(*await asyncio.open_connection("127.0.0.1", listening.sockets[0].getsockname()[1]))
        server = await accepted
        try:
            yield client, server
        finally:
            for each in (client, server):
                each.writer.close()
                with contextlib.suppress(OSError):
                    await each.writer.wait_closed()
        await pair.both_finished.wait()
    assert len(pair.ended) == len(set(pair.ended))
    assert sorted(map(id, pair.finished)) == sorted(map(id, (pair.near, pair.far)))


def test_a_half_that_has_ended_leaves_the_other_open(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        pair = Pair()
        async with between(pair) as (client, server):
            client.writer.write(b"all I say")
            client.writer.write_eof()
            assert await server.reader.read() == b"all I say"
            # Pausing and going on do not read the end once more.
            pair.near.pause(PauseReason.HELD)
            pair.near.resume(PauseReason.HELD)
            server.writer.write(b"and the answer")
            assert await client.reader.readexactly(14) == b"and the answer"
            assert pair.near.is_open
            server.writer.write_eof()
            assert await client.reader.read() == b""
            await pair.both_finished.wait()

    run(test)


def test_who_does_not_read_slows_who_writes(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        pair = Pair()
        said = bytes(range(256)) * (32 * MIB // 256)
        async with between(pair) as (client, server):
            # What the two sockets on the way to a server that does not read hold is a few MiB.
            client.writer.write(said)
            while PauseReason.PEER not in pair.near._paused:
                await asyncio.sleep(0.001)
            assert pair.received < len(said)
            assert await server.reader.readexactly(len(said)) == said
            assert pair.most_queued <= WRITE_HIGH + 256 * 1024
            server.writer.write(b"back")
            assert await client.reader.readexactly(4) == b"back"

    run(test)


def test_while_something_is_held_nothing_is_read_and_nobody_is_late(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        pair, late = Pair(), asyncio.Event()
        async with between(pair) as (client, server):
            pair.near.pause(PauseReason.HELD)
            client.writer.write(b"in time")
            await client.writer.drain()
            pair.near.set_timer(0.01, late.set)
            while pair.near._overdue is None:
                await asyncio.sleep(0.001)
            assert not late.is_set()
            assert pair.received == 0
            pair.near.resume(PauseReason.HELD)
            assert await server.reader.readexactly(7) == b"in time"
            # Nothing of it is unread now.
            await late.wait()

    run(test)


def test_a_leg_that_is_paused_before_it_is_connected_is_not_read(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        pair = Pair()
        pair.near.pause(PauseReason.PEER)
        async with between(pair) as (client, server):
            client.writer.write(bytes(8 * MIB))
            for _ in range(100):
                server.writer.write(b"y")
                assert await client.reader.readexactly(1) == b"y"
            # One read may come before a loop knows that it is paused.
            assert pair.received <= 100 + 256 * 1024
            pair.near.resume(PauseReason.PEER)
            assert await server.reader.readexactly(8 * MIB) == bytes(8 * MIB)

    run(test)


def test_what_the_other_side_has_freed_is_worked_on_once_nothing_is_held(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        pair = Pair()
        async with between(pair) as (client, server):
            pair.near.pause(PauseReason.HELD)
            pair.rest = b"waited"
            pair.turns.add(pair.near)
            server.writer.write(b"y")
            assert await client.reader.readexactly(1) == b"y"
            assert pair.rest
            pair.near.resume(PauseReason.HELD)
            assert await server.reader.readexactly(6) == b"waited"

    run(test)


def test_who_is_done_is_read_on_before_those_who_are_not(
    run: Callable[[Test], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many those are, and however little it takes to be done."""
    monkeypatch.setattr("core.net.legs.leg.READ_ON_NS", -1)

    class Busy:
        """Never done."""

        def __init__(self, turns: Turns, taken: list[None]) -> None:
            self._turns = turns
            self._taken = taken

        def work(self, until: int) -> None:
            self._taken.append(None)
            while self._turns._clock() < until:
                pass
            self._turns.add(self)

    async def test() -> None:
        pair, taken = Pair(), list[None]()
        async with between(pair) as (client, server):
            for _ in range(100):
                pair.turns.add(Busy(pair.turns, taken))
            for _ in range(20):
                client.writer.write(b"x")
                assert await server.reader.readexactly(1) == b"x"
            assert len(taken) < 20 * 20
            pair.turns._queue.clear()

    run(test)


def test_a_reset_reaches_the_other_side(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        pair = Pair()
        async with between(pair) as (client, server):
            client.writer.write(b"x")
            assert await server.reader.readexactly(1) == b"x"
            # Waiting for room when it happens, and told of room when it is over, makes no second end.
            pair.far.pause(PauseReason.MEMORY)
            sock = client.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.writer.transport.abort()
            await pair.both_finished.wait()
            pair.far.resume(PauseReason.MEMORY)
            assert await server.reader.read() == b""

    run(test)
