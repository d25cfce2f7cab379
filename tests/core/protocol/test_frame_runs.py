"""Frames by columns are the frames that the plain decoder reads one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.protocol.frame_runs import FrameColumns, RunDecoder, Segment
from core.protocol.frames import Frame, FrameDecoder, make_frame
from tests.tools.wires import cut

LIMIT = 1 << 20
CUTS = st.lists(st.integers(0, 1 << 20), max_size=8)
PLAIN = st.builds(
    lambda opcode, payload, key: make_frame(opcode, payload, masking_key=key).wire(),
    st.sampled_from([1, 2]),
    st.binary(max_size=200),
    st.none() | st.binary(min_size=4, max_size=4),
)


@given(
    st.lists(PLAIN | st.binary(max_size=20), max_size=12).map(b"".join),
    CUTS,
    st.sampled_from([0, 50, 125, LIMIT]),
    st.integers(1, 12),
)
def test_both_decoders_read_alike(data: bytes, places: list[int], limit: int, portion: int) -> None:
    """Whatever the bytes, however they are cut: frames, the moment of each, and what is left."""
    plain, runs = FrameDecoder(limit), RunDecoder(limit, portion)
    for piece in cut(data, places):
        if plain.overlong:
            break
        assert runs.feed(piece) == plain.feed(piece)
        assert runs.overlong == plain.overlong
    assert runs.take_partial() == plain.take_partial()


def test_messages_come_by_columns_and_what_is_between_them_apart() -> None:
    """So that a ping among thousands of messages costs no more than itself."""
    ping = make_frame(9, b"ping")
    texts = [make_frame(1, b"text" * number, masking_key=b"wxyz") for number in range(50)]
    segments = RunDecoder(LIMIT).feed_portion(
        b"".join(frame.wire() for frame in (*texts, ping, texts[0], ping))
    )
    kinds = [type(segment) for segment in segments]
    assert kinds == [FrameColumns, Frame, Frame, Frame]
    assert isinstance(segments[0], FrameColumns)
    assert segments[0].frames() == texts
    assert segments[0].part(7, 9).frames() == texts[7:9]
    assert segments[1:] == [ping, texts[0], ping]


@given(
    st.integers(0, 5), CUTS, st.none() | st.binary(min_size=4, max_size=4), st.sampled_from([100_000, LIMIT])
)
def test_large_frames_are_read_alike_too(
    behind: int, places: list[int], key: bytes | None, limit: int
) -> None:
    data = b"".join(
        make_frame(2, bytes(range(256)) * size, masking_key=key).wire() + b"\x82\x00" * behind
        for size in (200, 500)
    )
    plain, runs = FrameDecoder(limit), RunDecoder(limit)
    for piece in cut(data, places)[:-1]:
        if plain.overlong:
            break
        assert runs.feed(piece) == plain.feed(piece)
        assert (runs.overlong, runs.holds_header) == (plain.overlong, plain.holds_header)
        assert runs.held_bytes == plain.held_bytes
    assert runs.take_partial() == plain.take_partial()


def test_what_is_beyond_a_portion_waits_until_it_is_asked_for() -> None:
    frames = [make_frame(2, bytes(number), masking_key=b"wxyz") for number in range(10)]
    wire = b"".join(frame.wire() for frame in frames)
    decoder = RunDecoder(LIMIT, 4)
    portions = [decoder.feed_portion(wire[:-3])]
    assert decoder.held_bytes > 0
    while decoder.has_more:
        portions.append(decoder.feed_portion(b""))
    portions.append(decoder.feed_portion(wire[-3:]))
    assert decoder.held_bytes == 0
    read = [[frame for each in portion for frame in frames_in(each)] for portion in portions]
    assert [len(portion) for portion in read] == [4, 4, 1, 1]
    assert [frame for portion in read for frame in portion] == frames


def test_more_may_come_while_some_waits() -> None:
    frame = make_frame(9, b"ping")
    decoder = RunDecoder(LIMIT, 2)
    assert decoder.feed_portion(frame.wire() * 3) == [frame] * 2
    assert decoder.feed_portion(frame.wire()[:3]) == [frame]
    assert not decoder.has_more
    assert decoder.feed_portion(frame.wire()[3:]) == [frame]


def frames_in(segment: Segment) -> list[Frame]:
    return segment.frames() if isinstance(segment, FrameColumns) else [segment]
