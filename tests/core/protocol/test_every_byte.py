"""Whatever comes and however it is cut: every byte is shown, and the cost is linear."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.endpoint import ConnectionLimits
from core.protocol.events import (
    ConnectionClosed,
    HandshakeFailed,
    RequestReceived,
)
from core.protocol.frames import RSV1, Opcode, make_frame
from core.protocol.http11 import HeadLimits
from core.protocol.state import ReadyState, Role
from core.protocol.told_head import without_credentials
from core.protocol.violations import Judgement
from tests.tools.wires import (
    DEFLATE,
    answered,
    cut,
    frames_of,
    masked,
    new_server,
    opened_client,
    opened_server,
    receive,
    received,
    sent,
)

JUNK = st.binary(max_size=60)
FRAMES = st.builds(
    make_frame,
    st.sampled_from([0, 1, 1, 2, 2, 8, 9, 10, 3, 11]),
    st.sampled_from([b"", b"a", b"\x03\xe8", b"\xff", bytes(50), bytes(130)]),
    fin=st.sampled_from([True, True, True, False]),
    rsv=st.sampled_from([0, 0, 0, RSV1, 0x30]),
    masking_key=st.sampled_from([b"abcd", bytes(4), b"wxyz", None]),
).map(lambda frame: frame.wire())


@given(
    st.lists(FRAMES | JUNK, max_size=8).map(b"".join),
    st.lists(st.integers(0, 1 << 20), max_size=6),
    st.sampled_from(Judgement),
    st.sampled_from(Role),
    st.sampled_from([None, DEFLATE]),
    st.sampled_from([40, 1 << 20]),
)
def test_every_byte_behind_the_head_is_shown(
    data: bytes, places: list[int], judgement: Judgement, role: Role, deflate: str | None, limit: int
) -> None:
    """Whatever comes and however it is cut: good or not, after a failure and after a close."""
    make = opened_server if role is Role.SERVER else opened_client
    connection = make(judgement, limits=ConnectionLimits(message_bytes=limit), deflate=deflate)
    events = receive(connection, *cut(data, places))
    events += connection.receive_eof()
    closed = events[-1]
    assert isinstance(closed, ConnectionClosed)
    assert closed.trailing_length == len(closed.trailing)
    assert b"".join(event.frame.wire() for event in received(events)) + closed.trailing == data
    assert connection.state is ReadyState.CLOSED
    out = frames_of(connection.data_to_send())
    assert out == [event.frame for event in sent(events)]
    assert [frame.opcode for frame in out].count(Opcode.CLOSE) <= 1
    assert all(frame.opcode != Opcode.CLOSE for frame in out[:-1])


@given(st.binary(max_size=200), st.lists(st.integers(0, 1 << 20), max_size=5), st.sampled_from(Judgement))
def test_every_byte_of_any_stream_is_shown(data: bytes, places: list[int], judgement: Judgement) -> None:
    """From the first byte on: in the head, which is told without credentials, in a frame, or behind."""
    connection = new_server(judgement, limits=ConnectionLimits(head=HeadLimits(max_bytes=100)))
    events = answered(connection, *cut(b"GET " + data, places))
    events += connection.receive_eof()
    closed = events[-1]
    assert isinstance(closed, ConnectionClosed)
    heads = [event.raw for event in events if isinstance(event, HandshakeFailed)]
    heads += [event.request.raw for event in events if isinstance(event, RequestReceived)]
    frames = [event.frame.wire() for event in received(events)]
    whole, head = b"GET " + data, b"".join(heads)
    assert head == without_credentials(whole[: len(head)])
    assert b"".join([*frames, closed.trailing]) == whole[len(head) :]


@pytest.mark.parametrize(
    ("unit", "split"),
    [
        (masked(9, b"p"), 1 << 16),
        (masked(1, b"", fin=False) + masked(0, b"x"), 1 << 16),
        (masked(1, b"x"), 1),
        (masked(8) + masked(1, b"x"), 1 << 16),
    ],
    ids=["pings", "fragments", "one byte a read", "after the close"],
)
def test_cost_is_linear(unit: bytes, split: int) -> None:
    def seconds(count: int) -> float:
        data = unit * count
        connection = opened_server()
        started = process_time()
        for start in range(0, len(data), split):
            receive(connection, data[start : start + split])
        return process_time() - started

    small = min(seconds(1000) for _ in range(3))
    assert seconds(16_000) < 16 * small * 4
