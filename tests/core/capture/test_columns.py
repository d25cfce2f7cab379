"""Columns of a block say what its frames say one by one; so does the block reader of what lies between blocks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from operator import le
from pathlib import Path

import pytest

from core.capture.block_reader import EVERY, BlockReader, Condition
from core.capture.columns import BlockColumns, Region
from core.capture.layout import RecordColumn
from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord
from core.capture.writer import CaptureWriter
from core.errors import CaptureError
from tests.tools.captures import Traffic

CONNECTIONS = (1, 2, 5)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("columns") / "a.unmask"
    writer = CaptureWriter(path, "0")
    traffic = Traffic(7, CONNECTIONS)
    writer.write(traffic.opening())
    for _ in range(12):
        writer.write(traffic.batches(5))
    writer.close()
    return path


@pytest.fixture
def reader(capture: Path) -> Iterator[BlockReader]:
    with closing(BlockReader(capture)) as reader:
        yield reader


@pytest.fixture
def records(capture: Path) -> list[FrameRecord]:
    with closing(CaptureReader(capture)) as reader:
        return list(reader.frames_after(0, reader.last_frame_id()))


def blocks(reader: BlockReader) -> list[BlockColumns]:
    keys = reader.choose(0, reader.last_frame_id(), EVERY, 1000)
    return [BlockColumns(reader, key) for key in keys]


def test_every_column(reader: BlockReader, records: list[FrameRecord]) -> None:
    rows = [record.row for record in records]
    for field, expected in (
        (RecordColumn.TIME_NS, [row.time_ns for row in rows]),
        (RecordColumn.CONNECTION, [row.connection for row in rows]),
        (RecordColumn.NUMBER, [row.number for row in rows]),
        (RecordColumn.CAPTURED, [row.captured_length for row in rows]),
        (RecordColumn.DECLARED, [row.declared_length for row in rows]),
    ):
        assert [value for block in blocks(reader) for value in block.numbers_of(field)] == expected
    assert b"".join(block.bytes_of(RecordColumn.HEAD) for block in blocks(reader)) == bytes(
        row.head for row in rows
    )
    assert b"".join(block.bytes_of(RecordColumn.ORIGIN_AND_FATE) for block in blocks(reader)) == bytes(
        row.origin for row in rows
    )
    assert b"".join(block.bytes_of(RecordColumn.SEVERITY) for block in blocks(reader)) == bytes(
        row.severity for row in rows
    )
    keys = [key for block in blocks(reader) for key in block.keys]
    assert all(record.frame.masking_key in (None, key) for record, key in zip(records, keys, strict=True))


@pytest.mark.parametrize("region", Region)
def test_regions_hold_what_the_frames_hold(
    reader: BlockReader, records: list[FrameRecord], region: Region
) -> None:
    contents = {
        record.row.id: {
            Region.CONTENT: record.frame.payload
            if record.message_payload is None
            else record.message_payload,
            Region.MESSAGE: record.message_payload,
            Region.PAYLOAD: record.frame.payload,
        }[region]
        for record in records
    }
    found = {}
    for block in blocks(reader):
        regions = block.regions(region)
        for frame, start, end in zip(regions.frames, regions.starts, regions.ends, strict=True):
            found[block.key.first + frame] = block.payloads[start:end]
        for frame in range(block.key.count):
            place = block.place_of(region, frame)
            expected = contents[block.key.first + frame]
            assert (None if place is None else block.payloads[slice(*place)]) == expected
            if block.whole(region)[frame]:
                assert place == (block.offsets[frame], block.offsets[frame + 1])
        assert all(map(le, block.offsets, block.offsets[1:]))
    assert found == {number: content for number, content in contents.items() if content is not None}


def test_times_between_frames_of_a_connection(reader: BlockReader, records: list[FrameRecord]) -> None:
    last: dict[int, int] = {}
    expected = []
    for row in (record.row for record in records):
        expected.append(None if row.connection not in last else row.time_ns - last[row.connection])
        last[row.connection] = row.time_ns
    # Last block first: what came before a block does not hang on what was read before.
    found = [block.deltas for block in reversed(blocks(reader))]
    assert [delta for deltas in reversed(found) for delta in deltas] == expected
    assert [delta for block in blocks(reader) for delta in block.deltas] == expected
    for block in (blocks(reader)[each] for each in (3, 4, 6, 7)):
        start = block.key.first - 1
        assert block.deltas == expected[start : start + block.key.count]


def test_rules_and_start(reader: BlockReader, records: list[FrameRecord]) -> None:
    assert reader.start_ns() == records[0].row.time_ns
    found = {frame: rules for block in blocks(reader) for frame, rules in block.rules.items()}
    assert found == {
        record.row.id: tuple(each.rule.id for each in record.violations)
        for record in records
        if record.violations
    }


def test_choosing(reader: BlockReader) -> None:
    every = [block.key for block in blocks(reader)]
    last = reader.last_frame_id()
    assert len(every) > 5
    assert reader.choose(0, last, EVERY, 3) == every[:3]
    assert reader.choose(every[1].first, last, EVERY, 2) == every[1:3]
    assert reader.choose(every[2].first - 1, last, EVERY, 1) == [every[2]]
    assert reader.choose(0, every[2].first - 1, EVERY, 100) == every[:2]
    assert reader.choose(last, last, EVERY, 100) == []
    assert reader.choose(0, last, Condition("block.first = ?", (every[3].first,)), 9) == [every[3]]


def test_no_capture(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="There is no capture"):
        BlockReader(tmp_path / "none.unmask")


def test_an_empty_capture(tmp_path: Path) -> None:
    CaptureWriter(tmp_path / "empty.unmask", "0").close()
    with closing(BlockReader(tmp_path / "empty.unmask")) as reader:
        assert (reader.last_frame_id(), reader.start_ns(), reader.choose(0, 10, EVERY, 9)) == (0, None, [])


def test_a_last_block_that_counts_nonsense(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    writer.write(Traffic(7, CONNECTIONS).opening())
    writer.write(Traffic(7, CONNECTIONS).batches(5))
    writer.close()
    with closing(sqlite3.connect(writer.path, isolation_level=None)) as db:
        db.execute("UPDATE block SET count = 1e999")
    with closing(BlockReader(writer.path)) as reader, pytest.raises(CaptureError, match="is damaged"):
        reader.last_frame_id()
