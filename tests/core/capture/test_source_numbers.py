"""Which source a connection belongs to, as captures say it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.reader import CaptureReader
from core.capture.records import Mode, SourceLabel
from core.capture.tracks import Opened
from core.capture.writer import Batch, CaptureWriter
from core.errors import CaptureError
from core.protocol.events import ClosedBy, ConnectionClosed

MINE = SourceLabel(Mode.LISTEN, "mine", "127.0.0.1:8080, [::1]:8080", "")
BETWEEN = SourceLabel(Mode.RELAY, "between", "127.0.0.1:8081", "ws://example.com/")
OVER = ConnectionClosed(1000, "", ClosedBy.CLIENT)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CaptureWriter]:
    writer = CaptureWriter(tmp_path / "a.unmask", "1.2.3")
    yield writer
    writer.close()


def opened(connection: int, source: SourceLabel | None) -> Batch:
    return Batch(connection, connection, Opened(Mode.LISTEN, "127.0.0.1:50000", "127.0.0.1:8080", source), 0)


def belonging(path: Path) -> list[SourceLabel | None]:
    """The sources of all connections."""
    with closing(CaptureReader(path)) as reader:
        records = reader.connections()
        assert [reader.connection(each.id) for each in records] == records
        return [each.source for each in records]


def sources(path: Path) -> list[SourceLabel]:
    with closing(CaptureReader(path)) as reader:
        return reader.sources()


def numbers(writer: CaptureWriter) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = writer._db.execute("SELECT id, name FROM source ORDER BY id").fetchall()
    return found


def test_a_connection_belongs_to_the_source_that_it_came_through(writer: CaptureWriter) -> None:
    writer.write([opened(1, MINE), opened(2, None), opened(3, BETWEEN)])
    writer.write([opened(4, MINE)])
    assert belonging(writer.path) == [MINE, None, BETWEEN, MINE]
    assert sources(writer.path) == [MINE, BETWEEN]
    assert numbers(writer) == [(1, "mine"), (2, "between")]


def test_a_capture_without_sources_says_so(writer: CaptureWriter) -> None:
    writer.write([opened(1, None)])
    assert (belonging(writer.path), sources(writer.path)) == ([None], [])


def test_a_new_capture_has_the_sources_of_what_is_open_from_one(
    writer: CaptureWriter, tmp_path: Path
) -> None:
    writer.write([opened(1, MINE), opened(2, BETWEEN), Batch(1, 5, [OVER], 0)])
    writer.start_new(tmp_path / "b.unmask")
    assert (belonging(writer.path), numbers(writer)) == ([BETWEEN], [(1, "between")])
    assert belonging(tmp_path / "a.unmask") == [MINE, BETWEEN]
    writer.write([opened(3, MINE)])
    assert belonging(writer.path) == [BETWEEN, MINE]


def test_clearing_leaves_the_sources_of_what_is_open(writer: CaptureWriter) -> None:
    writer.write([opened(1, MINE), opened(2, BETWEEN), Batch(1, 5, [OVER], 0)])
    writer.clear()
    assert (belonging(writer.path), sources(writer.path)) == ([BETWEEN], [BETWEEN])
    writer.write([opened(3, MINE)])
    assert belonging(writer.path) == [BETWEEN, MINE]
    assert len({number for number, _ in numbers(writer)}) == 2


def test_a_source_whose_first_connection_was_lost_is_stated_with_the_next(writer: CaptureWriter) -> None:
    writer._db.execute("CREATE TRIGGER no BEFORE INSERT ON source BEGIN SELECT RAISE(FAIL, 'not now'); END")
    with pytest.raises(CaptureError):
        writer.write([opened(1, MINE)])
    writer._db.execute("DROP TRIGGER no")
    writer.write([opened(2, MINE)])
    assert belonging(writer.path) == [MINE, MINE]


def test_clearing_that_fails_leaves_each_connection_its_source(writer: CaptureWriter) -> None:
    writer.write([opened(1, MINE), opened(2, BETWEEN), Batch(1, 5, [OVER], 0)])
    writer._db.execute("CREATE TRIGGER no BEFORE DELETE ON lane BEGIN SELECT RAISE(FAIL, 'not now'); END")
    writer._db.execute("INSERT INTO lane VALUES(9, 9, 9, 9, 9, 9)")
    with pytest.raises(CaptureError):
        writer.clear()
    writer._db.execute("DROP TRIGGER no")
    writer.write([opened(3, MINE), opened(4, BETWEEN)])
    assert belonging(writer.path) == [MINE, BETWEEN, MINE, BETWEEN]
