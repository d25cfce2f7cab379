from __future__ import annotations

from pathlib import Path

import pytest

from core.capture.records import OUTLINE_BYTES, PayloadPart
from core.capture.stored_payload import StoredPayload
from core.errors import CaptureError
from core.protocol.frames import Opcode
from tests.tools.recorded import CaptureMaker

LONG = bytes(range(256)) * 20_000


@pytest.fixture
def maker(tmp_path: Path) -> CaptureMaker:
    return CaptureMaker(tmp_path / "made.unmask")


def test_an_outline_is_the_frame_without_the_bulk_of_its_payload(maker: CaptureMaker) -> None:
    with maker:
        peer = maker.peer()
        peer.frame(Opcode.BINARY, LONG)
        peer.frame(Opcode.PING, b"tick")
        peer.frame(3, b"odd")
        reader = maker.reader()
        for number in (1, 2, 3, 4):
            record, outline = reader.frame(number), reader.pieces.outline(number)
            assert record is not None
            assert outline is not None
            assert outline.frame == record.frame._replace(payload=record.frame.payload[:OUTLINE_BYTES])
            assert outline.violations == record.violations
            assert outline.row.captured_length == len(record.frame.payload)
            assert outline.row.message == record.row.message
            assert reader.pieces.content_length(number) == record.row.content_length
        assert reader.pieces.outline(5) is None
        assert reader.pieces.outline(0) is None
        assert reader.pieces.content_length(5) == 0


def test_pieces_of_any_place_are_those_of_the_payload(maker: CaptureMaker) -> None:
    with maker:
        peer = maker.peer()
        peer.frame(Opcode.TEXT, b"a" * 5000, fin=False)
        peer.frame(Opcode.CONTINUATION, b"b" * 5000)
        peer.frame(Opcode.BINARY, LONG)
        pieces = maker.reader().pieces
        frame, message = PayloadPart.FRAME, PayloadPart.MESSAGE
        assert pieces.payload(2, frame, 0, 9000) == b"b" * 5000
        assert pieces.payload(2, message, 4999, 5001) == b"ab"
        assert pieces.payload(1, message, 0, 3) == b"aaa"
        for start in (0, 1, 100_000, 4_000_000, len(LONG) - 5, len(LONG), len(LONG) + 10):
            assert pieces.payload(3, message, start, start + 1000) == LONG[start : start + 1000]
        assert pieces.payload(3, frame, -10, 10) == LONG[:10]
        assert pieces.payload(4, frame, 0, 1) is None


def test_a_stored_payload_can_be_read_piece_by_piece_until_it_is_gone(maker: CaptureMaker) -> None:
    with maker:
        maker.peer().frame(Opcode.BINARY, LONG)
        maker.recorder.flush()
        payload = StoredPayload(maker.path, 1, PayloadPart.FRAME, len(LONG))
        assert (len(payload), payload.is_held) == (len(LONG), False)
        assert payload.read(len(LONG) - 3, len(LONG) + 3) == LONG[-3:]
        assert payload.read(5, 5) == b""
        maker.recorder.clear()
        maker.recorder.flush()
        with pytest.raises(CaptureError, match="Frame 1 is not in the capture any more"):
            payload.read(0, 1)
