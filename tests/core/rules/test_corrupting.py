"""Faults made in frames, as a receiver reads them."""

from __future__ import annotations

import pytest

from core.protocol.frames import FrameDecoder, make_frame
from core.rules.corrupting import corrupted
from core.rules.verdict import Corruption

KEY = b"\1\2\3\4"


def test_one_bit_is_turned_over() -> None:
    assert corrupted(make_frame(1, b"abc"), Corruption.BIT).payload == b"abb"


def test_a_byte_is_no_utf_8() -> None:
    with pytest.raises(UnicodeDecodeError):
        corrupted(make_frame(1, "größer".encode()), Corruption.UTF8).payload.decode()


@pytest.mark.parametrize("length", [0, 125, 65535])
def test_the_header_states_one_byte_more(length: int) -> None:
    wrong = corrupted(make_frame(2, bytes(length), masking_key=KEY), Corruption.LENGTH)
    decoder = FrameDecoder(1 << 20)
    assert decoder.feed(wrong.wire()) == []
    assert decoder.feed(b"\0")[0].declared_length == length + 1


def test_the_mask_is_of_another_key_than_stated() -> None:
    frame = make_frame(1, b"abc", masking_key=KEY)
    wrong = corrupted(frame, Corruption.MASK)
    assert wrong.wire()[6:] == frame.wire()[6:]
    [read] = FrameDecoder(100).feed(wrong.wire())
    assert (read, read.payload == b"abc") == (wrong, False)


def test_the_mask_bit_is_set_where_no_mask_is_due() -> None:
    wrong = corrupted(make_frame(1, b"abcdefgh"), Corruption.MASK)
    assert wrong.wire() == b"\x81\x88abcdefgh"


@pytest.mark.parametrize("fault", [Corruption.BIT, Corruption.UTF8])
def test_nothing_can_be_changed_in_nothing(fault: Corruption) -> None:
    assert corrupted(make_frame(1, b""), fault) == make_frame(1, b"")
