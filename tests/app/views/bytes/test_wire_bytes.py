from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.views.bytes.wire_bytes import WireBytes
from core.decoders.source import Held
from core.protocol.frames import Frame, make_frame


def wire_of(frame: Frame) -> WireBytes:
    return WireBytes(frame._replace(payload=b""), len(frame.payload), Held(frame.payload).read)


KEYS = st.none() | st.binary(min_size=4, max_size=4)


@given(st.binary(max_size=300), KEYS, st.data())
def test_any_slice_is_that_of_the_wire(payload: bytes, key: bytes | None, data: st.DataObject) -> None:
    frame = make_frame(2, payload, masking_key=key)
    wire = wire_of(frame)
    assert len(wire) == len(frame.wire())
    start = data.draw(st.integers(0, len(wire) + 2))
    end = data.draw(st.integers(start, len(wire) + 2))
    assert wire.wire(start, end) == frame.wire()[start:end]
    assert wire.plain(start, end) == (frame.header() + payload)[start:end]


def test_every_start_within_the_key_is_masked_right() -> None:
    frame = make_frame(2, bytes(20), masking_key=b"\x01\x02\x03\x04")
    wire = wire_of(frame)
    for start in range(len(wire)):
        assert wire.wire(start, len(wire)) == frame.wire()[start:]


def test_the_key_stands_over_the_bytes_that_it_masks() -> None:
    frame = make_frame(1, b"Hello", masking_key=bytes.fromhex("37fa213d"))
    wire = wire_of(frame)
    for offset in range(wire.header_length, len(wire)):
        masked = frame.wire()[offset]
        assert bytes([masked ^ wire.key_byte(offset)]) == wire.plain(offset, offset + 1)
