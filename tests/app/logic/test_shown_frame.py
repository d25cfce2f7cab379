from __future__ import annotations

from app.logic.shown_frame import AT_ONCE, is_at_hand, shown_frame
from core.protocol.frames import Opcode
from tests.tools.recorded import CaptureMaker


def test_what_is_short_is_at_hand_and_what_is_long_is_not_read(maker: CaptureMaker) -> None:
    peer = maker.peer()
    peer.frame(Opcode.BINARY, bytes(AT_ONCE))
    peer.frame(Opcode.BINARY, bytes(AT_ONCE + 1))
    peer.frame(Opcode.TEXT, b"a" * AT_ONCE, fin=False)
    peer.frame(Opcode.CONTINUATION, b"b")
    reader = maker.reader()
    shown = [shown_frame(reader, number) for number in range(1, 6)]
    short, long, begun, done, none = shown
    assert none is None
    assert short is not None
    assert is_at_hand(short.content)
    assert short.content is short.payload
    assert long is not None
    assert not is_at_hand(long.content)
    assert len(long.content) == AT_ONCE + 1
    assert begun is not None
    assert begun.content.read(0, 2) == b"aa"
    assert done is not None
    assert (len(done.payload), len(done.content)) == (1, AT_ONCE + 1)
    assert is_at_hand(done.payload)
    assert not is_at_hand(done.content)
    assert done.content.read(AT_ONCE - 1, AT_ONCE + 5) == b"ab"
