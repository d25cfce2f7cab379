"""Peers of the layer that cost time and memory, or break the rules."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from core.net.loop import new_event_loop, wall_clock
from core.net.tls.contexts import server_context as own_context
from core.net.tls.failures import TlsFailureKind
from core.net.tls.layer import TlsLayer
from core.net.turns import Turns
from tests.tools.certificates import authority, client_context, server_context
from tests.tools.tls_end import CLIENT, SERVER, End, accepted, secured, serving
from tests.tools.tls_peer import TlsPeer
from tests.tools.waiting import PATIENCE_SECONDS

Test = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture
def run() -> Callable[[Test], None]:
    def on_loop(test: Test) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await test()

        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(bounded())

    return on_loop


class Ticks:
    """Counts the turns of the loop."""

    def __init__(self) -> None:
        self.count = 0
        self._loop = asyncio.get_running_loop()
        self._next()

    def _next(self) -> None:
        self.count += 1
        self._handle = self._loop.call_soon(self._next)

    def stop(self) -> None:
        self._handle.cancel()


def test_endless_tiny_records_leave_the_loop_to_others(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            flood = peer.encrypted(b"x" * 40_000, record=1)
            assert len(flood) > 20 * 40_000
            peer.writer.write(flood)
            ticks = Ticks()
            await end.until_received(40_000)
            ticks.stop()
            # It is a matter of tens of milliseconds, and a turn has two of them.
            assert ticks.count > 10
            assert end.layer.unread_bytes == 0

    run(test)


def test_records_without_data_are_not_taken_forever(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with secured() as (end, peer):
            # An empty write makes no record in OpenSSL: 33 of them are put together by hand below TLS 1.3.
            peer.writer.write(b"\x17\x03\x03\x00\x00" * 100)
            await end.lost
            assert end.failure is not None
            assert end.failure.kind is TlsFailureKind.BROKEN

    run(test)


def test_many_handshakes_at_once_leave_the_loop_to_others(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        loop, clock = asyncio.get_running_loop(), wall_clock()
        turns, ends = Turns(loop, clock), []

        def new() -> TlsLayer:
            end = End()
            ends.append(end)
            layer = TlsLayer(end, end, serving(), turns, clock)
            layer.limit(PATIENCE_SECONDS)
            return layer

        async with await loop.create_server(new, "127.0.0.1", 0, backlog=500) as listening:
            port = listening.sockets[0].getsockname()[1]
            peers = [
                TlsPeer(*await asyncio.open_connection("127.0.0.1", port), CLIENT, "localhost")
                for _ in range(150)
            ]
            ticks = Ticks()
            await asyncio.gather(*(peer.shake_hands() for peer in peers))
            await asyncio.gather(*(end.secured.wait() for end in ends))
            ticks.stop()
            for end, peer in zip(ends, peers, strict=True):
                end.stays_open = False
                peer.writer.transport.abort()
            await asyncio.gather(*(end.lost for end in ends))
            assert ticks.count > 10

    run(test)


@pytest.mark.parametrize("first", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_a_handshake_has_its_time(run: Callable[[Test], None], first: bytes) -> None:
    async def test() -> None:
        async with accepted(seconds=0.1) as (end, peer):
            peer.writer.write(first)
            assert await peer.reader.read() == b""
            assert end.failure is not None
            assert end.failure.kind is TlsFailureKind.TIMED_OUT
            assert "was not complete after 0.1 s" in end.failure.sentence

    run(test)


def test_a_client_hello_without_an_end_is_bounded(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with accepted() as (end, peer):
            # It says that it has 16 MiB.
            record = b"\x16\x03\x01\x40\x00"
            peer.writer.write(
                record + b"\x01\xff\xff\xff" + bytes(0x4000 - 4) + (record + bytes(0x4000)) * 40
            )
            with contextlib.suppress(ConnectionResetError):
                await peer.reader.read()
            assert end.failure is not None
            assert end.failure.kind in (TlsFailureKind.BROKEN, TlsFailureKind.REFUSED)

    run(test)


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x00\x00\x00", b"SSH-2.0-x\r\n"])
def test_what_is_no_tls_is_told_with_what_came(run: Callable[[Test], None], said: bytes) -> None:
    async def test() -> None:
        async with accepted() as (end, peer):
            peer.writer.write(said)
            assert await peer.reader.read() == b""
            assert end.plain == said
            assert end.failure is not None
            assert end.failure.kind is TlsFailureKind.NOT_TLS

    run(test)


@pytest.mark.parametrize("at", [0, 1, 5, 100])
def test_a_client_that_leaves_in_the_handshake(run: Callable[[Test], None], at: int) -> None:
    async def test() -> None:
        async with accepted() as (end, peer):
            with pytest.raises(ssl.SSLWantReadError):
                peer.object.do_handshake()
            peer.writer.write(peer._outgoing.read()[:at])
            peer.writer.write_eof()
            assert await peer.reader.read() == b""
            assert end.failure is not None
            assert end.failure.kind is TlsFailureKind.VANISHED

    run(test)


def test_a_client_that_refuses_the_certificate(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with accepted(client=stranger) as (end, peer):
            with pytest.raises(ssl.SSLCertVerificationError):
                await peer.shake_hands()
            await peer.reader.read()
            assert end.failure is not None
            assert end.failure.kind is TlsFailureKind.CERTIFICATE_REFUSED
            assert end.failure.detail == "unknown_ca"

    run(test)


def test_no_version_in_common(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        only_new = server_context()
        only_new.minimum_version = ssl.TLSVersion.TLSv1_3
        old = client_context()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        async with accepted(serving(only_new), client=old) as (end, peer):
            with pytest.raises(ssl.SSLError):
                await peer.shake_hands()
            assert end.failure is not None
            assert end.failure.kind is TlsFailureKind.NO_COMMON_VERSION

    run(test)


def _s_client(port: int, *options: str) -> subprocess.Popen[bytes]:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", *options]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.skipif(sys.platform == "win32", reason="needs openssl's own client")
def test_renegotiation_is_refused(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        context = own_context(None)
        authority().issue_cert("localhost").configure_cert(context)
        loop, clock, end = asyncio.get_running_loop(), wall_clock(), End()
        layer = TlsLayer(end, end, serving(context), Turns(loop, clock), clock)
        async with await loop.create_server(lambda: layer, "127.0.0.1", 0) as listening:
            client = _s_client(listening.sockets[0].getsockname()[1], "-tls1_2")
            assert client.stdin is not None
            await end.secured.wait()
            end.stays_open = False
            client.stdin.write(b"R\n")
            client.stdin.flush()
            # RFC 5246 section 7.2.2: no_renegotiation; openssl's client gives up then.
            output, _ = await loop.run_in_executor(None, lambda: client.communicate(timeout=PATIENCE_SECONDS))
            assert b"no renegotiation" in output
            await end.lost
            assert end.received == b""

    run(test)


@pytest.mark.skipif(sys.platform == "win32", reason="needs openssl's own client")
def test_keys_are_updated_when_the_peer_asks(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        loop, clock, end = asyncio.get_running_loop(), wall_clock(), End()
        layer = TlsLayer(end, end, serving(SERVER), Turns(loop, clock), clock)
        async with await loop.create_server(lambda: layer, "127.0.0.1", 0) as listening:
            client = _s_client(listening.sockets[0].getsockname()[1], "-tls1_3")
            assert client.stdin is not None
            await end.secured.wait()
            # RFC 8446 section 4.6.3: K wants ours updated too.
            for line in (b"K\n", b"hello\n"):
                client.stdin.write(line)
                client.stdin.flush()
                await asyncio.sleep(0.05)
            await end.until_received(6)
            end.layer.write(b"answer with new keys\n")
            client.stdin.write(b"Q\n")
            client.stdin.flush()
            output, _ = await loop.run_in_executor(None, lambda: client.communicate(timeout=PATIENCE_SECONDS))
            assert b"KEYUPDATE" in output
            assert b"answer with new keys" in output
            await end.ended.wait()
            layer.abort()
            await end.lost
            assert end.received == b"hello\n"

    run(test)
