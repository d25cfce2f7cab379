"""UTF-8 checked as it arrives: the same verdict over any split, and as early as can be."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.protocol.frames import make_frame
from core.protocol.utf8 import Utf8Check, is_utf8, utf8_violation
from tests.tools.wires import cut

CUTS = st.lists(st.integers(0, 1 << 20), max_size=6)
NEARLY = st.lists(
    st.sampled_from(
        ["é".encode(), "中文".encode(), "😀".encode(), b"a", b"\xff", b"\xc0", b"\xed\xa0", b"\xf4\x90"]
    )
).map(b"".join)


def python_says(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@given(st.binary(max_size=40) | NEARLY | st.text(max_size=20).map(str.encode), CUTS)
@example("😀".encode(), [1, 2, 3])
def test_the_same_verdict_over_any_split(data: bytes, places: list[int]) -> None:
    check = Utf8Check()
    pieces = cut(data, places)
    found: int | None = None
    for number, piece in enumerate(pieces):
        bad = check.feed(piece, final=number == len(pieces) - 1)
        if bad is not None:
            assert 0 <= bad <= len(piece)
            found = bad
            break
    assert (found is None) == python_says(data) == is_utf8(data)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"\xed", b"\xa0"),  # a surrogate
        (b"\xf4", b"\x90"),  # beyond U+10FFFF
        (b"\xe0", b"\x80"),  # longer than need be
        (b"\xf0", b"\x8f"),
        (b"\xf0\x9f\x98", b"x"),
    ],
)
def test_bad_before_the_character_is_whole(first: bytes, second: bytes) -> None:
    check = Utf8Check()
    assert check.feed(b"ok" + first, final=False) is None
    assert check.feed(second + b"more", final=False) == 0


@pytest.mark.parametrize("shift", range(5))
@pytest.mark.parametrize(
    "tail", ["😀é中".encode() * 10, b"\xff", "😀".encode()[:3], "😀".encode()[:3] + b"x"]
)
def test_of_a_long_text_the_first_bad_byte_is_found_wherever_it_stands(shift: int, tail: bytes) -> None:
    """It is looked at in pieces of a power of two."""
    data = b"a" * shift + "😀".encode() * 300_000 + tail
    expected = None
    try:
        data.decode()
    except UnicodeDecodeError as error:
        expected = error.start
    assert Utf8Check().feed(data, final=True) == expected
    assert is_utf8(data) == (expected is None)
    spoilt = data[: (1 << 20) + 1] + b"\xff" + data[(1 << 20) + 2 :]
    with pytest.raises(UnicodeDecodeError) as caught:
        spoilt.decode()
    assert Utf8Check().feed(spoilt, final=True) == caught.value.start
    assert not is_utf8(spoilt)


@pytest.mark.parametrize("lead", [b"\xc0", b"\xc1", b"\xf5", b"\xff", b"\x80"])
def test_bytes_that_never_lead(lead: bytes) -> None:
    assert Utf8Check().feed(b"abc" + lead, final=False) == 3


def test_the_end_inside_a_character() -> None:
    assert Utf8Check().feed("中".encode()[:2], final=True) == 0
    check = Utf8Check()
    assert check.feed("中".encode()[:2], final=False) is None
    assert check.feed(b"", final=True) == 0


def test_where_it_stands_in_the_frame() -> None:
    frame = make_frame(1, b"ab\xff", masking_key=b"abcd")
    found = utf8_violation("text-not-utf8", frame, 2)
    assert (found.detail, found.offset, found.length) == ("byte 0xFF at 2", 8, 1)
    assert frame.masked_payload()[2:3] == frame.wire()[found.offset : found.offset + found.length]


def test_a_place_behind_the_last_byte() -> None:
    found = utf8_violation("text-not-utf8", make_frame(0, b""), 0)
    assert (found.detail, found.offset, found.length) == ("the text ends inside a character at 0", 2, 0)
