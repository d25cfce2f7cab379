"""The layer of TLS between real sockets, with a peer that controls every byte."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from core.net.loop import new_event_loop, wall_clock
from core.net.tls.failures import TlsEnd, TlsFailureKind
from core.net.tls.layer import TlsLayer
from core.net.tls.listening import StreamEnd
from core.net.tls.settings import TlsSettings
from core.net.tls.trust import Trust
from core.net.turns import Turns
from tests.tools.tls_end import CLIENT, SERVER, End, secured, serving
from tests.tools.tls_peer import TlsPeer
from tests.tools.waiting import PATIENCE_SECONDS

MIB = 1024 * 1024

Test = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture(params=[new_event_loop, asyncio.SelectorEventLoop], ids=["fast loop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Callable[[Test], None]:
    def on_loop(test: Test) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await test()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(bounded())

    return on_loop


def test_bytes_pass_both_ways(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            assert end.tls is not None
            assert (end.tls.version, end.tls.sni) == ("TLSv1.3", "localhost")
            said = bytes(range(256)) * (3 * MIB // 256)
            end.echoes = True
            peer.send(said)
            assert await peer.take(len(said)) == said
            assert end.received == said

    run(test)


def test_it_is_a_client_too(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        loop, clock, end = asyncio.get_running_loop(), wall_clock(), End()
        peers: asyncio.Future[TlsPeer] = loop.create_future()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peers.set_result(TlsPeer(reader, writer, SERVER, None))

        async with await asyncio.start_server(take, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            opening = await Trust(TlsSettings()).opening("127.0.0.1", port)
            layer = TlsLayer(end, end, opening, Turns(loop, clock), clock)
            await loop.create_connection(lambda: layer, "127.0.0.1", port)
            peer = await peers
            with pytest.raises(ssl.SSLError, match="unknown ca"):
                await peer.shake_hands()
            assert end.failure is not None
            assert end.failure.kind in (TlsFailureKind.UNKNOWN_ISSUER, TlsFailureKind.INCOMPLETE_CHAIN)
            assert end.failure.kind.is_distrust
            peer.writer.close()
            await peer.writer.wait_closed()

    run(test)


def test_each_half_ends_by_itself(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            peer.send(b"all I say")
            peer.notify()
            await end.ended.wait()
            assert (bytes(end.received), end.layer.is_truncated) == (b"all I say", False)
            end.layer.write(b"and the answer")
            assert await peer.take(14) == b"and the answer"
            end.layer.write(b"more")
            end.layer.write_eof()
            assert await peer.take(100) == b"more"
            end.layer.close()
            assert await end.lost is None
            assert await peer.reader.read() == b""

    run(test)


def test_what_is_written_after_it_was_closed_is_dropped(run: Callable[[Test], None]) -> None:
    """A timer may run out in that moment."""

    async def test() -> None:
        async with secured() as (end, peer):
            end.layer.write(b"last")
            end.layer.close()
            end.layer.write(b"later")
            assert await peer.take(100) == b"last"

    run(test)


def test_our_half_ends_first_and_the_peer_goes_on(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            end.layer.write(b"all I say")
            end.layer.write_eof()
            with pytest.raises(RuntimeError):
                end.layer.write(b"more")
            assert await peer.take(100) == b"all I say"
            said = b"x" * MIB
            peer.send(said)
            await end.until_received(len(said))
            assert end.received == said
            end.stays_open = False
            peer.notify()
            assert await end.lost is None

    run(test)


def test_an_end_without_close_notify_is_a_truncation(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            peer.send(b"GET / HTT")
            peer.writer.write_eof()
            await end.ended.wait()
            assert (bytes(end.received), end.layer.is_truncated) == (b"GET / HTT", True)
            # The session itself is sound: what is written still gets there.
            end.layer.write(b"too short")
            assert await peer.take(9) == b"too short"

    run(test)


def test_a_truncation_can_be_passed_on(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            end.layer.write(b"half of it")
            end.layer.write_eof(StreamEnd.TRUNCATED)
            assert await peer.take(10) == b"half of it"
            with pytest.raises(ssl.SSLEOFError):
                await peer.take(1)

    run(test)


def test_what_follows_close_notify_does_not_count(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            peer.notify()
            peer.writer.write(b"late" * 1000)
            await end.ended.wait()
            end.layer.write(b"still here")
            assert await peer.take(10) == b"still here"
            assert end.received == b""

    run(test)


def test_a_reset_is_a_loss(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            peer.send(b"data")
            await end.until_received(4)
            end.layer.write(b"never read")
            await asyncio.sleep(0)
            peer.writer.transport.abort()
            end.stays_open = False
            await end.lost

    run(test)


def test_damaged_bytes_end_it_with_an_alert(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            whole = peer.encrypted(b"first")
            peer.writer.write(whole)
            damaged = bytearray(peer.encrypted(b"second"))
            damaged[-1] ^= 1
            peer.writer.write(damaged + peer.encrypted(b"third"))
            reason = await end.lost
            assert end.received == b"first"
            assert end.failure is not None
            assert end.failure.kind is TlsFailureKind.BROKEN
            assert isinstance(reason, TlsEnd)
            with pytest.raises(ssl.SSLError, match="bad record mac"):
                await peer.take(1)

    run(test)


def test_a_slow_reader_is_told_of_and_costs_what_waits(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            layer = end.layer
            layer.set_write_buffer_limits(high=MIB)
            said = bytes(range(256)) * 256
            count = 0
            while not end.is_stalled:
                layer.write(said)
                count += 1
                await asyncio.sleep(0)
            raw = layer._raw
            assert raw is not None
            # All but a little waits as it is, and is encrypted only when the transport wants it.
            assert raw.get_write_buffer_size() < 600 * 1024
            assert MIB < layer.get_write_buffer_size() < 2 * MIB
            assert await peer.take(count * len(said)) == said * count
            while end.is_stalled:
                await asyncio.sleep(0)
            assert layer.get_write_buffer_size() <= MIB // 4

    run(test)


def test_a_large_write_comes_whole(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            said = bytes(range(256)) * (6 * MIB // 256)
            end.layer.writelines([said[:7], said[7 : 2 * MIB], said[2 * MIB :]])
            end.layer.close()
            assert await peer.take(len(said) + 1) == said
            assert await end.lost is None

    run(test)


def test_while_it_is_paused_nothing_is_delivered_and_little_is_held(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            end.layer.pause_reading()
            said = bytes(range(256)) * (8 * MIB // 256)
            peer.send(said)
            writing = asyncio.ensure_future(peer.writer.drain())
            for _ in range(200):
                await asyncio.sleep(0.0005)
            assert end.received == b""
            assert end.layer.unread_bytes <= 512 * 1024
            end.layer.resume_reading()
            await end.until_received(len(said))
            assert end.received == said
            assert end.most_at_once <= 300 * 1024
            await writing

    run(test)


def test_data_that_waits_comes_before_the_end(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            end.layer.pause_reading()
            peer.send(b"x" * 100_000)
            peer.notify()
            peer.writer.write_eof()
            for _ in range(20):
                await asyncio.sleep(0.001)
            assert not end.ended.is_set()
            end.layer.resume_reading()
            await end.ended.wait()
            assert (len(end.received), end.layer.is_truncated) == (100_000, False)

    run(test)


def test_bytes_that_were_read_before_belong_to_it(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        loop, clock, end = asyncio.get_running_loop(), wall_clock(), End()
        turns = Turns(loop, clock)

        class Peeking(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

            def data_received(self, data: bytes) -> None:
                layer = TlsLayer(end, end, serving(), turns, clock)
                layer.begin(self.transport, PATIENCE_SECONDS, data)  # type: ignore[arg-type]

        async with await loop.create_server(Peeking, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            peer = TlsPeer(*await asyncio.open_connection("127.0.0.1", port), CLIENT, "localhost")
            await peer.shake_hands()
            peer.send(b"hello")
            await end.until_received(5)
            peer.writer.write_eof()
            await end.ended.wait()
            peer.writer.close()
            end.layer.abort()
            await end.lost

    run(test)
