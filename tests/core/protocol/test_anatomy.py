from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.anatomy import FrameField, Part, anatomy
from core.protocol.frames import RSV1, RSV2, Frame, LengthForm, Opcode, make_frame

KEY = bytes.fromhex("37fa213d")


def by_part(frame: Frame) -> dict[Part, FrameField]:
    return {field.part: field for field in anatomy(frame)}


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    payload = draw(st.binary(max_size=300))
    form = draw(st.sampled_from([form for form in LengthForm if form or len(payload) < 126]))
    key = draw(st.none() | st.binary(min_size=4, max_size=4))
    declared = draw(st.sampled_from([len(payload), min(len(payload) + 7, 125 if not form else 0xFFFF)]))
    return Frame(draw(st.integers(0, 255)), key, payload, int(form), max(declared, len(payload)))


@given(frames())
def test_fields_cover_every_wire_bit_once_and_in_order(frame: Frame) -> None:
    at = 0
    for field in anatomy(frame):
        assert field.bit_offset == at
        at += field.bit_length
    assert at == 8 * len(frame.wire())


@given(frames())
def test_every_field_says_something(frame: Frame) -> None:
    for field in anatomy(frame):
        assert field.value
        assert field.meaning[0].isupper() or field.meaning[0].isdigit()
        assert field.meaning.endswith((".", "?"))
        assert field.section.startswith("RFC ")


def test_hello_of_the_rfc() -> None:
    # RFC 6455 section 5.7: a single-frame masked text message.
    frame = make_frame(Opcode.TEXT, b"Hello", masking_key=KEY)
    assert frame.wire() == bytes.fromhex("818537fa213d7f9f4d5158")
    fields = by_part(frame)
    assert [field.part for field in anatomy(frame)] == [
        Part.FIN,
        Part.RSV1,
        Part.RSV2,
        Part.RSV3,
        Part.OPCODE,
        Part.MASK,
        Part.LENGTH,
        Part.MASKING_KEY,
        Part.PAYLOAD,
    ]
    assert fields[Part.FIN].value == "1"
    assert fields[Part.OPCODE].value == "0x1 text"
    assert fields[Part.LENGTH].value == "5"
    assert fields[Part.MASKING_KEY].value == "37 fa 21 3d"
    assert (fields[Part.MASKING_KEY].first_byte, fields[Part.MASKING_KEY].end_byte) == (2, 6)
    assert fields[Part.PAYLOAD].value == "5 bytes"


def test_first_fragment_says_that_the_message_goes_on() -> None:
    fin = by_part(make_frame(Opcode.TEXT, b"Hel", fin=False))[Part.FIN]
    assert fin.value == "0"
    assert fin.meaning == "Not the last fragment; the message goes on in a continuation frame."


def test_rsv1_is_compression_on_the_first_frame_and_wrong_elsewhere() -> None:
    compressed = by_part(make_frame(Opcode.TEXT, b"x", rsv=RSV1))[Part.RSV1]
    assert "compressed" in compressed.meaning
    assert compressed.section == "RFC 7692 §6"
    for opcode in (Opcode.CONTINUATION, Opcode.PING):
        assert "Must be 0" in by_part(make_frame(opcode, b"x", rsv=RSV1))[Part.RSV1].meaning
    assert "Must be 0" in by_part(make_frame(Opcode.TEXT, rsv=RSV2))[Part.RSV2].meaning


@pytest.mark.parametrize(
    ("length", "short", "bits"), [(125, "125", 0), (126, "126", 16), (65535, "126", 16), (65536, "127", 64)]
)
def test_length_forms(length: int, short: str, bits: int) -> None:
    fields = by_part(make_frame(Opcode.BINARY, bytes(length)))
    assert fields[Part.LENGTH].value == short
    if bits:
        extended = fields[Part.EXTENDED_LENGTH]
        assert extended.bit_length == bits
        assert extended.value == f"{length:,}"
        assert extended.meaning == f"The payload has {length:,} bytes."
    else:
        assert Part.EXTENDED_LENGTH not in fields


def test_a_length_in_too_many_bits_is_said() -> None:
    frame = Frame(0x82, None, b"12345", LengthForm.SIXTY_FOUR_BIT, 5)
    assert "fits in 7 bits" in by_part(frame)[Part.EXTENDED_LENGTH].meaning


def test_top_bit_of_the_length_is_said() -> None:
    frame = Frame(0x82, None, b"", LengthForm.SIXTY_FOUR_BIT, 1 << 63)
    fields = by_part(frame)
    assert "must be 0" in fields[Part.EXTENDED_LENGTH].meaning
    assert "Only 0 of the" in fields[Part.PAYLOAD].meaning


def test_reserved_opcodes() -> None:
    assert by_part(make_frame(0x3))[Part.OPCODE].value == "0x3 reserved"
    assert "data frames" in by_part(make_frame(0x3))[Part.OPCODE].meaning
    assert "control frames" in by_part(make_frame(0xB))[Part.OPCODE].meaning


def test_close_is_taken_apart_into_code_and_reason() -> None:
    fields = by_part(make_frame(Opcode.CLOSE, b"\x03\xe9" + "再见".encode(), masking_key=KEY))
    assert Part.PAYLOAD not in fields
    code, reason = fields[Part.CLOSE_CODE], fields[Part.CLOSE_REASON]
    assert code.value.startswith("1001 ")
    assert (code.bit_offset, code.bit_length) == (48, 16)
    assert reason.value == "再见"
    assert (reason.bit_offset, reason.bit_length) == (64, 48)


def test_close_reason_that_is_no_utf8_is_escaped() -> None:
    assert by_part(make_frame(Opcode.CLOSE, b"\x03\xe8\xff"))[Part.CLOSE_REASON].value == "\\xff"


@pytest.mark.parametrize(("payload", "word"), [(b"", "Empty"), (b"\x03", "Half a close code")])
def test_close_without_a_whole_code(payload: bytes, word: str) -> None:
    assert by_part(make_frame(Opcode.CLOSE, payload))[Part.PAYLOAD].meaning.startswith(word)


def test_ping_payload_is_shown_as_text_or_hex() -> None:
    assert by_part(make_frame(Opcode.PING, b"tick 7"))[Part.PAYLOAD].value == "“tick 7”"
    assert by_part(make_frame(Opcode.PING, b"\x00\xff"))[Part.PAYLOAD].value == "00 ff"


def test_all_zero_key_is_said() -> None:
    assert "All zeros" in by_part(make_frame(1, b"x", masking_key=bytes(4)))[Part.MASKING_KEY].meaning
