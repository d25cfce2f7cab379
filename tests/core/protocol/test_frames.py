"""The frame codec: every form, any split, and the exact bytes back (RFC 6455 sections 5.2, 5.3 and 5.7)."""

from __future__ import annotations

import runpy
import sys
import tracemalloc
from collections.abc import Callable
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameDecoder as WsprotoDecoder

from core.protocol import frames
from core.protocol.frame_runs import RunDecoder
from core.protocol.frames import (
    FIN,
    RSV1,
    Frame,
    FrameDecoder,
    LengthForm,
    Opcode,
    apply_mask,
    encode_header,
    make_frame,
    mask_by_numbers,
    opcode_name,
    parse_header,
    shortest_length_form,
)
from tests.tools.wires import cut

LIMIT = 1 << 20
KEYS = st.none() | st.binary(min_size=4, max_size=4)
CUTS = st.lists(st.integers(0, 1 << 20), max_size=8)
DecoderOf = Callable[[int], FrameDecoder]
BOTH = pytest.mark.parametrize("decoder_of", [FrameDecoder, RunDecoder])


@st.composite
def any_frame(draw: st.DrawFn) -> Frame:
    """Any frame at all: reserved bits and opcodes, lengths in forms longer than they need."""
    payload = draw(st.binary(max_size=200) | st.integers(0, 70_000).map(bytes))
    form = draw(st.integers(shortest_length_form(len(payload)), LengthForm.SIXTY_FOUR_BIT))
    return Frame(draw(st.integers(0, 255)), draw(KEYS), payload, form, len(payload))


def decode(data: bytes, limit: int = LIMIT) -> tuple[list[Frame], Frame | None, bytes]:
    decoder = FrameDecoder(limit)
    frames = decoder.feed(data)
    return frames, *decoder.take_partial()


@pytest.mark.parametrize(
    ("wire", "opcode", "payload", "key"),
    [
        ("81 05 48 65 6c 6c 6f", Opcode.TEXT, b"Hello", None),
        ("81 85 37 fa 21 3d 7f 9f 4d 51 58", Opcode.TEXT, b"Hello", "37fa213d"),
        ("89 05 48 65 6c 6c 6f", Opcode.PING, b"Hello", None),
        ("8a 85 37 fa 21 3d 7f 9f 4d 51 58", Opcode.PONG, b"Hello", "37fa213d"),
        ("82 7e 01 00" + " 00" * 256, Opcode.BINARY, bytes(256), None),
        ("82 7f 00 00 00 00 00 01 00 00" + " 00" * 65536, Opcode.BINARY, bytes(65536), None),
    ],
)
def test_examples_of_the_rfc(wire: str, opcode: Opcode, payload: bytes, key: str | None) -> None:
    """RFC 6455 section 5.7."""
    data = bytes.fromhex(wire)
    masking_key = bytes.fromhex(key) if key else None
    frame = make_frame(opcode, payload, masking_key=masking_key)
    assert decode(data) == ([frame], None, b"")
    assert frame.wire() == data


@pytest.mark.parametrize(
    ("length", "form"),
    [
        (length, form)
        for length in (0, 1, 125, 126, 127, 255, 256, 65535, 65536, 65537)
        for form in LengthForm
        if form >= shortest_length_form(length)
    ],
)
@pytest.mark.parametrize("key", [None, b"\x01\x02\x03\x04"])
def test_every_length_in_every_form(length: int, form: LengthForm, key: bytes | None) -> None:
    payload = bytes(index & 0xFF for index in range(length))
    frame = Frame(FIN | Opcode.BINARY, key, payload, form, length)
    assert len(frame.header()) == 2 + (0, 2, 8)[form] + (4 if key else 0)
    assert decode(frame.wire()) == ([frame], None, b"")


@pytest.mark.parametrize(
    ("length", "form"), [(0, 0), (125, 0), (126, 1), (65535, 1), (65536, 2), ((1 << 63) - 1, 2)]
)
def test_the_shortest_form(length: int, form: int) -> None:
    assert shortest_length_form(length) == form


@pytest.mark.parametrize("head", range(256))
def test_every_first_byte_is_told_as_it_is(head: int) -> None:
    ((frame,), partial, rest) = decode(bytes([head, 0]))
    assert (frame.fin, frame.rsv1, frame.rsv2, frame.rsv3, frame.opcode) == (
        bool(head >> 7),
        bool(head >> 6 & 1),
        bool(head >> 5 & 1),
        bool(head >> 4 & 1),
        head & 15,
    )
    assert frame.is_control is (head & 15 >= 8)
    assert (partial, rest, frame.truncated, frame.wire()) == (None, b"", False, bytes([head, 0]))


@given(st.lists(any_frame(), max_size=6), CUTS)
def test_any_frames_over_any_split(frames: list[Frame], places: list[int]) -> None:
    data = b"".join(frame.wire() for frame in frames)
    decoder = FrameDecoder(LIMIT)
    assert [frame for piece in cut(data, places) for frame in decoder.feed(piece)] == frames
    assert decoder.take_partial() == (None, b"")


@given(st.lists(any_frame().filter(lambda frame: len(frame.payload) < 200), max_size=3))
def test_byte_by_byte(frames: list[Frame]) -> None:
    data = b"".join(frame.wire() for frame in frames)
    decoder = FrameDecoder(LIMIT)
    assert [frame for byte in data for frame in decoder.feed(bytes([byte]))] == frames


@given(st.binary(max_size=400), CUTS, st.sampled_from([0, 50, LIMIT]))
def test_any_bytes_come_back_exactly(data: bytes, places: list[int], limit: int) -> None:
    decoder = FrameDecoder(limit)
    frames: list[Frame] = []
    unread = b""
    for piece in cut(data, places):
        if decoder.overlong:
            unread += piece
        else:
            frames += decoder.feed(piece)
    partial, rest = decoder.take_partial()
    assert not (partial and rest)
    if partial is not None:
        assert partial.truncated
        frames.append(partial)
    assert b"".join(frame.wire() for frame in frames) + rest + unread == data


@given(any_frame(), st.integers(0, 1 << 20))
def test_a_frame_cut_off(frame: Frame, place: int) -> None:
    wire = frame.wire()
    data = wire[: place % len(wire)]
    frames, partial, rest = decode(data)
    assert frames == []
    if len(data) < len(frame.header()):
        assert (partial, rest) == (None, data)
    else:
        assert partial is not None
        assert (partial.wire(), rest, partial.truncated) == (data, b"", True)
        assert partial.payload == frame.payload[: len(partial.payload)]


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_masking(data: bytes, key: bytes) -> None:
    """RFC 6455 section 5.3, word for word."""
    assert apply_mask(data, key) == bytes(octet ^ key[index % 4] for index, octet in enumerate(data))
    assert apply_mask(apply_mask(data, key), key) == data
    assert mask_by_numbers(data, key) == apply_mask(memoryview(data), key)


@given(any_frame())
def test_the_header_alone(frame: Frame) -> None:
    header = frame.header()
    parsed = parse_header(frame.wire())
    assert parsed == (frame.head, frame.masking_key, frame.length_form, len(frame.payload), len(header))
    assert all(parse_header(header[:size]) is None for size in range(len(header)))
    assert header == encode_header(frame.head, frame.masking_key, len(frame.payload), frame.length_form)


def test_masking_does_without_the_compiled_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets.speedups", None)
    without = runpy.run_path(frames.__file__)
    assert without["apply_mask"] is without["mask_by_numbers"]
    assert frames.HAS_COMPILED_MASK
    decoded = without["FrameDecoder"](LIMIT).feed(make_frame(2, b"Hello" * 9, masking_key=b"wxyz").wire())
    assert [frame.payload for frame in decoded] == [b"Hello" * 9]


def test_large_payloads_are_masked_in_pieces() -> None:
    data = bytes(range(256)) * 3000 + b"odd"
    assert mask_by_numbers(data, b"\x00\x00\x00\x01") == apply_mask(data, b"\x00\x00\x00\x01")


@BOTH
@pytest.mark.parametrize("mask", [0x00, 0x80])
@pytest.mark.parametrize(
    "length", ["65", "7e0065", "7f0000000000000065", "7f8000000000000000", "7f" + "ff" * 8]
)
def test_over_the_limit_as_soon_as_the_header_is_whole(decoder_of: DecoderOf, mask: int, length: str) -> None:
    """Not before: a header without its masking key is no frame to show."""
    header = bytearray(b"\x82" + bytes.fromhex(length) + (b"\x01\x02\x03\x04" if mask else b""))
    header[1] |= mask
    decoder = decoder_of(100)
    for byte in header:
        assert not decoder.overlong
        assert decoder.feed(bytes([byte])) == []
    assert decoder.overlong
    partial, rest = decoder.take_partial()
    assert partial is not None
    assert (partial.wire(), partial.payload, partial.truncated, rest) == (bytes(header), b"", True, b"")


@BOTH
def test_frames_before_one_over_the_limit_come_out(decoder_of: DecoderOf) -> None:
    decoder = decoder_of(100)
    assert decoder.feed(make_frame(1, b"a").wire() * 2 + b"\x82\x7e\xff\xffxy") == [make_frame(1, b"a")] * 2
    assert decoder.overlong
    partial, _ = decoder.take_partial()
    assert partial is not None
    assert partial.payload == b"xy"


@BOTH
def test_exactly_the_limit_is_waited_for(decoder_of: DecoderOf) -> None:
    decoder = decoder_of(100)
    wire = make_frame(2, bytes(100)).wire()
    assert decoder.feed(wire[:-1]) == []
    assert not decoder.overlong
    assert decoder.feed(wire[-1:]) == [make_frame(2, bytes(100))]


@BOTH
def test_many_tiny_reads_hold_no_more_than_what_came(decoder_of: DecoderOf) -> None:
    size = 1 << 18
    wire = make_frame(2, bytes(size), masking_key=b"abcd").wire()
    decoder = decoder_of(size)
    tracemalloc.start()
    try:
        for start in range(0, len(wire) - 2, 2):
            decoder.feed(wire[start : start + 2])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 * size


@BOTH
def test_cost_of_tiny_reads_is_linear(decoder_of: DecoderOf) -> None:
    def seconds(size: int) -> float:
        wire = make_frame(2, bytes(size)).wire()
        decoder = decoder_of(size)
        started = process_time()
        for byte in wire:
            decoder.feed(bytes([byte]))
        return process_time() - started

    small = min(seconds(1 << 15) for _ in range(3))
    assert seconds(1 << 19) < 16 * small * 4


def test_names() -> None:
    assert [opcode_name(opcode) for opcode in (0, 1, 2, 8, 9, 10, 3, 15)] == [
        "continuation",
        "text",
        "binary",
        "close",
        "ping",
        "pong",
        "reserved 0x3",
        "reserved 0xF",
    ]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([Opcode.BINARY, Opcode.PING, Opcode.PONG]),
            st.binary(max_size=125),
            st.sampled_from([b"\0\0\0\0", b"abcd"]),
        ),
        max_size=8,
    ),
    CUTS,
)
def test_the_same_frames_as_wsproto(parts: list[tuple[Opcode, bytes, bytes]], places: list[int]) -> None:
    data = b"".join(make_frame(opcode, payload, masking_key=key).wire() for opcode, payload, key in parts)
    theirs = WsprotoDecoder(client=False)
    # wsproto hands out what has come of a data frame; joined again here.
    seen: list[tuple[int, bytes]] = []
    unfinished = b""
    for piece in cut(data, places):
        theirs.receive_bytes(piece)
        while (frame := theirs.process_buffer()) is not None:
            assert isinstance(frame.payload, (bytes, bytearray))
            unfinished += frame.payload
            if frame.frame_finished:
                # The rest of a data frame comes as a continuation.
                seen.append((frame.opcode.value or Opcode.BINARY.value, unfinished))
                unfinished = b""
    ours, _, _ = decode(data)
    assert [(frame.opcode, frame.payload) for frame in ours] == seen


def test_make_frame_takes_what_no_peer_should_send() -> None:
    frame = make_frame(0xB, b"x", fin=False, rsv=RSV1)
    assert frame.wire() == b"\x4b\x01x"


@BOTH
@pytest.mark.parametrize("key", [None, b"\x37\xfa\x21\x3d"])
@pytest.mark.parametrize("width", [1000, 65536, 300_001])
def test_a_large_frame_between_small_ones_comes_out_whole(
    decoder_of: DecoderOf, key: bytes | None, width: int
) -> None:
    payload = bytes(range(251)) * 4001
    frames = [
        make_frame(2, data, masking_key=key) for data in (b"before", payload, payload[1:], b"after", b"")
    ]
    stream = b"".join(frame.wire() for frame in frames)
    decoder = decoder_of(len(payload))
    got = [frame for at in range(0, len(stream), width) for frame in decoder.feed(stream[at : at + width])]
    assert got == frames
    assert [type(frame.payload) for frame in got] == [bytes] * 5
    assert decoder.take_partial() == (None, b"")
