from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.capture.blocks import (
    BLOCK_BYTES,
    BLOCK_FRAMES,
    BlockBuilder,
    StoredFrame,
)
from core.capture.layout import FROM_SERVER
from core.capture.records import Direction, MessageInfo
from core.capture.repeats import MOST_REPEATED
from core.protocol.events import Completes, FrameReceived, FrameSent, Message, Origin
from core.protocol.frames import Frame, Opcode, make_frame, parse_header
from core.protocol.violations import Severity, violation
from tests.tools.wires import columns_of

ITSELF = Completes.ITSELF
FORM_LIMITS = (125, 0xFFFF, 2**64 - 1)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """Any frame that can stand on the wire: truncated, not minimal, with reserved bits, with a key of zeros."""
    payload = draw(st.binary(max_size=300))
    forms = [form for form, limit in enumerate(FORM_LIMITS) if len(payload) <= limit]
    form = draw(st.sampled_from(forms))
    declared = draw(st.one_of(st.just(len(payload)), st.integers(len(payload), FORM_LIMITS[form])))
    key = draw(st.one_of(st.none(), st.just(bytes(4)), st.binary(min_size=4, max_size=4)))
    return Frame(draw(st.integers(0, 255)), key, payload, form, declared)


def extend(
    block: BlockBuilder, *events: FrameReceived | FrameSent, number: int = 1, from_server: int = 0
) -> int:
    return sum(block.append(event, 7, count, 1, from_server) for count, event in enumerate(events, number))


def stored(block: BlockBuilder, index: int) -> tuple[StoredFrame, bytes, bytes]:
    """A frame of the block with its payload and its content."""
    payloads = b"".join(block.payloads)
    found = StoredFrame(block.records, index)
    offset, length = found.content
    return found, payloads[found.offset : found.offset + found.captured], payloads[offset : offset + length]


@given(st.lists(st.tuples(frames(), st.booleans()), min_size=1, max_size=8))
def test_exact_wire_bytes_come_back(drawn: list[tuple[Frame, bool]]) -> None:
    block = BlockBuilder(1)
    for frame, with_message in drawn:
        message = Message(Opcode.TEXT, b"inflated " + frame.payload, True, 2, 99) if with_message else None
        extend(block, FrameReceived(frame, (), message))
    for index, (frame, with_message) in enumerate(drawn):
        found, payload, content = stored(block, index)
        assert found.frame(payload) == frame
        assert found.frame(payload).wire() == frame.wire()
        assert content == (b"inflated " if with_message else b"") + frame.payload
        assert found.end <= block.size == sum(map(len, block.payloads))


@given(frames())
def test_the_wire_bytes_are_those_of_the_header_and_the_counted_ones(frame: Frame) -> None:
    added = extend(BlockBuilder(1), FrameReceived(frame, (), None))
    header = parse_header(frame.wire())
    assert header is not None
    assert added == header.size + len(frame.payload) == len(frame.wire())


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
@pytest.mark.parametrize("sizes", [(0, 1, 125, 7), (5, 126, 70_000, 0)])
def test_a_run_is_stored_as_its_frames_are(
    *, masked: bool, sent: bool, opcode: Opcode, sizes: tuple[int, ...]
) -> None:
    key = b"abcd" if masked else None
    plain = [make_frame(opcode, b"x" * size, masking_key=key) for size in sizes]
    direction, origin = (FROM_SERVER, Origin.RULE) if sent else (0, Origin.PEER)
    by_columns, one_by_one = BlockBuilder(1), BlockBuilder(1)
    for block in (by_columns, one_by_one):
        extend(block, FrameSent(make_frame(9, b"before"), Origin.COMPOSED, None))
    added = by_columns.extend_run(
        columns_of(plain), connection=7, number=255, time_ns=1, from_server=direction, origin=origin
    )
    events = [
        FrameSent(frame, origin, ITSELF) if sent else FrameReceived(frame, (), ITSELF) for frame in plain
    ]
    assert added == extend(one_by_one, *events, number=255, from_server=direction)
    assert by_columns.records == one_by_one.records
    assert by_columns.payloads == one_by_one.payloads
    assert (by_columns.count, by_columns.size) == (one_by_one.count, one_by_one.size)


def test_a_row_says_what_the_frame_was() -> None:
    block = BlockBuilder(1)
    broken = (violation("rsv2-set"), violation("frame-truncated"))
    extend(block, FrameReceived(Frame(0xA2, bytes(4), b"abc", 1, 500), broken, None), from_server=FROM_SERVER)
    row = stored(block, 0)[0].row(9, b"abc")
    assert (row.id, row.connection, row.number, row.time_ns) == (9, 7, 1, 1)
    assert row.direction is Direction.SERVER_TO_CLIENT
    assert row.origin is Origin.PEER
    assert (row.head, row.masked, row.length_form) == (0xA2, True, 1)
    assert (row.declared_length, row.captured_length, row.truncated) == (500, 3, True)
    assert row.message is None
    assert (row.violation_count, row.severity) == (2, Severity.ERROR)


def test_a_message_of_its_own_is_told_from_one_that_is_the_frame() -> None:
    block = BlockBuilder(1)
    extend(block, FrameSent(Frame(0x81, None, b"whole", 0, 5), Origin.COMPOSED, ITSELF))
    joined = Message(Opcode.BINARY, b"joined", False, 3, 6)
    extend(block, FrameSent(Frame(0x80, None, b"", 0, 0), Origin.COMPOSED, joined))
    extend(block, FrameSent(Frame(0xC1, None, b"*", 0, 1), Origin.RULE, Message(1, b"", True, 1, 1)))
    infos = [stored(block, index)[0].row(1, b"").message for index in range(3)]
    assert infos == [
        MessageInfo(1, 5, 5, compressed=False, frame_count=1),
        MessageInfo(2, 6, 6, compressed=False, frame_count=3),
        MessageInfo(1, 0, 1, compressed=True, frame_count=1),
    ]
    assert [stored(block, index)[2] for index in range(3)] == [b"whole", b"joined", b""]


def test_a_block_is_full_by_frames() -> None:
    block = BlockBuilder(1)
    run = [FrameReceived(Frame(0x82, b"abcd", b"", 0, 0), (), ITSELF)] * BLOCK_FRAMES
    extend(block, *run[1:])
    assert (block.takes(b""), block.room) == (True, 1)
    extend(block, run[0])
    assert (block.takes(b""), block.room) == (False, 0)


def test_a_block_is_full_by_bytes() -> None:
    """Small frames may inflate to much."""
    block = BlockBuilder(1)
    big = Message(Opcode.BINARY, bytes(BLOCK_BYTES // 2), True, 1, 4)
    extend(block, FrameReceived(Frame(0xC2, b"abcd", b"tiny", 0, 4), (), big))
    assert (block.takes(b""), block.count) == (True, 1)
    other = Message(Opcode.BINARY, b"x" * (BLOCK_BYTES // 2), True, 1, 4)
    extend(block, FrameReceived(Frame(0xC2, b"abcd", b"tiny", 0, 4), (), other))
    assert (block.takes(b""), block.count) == (False, 2)


def test_a_block_that_is_full_by_bytes_takes_what_it_has_already() -> None:
    block = BlockBuilder(1)
    long = bytes(BLOCK_BYTES)
    extend(block, FrameReceived(Frame(0x82, b"abcd", long, 2, len(long)), (), ITSELF))
    fitting = MOST_REPEATED // BLOCK_BYTES
    for _ in range(fitting):
        assert block.takes(long)
        extend(block, FrameSent(Frame(0x82, None, long, 2, len(long)), Origin.RULE, ITSELF))
    assert not block.takes(long)
    assert not block.takes(b"x" * BLOCK_BYTES)
    assert (block.payloads, block.size) == ([long], (fitting + 1) * BLOCK_BYTES)


def test_a_block_knows_from_when_to_when_it_is() -> None:
    """The clock may be set back meanwhile."""
    block = BlockBuilder(1)
    for time_ns in (50, 40, 70, 60):
        block.append(FrameReceived(Frame(0x82, b"abcd", b"", 0, 0), (), ITSELF), 1, 1, time_ns, 0)
    assert (block.first_ns, block.last_ns) == (40, 70)
