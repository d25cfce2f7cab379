"""The bytes of a direction, cut as they were decoded."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from core.protocol.frame_runs import FrameColumns
from core.protocol.frames import Frame, make_frame
from core.protocol.wire_bytes import WireBytes, frame_length, run_length

LENGTHS = st.sampled_from([0, 1, 125, 126, 65535, 65536]) | st.integers(0, 300)


@given(st.lists(st.tuples(LENGTHS, st.booleans(), st.integers(0, 2)), min_size=1, max_size=8))
def test_lengths_are_those_on_the_wire(each: list[tuple[int, bool, int]]) -> None:
    frames = []
    for length, is_masked, form in each:
        made = make_frame(2, bytes(length), masking_key=b"abcd" if is_masked else None)
        frames.append(made._replace(length_form=max(form, made.length_form)))
    assert [frame_length(frame) for frame in frames] == [len(frame.wire()) for frame in frames]
    run = FrameColumns(
        [frame.head for frame in frames],
        [frame.masking_key for frame in frames],
        [frame.payload for frame in frames],
        [frame.length_form for frame in frames],
    )
    assert run_length(run) == sum(len(frame.wire()) for frame in frames)


@given(st.binary(max_size=200), st.randoms(use_true_random=False))
def test_every_byte_goes_one_way(data: bytes, chance: random.Random) -> None:
    wire, out, at, end = WireBytes(), bytearray(), 0, 0
    expected = bytearray()
    while at < len(data):
        if end < len(data):
            size = chance.randrange(1, 50)
            wire.add(data[end : end + size])
            end = min(len(data), end + size)
        assert len(wire) == end - at
        count = chance.randrange(0, end - at + 1)
        step = chance.choice(("pass", "take", "skip"))
        piece = data[at : at + count]
        if step == "pass":
            wire.pass_on(count)
            expected += piece
        else:
            out += b"".join(wire.collect())
            if step == "take":
                assert wire.take(count) == piece
            else:
                wire.skip(count)
        at += count
    out += b"".join(wire.collect())
    assert out == expected


def test_a_frame_may_go_on_before_it_is_whole() -> None:
    frame: Frame = make_frame(2, b"payload")
    wire = WireBytes(ahead=2)
    wire.add(b"pay")
    wire.run_ahead()
    assert wire.collect() == [b"pay"]
    assert wire.has_gone_ahead
    wire.add(b"loadnext")
    wire.pass_on(frame_length(frame))
    assert wire.collect() == [b"load"]
    assert not wire.has_gone_ahead
    assert wire.take(4) == b"next"


def test_a_frame_of_which_a_part_has_gone_is_skipped() -> None:
    wire = WireBytes(ahead=2)
    wire.add(b"payloadnext")
    wire.skip(9)
    assert wire.take(4) == b"next"
