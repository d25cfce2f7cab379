"""What came is worked off in portions: nothing is lost between them, and nothing overtakes what is under way."""

from __future__ import annotations

import os
import sys

import pytest

from core.protocol.deflate import DeflateParameters, Deflater
from core.protocol.endpoint import Endpoint
from core.protocol.events import ConnectionClosed, ConnectionFailed, FrameReceived, FrameSent, Message, Origin
from core.protocol.frame_runs import PORTION
from core.protocol.frames import RSV1, Opcode, make_frame
from core.protocol.state import Role
from tests.tools.wires import frames_of, opened_server, received

MASK = b"\x37\xfa\x21\x3d"
LARGE = os.urandom(3_000_000)


def masked(opcode: int, payload: bytes = b"", *, rsv: int = 0) -> bytes:
    return make_frame(opcode, payload, rsv=rsv, masking_key=MASK).wire()


def deflated(payload: bytes, opcode: int = Opcode.BINARY) -> bytes:
    return masked(opcode, Deflater(DeflateParameters(), Role.CLIENT).compress(payload), rsv=RSV1)


def test_thousands_of_frames_come_out_in_portions() -> None:
    connection = opened_server()
    count = 3 * PORTION + 7
    portions = [connection.receive_data(masked(Opcode.BINARY, b"x") * count)]
    while connection.has_more:
        portions.append(connection.receive_data(b""))
    sizes = [len(received(portion)) for portion in portions]
    assert sum(sizes) == count
    assert max(sizes) <= PORTION


@pytest.mark.parametrize(
    "wire",
    [
        deflated(bytes(20_000_000)),
        deflated("你".encode() * 1_000_000, Opcode.TEXT),
        masked(Opcode.TEXT, "你".encode() * 1_000_000),
    ],
    ids=["bomb", "compressed text", "text"],
)
def test_a_large_message_takes_many_steps_and_what_is_behind_it_waits(wire: bytes) -> None:
    connection = opened_server(deflate="permessage-deflate")
    events = connection.receive_data(wire + masked(Opcode.PING, b"behind"))
    steps = 0
    while not events:
        assert connection.has_more
        events = connection.receive_data(b"")
        steps += 1
    assert steps > 5
    (large,) = received(events)
    assert large.message is not None
    assert not large.violations
    assert connection.data_to_send() == b""
    (ping, pong) = connection.receive_data(b"")
    assert isinstance(ping, FrameReceived)
    assert isinstance(pong, FrameSent)


def echo_under_way(connection: Endpoint) -> None:
    assert not connection.send_messages([Opcode.BINARY], [LARGE], origin=Origin.RULE)
    assert connection.has_more
    assert connection.is_sending


def test_a_large_echo_is_compressed_in_steps() -> None:
    connection = opened_server(deflate="permessage-deflate")
    echo_under_way(connection)
    events = connection.receive_data(masked(Opcode.PING, b"later"))
    while connection.is_sending:
        assert not events
        events = connection.receive_data(b"")
    (sent,) = events
    assert isinstance(sent, FrameSent)
    assert isinstance(sent.completes, Message)
    assert sent.completes.payload is LARGE
    assert [type(event) for event in connection.receive_data(b"")] == [FrameReceived, FrameSent]


@pytest.mark.parametrize("closes", [False, True])
def test_what_is_sent_meanwhile_comes_behind_it(closes: bool) -> None:
    connection = opened_server(deflate="permessage-deflate")
    echo_under_way(connection)
    if closes:
        events = connection.send_close(1000, origin=Origin.COMPOSED)
    else:
        events = connection.send_message(Opcode.TEXT, b"behind", origin=Origin.COMPOSED)
    assert [event.origin for event in events if isinstance(event, FrameSent)] == [
        Origin.RULE,
        Origin.COMPOSED,
    ]
    assert not connection.has_more
    heads = [frame.head for frame in frames_of(connection.data_to_send())]
    assert heads == [0xC2, 0x88 if closes else 0xC1]


def test_nothing_is_answered_when_the_peer_is_gone() -> None:
    connection = opened_server(deflate="permessage-deflate")
    echo_under_way(connection)
    connection.receive_data(masked(Opcode.PING, b"?") * 3 + masked(Opcode.CLOSE, b"\x03\xe8"))
    connection.lose_peer()
    events = connection.receive_eof()
    assert [type(event) for event in events] == [FrameReceived] * 4 + [ConnectionClosed]
    assert connection.data_to_send() == b""


def test_frames_that_are_decoded_and_wait_are_held() -> None:
    connection = opened_server()
    connection.receive_data(masked(Opcode.PING, b"?") * 1000)
    assert connection.has_more
    assert connection.held_bytes > 1000 * sys.getsizeof(make_frame(Opcode.PING, b"?", masking_key=MASK))
    while connection.has_more:
        connection.receive_data(b"")
    assert connection.held_bytes == 0


def test_who_is_failed_for_memory_lets_go_of_what_is_inflated() -> None:
    connection = opened_server(deflate="permessage-deflate")
    assert not connection.receive_data(deflated(bytes(20_000_000)))
    while connection.held_bytes < 5_000_000:
        assert not connection.receive_data(b"")
    frame, failed, _ = connection.fail_for_memory(5_000_000, 4_000_000)
    assert isinstance(frame, FrameReceived)
    assert [each.rule.id for each in frame.violations] == ["memory-exhausted"]
    assert isinstance(failed, ConnectionFailed)
    assert not connection.has_more
