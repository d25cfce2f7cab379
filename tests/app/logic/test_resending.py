"""What was seen becomes what is sent again: the same message, and the same rhythm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.logic import resending
from app.logic.compose import ComposeKind, Draft, build
from app.logic.resending import can_be_written, draft_of, sequence_of
from core.capture.records import FrameRecord
from core.errors import PayloadError
from core.protocol.frames import Opcode
from core.protocol.outgoing import Compression, OutgoingClose, OutgoingMessage, OutgoingPing
from tests.tools.recorded import CaptureMaker, Peer


@pytest.fixture
def maker(tmp_path: Path) -> Iterator[CaptureMaker]:
    with CaptureMaker(tmp_path / "made.unmask") as maker:
        yield maker


def seen(maker: CaptureMaker) -> list[FrameRecord]:
    return list(maker.reader().frames_after(0, 1000))


def talk(maker: CaptureMaker) -> Peer:
    peer = maker.peer()
    peer.say("hello")
    peer.frame(Opcode.BINARY, b"\x00\xff")
    peer.frame(Opcode.TEXT, b"one ", fin=False)
    peer.frame(Opcode.CONTINUATION, b"two")
    peer.frame(Opcode.PING, b"p")
    return peer


def test_a_draft_sends_what_the_frame_carried(maker: CaptureMaker) -> None:
    talk(maker)
    hello, binary, first, last, ping, _pong = seen(maker)
    assert draft_of(hello) == Draft(ComposeKind.TEXT, "hello", None, 1, Compression.NEVER)
    assert draft_of(binary).text == "00 ff"
    assert build(draft_of(binary)) == OutgoingMessage(Opcode.BINARY, b"\x00\xff", 1, Compression.NEVER)
    assert draft_of(first).text == "one "
    assert build(draft_of(last)) == OutgoingMessage(Opcode.TEXT, b"one two", 2, Compression.NEVER)
    assert build(draft_of(ping)) == OutgoingPing(b"p")


def test_a_close_frame_keeps_code_and_reason(maker: CaptureMaker) -> None:
    maker.peer().frame(Opcode.CLOSE, b"\x0f\xa0" + "schön".encode())
    maker.peer().frame(Opcode.CLOSE)
    kept, empty = [record for record in seen(maker) if record.row.origin.value == 0]
    assert build(draft_of(kept)) == OutgoingClose(4000, "schön")
    assert build(draft_of(empty)) == OutgoingClose(None, "")


def test_what_no_correct_sender_sends_is_left_to_raw_frames(maker: CaptureMaker) -> None:
    peer = maker.peer()
    peer.frame(Opcode.PING, bytes(126))
    peer.frame(0x3, b"odd")
    peer.frame(Opcode.TEXT, b"\xff", fin=False)
    peer.frame(Opcode.CLOSE, b"\x03\xed")
    records = [record for record in seen(maker) if record.row.origin.value == 0]
    assert [can_be_written(record) for record in records] == [False] * 4
    sequence = sequence_of(records)
    assert sequence.steps == ()
    assert sequence.left_out == 4
    assert sequence.seconds == 0.0


def test_a_sequence_has_the_rhythm_of_its_frames(maker: CaptureMaker) -> None:
    talk(maker)
    records = seen(maker)[:5]
    sequence = sequence_of(records)
    times = [(records[at].row.time_ns - records[0].row.time_ns) / 1e9 for at in (0, 1, 3, 4)]
    assert [step.at_seconds for step in sequence.steps] == times
    assert [type(step.outgoing) for step in sequence.steps] == [*[OutgoingMessage] * 3, OutgoingPing]
    assert sequence.left_out == 1
    assert sequence.seconds == times[-1] > 0


def test_compression_is_that_of_the_message(maker: CaptureMaker) -> None:
    from core.protocol.deflate import DeflateParameters, Deflater
    from core.protocol.frames import RSV1, make_frame
    from core.protocol.state import Role

    peer = maker.peer(deflate="permessage-deflate")
    data = Deflater(DeflateParameters(), Role.CLIENT).compress(b"small")
    peer.receive(make_frame(Opcode.TEXT, data, rsv=RSV1, masking_key=b"abcd").wire())
    (record,) = seen(maker)
    assert draft_of(record) == Draft(ComposeKind.TEXT, "small", None, 1, Compression.AS_NEGOTIATED)


def test_a_sequence_has_a_limit(maker: CaptureMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    maker.peer().flood(5)
    monkeypatch.setattr(resending, "MOST_STEPS", 4)
    with pytest.raises(PayloadError, match="too much for a sequence"):
        sequence_of(seen(maker))
