"""Frames whose every field is free, and the pieces in which bytes go out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PayloadError
from core.protocol.frames import FrameDecoder, LengthForm, Opcode, make_frame, parse_header
from core.protocol.outgoing import OutgoingRaw, Piece, RawEnd
from core.protocol.raw_frames import MOST_PIECES, Pacing, RawFrame, joined, paced

KEY = bytes.fromhex("37fa213d")
KEYS = st.none() | st.binary(min_size=4, max_size=4)


def test_a_usual_frame_is_the_one_that_the_rfc_shows() -> None:
    # RFC 6455 section 5.7: a single-frame masked text message.
    assert RawFrame(Opcode.TEXT, b"Hello", masking_key=KEY).wire().hex() == "818537fa213d7f9f4d5158"


@given(
    opcode=st.integers(0, 15),
    payload=st.binary(max_size=300),
    fin=st.booleans(),
    rsv=st.integers(0, 7).map(lambda bits: bits << 4),
    key=KEYS,
    form=st.none() | st.sampled_from(LengthForm),
    stated=st.none() | st.integers(0, 2**64 - 1),
)
def test_each_field_stands_on_the_wire_as_it_was_given(
    opcode: int,
    payload: bytes,
    fin: bool,
    rsv: int,
    key: bytes | None,
    form: LengthForm | None,
    stated: int | None,
) -> None:
    try:
        frame = RawFrame(opcode, payload, fin, rsv, key, form, stated)
    except PayloadError:
        assert form is not None
        return
    header = parse_header(frame.wire())
    assert header is not None
    assert header.head == (0x80 if fin else 0) | rsv | opcode
    assert header.masking_key == key
    assert header.length == (len(payload) if stated is None else stated)
    assert header.length_form == (header.length_form if form is None else form)
    assert len(frame.wire()) == header.size + len(payload)
    assert frame.frame.payload == payload[: header.length]


@given(payload=st.binary(max_size=200), key=KEYS)
def test_a_true_length_makes_a_frame_that_is_read_back(payload: bytes, key: bytes | None) -> None:
    frame = RawFrame(Opcode.BINARY, payload, masking_key=key)
    assert FrameDecoder(1000).feed(frame.wire()) == [make_frame(Opcode.BINARY, payload, masking_key=key)]


def test_a_length_that_says_too_little_leaves_bytes_for_the_next_frame() -> None:
    frame = RawFrame(Opcode.TEXT, b"one two", stated_length=3)
    assert frame.wire() == b"\x81\x03one two"
    assert frame.frame.payload == b"one"


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: RawFrame(16), "16 is no opcode"),
        (lambda: RawFrame(1, rsv=0x80), "reserved bits"),
        (lambda: RawFrame(1, masking_key=b"abc"), "4 bytes and this has 3"),
        (lambda: RawFrame(1, bytes(126), length_form=LengthForm.SEVEN_BIT), "0 to 125 and not 126"),
        (lambda: RawFrame(1, length_form=LengthForm.SIXTEEN_BIT, stated_length=70000), "0 to 65535"),
        (lambda: RawFrame(1, stated_length=2**64), "0 to 18446744073709551615"),
        (lambda: RawFrame(1, stated_length=-1), "not -1"),
    ],
)
def test_what_no_header_can_state_is_refused(make: object, word: str) -> None:
    assert callable(make)
    with pytest.raises(PayloadError, match=word):
        make()


def test_frames_are_joined_in_order() -> None:
    assert joined((RawFrame(1, b"a"), RawFrame(9))) == b"\x81\x01a\x89\x00"


def test_without_pacing_everything_is_one_piece() -> None:
    assert paced(b"abc") == OutgoingRaw((Piece(b"abc"),))
    assert paced(b"") == OutgoingRaw((Piece(b""),))


def test_bytes_are_cut_at_places_and_lengths() -> None:
    raw = paced(b"abcdefg", Pacing((1, 99, 0), 3, 0.5), RawEnd.RESET)
    assert raw.pieces == (Piece(b"a"), Piece(b"bc", 0.5), Piece(b"def", 0.5), Piece(b"g", 0.5))
    assert raw.end is RawEnd.RESET
    assert raw.size == 7


def test_what_is_behind_the_stop_never_goes_out() -> None:
    assert paced(b"abcdef", Pacing(every=2, stop_after=3)).pieces == (Piece(b"ab"), Piece(b"c"))


@given(data=st.binary(max_size=100), cuts=st.lists(st.integers(-5, 120)), every=st.integers(0, 30))
def test_no_byte_is_lost_by_cutting(data: bytes, cuts: list[int], every: int) -> None:
    raw = paced(data, Pacing(tuple(cuts), every, 0.1))
    assert b"".join(piece.data for piece in raw.pieces) == data
    assert all(piece.data for piece in raw.pieces) or not data
    assert not every or all(len(piece.data) <= every for piece in raw.pieces)


@pytest.mark.parametrize(
    ("pacing", "word"),
    [
        (Pacing(every=1), f"{MOST_PIECES} are the most"),
        (Pacing(every=100, pause_seconds=3600.0), "24 are the most"),
        (Pacing(pause_seconds=-1.0), "not -1"),
        (Pacing(pause_seconds=4000.0), "not 4000"),
    ],
)
def test_too_many_pieces_and_too_long_pauses_are_refused(pacing: Pacing, word: str) -> None:
    with pytest.raises(PayloadError, match=word):
        paced(bytes(50_000), pacing)


def test_a_gigabyte_byte_by_byte_is_refused_before_it_is_cut() -> None:
    with pytest.raises(PayloadError, match="too many pieces"):
        paced(bytes(200_000), Pacing(every=1))
