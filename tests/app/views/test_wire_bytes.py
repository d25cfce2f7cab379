from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.views.wire_bytes import WireBytes
from core.protocol.frames import make_frame


@given(
    st.binary(max_size=200),
    st.none() | st.binary(min_size=4, max_size=4),
    st.integers(0, 220),
    st.integers(0, 220),
)
def test_any_slice_is_that_of_the_wire(payload: bytes, key: bytes | None, start: int, end: int) -> None:
    frame = make_frame(2, payload, masking_key=key)
    wire = WireBytes(frame)
    assert len(wire) == len(frame.wire())
    assert wire.wire(start, end) == frame.wire()[start:end]
    assert wire.plain(start, end) == (frame.header() + payload)[start:end]


def test_the_key_stands_over_the_bytes_that_it_masks() -> None:
    frame = make_frame(1, b"Hello", masking_key=bytes.fromhex("37fa213d"))
    wire = WireBytes(frame)
    for offset in range(wire.header_length, len(wire)):
        masked = frame.wire()[offset]
        assert masked ^ wire.key_byte(offset) == wire.plain(offset, offset + 1)[0]
