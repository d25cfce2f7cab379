"""What all peers together may have us hold, through the real engine: nobody starves it, and nobody hangs for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from core.capture.reader import CaptureReader
from core.capture.records import ConnectionState
from core.net.legs.session import UNSETTLED_BYTES
from core.net.settings import AutoReply, EngineSettings, Limits
from core.protocol.events import ClosedBy
from core.protocol.frames import Opcode, make_frame
from core.protocol.violations import CATALOGUE
from tests.tools.raw_peer import MASK, RawPeer
from tests.tools.served import Served, frames_of, on_loop
from tests.tools.waiting import PATIENCE_SECONDS, until

MIB = 1024 * 1024
LIMITS = Limits(message_bytes=MIB, memory_bytes=4 * MIB)
RULE = "memory-exhausted"

Serve = Callable[[EngineSettings], Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as running:
        yield lambda settings: running.enter_context(Served(tmp_path / "a.unmask", settings))


def echoing(limits: Limits) -> EngineSettings:
    return EngineSettings(limits=limits, auto_reply=AutoReply.ECHO)


def fragment(size: int, opcode: int = Opcode.BINARY, *, fin: bool = False) -> bytes:
    return make_frame(opcode, bytes(size), fin=fin, masking_key=MASK).wire()


def broken(reader: CaptureReader) -> list[tuple[int, int | None]]:
    """Connection and frame of each time that memory was exhausted."""
    return [(each.connection, each.frame) for each in reader.problems() if each.violation.rule.id == RULE]


def held(served: Served) -> int:
    return on_loop(served, lambda engine: engine.budget.held)


def waiting(served: Served) -> int:
    return on_loop(served, lambda engine: engine.budget.waiting)


def opened_peers(served: Served, count: int, peers: ExitStack) -> list[RawPeer]:
    found = [peers.enter_context(RawPeer(served.port)) for _ in range(count)]
    for each in found:
        each.open()
    return found


def ping(peer: RawPeer) -> None:
    peer.frame(Opcode.PING, b"still there?")
    assert peer.take(14) == b"\x8a\x0cstill there?"


def test_all_is_given_back_when_a_message_is_done(serve: Serve) -> None:
    served = serve(echoing(LIMITS))
    with RawPeer(served.port) as peer:
        peer.open()
        ping(peer)
        before = held(served)
        peer.send(fragment(MIB // 2))
        until(lambda: held(served) >= before + MIB // 2, "half a message is held")
        peer.send(fragment(MIB // 2, 0, fin=True))
        peer.take(10 + MIB)
        until(lambda: held(served) < before + UNSETTLED_BYTES, "nothing is held any more")
    served.closed()
    until(lambda: held(served) == 0, "nothing is held of a peer that is gone")


def test_who_wants_little_is_served_while_the_greedy_wait(serve: Serve) -> None:
    served = serve(echoing(LIMITS))
    with ExitStack() as peers, ThreadPoolExecutor(10) as threads:
        modest, *greedy = opened_peers(served, 9, peers)
        sending = [threads.submit(each.send, fragment(MIB - 100_000)) for each in greedy]
        until(lambda: waiting(served) > 0, "some wait")
        for _ in range(20):
            ping(modest)
            modest.frame(Opcode.BINARY, bytes(10_000))
            modest.take(10_004)
        assert held(served) <= LIMITS.memory_bytes + 256 * 1024
        for each in greedy:
            each.socket.close()
        for done in sending:
            done.exception()


def test_those_who_wait_for_each_other_do_not_wait_for_ever(serve: Serve) -> None:
    """Some peers finish, as far as there is room; each of the others is told why it may not."""
    served = serve(EngineSettings(limits=LIMITS))
    with ExitStack() as peers, ThreadPoolExecutor(8) as threads:
        greedy = opened_peers(served, 8, peers)
        said_enough = Barrier(9, timeout=PATIENCE_SECONDS)

        def say(peer: RawPeer) -> bool:
            """Whether the message came to its end."""
            peer.send(fragment(MIB - 200_000))
            said_enough.wait()
            try:
                peer.send(fragment(100_000, 0, fin=True))
                ping(peer)
            except (OSError, AssertionError):
                return False
            return True

        saying = [threads.submit(say, each) for each in greedy]
        until(lambda: waiting(served) >= 4, "half of them wait")
        said_enough.wait()
        finished = sum(each.result() for each in saying)
    assert 3 <= finished <= 7
    served.captured(lambda reader: len(broken(reader)) == 8 - finished, "all that failed are told of")


def close_frame() -> bytes:
    sentence = CATALOGUE[RULE].sentence.encode()
    return make_frame(Opcode.CLOSE, (1013).to_bytes(2, "big") + sentence).wire()


def test_the_greediest_is_failed_and_what_came_of_its_frame_is_shown(serve: Serve) -> None:
    served = serve(EngineSettings(limits=LIMITS))
    with ExitStack() as peers:
        (greedy,) = opened_peers(served, 1, peers)
        greedy.send(fragment(700_000)[:600_000])
        until(lambda: held(served) > 590_000, "it is held")
        on_loop(served, lambda engine: setattr(engine.budget, "total", 500_000))
        assert greedy.take(len(close_frame())) == close_frame()
        assert greedy.rest() == b""
    record = served.closed()
    assert (record.state, record.closed_by) == (ConnectionState.CLOSED, ClosedBy.UNMASK)
    cut, close = frames_of(served.reader)
    assert cut.frame.wire() == fragment(700_000)[:600_000]
    (found,) = cut.violations
    assert found.rule.id == RULE
    assert found.detail.endswith("bytes are held for it, the limit for all is 500000")
    assert close.frame.wire() == close_frame()
    assert held(served) == 0


def test_a_message_between_two_frames_is_failed_without_a_frame(serve: Serve) -> None:
    served = serve(EngineSettings(limits=LIMITS))
    with ExitStack() as peers:
        (greedy,) = opened_peers(served, 1, peers)
        greedy.send(fragment(600_000))
        until(lambda: held(served) > 600_000, "it is held")
        on_loop(served, lambda engine: setattr(engine.budget, "total", 500_000))
        assert greedy.take(len(close_frame())) == close_frame()
        # It may still say goodbye.
        greedy.frame(0, b"the rest")
        greedy.frame(Opcode.CLOSE, b"\x03\xf5")
        assert greedy.rest() == b""
    record = served.closed()
    assert (record.close_code, record.closed_by) == (1013, ClosedBy.UNMASK)
    assert broken(served.reader) == [(1, None)]


def test_half_heads_are_refused_when_there_are_too_many(serve: Serve) -> None:
    limits = replace(LIMITS, message_bytes=1000, memory_bytes=MIB)
    served = serve(EngineSettings(limits=limits))
    with ExitStack() as peers:
        half = [peers.enter_context(RawPeer(served.port)) for _ in range(40)]
        for each in half:
            each.send(each.request()[:-2] + b"x: " + b"y" * 60_000)
        refused = next(iter(peer for peer in half if peer.socket.recv(12) == b"HTTP/1.1 503"))
        assert RULE not in refused.rest().decode()
        assert held(served) <= limits.memory_bytes
        with RawPeer(served.port) as modest:
            modest.open()
            ping(modest)
    first = served.captured(lambda reader: bool(broken(reader)), "it is told of")
    connection, frame = broken(first)[0]
    assert frame is None
    record = first.connection(connection)
    assert record is not None
    assert (record.status, record.state) == (503, ConnectionState.REFUSED)


def test_what_waits_for_a_peer_that_does_not_read_counts(serve: Serve) -> None:
    served = serve(echoing(LIMITS))
    with ExitStack() as peers, ThreadPoolExecutor(2) as threads:
        (deaf,) = opened_peers(served, 1, peers)
        saying = threads.submit(deaf.send, fragment(MIB, fin=True) * 20)
        until(lambda: held(served) > MIB, "echoes wait")
        on_loop(served, lambda engine: setattr(engine.budget, "total", 500_000))
        served.closed()
        assert held(served) == 0
        deaf.socket.close()
        saying.exception()
