"""One peer never keeps the others waiting, and no timer calls a peer silent whose bytes we have not read."""

from __future__ import annotations

import gc
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.capture.recorder import BACKLOG_BYTES
from core.capture.records import ConnectionState, Direction
from core.net.engine import Engine
from core.net.failures import FailureKind
from core.net.legs.endpoint_session import EndpointSession
from core.net.legs.leg import PauseReason
from core.net.settings import AutoReply, EngineSettings, Limits
from core.protocol.deflate import DeflateParameters, Deflater
from core.protocol.events import ClosedBy
from core.protocol.frame_runs import PORTION
from core.protocol.frames import RSV1, Opcode, make_frame
from core.protocol.handshake import client_request
from core.protocol.outgoing import OutgoingClose
from core.protocol.state import Role
from tests.tools.raw_peer import KEY, MASK, RawPeer
from tests.tools.raw_server import RawServer
from tests.tools.served import Served, frames_of, on_loop, to_client
from tests.tools.waiting import PATIENCE_SECONDS, until

_PROBE_SECONDS = 0.02
ECHO = EngineSettings(auto_reply=AutoReply.ECHO)
EMPTY_COMPRESSED = make_frame(Opcode.BINARY, b"\x00", rsv=RSV1, masking_key=MASK).wire()
LAST_PING = make_frame(Opcode.PING, b"last", masking_key=MASK).wire()
EMPTY_CONTINUATION = make_frame(Opcode.CONTINUATION, b"", fin=False, masking_key=MASK).wire()


@pytest.fixture(autouse=True)
def _quick_switches() -> Iterator[None]:
    """Threads take turns as in the program (`tune_interpreter`)."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.001)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[EngineSettings], Served]]:
    with ExitStack() as running:
        yield lambda settings: running.enter_context(Served(tmp_path / "a.unmask", settings))


Serve = Callable[[EngineSettings], Served]


def deflating(peer: RawPeer) -> None:
    """Opens with permessage-deflate."""
    peer.send(client_request(f"127.0.0.1:{peer.port}", "/", KEY, deflate="permessage-deflate"))
    assert b"permessage-deflate" in peer.head()


def bomb(size: int) -> bytes:
    """A message that inflates to `size` bytes."""
    payload = Deflater(DeflateParameters(), Role.CLIENT, level=9).compress(bytes(size))
    return make_frame(Opcode.BINARY, payload, rsv=RSV1, masking_key=MASK).wire()


def has_rest(served: Served, connection: int = 1) -> bool:
    """Whether something that it sent waits for its turn."""
    [leg] = on_loop(served, lambda engine: engine._sessions[connection].legs)
    return on_loop(served, lambda _engine: leg._owner.leg_has_more(leg))


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="threads have no clock here")
@pytest.mark.parametrize(
    "stream",
    [
        EMPTY_COMPRESSED * 30_000,
        make_frame(Opcode.TEXT, b"", fin=False, masking_key=MASK).wire() + EMPTY_CONTINUATION * 60_000,
        make_frame(Opcode.PING, b"", masking_key=MASK).wire() * 40_000,
        bomb(60_000_000) * 8,
    ],
    ids=["empty compressed messages", "empty continuations", "empty pings", "bombs"],
)
def test_the_loop_is_held_for_a_few_milliseconds_at_a_time(serve: Serve, stream: bytes) -> None:
    """Processor time is measured, because the machine may be busy with something else."""
    served = serve(EngineSettings())
    served.host.recorder.set_recording(on=False)
    with RawPeer(served.port) as peer:
        deflating(peer)
        sending = threading.Thread(target=peer.send, args=(stream + LAST_PING,))
        sending.start()
        reading = threading.Thread(target=read_to, args=(peer.socket, b"last"))
        reading.start()
        worst = longest_hold(served, reading)
        sending.join()
    assert worst < 0.1


@pytest.fixture(autouse=True)
def small_heap() -> Iterator[None]:
    """Spares the loop the objects of all earlier tests when garbage is collected on its thread."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def longest_hold(served: Served, busy: threading.Thread) -> float:
    """The longest that the loop did nothing but one piece of work until `busy` ended, in seconds of processor time."""
    assert served._thread.ident is not None
    clock = time.pthread_getcpuclockid(served._thread.ident)
    worst = 0.0
    while busy.is_alive():
        began = time.clock_gettime(clock)
        worst = max(worst, on_loop(served, lambda _engine: time.clock_gettime(clock)) - began)
        # Asked without a pause, the loop would hardly do anything else.
        busy.join(_PROBE_SECONDS)
    return worst


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"1\r\na\r\n" * 100_000 + b"0\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\n\r\n" * (Limits().head_bytes // 40)
"""Nearly as many as are read: interim responses count as bytes of the head behind them."""


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="threads have no clock here")
@pytest.mark.parametrize(
    ("request_body", "answer"),
    [
        (CHUNKED + CHUNKS, b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"\r\n", b"HTTP/1.1 200 OK\r\n" + CHUNKED + CHUNKS),
        (b"\r\n", EARLY + b"HTTP/1.1 204 No Content\r\n\r\n"),
    ],
    ids=["chunks of a request", "chunks of an answer", "interim answers"],
)
def test_http_that_is_read_line_by_line_does_not_hold_the_loop(
    serve: Serve, request_body: bytes, answer: bytes
) -> None:
    served = serve(EngineSettings())
    with RawServer() as target, RawPeer(served.relay(target.url)) as client:
        sent = b"POST / HTTP/1.1\r\nHost: here\r\n" + request_body
        got: list[bytes] = []

        def serve_it() -> None:
            body = target.accept().partition(b"\r\n\r\n")[2]
            _, _, expected = sent.partition(b"\r\n\r\n")
            got.append(body + target.take(len(expected) - len(body)))
            target.send(answer)

        def ask() -> None:
            client.send(sent)
            got.append(client.take(len(answer)))

        serving, asking = threading.Thread(target=serve_it), threading.Thread(target=ask)
        serving.start()
        asking.start()
        worst = longest_hold(served, asking)
        serving.join()
        assert got == [sent.partition(b"\r\n\r\n")[2], answer]
    assert worst < 0.1


def read_to(sock: socket.socket, last: bytes) -> None:
    data = b""
    while not data.endswith(last):
        data = data[-len(last) :] + sock.recv(1 << 20)


def test_what_waits_for_its_turn_is_recorded_though_the_peer_is_gone(serve: Serve) -> None:
    """The capture says that nothing was sent to the peer."""
    served = serve(ECHO)
    with RawPeer(served.port) as peer:
        deflating(peer)
        peer.send(EMPTY_COMPRESSED * 20_000)
        until_resting(served)
        on_loop(served, lambda engine: engine.disconnect(1))
    served.closed()
    came = [each for each in frames_of(served.reader) if each.row.direction is Direction.CLIENT_TO_SERVER]
    went = [each for each in frames_of(served.reader) if each.row.direction is Direction.SERVER_TO_CLIENT]
    assert len(came) > len(went)
    assert all(each.row.message for each in came)


def until_resting(served: Served) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not has_rest(served):
        assert time.monotonic() < end, "nothing waits for its turn"


def while_held(served: Served, seconds: float, action: Callable[[], None]) -> None:
    """Do `action` while the engine's thread is busy for so long with something else."""
    begun = threading.Event()

    def work(_engine: Engine) -> None:
        begun.set()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass

    served.host.ask(work)
    assert begun.wait(PATIENCE_SECONDS)
    action()


def test_a_request_that_lies_unread_is_not_late(serve: Serve) -> None:
    served = serve(EngineSettings(limits=Limits(handshake_seconds=0.2)))
    with RawPeer(served.port) as early:
        served.captured(lambda reader: reader.connection(1) is not None, "it came in")
        while_held(served, 0.5, lambda: early.send(early.request()))
        assert early.head().startswith(b"HTTP/1.1 101 ")
    with RawPeer(served.port) as silent:
        assert b" 408 " in silent.head()
    assert served.closed(2).status == 408


def test_a_request_that_comes_while_others_flood_is_not_late(serve: Serve) -> None:
    """The request lies unread longer than a request may take, while the loop works on what others have sent."""
    served = serve(EngineSettings(limits=Limits(handshake_seconds=0.1)))
    served.host.recorder.set_recording(on=False)
    with RawPeer(served.port) as flooding, RawPeer(served.port) as client:
        deflating(flooding)
        served.captured(lambda reader: reader.connection(2) is not None, "it came in")
        reading = threading.Thread(target=read_to, args=(flooding.socket, b"last"))
        reading.start()
        flooding.send(EMPTY_COMPRESSED * 20_000 + LAST_PING)
        client.send(client.request())
        assert client.head().startswith(b"HTTP/1.1 101 ")
        reading.join()


def test_a_close_that_waits_for_its_turn_is_in_time(serve: Serve) -> None:
    served = serve(EngineSettings(limits=Limits(close_seconds=0.2)))
    with RawPeer(served.port) as peer:
        deflating(peer)
        served.opened()
        on_loop(served, lambda engine: engine.send(to_client(1), OutgoingClose(1000, "bye")))
        close = make_frame(Opcode.CLOSE, b"\x03\xe8", masking_key=MASK).wire()
        while_held(served, 0.5, lambda: peer.send(EMPTY_COMPRESSED * 40_000 + close))
        record = served.closed()
    assert (record.close_code, record.state, record.closed_by) == (
        1000,
        ConnectionState.CLOSED,
        ClosedBy.UNMASK,
    )


def test_who_sends_little_is_read_while_the_disk_catches_up_with_another(serve: Serve) -> None:
    """Before, one peer that was quicker than the disk kept all others waiting."""
    served = serve(EngineSettings())
    gate: queue.Queue[None] = queue.Queue()
    with RawPeer(served.port) as much, RawPeer(served.port) as little:
        much.open()
        little.open()
        served.opened(2)
        served.host.recorder._command(lambda: gate.get(timeout=PATIENCE_SECONDS))
        message = make_frame(Opcode.BINARY, bytes(1 << 20), masking_key=MASK).wire()
        sending = threading.Thread(target=much.send, args=(message * 100,))
        sending.start()
        until(lambda: "RECORDER" in pauses(served, 1), "the peer that sends much waits for the disk")
        for _ in range(100):
            little.frame(Opcode.PING)
            assert little.take(2) == b"\x8a\x00"
        assert "RECORDER" not in pauses(served, 2)
        gate.put(None)
        sending.join()


def pauses(served: Served, connection: int) -> set[str]:
    """Why it is not read."""
    [leg] = on_loop(served, lambda engine: engine._sessions[connection].legs)
    return on_loop(served, lambda _engine: {each.name for each in leg._paused})


def send_without_end(peer: RawPeer, data: bytes) -> None:
    while True:
        peer.send(data)


def test_who_sends_on_and_on_after_the_close_is_cut_all_the_same(serve: Serve) -> None:
    served = serve(EngineSettings(limits=Limits(close_seconds=0.2)))
    with RawPeer(served.port) as peer:
        peer.open()
        served.opened()
        on_loop(served, lambda engine: engine.send(to_client(1), OutgoingClose(1000, "bye")))
        message = make_frame(Opcode.BINARY, bytes(1000), masking_key=MASK).wire()
        with pytest.raises(OSError, match=r"reset|pipe"):
            send_without_end(peer, message * 100)
    assert served.closed().close_code == 1006


def test_who_is_done_within_its_turn_is_read_on(serve: Serve) -> None:
    """A rest so small that it takes no time to speak of left the peer unread for ever."""
    served = serve(EngineSettings())
    message = make_frame(Opcode.BINARY, b"0123456789abcdef", masking_key=MASK).wire()

    def leave_a_rest(engine: Engine) -> None:
        (session,) = engine._sessions.values()
        assert isinstance(session, EndpointSession)
        session.endpoint.receive_runs(message * (PORTION + 1))
        assert session.endpoint.has_more
        (leg,) = session.legs
        leg.pause(PauseReason.TURN)
        engine.turns.add(leg)

    with RawPeer(served.port) as peer:
        deflating(peer)
        on_loop(served, leave_a_rest)
        peer.send(LAST_PING)
        read_to(peer.socket, b"last")


def test_large_messages_of_many_do_not_fill_a_queue_that_is_full(serve: Serve) -> None:
    """Each that was under way was handed over whole, however full it was."""
    served = serve(EngineSettings(limits=Limits(memory_bytes=1 << 30)))
    recorder, size = served.host.recorder, 40_000_000
    gate: queue.Queue[None] = queue.Queue()
    with ExitStack() as open_peers:
        peers = [open_peers.enter_context(RawPeer(served.port)) for _ in range(6)]
        for peer in peers:
            deflating(peer)
        served.opened(6)
        recorder._command(lambda: gate.get(timeout=PATIENCE_SECONDS))
        for peer in peers:
            peer.send(bomb(size))
        until(lambda: on_loop(served, lambda engine: len(engine._waiting)) == 6, "all wait for the recorder")
        held = recorder.backlog_bytes
        gate.put(None)
        assert held < BACKLOG_BYTES + size + 1_000_000
        served.captured(lambda reader: reader.totals().frames == 6, "all are recorded")


def test_ending_does_not_take_as_long_as_what_peers_had_sent(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is left undone. Peers whose end was not reached are not recorded as closed."""
    monkeypatch.setattr("core.net.engine._STOP_SECONDS", 0.0)
    monkeypatch.setattr("core.net.engine._REST_SECONDS", 0.0)
    served = serve(EngineSettings())
    with ExitStack() as peers:
        for _ in range(8):
            peer = peers.enter_context(RawPeer(served.port))
            peer.open()
            peer.socket.setblocking(False)
            peer.socket.send(make_frame(Opcode.PING, b"", masking_key=MASK).wire() * 40_000)
        until(lambda: on_loop(served, lambda engine: len(engine.turns._queue)) == 8, "all have a rest")
        served.host.stop()
        served._thread.join(PATIENCE_SECONDS)
        assert not served._thread.is_alive()
    served.host.close()
    [failure] = served._failures
    served._failures.clear()
    assert failure.kind is FailureKind.CAPTURE
    assert failure.sentence.endswith("marked there as lost: 8.")
    assert {each.state for each in served.reader.connections()} == {ConnectionState.LOST}
