"""What goes out: the bytes of every message and control frame, and the events that tell of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.deflate import DeflateParameters, Deflater, Inflater
from core.protocol.events import Completes, FrameSent, Message, Origin
from core.protocol.frames import Opcode, make_frame
from core.protocol.sender import Sender
from core.protocol.state import Role
from tests.tools.wires import frames_of, sent

ROLES = st.sampled_from(Role)
PAYLOADS = st.binary(max_size=200) | st.sampled_from([125, 126, 65535, 65536]).map(bytes)


def compressing(role: Role) -> tuple[Sender, Inflater]:
    sender = Sender(role)
    sender.deflater = Deflater(DeflateParameters(), role)
    return sender, Inflater(DeflateParameters(), Role.SERVER if role is Role.CLIENT else Role.CLIENT)


def taken(sender: Sender) -> bytes:
    return b"".join(sender.take())


def test_bytes_of_a_server() -> None:
    sender = Sender(Role.SERVER)
    events = sender.message(Opcode.TEXT, b"Hello", origin=Origin.COMPOSED)
    assert events == [FrameSent(make_frame(1, b"Hello"), Origin.COMPOSED, Completes.ITSELF)]
    assert taken(sender) == bytes.fromhex("81 05 48 65 6c 6c 6f")
    assert taken(sender) == b""


def test_bytes_are_in_the_order_in_which_they_were_said() -> None:
    sender = Sender(Role.SERVER)
    sender.write(b"HTTP/1.1 101\r\n\r\n")
    sender.control(Opcode.PING, b"p", origin=Origin.COMPOSED)
    sender.messages([1, 2], [b"a", b"b"], origin=Origin.RULE)
    assert taken(sender) == b"HTTP/1.1 101\r\n\r\n\x89\x01p\x81\x01a\x82\x01b"


def test_large_payloads_go_out_without_a_copy() -> None:
    sender = Sender(Role.SERVER)
    large = bytes(100_000)
    sender.messages([2, 2, 2, 1], [b"a", large, large, b"b"], origin=Origin.RULE)
    sender.control(Opcode.PING, b"c", origin=Origin.COMPOSED)
    pieces = sender.take()
    header = b"\x82\x7f\x00\x00\x00\x00\x00\x01\x86\xa0"
    assert [piece for piece in pieces if piece is not large] == [
        b"\x82\x01a" + header,
        header,
        b"\x81\x01b\x89\x01c",
    ]
    assert [piece is large for piece in pieces] == [False, True, False, True, False]
    assert sender.take() == []


@given(ROLES, st.lists(st.tuples(st.sampled_from([1, 2]), PAYLOADS), max_size=6))
def test_many_at_once_are_the_same_as_one_by_one(role: Role, parts: list[tuple[int, bytes]]) -> None:
    at_once, one_by_one = Sender(role), Sender(role)
    events = at_once.messages(
        [opcode for opcode, _ in parts], [data for _, data in parts], origin=Origin.RULE
    )
    others = [
        event for opcode, data in parts for event in one_by_one.message(opcode, data, origin=Origin.RULE)
    ]
    frames = frames_of(taken(at_once))
    assert [event.frame for event in sent(events)] == frames
    assert [event.frame._replace(masking_key=None) for event in sent(others)] == [
        frame._replace(masking_key=None) for frame in frames
    ]
    assert all(event.completes is Completes.ITSELF for event in sent(events))


@given(ROLES, PAYLOADS, st.integers(1, 9), st.booleans())
def test_what_is_told_is_what_is_on_the_wire(role: Role, payload: bytes, count: int, compress: bool) -> None:
    sender, inflater = compressing(role)
    events = sent(sender.message(2, payload, origin=Origin.COMPOSED, fragments=count, compress=compress))
    frames = frames_of(taken(sender))
    assert [event.frame for event in events] == frames
    assert len(frames) == count
    assert [frame.opcode for frame in frames] == [2, *[0] * (count - 1)]
    assert [frame.fin for frame in frames] == [*[False] * (count - 1), True]
    assert [frame.rsv1 for frame in frames] == [compress, *[False] * (count - 1)]
    assert all(frame.masked is (role is Role.CLIENT) for frame in frames)
    assert all(event.message is None for event in events[:-1])
    data = b"".join(frame.payload for frame in frames)
    assert events[-1].message == Message(2, payload, compress, count, len(data))
    assert (inflater.inflate(data, 1 << 20) if compress else data) == payload


def test_a_client_takes_a_fresh_key_for_each_frame() -> None:
    """RFC 6455 section 5.3."""
    sender = Sender(Role.CLIENT)
    keys = {
        event.frame.masking_key for event in sent(sender.messages([1] * 50, [b"x"] * 50, origin=Origin.RULE))
    }
    assert len(keys) == 50
    assert None not in keys


def test_many_at_once_compressed() -> None:
    sender, inflater = compressing(Role.SERVER)
    events = sent(sender.messages([1, 2], [b"Hello" * 9, b"Hello" * 9], origin=Origin.RULE))
    assert [event.frame for event in events] == frames_of(taken(sender))
    assert [inflater.inflate(event.frame.payload, 100) for event in events] == [b"Hello" * 9] * 2


@pytest.mark.parametrize("role", Role)
def test_no_messages_are_no_bytes(role: Role) -> None:
    sender = Sender(role)
    assert sender.messages([], [], origin=Origin.RULE) == []
    assert taken(sender) == b""
