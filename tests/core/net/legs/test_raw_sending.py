"""Raw bytes over real sockets: they arrive as they were given, in their pieces, and the capture says what they mean."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.capture.records import FrameRecord
from core.errors import NotOpenError, UnderWayError
from core.net.settings import AutoReply, EngineSettings, Limits
from core.protocol.events import Origin
from core.protocol.frames import LengthForm, Opcode, make_frame
from core.protocol.outgoing import OutgoingClose, OutgoingMessage, OutgoingRaw, Piece, RawEnd
from core.protocol.raw_frames import Pacing, RawFrame, paced
from tests.tools.raw_peer import MASK, RawPeer
from tests.tools.served import Served, frames_of, on_loop, to_client
from tests.tools.waiting import until

TEXT = OutgoingMessage(Opcode.TEXT, b"usual")
SETTINGS = EngineSettings(limits=Limits(close_seconds=0.5))


def served(tmp_path: Path) -> Served:
    return Served(tmp_path / "raw.unmask", SETTINGS)


def recorded(engine: Served, count: int) -> list[FrameRecord]:
    """The frames of the capture, once there are so many."""
    reader = engine.captured(lambda reader: reader.totals().frames >= count, f"there are {count} frames")
    return frames_of(reader)


def rules(record: FrameRecord) -> list[str]:
    return [found.rule.id for found in record.violations]


def test_wrong_frames_arrive_as_they_were_made_and_say_what_they_break(tmp_path: Path) -> None:
    with served(tmp_path) as engine, RawPeer(engine.port) as peer:
        peer.open()
        wrong = RawFrame(
            0x3, b"odd", fin=True, rsv=0x20, masking_key=MASK, length_form=LengthForm.SIXTEEN_BIT
        )
        engine.send(paced(wrong.wire()))
        assert peer.take(len(wrong.wire())) == wrong.wire()
        (record,) = recorded(engine, 1)
        assert record.frame == wrong.frame
        assert record.row.origin is Origin.COMPOSED
        assert rules(record) == ["rsv2-set", "opcode-reserved", "mask-forbidden", "length-not-minimal"]
        engine.send(TEXT)
        assert peer.take(7) == b"\x81\x05usual"
        assert rules(recorded(engine, 2)[1]) == []


def test_pieces_arrive_one_after_the_other_and_nothing_between_them(tmp_path: Path) -> None:
    with served(tmp_path) as engine, RawPeer(engine.port) as peer:
        peer.open()
        wire = make_frame(Opcode.TEXT, b"drop by drop").wire()
        engine.send(paced(wire, Pacing(every=2, pause_seconds=0.03)))
        began = time.monotonic()
        assert peer.take(2) == wire[:2]
        peer.frame(Opcode.PING, b"?")
        engine.send(TEXT)
        assert peer.take(len(wire) - 2) == wire[2:]
        assert time.monotonic() - began > 0.1
        assert peer.take(10) == b"\x8a\x01?" + b"\x81\x05usual"
        opcodes = [each.row.opcode for each in recorded(engine, 4) if each.row.origin is not Origin.PEER]
        assert opcodes == [Opcode.TEXT, Opcode.PONG, Opcode.TEXT]


def test_an_echo_waits_for_the_last_piece(tmp_path: Path) -> None:
    settings = EngineSettings(auto_reply=AutoReply.ECHO)
    with Served(tmp_path / "echo.unmask", settings) as engine, RawPeer(engine.port) as peer:
        peer.open()
        wire = make_frame(Opcode.TEXT, b"drop by drop").wire()
        engine.send(paced(wire, Pacing(every=5, pause_seconds=0.05)))
        assert peer.take(5) == wire[:5]
        peer.frame(Opcode.TEXT, b"heard")
        peer.frame(Opcode.BINARY, b"too")
        assert peer.take(len(wire) - 5) == wire[5:]
        assert peer.take(12) == b"\x81\x05heard" + b"\x82\x03too"
        sent = [each for each in recorded(engine, 5) if each.row.origin is not Origin.PEER]
        assert [each.row.origin for each in sent] == [Origin.COMPOSED, Origin.RULE, Origin.RULE]


def test_raw_bytes_do_not_come_between_raw_bytes(tmp_path: Path) -> None:
    with served(tmp_path) as engine, RawPeer(engine.port) as peer:
        peer.open()
        engine.opened()
        slow = OutgoingRaw((Piece(b"\x81"), Piece(b"\x01a", 600.0)))
        engine.send(slow)
        with pytest.raises(UnderWayError, match="2 B are left"):
            on_loop(engine, lambda found: found.send(to_client(1), slow))
        on_loop(engine, lambda found: found.stop_sending(1))
        engine.send(TEXT)
        # The 0x81 of the message is taken for a length of one, with a mask.
        assert peer.take(8) == b"\x81" + b"\x81\x05usual"
        on_loop(engine, lambda found: found.stop_sending(1))


def test_the_stream_can_end_in_the_middle(tmp_path: Path) -> None:
    with served(tmp_path) as engine, RawPeer(engine.port) as peer:
        peer.open()
        wire = make_frame(Opcode.TEXT, b"half").wire()
        engine.send(paced(wire, Pacing(stop_after=4), RawEnd.HALF_CLOSE))
        assert peer.rest() == wire[:4]
        with pytest.raises(NotOpenError):
            on_loop(engine, lambda found: found.send(to_client(1), TEXT))
        peer.frame(Opcode.TEXT, b"still heard")
        peer.say_no_more()
        engine.closed()
        heard, partial = frames_of(engine.reader)
        assert heard.frame.payload == b"still heard"
        assert partial.frame.payload == b"ha"
        assert rules(partial) == ["frame-truncated"]


def test_a_peer_that_does_not_follow_the_end_is_cut_off(tmp_path: Path) -> None:
    with served(tmp_path) as engine, RawPeer(engine.port) as peer:
        peer.open()
        engine.send(OutgoingRaw((), RawEnd.HALF_CLOSE))
        assert peer.rest() == b""
        assert engine.closed().close_code == 1006


def test_a_reset_breaks_the_connection(tmp_path: Path) -> None:
    with served(tmp_path) as engine, RawPeer(engine.port) as peer:
        peer.open()
        engine.send(OutgoingRaw((Piece(b"\x81"),), RawEnd.RESET))
        with pytest.raises(ConnectionResetError):
            peer.take(100)
        engine.closed()


def test_a_raw_close_frame_ends_the_connection_in_order(tmp_path: Path) -> None:
    with served(tmp_path) as engine, RawPeer(engine.port) as peer:
        peer.open()
        engine.send(paced(RawFrame(Opcode.CLOSE, b"\x03\xed").wire()))
        assert peer.take(4) == b"\x88\x02\x03\xed"
        peer.frame(Opcode.CLOSE, b"\x03\xea")
        peer.rest()
        assert engine.closed().close_code == 1002
        assert rules(frames_of(engine.reader)[0]) == ["close-code-forbidden"]


def test_the_close_of_the_peer_ends_a_drip(tmp_path: Path) -> None:
    with served(tmp_path) as engine, RawPeer(engine.port) as peer:
        peer.open()
        engine.send(OutgoingRaw((Piece(b"\x82\x02a"), Piece(b"b", 600.0))))
        assert peer.take(3) == b"\x82\x02a"
        peer.frame(Opcode.CLOSE, b"\x03\xe8")
        # The answer goes out where the frame stopped, which takes its first byte.
        assert peer.rest() == b"\x88\x02\x03\xe8"
        peer.say_no_more()
        engine.closed()


def test_a_vanished_peer_ends_a_drip(tmp_path: Path) -> None:
    with served(tmp_path) as engine:
        with RawPeer(engine.port) as peer:
            peer.open()
            engine.send(OutgoingRaw((Piece(b"\x82\x02a"), Piece(b"b", 600.0))))
            peer.take(3)
            peer.reset()
        assert engine.closed().vanished


def test_a_drip_waits_for_a_peer_that_does_not_read(tmp_path: Path) -> None:
    with served(tmp_path) as engine, RawPeer(engine.port) as peer:
        peer.open()
        wire = make_frame(Opcode.BINARY, bytes(16 * 1024 * 1024)).wire()
        engine.send(paced(wire, Pacing(every=256 * 1024)))

        def queued() -> int:
            return sum(on_loop(engine, lambda found: found.queued_bytes()).values())

        until(lambda: queued() > 0, "the peer counts as not reading")
        assert queued() < 4 * 1024 * 1024
        came = 0
        while came < len(wire):
            came += len(peer.socket.recv(1024 * 1024))
        engine.send(OutgoingClose())
        assert peer.take(4) == b"\x88\x02\x03\xe8"
