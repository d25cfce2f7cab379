"""An edit is found from either of its ends."""

from __future__ import annotations

from app.logic.shown_frame import ShownFrame, shown_frame
from core.capture.reader import CaptureReader
from core.capture.records import Direction
from core.protocol.events import Caused, Completes, Decided, FrameReceived, FrameSent, Message, Origin, Ruled
from core.protocol.frames import Opcode, make_frame
from core.protocol.handling import DecidedBy, Fate, Handling
from tests.tools.recorded import CaptureMaker

BACK = Direction.SERVER_TO_CLIENT
EDITED = FrameSent(make_frame(Opcode.TEXT, b"edited"), Origin.EDITED, Completes.ITSELF)
REPLACED = Handling(Fate.REPLACED, DecidedBy.PERSON, 5)


def shown(reader: CaptureReader, frame: int) -> ShownFrame:
    found = shown_frame(reader, frame)
    assert found is not None
    return found


def test_both_ends(maker: CaptureMaker) -> None:
    peer = maker.peer()
    first = FrameReceived(make_frame(Opcode.TEXT, b"in ", fin=False), (), None)
    last = FrameReceived(make_frame(Opcode.CONTINUATION, b"parts"), (), Message(1, b"in parts", False, 2, 8))
    waits = Handling(Fate.HELD)
    peer.tell([Ruled(first, waits, 1), Ruled(last, waits, 1)])
    peer.tell([Caused(EDITED, 1)], BACK)
    peer.tell([Decided(1, REPLACED)])
    reader = maker.reader()
    for frame in (1, 2, 3):
        edit = shown(reader, frame).edit
        assert edit is not None
        assert (edit.original, edit.edited) == (2, 3)
        assert edit.before.source.read(0, 99) == b"in parts"
        assert edit.after.source.read(0, 99) == b"edited"
    assert [shown(reader, frame).linked for frame in (1, 2, 3)] == [(3,), (3,), (1,)]


def test_other_frames_have_none(maker: CaptureMaker) -> None:
    peer = maker.peer()
    peer.say("plain")
    came = FrameReceived(make_frame(Opcode.TEXT, b"came"), (), Completes.ITSELF)
    reply = FrameSent(make_frame(Opcode.TEXT, b"reply"), Origin.RULE, Completes.ITSELF)
    peer.tell([Ruled(came, Handling(Fate.DROPPED), 1), Caused(reply, 1)])
    peer.tell([Ruled(came, REPLACED, 2), FrameSent(*EDITED)])
    reader = maker.reader()
    assert [shown(reader, frame).edit for frame in range(1, 6)] == [None] * 5
    assert [shown(reader, frame).linked for frame in range(1, 6)] == [(), (3,), (2,), (), ()]


def test_what_may_not_be_recorded_is_not_shown(maker: CaptureMaker) -> None:
    peer = maker.peer()
    secret = FrameReceived(make_frame(Opcode.TEXT, b"secret"), (), Completes.ITSELF)
    peer.tell([Ruled(secret, recorded=b"***")])
    found = shown(maker.reader(), 1)
    assert (len(found.payload), found.content.read(0, 9)) == (0, b"***")
