"""One connection through the real engine: what goes over its socket, and that the capture tells exactly that."""

from __future__ import annotations

import contextlib
import queue
import random
import socket
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect

from core.capture.recorder import BACKLOG_BYTES
from core.capture.records import ConnectionState, Direction, FrameRecord, View
from core.errors import CallerError
from core.net.legs.endpoint_session import EndpointSession
from core.net.settings import AutoReply, EngineSettings, Limits
from core.protocol.events import ClosedBy, Origin
from core.protocol.frames import Frame, Opcode, apply_mask, make_frame
from core.protocol.outgoing import (
    Compression,
    Outgoing,
    OutgoingClose,
    OutgoingMessage,
    OutgoingPing,
    OutgoingPong,
)
from core.protocol.violations import Judgement
from tests.tools.raw_peer import MASK, RawPeer
from tests.tools.served import Served, frames_of, on_loop, to_client
from tests.tools.tap import tapping
from tests.tools.waiting import PATIENCE_SECONDS, until

ECHO = EngineSettings(auto_reply=AutoReply.ECHO)
SILENT = EngineSettings()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[EngineSettings], Served]]:
    with ExitStack() as running:
        yield lambda settings: running.enter_context(Served(tmp_path / "a.unmask", settings))


Serve = Callable[[EngineSettings], Served]


@contextlib.contextmanager
def client_of(served: Served) -> Iterator[RawPeer]:
    with RawPeer(served.port) as peer:
        peer.open()
        yield peer


@contextlib.contextmanager
def library_client(served: Served, compression: str | None = "deflate") -> Iterator[ClientConnection]:
    with connect(served.url, proxy=None, compression=compression) as client:
        yield client


def masked(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, key: bytes = MASK) -> bytes:
    return make_frame(opcode, payload, fin=fin, rsv=rsv, masking_key=key).wire()


def server_frame(peer: RawPeer) -> tuple[int, bytes]:
    """First byte and payload of the next frame of ours."""
    head, length = peer.take(2)
    if length == 126:
        (length,) = struct.unpack("!H", peer.take(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", peer.take(8))
    return head, peer.take(length)


def wire_of(records: list[FrameRecord], direction: Direction) -> bytes:
    return b"".join(each.frame.wire() for each in records if each.row.direction is direction)


def rules_of(records: list[FrameRecord]) -> list[str]:
    return [found.rule.id for each in records for found in each.violations]


def with_limits(settings: EngineSettings, limits: Limits) -> EngineSettings:
    return replace(settings, limits=limits)


# Echo.


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("said", ["", "hello", "你好 🎉", b"", b"\x00\xff" * 40_000, "x" * 70_000])
def test_what_a_client_says_comes_back(serve: Serve, said: str | bytes, compression: str | None) -> None:
    served = serve(ECHO)
    with library_client(served, compression=compression) as client:
        client.send(said)
        assert client.recv() == said
        client.send([said[:2], said[2:]])
        assert client.recv() == said
    served.closed()
    content = said.encode() if isinstance(said, str) else said
    records = frames_of(served.reader)
    kinds = [(each.row.direction.value, each.row.message and each.row.message.compressed) for each in records]
    deflated = compression is not None
    assert kinds[:2] == [(0, deflated), (1, deflated)]
    assert [each.message_payload for each in records if each.row.message] == [content] * 4
    assert [each.row.origin for each in records[:2]] == [Origin.PEER, Origin.RULE]


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_long_echo_is_stored_once(serve: Serve, compression: str | None) -> None:
    """Compressed, the messages are; their frames are not the same bytes in both directions."""
    served = serve(ECHO)
    said = [random.Random(number).randbytes(size) for number, size in enumerate((5000, 70_000, 900_000))]
    with library_client(served, compression=compression) as client:
        for each in said:
            client.send(each)
            assert client.recv() == each
    served.closed()
    contents = sum(map(len, said))
    wires = 0 if compression is None else sum(len(each.frame.payload) for each in frames_of(served.reader))
    with contextlib.closing(sqlite3.connect(served.reader.path)) as db:
        (stored,) = db.execute("SELECT sum(length(bytes)) FROM payload").fetchone()
    assert contents <= stored - wires <= contents + 100, "but for close frames"


def test_many_frames_in_one_read_and_one_in_many(serve: Serve) -> None:
    served = serve(ECHO)
    payloads = [b"%d" % number for number in range(3000)]
    with client_of(served) as peer:
        peer.send(b"".join(masked(Opcode.BINARY, each, key=each.rjust(4, b"k")[-4:]) for each in payloads))
        assert [server_frame(peer) for _ in payloads] == [(0x82, each) for each in payloads]
        frame = masked(Opcode.TEXT, b"y" * 300)
        for byte in frame:
            peer.send(bytes((byte,)))
        assert server_frame(peer) == (0x81, b"y" * 300)
    served.closed()
    assert served.reader.count(View(1)) == 6002


def test_nothing_is_echoed_unless_asked(serve: Serve) -> None:
    served = serve(SILENT)
    with client_of(served) as peer:
        peer.frame(Opcode.TEXT, b"hello")
        peer.frame(Opcode.PING, b"still there?")
        assert server_frame(peer) == (0x8A, b"still there?")
    served.closed()
    assert [each.row.origin for each in frames_of(served.reader)] == [
        Origin.PEER,
        Origin.PEER,
        Origin.AUTOMATIC,
    ]


def test_frames_glued_to_the_request_are_not_lost(serve: Serve) -> None:
    served = serve(ECHO)
    with RawPeer(served.port) as peer:
        peer.send(peer.request() + masked(Opcode.TEXT, b"early"))
        assert peer.head().startswith(b"HTTP/1.1 101 ")
        assert server_frame(peer) == (0x81, b"early")
    assert [found.rule.id for found in served.reader.connection_violations(served.closed().id)] == [
        "data-before-answer"
    ]


# What is sent.


def test_what_a_person_sends_arrives(serve: Serve) -> None:
    served = serve(SILENT)
    with client_of(served) as peer:
        served.opened()
        for outgoing, wire in (
            (OutgoingMessage(Opcode.TEXT, b"one"), b"\x81\x03one"),
            (OutgoingMessage(Opcode.BINARY, b"abcd", fragments=2), b"\x02\x02ab\x80\x02cd"),
            (OutgoingPing(b"?"), b"\x89\x01?"),
            (OutgoingPong(b"!"), b"\x8a\x01!"),
        ):
            assert served.send(outgoing) == 1
            assert peer.take(len(wire)) == wire
        served.send(OutgoingClose(4000, "enough"))
        assert server_frame(peer) == (0x88, b"\x0f\xa0enough")
        peer.frame(Opcode.CLOSE, b"\x0f\xa0")
        assert peer.rest() == b""
    record = served.closed()
    assert (record.close_code, record.closed_by, record.state) == (
        4000,
        ClosedBy.UNMASK,
        ConnectionState.CLOSED,
    )
    assert {each.row.origin for each in frames_of(served.reader)} == {Origin.COMPOSED, Origin.PEER}


@pytest.mark.parametrize(
    ("compression", "deflated"), [(Compression.AS_NEGOTIATED, True), (Compression.NEVER, False)]
)
def test_compression_is_as_asked(serve: Serve, compression: Compression, *, deflated: bool) -> None:
    served = serve(SILENT)
    with library_client(served) as client:
        served.opened()
        served.send(OutgoingMessage(Opcode.TEXT, b"a" * 500, compression=compression))
        assert client.recv() == "a" * 500
        found = served.captured(lambda reader: reader.count(View()) > 0, "it stands there").frame(1)
    assert found is not None
    assert found.row.message is not None
    assert found.row.message.compressed is deflated
    assert (len(found.frame.payload) < 100) is deflated


def test_compression_can_be_declined(serve: Serve) -> None:
    served = serve(replace(ECHO, compression=False))
    with library_client(served) as client:
        client.send("plain")
        assert client.recv() == "plain"
        assert served.opened().extensions == ""


@pytest.mark.parametrize(
    "outgoing",
    [
        OutgoingPing(bytes(126)),
        OutgoingClose(1005),
        OutgoingClose(None, "why"),
        OutgoingClose(1000, "x" * 124),
    ],
)
def test_what_must_not_be_sent_is_not(serve: Serve, outgoing: Outgoing) -> None:
    served = serve(SILENT)
    with client_of(served) as peer:
        served.opened()
        with pytest.raises(CallerError):
            on_loop(served, lambda engine: engine.send(to_client(1), outgoing))
        peer.frame(Opcode.PING)
        assert server_frame(peer) == (0x8A, b"")


# How connections end.


def test_a_client_that_closes_gets_its_code_and_reason_back(serve: Serve) -> None:
    served = serve(SILENT)
    with client_of(served) as peer:
        peer.frame(Opcode.CLOSE, b"\x03\xe9bye")
        assert peer.rest() == b"\x88\x05\x03\xe9bye"
    record = served.closed()
    assert (record.close_code, record.reason, record.closed_by) == (1001, "bye", ClosedBy.CLIENT)


def test_a_client_that_never_answers_our_close_is_cut_off(serve: Serve) -> None:
    served = serve(with_limits(SILENT, Limits(close_seconds=0.05)))
    with client_of(served) as peer:
        served.opened()
        served.send(OutgoingClose())
        assert server_frame(peer) == (0x88, b"\x03\xe8")
        with pytest.raises(CallerError, match="not open"):
            on_loop(served, lambda engine: engine.send(to_client(1), OutgoingPing()))
        with contextlib.suppress(ConnectionResetError):
            assert peer.rest() == b""
    assert served.closed().closed_by is ClosedBy.UNMASK


@pytest.mark.parametrize("reset", [True, False])
def test_a_client_that_vanishes_inside_a_frame(serve: Serve, *, reset: bool) -> None:
    served = serve(SILENT)
    with client_of(served) as peer:
        peer.frame(Opcode.PING)
        assert server_frame(peer) == (0x8A, b"")
        cut = masked(Opcode.BINARY, b"z" * 1000)[:600]
        peer.send(cut)
        if reset:
            session = on_loop(served, lambda engine: next(iter(engine._sessions.values())))
            assert isinstance(session, EndpointSession)
            until(lambda: session._unrecorded == len(cut), "it was read")
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    record = served.closed()
    assert (record.close_code, record.closed_by, record.vanished) == (1006, ClosedBy.CLIENT, True)
    last = frames_of(served.reader)[-1]
    assert (last.row.truncated, last.row.declared_length, last.frame.wire()) == (True, 1000, cut)
    assert rules_of([last])[-1] == "frame-truncated"


def test_a_client_that_vanishes_inside_a_header(serve: Serve) -> None:
    served = serve(SILENT)
    with client_of(served) as peer:
        peer.send(b"\x82\xfe\x01")
    record = served.closed()
    assert (record.trailing, record.trailing_length, record.frame_count) == (b"\x82\xfe\x01", 3, 0)


def test_a_half_open_client_still_gets_what_is_on_its_way(serve: Serve) -> None:
    served = serve(ECHO)
    payload = random.Random(1).randbytes(3_000_000)
    with client_of(served) as peer:
        peer.frame(Opcode.BINARY, payload)
        peer.socket.shutdown(socket.SHUT_WR)
        assert server_frame(peer) == (0x82, payload)
        assert peer.rest() == b""
    assert served.closed().vanished


def test_a_half_open_client_that_reads_nothing_is_cut_off(serve: Serve) -> None:
    served = serve(with_limits(SILENT, Limits(close_seconds=0.05)))
    with client_of(served) as peer:
        served.opened()
        while not on_loop(served, lambda engine: engine.queued_bytes()):
            served.send(OutgoingMessage(Opcode.BINARY, bytes(200_000)))
        peer.socket.shutdown(socket.SHUT_WR)
        assert served.closed().vanished


def test_cutting_a_connection(serve: Serve) -> None:
    served = serve(SILENT)
    with client_of(served) as peer:
        served.opened()
        on_loop(served, lambda engine: engine.disconnect(1))
        with contextlib.suppress(ConnectionResetError):
            assert peer.rest() == b""
    assert served.closed().close_code == 1006
    with pytest.raises(CallerError, match="closed already"):
        on_loop(served, lambda engine: engine.disconnect(1))


# Broken rules and limits.


@pytest.mark.parametrize(
    ("sent", "code", "rule"),
    [
        (make_frame(Opcode.TEXT, b"unmasked").wire(), 1002, "mask-missing"),
        (masked(3, b"reserved"), 1002, "opcode-reserved"),
        (masked(Opcode.TEXT, b"\xff"), 1007, "text-not-utf8"),
        (masked(Opcode.BINARY, b"r", rsv=0x20), 1002, "rsv2-set"),
        (masked(Opcode.BINARY, bytes(1001)), 1009, "message-too-big"),
        (masked(Opcode.BINARY, bytes(600), fin=False) + masked(0, bytes(600)), 1009, "message-too-big"),
        (b"\x82\xff" + bytes(4) + b"\x7f\xff\xff\xff" + MASK, 1009, "message-too-big"),
    ],
)
def test_a_broken_rule_closes_with_its_code_and_shows_the_frame(
    serve: Serve, sent: bytes, code: int, rule: str
) -> None:
    served = serve(with_limits(SILENT, Limits(message_bytes=1000)))
    with client_of(served) as peer:
        peer.send(sent)
        head, payload = server_frame(peer)
        assert (head, payload[:2]) == (0x88, code.to_bytes(2, "big"))
        assert peer.rest() == b""
    served.closed()
    records = [each for each in frames_of(served.reader) if each.row.direction is Direction.CLIENT_TO_SERVER]
    assert rule in rules_of(records)
    assert wire_of(records, Direction.CLIENT_TO_SERVER) == sent


def test_a_bomb_is_stopped_at_the_limit(serve: Serve) -> None:
    served = serve(with_limits(SILENT, Limits(message_bytes=100_000)))
    with library_client(served) as client:
        client.send(bytes(10_000_000))
        with pytest.raises(Exception, match="1009"):
            client.recv()
    served.closed()
    assert "inflates-too-big" in rules_of(frames_of(served.reader))


def test_tolerance_goes_on_and_tells(serve: Serve) -> None:
    served = serve(replace(ECHO, judgement=Judgement.TOLERANT))
    odd = (
        Frame(0x92, MASK, b"rsv3", 1, 4).wire()
        + make_frame(Opcode.TEXT, b"unmasked").wire()
        + Frame(0x83, bytes(4), b"reserved", 2, 8).wire()
        + masked(Opcode.PING, bytes(130))
    )
    with client_of(served) as peer:
        peer.send(odd)
        peer.frame(Opcode.TEXT, b"fine")
        while server_frame(peer) != (0x81, b"fine"):
            pass
    served.closed()
    records = frames_of(served.reader)
    assert wire_of(records, Direction.CLIENT_TO_SERVER) == odd + masked(Opcode.TEXT, b"fine")
    expected = {"rsv3-set", "length-not-minimal", "mask-missing", "opcode-reserved", "control-too-long"}
    assert expected <= set(rules_of(records))


# The wire, by an independent witness.


@pytest.mark.parametrize("seed", range(3))
def test_the_capture_holds_the_bytes_that_a_tap_saw(serve: Serve, seed: int) -> None:
    served = serve(replace(ECHO, judgement=Judgement.TOLERANT))
    dice = random.Random(seed)
    said = [masked(Opcode.TEXT, b"first")]
    for _ in range(300):
        payload = dice.randbytes(dice.choice((0, 1, 5, 125, 126, 70_000 if dice.random() < 0.05 else 200)))
        opcode = dice.choice((1, 2, 2, 2, 9, 10, 3, 0))
        form = 2 if dice.random() < 0.2 else (1 if len(payload) > 125 else 0) + (len(payload) > 65535)
        key = dice.choice((None, bytes(4), dice.randbytes(4)))
        said.append(
            Frame(dice.choice((0x80, 0x80, 0, 0xA0)) | opcode, key, payload, form, len(payload)).wire()
        )
    stream = b"".join(said) + masked(Opcode.BINARY, b"cut off")[:-3]
    with tapping(served.port) as tap:
        with RawPeer(tap.port) as peer:
            peer.open()
            while stream:
                piece, stream = stream[: (size := dice.randrange(1, 30_000))], stream[size:]
                peer.send(piece)
            peer.socket.shutdown(socket.SHUT_WR)
            peer.rest()
        record = served.closed()
        until(lambda: bool(tap.connections), "the tap has seen it")
    witness = tap.of(record.peer)
    records = frames_of(served.reader)
    assert record.request + wire_of(records, Direction.CLIENT_TO_SERVER) == bytes(witness.to_server)
    assert record.response + wire_of(records, Direction.SERVER_TO_CLIENT) == bytes(witness.to_client)
    assert (record.bytes_in, record.bytes_out) == (
        len(witness.to_server) - len(record.request),
        len(witness.to_client) - len(record.response),
    )


# Pressure.


def sessions_pause(served: Served) -> set[str]:
    """Why, but for those that wait for their turn, which comes soon."""
    legs = on_loop(served, lambda engine: [leg for each in engine._sessions.values() for leg in each.legs])
    reasons = on_loop(served, lambda _engine: {reason.name for leg in legs for reason in leg._paused})
    return reasons - {"TURN"}


def send_without_end(served: Served, message: Outgoing) -> None:
    while True:
        on_loop(served, lambda engine: engine.send(to_client(1), message))


def test_a_client_that_reads_nothing_is_read_from_no_more(serve: Serve) -> None:
    served = serve(ECHO)
    frame = masked(Opcode.BINARY, bytes(60_000))
    with client_of(served) as peer:
        peer.socket.settimeout(0.5)
        said = 0
        with contextlib.suppress(TimeoutError):
            while said < 400_000_000:
                said += peer.socket.send(frame * 10)
        assert said < 400_000_000
        assert sessions_pause(served) == {"PEER"}
        assert 0 < on_loop(served, lambda engine: engine.queued_bytes())[1] < 8_000_000
        peer.socket.settimeout(PATIENCE_SECONDS)
        whole, part = divmod(said, len(frame * 10))
        sender_rest = (frame * 10)[part:] if part else b""
        frames = (whole + bool(part)) * 10
        read = 0
        while read < (frames - 10) * 60_004:
            read += len(peer.socket.recv(1 << 20))
        peer.send(sender_rest)
        while read < frames * 60_004:
            read += len(peer.socket.recv(1 << 20))
        assert sessions_pause(served) == set()


def test_nothing_more_is_queued_for_a_client_that_reads_nothing(serve: Serve) -> None:
    served = serve(with_limits(SILENT, Limits(queued_bytes=2_000_000)))
    message = OutgoingMessage(Opcode.BINARY, bytes(1_000_000))
    with client_of(served) as peer:
        served.opened()
        with pytest.raises(CallerError, match=r"#1 is not reading: \d\.\d MB are queued"):
            send_without_end(served, message)
        assert 2_000_000 < on_loop(served, lambda engine: engine.queued_bytes())[1] < 4_000_000
        assert sessions_pause(served) == {"PEER"}
        count = served.captured(lambda reader: reader.count(View()) > 0, "something was sent").count(View())
        for _ in range(count):
            assert server_frame(peer)[1] == message.payload
        until(lambda: sessions_pause(served) == set(), "it is read from again")
        assert served.send(message) == 1


def test_a_slow_disk_pauses_the_wire_and_nothing_is_lost(serve: Serve) -> None:
    """The recorder stands still until the backlog is full: the sockets are read no more, then all comes in."""
    served = serve(SILENT)
    payload = bytes(1 << 20)
    gate: queue.Queue[None] = queue.Queue()
    with client_of(served) as peer:
        served.opened()
        served.host.recorder._command(lambda: gate.get(timeout=PATIENCE_SECONDS))
        peer.socket.settimeout(1.0)
        stream = masked(Opcode.BINARY, payload)
        said = 0
        with contextlib.suppress(TimeoutError):
            while said < 4 * BACKLOG_BYTES:
                said += peer.socket.send(stream[said % len(stream) :])
        assert said < 2 * BACKLOG_BYTES
        assert sessions_pause(served) == {"RECORDER"}
        assert served.host.recorder.backlog_bytes < BACKLOG_BYTES + 4 * len(payload)
        gate.put(None)
        peer.socket.settimeout(PATIENCE_SECONDS)
        peer.send(stream[said % len(stream) :])
        frames = said // len(stream) + 1
        reader = served.captured(lambda reader: reader.count(View()) >= frames, "all has come")
        assert reader.count(View()) == frames
        assert sessions_pause(served) == set()


def test_inflated_messages_count_as_what_they_take(serve: Serve) -> None:
    served = serve(SILENT)
    gate: queue.Queue[None] = queue.Queue()
    with library_client(served) as client:
        served.opened()
        served.host.recorder.flush()
        served.host.recorder._command(lambda: gate.get(timeout=PATIENCE_SECONDS))
        client.send(bytes(20_000_000))
        until(lambda: served.host.recorder.backlog_bytes > 20_000_000, "the message is counted whole")
        gate.put(None)


def test_masking_in_the_test_is_the_rfcs() -> None:
    """RFC 6455 section 5.7: the masked Hello."""
    assert masked(Opcode.TEXT, b"Hello") == bytes.fromhex("818537fa213d7f9f4d5158")
    assert apply_mask(b"Hello", MASK).hex() == "7f9f4d5158"
