"""Between a client and its server: every byte goes on, and the capture tells of both legs."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from core.capture.legs import LegEnd
from core.capture.records import ConnectionState, Direction, Mode
from core.net.failures import FailureKind
from core.net.settings import EngineSettings, Limits
from core.protocol.events import ClosedBy
from core.protocol.frames import Opcode, make_frame
from core.protocol.handshake import accept_key
from core.protocol.http11 import write_response
from core.protocol.state import Role
from tests.tools.raw_end import RawEnd
from tests.tools.raw_peer import KEY, MASK, RawPeer
from tests.tools.raw_server import RawServer
from tests.tools.served import Served, frames_of, messages_of
from tests.tools.waiting import PATIENCE_SECONDS, until

ACCEPTED = write_response(
    101, [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept_key(KEY))]
)
C2S, S2C = Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", EngineSettings(limits=Limits(message_bytes=1 << 20))) as running:
        yield running


@contextmanager
def relayed(served: Served, target: RawServer, path: str = "/") -> Iterator[tuple[RawPeer, RawEnd]]:
    """A client and its server, past the opening handshake."""
    with RawPeer(served.relay(target.url)) as client:
        client.send(client.request(path))
        with target.accepted() as server:
            server.head()
            server.send(ACCEPTED)
            assert client.head() == ACCEPTED
            yield client, server


def test_the_request_goes_on_with_the_host_of_the_target(served: Served, target: RawServer) -> None:
    with RawPeer(served.relay(target.url + "/base/")) as client:
        request = client.request("/chat?a=b")
        client.send(request + make_frame(1, b"hasty", masking_key=MASK).wire())
        with target.accepted() as server:
            expected = request.replace(b"GET /chat", b"GET /base/chat").replace(
                b"127.0.0.1:%d" % client.port, b"127.0.0.1:%d" % target.port
            )
            assert server.head() == expected
            server.send(ACCEPTED + make_frame(1, b"hi").wire())
            # What the client said too early is kept back until the server has agreed.
            assert server.take(11) == make_frame(1, b"hasty", masking_key=MASK).wire()
            assert client.head() == ACCEPTED
            assert client.take(4) == b"\x81\x02hi"
    record = served.closed()
    assert (record.mode, record.path, record.status) == (Mode.RELAY, "/chat?a=b", 101)
    assert [each.payload for each in messages_of(served.reader)] == [b"hasty", b"hi"]


def test_odd_frames_pass_as_they_are_and_are_judged(served: Served, target: RawServer) -> None:
    """Length forms, fragments, keys, reserved bits, frames that are not masked, an invalid close code."""
    odd = b"".join(
        (
            b"\x82\xff" + (3).to_bytes(8, "big") + MASK + b"abc",
            make_frame(1, b"frag", fin=False, masking_key=b"\0\0\0\0").wire(),
            make_frame(9, b"ping", masking_key=MASK).wire(),
            make_frame(0, b"ment", masking_key=MASK).wire(),
            make_frame(0xB, b"?", rsv=0x70, masking_key=MASK).wire(),
            make_frame(2, b"not masked").wire(),
            make_frame(8, b"\x03\xed", masking_key=MASK).wire(),
        )
    )
    with relayed(served, target) as (client, server):
        for byte in odd:
            client.send(bytes([byte]))
        assert server.take(len(odd)) == odd
        server.send(odd)
        assert client.take(len(odd)) == odd
    served.closed()
    both = [
        b"".join(each.frame.wire() for each in frames_of(served.reader) if each.row.direction is way)
        for way in (C2S, S2C)
    ]
    assert both == [odd, odd]
    found = {found.rule.id for each in frames_of(served.reader) for found in each.violations}
    assert {
        "length-not-minimal",
        "masking-key-zero",
        "mask-missing",
        "mask-forbidden",
        "close-code-forbidden",
    } <= found


@pytest.mark.parametrize("seed", range(4))
def test_any_bytes_pass_both_ways_at_once(served: Served, target: RawServer, seed: int) -> None:
    chance = random.Random(seed)
    said = {way: chance.randbytes(chance.randrange(1, 400_000)) for way in (C2S, S2C)}
    with relayed(served, target) as (client, server):
        ends = ((client, said[C2S]), (server, said[S2C]))
        threads = [threading.Thread(target=speak, args=(peer.socket, data, seed)) for peer, data in ends]
        for thread in threads:
            thread.start()
        assert server.rest() == said[C2S]
        assert client.rest() == said[S2C]
        for thread in threads:
            thread.join()
    served.closed()


def speak(sock: socket.socket, data: bytes, seed: int) -> None:
    chance = random.Random(seed)
    at = 0
    while at < len(data):
        width = chance.randrange(1, 60_000)
        sock.sendall(data[at : at + width])
        at += width
    sock.shutdown(socket.SHUT_WR)


def test_a_half_closed_stream_stays_half_open(served: Served, target: RawServer) -> None:
    with relayed(served, target) as (client, server):
        client.socket.shutdown(socket.SHUT_WR)
        assert server.socket.recv(1) == b""
        server.send(make_frame(1, b"still here").wire())
        assert client.take(12) == make_frame(1, b"still here").wire()
        server.socket.close()
        assert client.rest() == b""
    record = served.closed()
    assert (record.closed_by, record.vanished) == (ClosedBy.CLIENT, True)


def test_a_reset_goes_on(served: Served, target: RawServer) -> None:
    with relayed(served, target) as (client, server):
        server.reset()
        with pytest.raises(ConnectionResetError):
            client.rest()
    record = served.closed()
    assert (record.closed_by, record.vanished, record.close_code) == (ClosedBy.SERVER, True, 1006)


@pytest.mark.parametrize("how", ["ends", "resets"])
def test_a_target_that_dies_within_a_frame(served: Served, target: RawServer, how: str) -> None:
    begun = make_frame(2, bytes(1000)).wire()[:500]
    with relayed(served, target) as (client, server):
        server.send(begun)
        assert client.take(500) == begun
        if how == "resets":
            server.reset()
            with pytest.raises(ConnectionResetError):
                client.rest()
        else:
            server.socket.close()
            assert client.rest() == b""
    record = served.closed()
    assert (record.closed_by, record.vanished, record.close_code) == (ClosedBy.SERVER, True, 1006)
    (frame,) = frames_of(served.reader)
    assert (frame.row.captured_length, frame.row.declared_length) == (496, 1000)
    assert [found.rule.id for found in frame.violations] == ["frame-truncated"]
    ended = {leg.side: leg.ended for leg in served.reader.legs(1)}
    assert ended == {Role.CLIENT: LegEnd.CUT, Role.SERVER: LegEnd.VANISHED}


def test_who_closes_is_told(served: Served, target: RawServer) -> None:
    with relayed(served, target) as (client, server):
        server.send(make_frame(8, b"\x03\xe9away").wire())
        assert client.take(8) == make_frame(8, b"\x03\xe9away").wire()
        client.frame(Opcode.CLOSE, b"\x03\xe9")
        server.take(8)
    record = served.closed()
    assert (record.close_code, record.reason, record.closed_by) == (1001, "away", ClosedBy.SERVER)


def test_a_target_that_is_not_there_is_a_502_that_says_why(served: Served, target: RawServer) -> None:
    target.refuse()
    with RawPeer(served.relay(target.url)) as client:
        client.send(client.request())
        assert client.head().startswith(b"HTTP/1.1 502 ")
        assert b"refuses the connection" in client.rest()
    failure = served.failure()
    assert (failure.kind, failure.subject) == (FailureKind.CONNECT, target.url)
    record = served.closed()
    assert (record.state, record.status) == (ConnectionState.REFUSED, 502)
    assert "nothing listens there" in record.reason


def test_what_the_target_answers_is_what_the_client_gets(served: Served, target: RawServer) -> None:
    refusal = write_response(401, [("Content-Length", "2"), ("X-Odd", " kept")], b"no")
    with RawPeer(served.relay(target.url)) as client:
        client.send(client.request())
        with target.accepted() as server:
            server.head()
            server.send(refusal)
        assert client.rest() == refusal
    record = served.closed()
    assert (record.state, record.status) == (ConnectionState.REFUSED, 401)


def test_what_is_no_request_is_answered_400(served: Served, target: RawServer) -> None:
    with RawPeer(served.relay(target.url)) as client:
        client.send(b"\x16\x03\x01hello\r\n\r\n")
        assert client.head().startswith(b"HTTP/1.1 400 ")
    assert served.closed().state is ConnectionState.REFUSED


def test_a_client_that_goes_before_the_target_answers(served: Served, target: RawServer) -> None:
    with RawPeer(served.relay(target.url)) as client:
        client.send(client.request())
        with target.accepted() as server:
            server.head()
            client.socket.close()
            assert server.rest() == b""
    assert served.closed().closed_by is ClosedBy.CLIENT


def test_a_slow_target_slows_its_client(served: Served, target: RawServer) -> None:
    """What is in memory stays a few megabytes, however much the client would send."""
    message = make_frame(2, bytes(1 << 16), masking_key=MASK).wire()
    with relayed(served, target) as (client, server):
        client.socket.setblocking(False)
        sent = 0

        def stuck() -> bool:
            nonlocal sent
            try:
                while sent < 64 << 20:
                    sent += client.socket.send(message)
            except BlockingIOError:
                return served.host.slow_peers != ()
            return True

        until(stuck, "nothing more is taken")
        assert sent < 64 << 20
        client.socket.setblocking(True)
        thread = threading.Thread(target=read, args=(server.socket, sent))
        thread.start()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
    served.closed()


def read(sock: socket.socket, count: int) -> None:
    while count > 0:
        count -= len(sock.recv(1 << 20))


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_websockets_talks_to_websockets(served: Served, compression: str | None) -> None:
    said = [f"message {number} " * (number % 50) for number in range(500)]

    async def echo(peer: ServerConnection) -> None:
        async for message in peer:
            await peer.send(message)

    async def talk() -> list[str]:
        async with serve(echo, "127.0.0.1", 0, compression=compression) as server:
            port = server.sockets[0].getsockname()[1]
            relay = await asyncio.to_thread(served.relay, f"ws://127.0.0.1:{port}")
            async with connect(f"ws://127.0.0.1:{relay}", compression=compression) as client:
                heard = []
                for message in said:
                    await client.send(message)
                    heard.append(str(await client.recv()))
                return heard

    assert asyncio.run(talk()) == said
    record = served.closed()
    assert (record.close_code, record.closed_by, record.violation_count) == (1000, ClosedBy.CLIENT, 0)
    recorded = messages_of(served.reader)
    for way in (C2S, S2C):
        assert [each.payload.decode() for each in recorded if each.direction is way] == said
        assert {each.compressed for each in recorded if each.direction is way} == {compression is not None}


def test_the_times_of_each_leg_are_known(served: Served, target: RawServer) -> None:
    with relayed(served, target) as (client, server):
        client.frame(1, b"hello")
        server.take(11)
        server.send(make_frame(1, b"hi").wire())
        client.take(4)
    record = served.closed()
    near, far = served.reader.legs(1)
    assert (near.side, far.side) == (Role.CLIENT, Role.SERVER)
    assert (near.local, far.peer) == (record.local, f"127.0.0.1:{target.port}")
    for leg in (near, far):
        times = (leg.opened_ns, leg.connected_ns, leg.answered_ns, leg.first_message_ns, leg.closed_ns)
        known = [time for time in times if time is not None]
        assert len(known) == 5
        assert known == sorted(known)
        assert leg.secured_ns is None
    # The server is dialled once the request is there.
    assert near.connected_ns is not None
    assert far.opened_ns >= near.connected_ns


def test_a_leg_changes_hands_with_what_was_not_used(served: Served, target: RawServer) -> None:
    """Frames that come with the response, and some that come before it, arrive once and in order."""
    with RawPeer(served.relay(target.url)) as client:
        client.send(client.request() + make_frame(1, b"a", masking_key=MASK).wire())
        with target.accepted() as server:
            server.head()
            client.frame(1, b"b")
            server.send(ACCEPTED + b"".join(make_frame(1, b"%d" % number).wire() for number in range(9)))
            client.head()
            assert client.take(27)[2::3] == b"012345678"
            client.frame(1, b"c")
            assert len(server.take(21)) == 21
    served.closed()
    said = messages_of(served.reader)
    assert [each.payload for each in said if each.direction is C2S] == [b"a", b"b", b"c"]
    assert [each.payload for each in said if each.direction is S2C] == [b"%d" % number for number in range(9)]


def test_an_end_of_unmask_cuts_what_is_relayed_at_once(served: Served, target: RawServer) -> None:
    with relayed(served, target) as (client, server):
        served.host.stop()
        for end in (client, server):
            with suppress(ConnectionResetError):
                assert end.rest() == b""
