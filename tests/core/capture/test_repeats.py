"""Long payloads that come again are stored once, and nobody who reads them can tell."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.capture.block_reader import EVERY, BlockReader
from core.capture.blocks import BLOCK_BYTES, BlockBuilder, StoredFrame
from core.capture.reader import CaptureReader
from core.capture.records import Mode, PayloadPart, View
from core.capture.repeats import MOST_REPEATED, REPEATED_FROM, Repeat, Repeats
from core.capture.tracks import Opened
from core.capture.writer import Batch, CaptureWriter
from core.errors import CaptureError
from core.protocol.events import (
    Completes,
    FrameReceived,
    FrameSent,
    Message,
    Origin,
    Report,
    RunReceived,
    RunSent,
)
from core.protocol.frames import Opcode, make_frame
from tests.tools.wires import columns_of

ITSELF = Completes.ITSELF
_POOL = tuple(
    bytes([number]) * size for number, size in enumerate((0, 3, REPEATED_FROM - 1, REPEATED_FROM, 5000))
)


def received(payload: bytes) -> FrameReceived:
    return FrameReceived(make_frame(Opcode.BINARY, payload, masking_key=b"mask"), (), ITSELF)


def sent(payload: bytes) -> FrameSent:
    return FrameSent(make_frame(Opcode.BINARY, payload), Origin.RULE, ITSELF)


def packed(*repeats: tuple[int, int, int]) -> bytes:
    return b"".join(Repeat(*each).pack() for each in repeats)


@given(
    st.lists(
        st.tuples(st.sampled_from(_POOL), st.sampled_from(_POOL), st.booleans()), min_size=1, max_size=12
    )
)
def test_each_payload_is_found_where_the_records_have_it(drawn: list[tuple[bytes, bytes, bool]]) -> None:
    block, all_of_them = BlockBuilder(1), b""
    for number, (payload, content, by_columns) in enumerate(drawn, 1):
        frame = make_frame(Opcode.BINARY, payload)
        if by_columns:
            block.extend_run(
                columns_of([frame, frame]),
                connection=1,
                number=number,
                time_ns=1,
                from_server=0,
                origin=Origin.RULE,
            )
            all_of_them += payload * 2
        else:
            block.append(FrameSent(frame, Origin.RULE, Message(2, content, True, 1, 9)), 1, number, 1, 0)
            all_of_them += payload + content
    repeats, stored = Repeats(bytes(block.repeats)), b"".join(block.payloads)
    assert repeats.complete(stored) == all_of_them
    assert block.size == len(all_of_them) == len(stored) + repeats.size
    long = {id(each) for pair in drawn for each in pair[:2] if len(each) >= REPEATED_FROM}
    assert sum(len(each) >= REPEATED_FROM for each in block.payloads) <= len(long)
    for index in range(block.count):
        found = StoredFrame(block.records, index)
        for offset, length in ((found.offset, found.captured), found.content):
            place = repeats.place(offset) if length else 0
            assert stored[place : place + length] == all_of_them[offset : offset + length]


def test_payloads_that_differ_anywhere_are_both_stored() -> None:
    block, first = BlockBuilder(1), bytes(REPEATED_FROM)
    payloads = [first, first + b"x", *(first[:at] + b"x" + first[at + 1 :] for at in range(0, len(first), 7))]
    for number, payload in enumerate((*payloads, *payloads[-3:], first), 1):
        block.append(sent(payload), 1, number, 1, 0)
    assert Repeats(bytes(block.repeats)).complete(b"".join(block.payloads)) == b"".join(
        (*payloads, *payloads[-3:], first)
    )
    assert block.payloads[: len(payloads)] == payloads


@pytest.mark.parametrize(
    "said",
    [
        "text",
        None,
        b"x",
        packed((5000, 5000, 1)),
        packed((20_000, 5000, 0), (24_000, 5000, 0)),
        packed((20_000, 5000, 0), (10_000, 5000, 0)),
        packed((10, 10, 0), (20, 10, 10)),
        packed((10, 10, 0), (40, 15, 19)),
        packed((10, 10, 0), (40, 15, 5)),
        packed((10, 10, 0), (20, 1, 5), (40, 10, 15)),
        packed((2**31, MOST_REPEATED + 1, 0)),
        packed(*[(10, 0, 0)] * (MOST_REPEATED // REPEATED_FROM + 1)),
    ],
)
def test_what_no_writer_says_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match="come again"):
        Repeats(said)


def record(path: Path, events: Sequence[Report]) -> CaptureWriter:
    writer = CaptureWriter(path, "0")
    opened = Opened(Mode.LISTEN, "127.0.0.1:1", "127.0.0.1:2")
    writer.write([Batch(1, 1, opened, 0), Batch(1, 2, events, 0)])
    return writer


def stored_bytes(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT sum(length(bytes)) FROM payload").fetchone()[0])


def as_it_is(payload: bytes) -> bytes:
    return payload


def through_a_server(payload: bytes) -> bytes:
    """A copy, such as one that was read from a server."""
    return bytes(bytearray(payload))


@pytest.mark.parametrize("comes_back", [as_it_is, through_a_server])
@pytest.mark.parametrize("size", [REPEATED_FROM, 300_000, BLOCK_BYTES // 2 + 1])
def test_an_echo_is_stored_once_and_read_twice(
    tmp_path: Path, size: int, comes_back: Callable[[bytes], bytes]
) -> None:
    """Held whole, read piece by piece, and over two blocks."""
    payloads = [bytes([number]) * size for number in range(1, 4)]
    pairs = [event for payload in payloads for event in (received(payload), sent(comes_back(payload)))]
    path = tmp_path / "a.unmask"
    with closing(record(path, pairs)), closing(CaptureReader(path)) as reader:
        assert stored_bytes(path) == 3 * size
        twice = [payload for payload in payloads for _ in range(2)]
        found = list(reader.frames_after(0, 100))
        assert [each.frame.payload for each in found] == twice
        assert [each.message_payload for each in found] == twice
        assert [row.preview[:1] for row in reader.rows(View(), 0, 10)] == [each[:1] for each in twice]
        last = PayloadPart.MESSAGE
        assert [reader.pieces.payload(number, last, size - 2, size + 2) for number in range(1, 7)] == [
            each[-2:] for each in twice
        ]
        with closing(BlockReader(path)) as blocks:
            keys = blocks.choose(0, 6, EVERY, 10)
            assert b"".join(map(blocks.payloads, keys)) == b"".join(twice)


def test_an_echo_by_columns_is_stored_once_too(tmp_path: Path) -> None:
    payloads = [bytes([number]) * 5000 for number in range(50)]
    taken = columns_of([make_frame(Opcode.BINARY, each, masking_key=b"mask") for each in payloads])
    given_back = columns_of([make_frame(Opcode.BINARY, each) for each in payloads])
    path = tmp_path / "a.unmask"
    with (
        closing(record(path, [RunReceived(taken), RunSent(given_back, Origin.RULE)])),
        closing(CaptureReader(path)) as reader,
    ):
        assert stored_bytes(path) == 50 * 5000
        assert [each.message_payload for each in reader.frames_after(0, 100)] == payloads * 2


def test_what_cannot_be_is_damage_to_a_search_too(tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    record(path, [received(bytes(5000))]).close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE payload SET repeats = ?", (packed((0, 5000, 0)),))
    with closing(BlockReader(path)) as blocks:
        (key,) = blocks.choose(0, 1, EVERY, 10)
        with pytest.raises(CaptureError, match="is damaged"):
            blocks.payloads(key)
