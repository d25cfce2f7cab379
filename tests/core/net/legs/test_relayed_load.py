"""Many, large, slow and greedy relayed connections: memory stays bounded, nobody is harmed, nothing is left over."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from core.capture.records import ConnectionState
from core.net import descriptors
from core.net.failures import FailureKind
from core.net.legs.leg import Leg
from core.net.legs.session import Session
from core.net.settings import EngineSettings, Limits
from core.protocol.events import ClosedBy
from core.protocol.frames import encode_header, make_frame
from tests.tools.answering import Answering, visit
from tests.tools.raw_end import RawEnd
from tests.tools.raw_peer import MASK, RawPeer
from tests.tools.raw_server import RawServer, response_to
from tests.tools.ruled_relay import rule_on, use
from tests.tools.served import Served, frames_of, on_loop
from tests.tools.waiting import PATIENCE_SECONDS, until

MIB = 1024 * 1024


@pytest.fixture
def settings() -> EngineSettings:
    return EngineSettings(limits=Limits(message_bytes=MIB, memory_bytes=4 * MIB, close_seconds=1.0))


@pytest.fixture
def served(tmp_path: Path, settings: EngineSettings) -> Iterator[Served]:
    with Served(tmp_path / "a.unmask", settings) as running:
        yield running


@pytest.fixture
def answering() -> Iterator[Answering]:
    with Answering() as server:
        yield server


@contextmanager
def opened(served: Served, target: RawServer) -> Iterator[tuple[RawPeer, RawEnd]]:
    """A client and its server past the handshake."""
    with RawPeer(served.relay(target.url)) as client:
        client.send(client.request())
        with target.accepted() as end:
            end.send(response_to(end.head()))
            client.head()
            yield client, end


def test_a_message_beyond_every_limit_passes_and_memory_stays_flat(served: Served) -> None:
    """100 MiB with limits of 1 MiB for a message and of 4 MiB for all."""
    size = 100 * MIB
    piece = bytes(range(256)) * 4096
    most = 0
    with RawServer() as target, opened(served, target) as (client, end):

        def say() -> None:
            client.send(encode_header(0x82, MASK, size, 2))
            for _ in range(size // MIB):
                client.send(piece)
            client.frame(1, b"behind it")

        thread = threading.Thread(target=say)
        thread.start()
        end.take(14)
        heard, length = hashlib.sha256(end.received), len(end.received)
        while length < size:
            data = end.socket.recv(min(MIB, size - length))
            heard.update(data)
            length += len(data)
            most = max(most, on_loop(served, lambda engine: engine.budget.held) if length % 8 == 0 else 0)
        end.received = b""
        assert len(end.take(6 + 9)) == 15
        thread.join()
        assert heard.hexdigest() == hashlib.sha256(piece * (size // MIB)).hexdigest()
    served.closed()
    large, small = frames_of(served.reader)
    assert (large.row.declared_length, large.row.truncated) == (size, True)
    assert small.frame.payload == b"behind it"
    assert most <= 4 * MIB


def test_a_pair_that_stalls_harms_nobody(served: Served) -> None:
    with RawServer() as target, opened(served, target) as (slow, end):
        end.socket.settimeout(1.0)
        message = make_frame(2, bytes(MIB - 100)).wire()
        sent = 0
        with suppress(TimeoutError):
            while sent < 200 * MIB:
                sent += end.socket.send(message[sent % len(message) :])
        assert sent < 100 * MIB
        with opened(served, target) as (quick, other):
            for number in range(100):
                quick.frame(1, b"%3d" % number)
                other.take(9)
                other.send(make_frame(1, b"%3d" % number).wire())
                assert quick.take(5)[2:] == b"%3d" % number
        taken = 0
        while taken < sent:
            taken += len(slow.socket.recv(MIB))
    assert served.closed(1).bytes_out >= sent - len(message)


def test_who_takes_all_memory_passes_unread(served: Served) -> None:
    """Unfinished messages of many connections fill what is allowed for all; bytes go on, and the record says so."""
    begun = encode_header(0x82, MASK, MIB, 2) + bytes(MIB - 1)
    with RawServer() as target, ExitStack() as stack:
        pairs = [stack.enter_context(opened(served, target)) for _ in range(8)]
        threads = [threading.Thread(target=take, args=(end, len(begun))) for _, end in pairs]
        for thread, (client, _) in zip(threads, pairs, strict=True):
            thread.start()
            client.send(begun)
        reader = served.captured(
            lambda reader: any(each.violation_count for each in reader.connections()), "one is passed by"
        )
        number = next(each.id for each in reader.connections() if each.violation_count)
        client, end = pairs[number - 1]
        threads[number - 1].join()
        client.send(b"\0")
        client.frame(1, b"after it")
        end.take(15)
    for thread in threads:
        thread.join()
    assert served.closed(number).vanished
    # The others have left within their messages, which is told of each when its turn comes.
    assert {each.violation.rule.id for each in served.reader.problems() if each.connection == number} == {
        "memory-exhausted"
    }
    assert sum(leg.trailing_length for leg in served.reader.legs(number)) >= 15


def take(end: RawEnd, count: int) -> None:
    """Take so much, or what comes."""
    with suppress(AssertionError, OSError):
        end.take(count)


@contextmanager
def full_disk(served: Served) -> Iterator[None]:
    """Nothing can be written meanwhile."""
    writer = served.host.recorder._writer
    served.host.recorder.flush()
    pages = writer._db.execute("PRAGMA page_count").fetchone()[0]
    writer._db.execute(f"PRAGMA max_page_count = {pages}")
    yield
    writer._db.execute("PRAGMA max_page_count = 1000000000")


def test_a_full_disk_does_not_stop_the_traffic(served: Served) -> None:
    def to_and_fro(client: RawPeer, end: RawEnd, count: int) -> None:
        for _ in range(count):
            client.frame(2, bytes(4000))
            assert len(end.take(8 + 4000)) == 4008
            end.send(make_frame(2, bytes(4000)).wire())
            assert len(client.take(4 + 4000)) == 4004

    with RawServer() as target, opened(served, target) as (client, end):
        to_and_fro(client, end, 1)
        with full_disk(served):
            to_and_fro(client, end, 300)
            assert served.failure().kind is FailureKind.CAPTURE
            to_and_fro(client, end, 10)
        to_and_fro(client, end, 1)
    record = served.closed()
    assert served.host.recorder.lost_frames > 0
    assert record.frame_count >= 2
    assert len(frames_of(served.reader)) == record.frame_count


@pytest.mark.parametrize("leg", ["client", "server"])
def test_many_who_trickle_on_either_leg_keep_nobody_waiting(
    served: Served, answering: Answering, leg: str
) -> None:
    with RawServer() as silent, ExitStack() as stack:
        relay = served.relay(silent.url)
        for _ in range(100):
            peer = stack.enter_context(RawPeer(relay))
            peer.send(b"GET / HTT" if leg == "client" else b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            if leg == "server":
                stack.enter_context(silent.accepted()).send(b"HTTP/1.1 2")
        with RawPeer(served.relay(answering.url)) as modest:
            began = time.monotonic()
            for _ in range(20):
                modest.send(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
                modest.head()
                assert modest.take(5) == b"hello"
            assert time.monotonic() - began < PATIENCE_SECONDS / 3
    until(lambda: served.host.open_connections == 0, "all have gone")


@pytest.mark.skipif(sys.platform == "win32", reason="the number of sockets is limited")
@pytest.mark.timeout(240)
def test_two_thousand_idle_connections(served: Served, answering: Answering) -> None:
    descriptors.raise_limit()
    if (descriptors.limit() or 10**6) < 10_000:
        pytest.skip("this system allows too few open files")
    count = 2000
    relay = served.relay(answering.url)
    with ExitStack() as stack:
        peers = []
        for _ in range(count):
            peer = stack.enter_context(RawPeer(relay))
            peer.send(peer.request())
            peers.append(peer)
        for peer in peers:
            assert peer.head().startswith(b"HTTP/1.1 101 ")
        assert served.host.open_connections == count
        assert on_loop(served, lambda engine: engine.budget.held) < MIB
        for peer in peers[:: count // 20]:
            peer.send(make_frame(1, b"awake", masking_key=MASK).wire())
            assert peer.take(11) == make_frame(1, b"awake", masking_key=MASK).wire()
    until(lambda: served.host.open_connections == 0, "all have gone")
    assert {each.state for each in served.reader.connections()} <= {
        ConnectionState.CLOSED,
        ConnectionState.OPEN,
    }


@pytest.mark.skipif(sys.platform != "linux", reason="counts what /proc shows")
def test_coming_and_going_leaves_nothing_behind(served: Served, answering: Answering) -> None:
    relay = served.relay(answering.url)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        nowhere = served.relay(f"ws://127.0.0.1:{gone.getsockname()[1]}")

    def left() -> tuple[int, int, int]:
        """Descriptors, tasks, and objects of ours."""
        tasks = on_loop(served, lambda engine: len(asyncio.all_tasks(engine.loop)))
        gc.collect()
        ours = sum(isinstance(each, (Leg, Session)) for each in gc.get_objects())
        return len(os.listdir("/proc/self/fd")), tasks, ours

    def come_and_go(count: int) -> None:
        for number in range(count):
            visit(relay, number)
            if number % 20 == 0:
                visit(nowhere, 0)
                served.failure()
        until(lambda: served.host.open_connections == 0, "all have gone")

    come_and_go(40)
    before = left()
    come_and_go(240)
    settled(left, before)
    assert on_loop(
        served, lambda engine: (engine.budget.held, len(engine._waiting), len(engine._stalled))
    ) == (
        0,
        0,
        0,
    )


def settled(left: Callable[[], tuple[int, ...]], before: tuple[int, ...]) -> None:
    """Wait until no more is left than before; the other end of a socket may be slow to go."""
    until(lambda: all(now <= then for now, then in zip(left(), before, strict=True)), "nothing is left over")


def test_who_takes_all_memory_is_cut_where_rules_apply(served: Served) -> None:
    """What a rule might change or hold must not pass unseen."""
    use(served, rule_on('payload contains "never"', "drop"))
    begun = encode_header(0x82, MASK, MIB, 2) + bytes(MIB - 1)
    with RawServer() as target, ExitStack() as stack:
        pairs = [stack.enter_context(opened(served, target)) for _ in range(6)]
        for client, _ in pairs:
            client.send(begun)
        reader = served.captured(lambda reader: bool(reader.problems()), "one is cut")
        number = next(each.connection for each in reader.problems())
        client, end = pairs[number - 1]
        for each in (client, end):
            with suppress(ConnectionResetError):
                each.rest()
        record = served.closed(number)
    assert (record.closed_by, record.close_code) == (ClosedBy.UNMASK, 1006)
    [problem] = [each for each in served.reader.problems() if each.connection == number]
    assert "as rules apply" in problem.violation.detail
