"""A record is the columns of the table, one behind the other."""

from __future__ import annotations

import struct

import pytest

from core.capture.blocks import BlockBuilder, StoredFrame
from core.capture.layout import (
    CONNECTION_AND_HEAD,
    FATE_SHIFT,
    HANDLED,
    RECORD,
    RecordColumn,
    column_bytes,
    gather,
    picking,
    put,
    put_bytes,
)
from core.protocol.events import FrameReceived, FrameSent, Origin
from core.protocol.frames import make_frame
from core.protocol.handling import UNTOUCHED, DecidedBy, Fate, Handling

VALUES = (-5, 7, 8, 9, 10, 2**63, 0x89, 0x12, 0x34, 3, 500, 11, 12, 13, b"keys")
RECORDS = RECORD.pack(*VALUES) + RECORD.pack(*[0] * 14, b"")


def test_columns_lie_without_gaps() -> None:
    """Captures on disks depend on each of these."""
    at = 0
    for column in RecordColumn:
        assert column.offset == at, column
        at += struct.calcsize("<" + column.code)
    assert at == RECORD.size == 54


@pytest.mark.parametrize("column", RecordColumn)
def test_each_column_is_picked_where_it_stands(column: RecordColumn) -> None:
    expected = VALUES[list(RecordColumn).index(column)]
    assert picking(column).size == RECORD.size
    assert picking(column).unpack_from(RECORDS) == (expected,)
    if column.code == "B":
        assert column_bytes(RECORDS, column)[0] == expected
    if isinstance(expected, int):
        assert list(gather(RECORDS, column)) == [expected, 0]


def test_several_columns_are_picked_in_their_order() -> None:
    assert list(CONNECTION_AND_HEAD.iter_unpack(RECORDS)) == [(7, 0x89), (0, 0)]


def test_columns_are_put_where_they_are_found() -> None:
    records = bytearray(2 * RECORD.size)
    put(records, RecordColumn.NUMBER, (255, 70_000), 70_000)
    put_bytes(records, RecordColumn.MASKING_KEY, b"abcdefgh")
    put_bytes(records, RecordColumn.HEAD, b"\x81\x82")
    assert list(gather(bytes(records), RecordColumn.NUMBER)) == [255, 70_000]
    assert list(picking(RecordColumn.HEAD, RecordColumn.MASKING_KEY).iter_unpack(records)) == [
        (0x81, b"abcd"),
        (0x82, b"efgh"),
    ]
    assert sum(map(bool, records)) == 1 + 3 + 2 + 8, "and nothing beside them"


def test_a_handled_frame_keeps_its_origin() -> None:
    block = BlockBuilder(1)
    block.append(FrameReceived(make_frame(2), (), None), 1, 1, 1, 0, HANDLED)
    block.append(FrameSent(make_frame(2), Origin.EDITED, None), 1, 2, 1, 0)
    frames = [StoredFrame(block.records, index) for index in range(2)]
    assert [each.is_handled for each in frames] == [True, False]
    done = Handling(Fate.DROPPED, DecidedBy.PERSON)
    rows = [each.row(1, b"", done if each.is_handled else None) for each in frames]
    assert [(row.origin, row.handling) for row in rows] == [(Origin.PEER, done), (Origin.EDITED, UNTOUCHED)]


@pytest.mark.parametrize("fate", Fate)
def test_up_to_format_5_the_record_has_the_fate(fate: Fate) -> None:
    block = BlockBuilder(1)
    block.append(FrameReceived(make_frame(2), (), None), 1, 1, 1, 0)
    block.records[RecordColumn.ORIGIN_AND_FATE.offset] |= fate << FATE_SHIFT
    assert StoredFrame(block.records, 0).row(1, b"").handling == Handling(fate)
