"""Frames that are missing are a gap, whatever became of them: where, since when, how many, and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.capture import gaps
from core.capture.follow import Follower
from core.capture.gaps import Gap, GapReason
from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord, View
from core.capture.ring import Keep
from core.capture.writer import Batch, CaptureWriter
from core.errors import CaptureError
from core.protocol.events import FrameReceived
from core.protocol.frames import Opcode, make_frame
from tests.tools.captures import opened, received

START = 1_700_000_000_000_000_000
_BOTH = (GapReason.NOT_RECORDED, GapReason.NOT_WRITTEN)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CaptureWriter]:
    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    writer.write([opened(1, START), opened(2, START)])
    yield writer
    writer.close()


@pytest.fixture
def reader(writer: CaptureWriter) -> Iterator[CaptureReader]:
    with closing(CaptureReader(writer.path)) as reader:
        yield reader


def say(writer: CaptureWriter, at: int, *connections: int, payload: bytes = b"x") -> None:
    """A text of each of the connections, at the same time, in one commit."""
    writer.write([received(each, payload, time_ns=START + at) for each in connections])


def ping(writer: CaptureWriter, at: int, connection: int) -> None:
    frame = FrameReceived(make_frame(Opcode.PING), (), None)
    writer.write([Batch(connection, START + at, [frame], 0)])


def fill_the_disk(writer: CaptureWriter) -> None:
    (pages,) = writer._db.execute("PRAGMA page_count").fetchone()
    writer._db.execute(f"PRAGMA max_page_count = {pages + 4}")


def make_room(writer: CaptureWriter) -> None:
    writer._db.execute("PRAGMA max_page_count = 1000000")


def lose(writer: CaptureWriter, at: int, *connections: int) -> None:
    with pytest.raises(CaptureError):
        say(writer, at, *connections, payload=bytes(200_000))


def test_what_passes_while_recording_is_off(writer: CaptureWriter, reader: CaptureReader) -> None:
    say(writer, 1, 1)
    writer.recording = False
    say(writer, 2, 1, 2)
    say(writer, 5, 1)
    off = GapReason.NOT_RECORDED
    assert reader.gaps.noted(View()) == [Gap(2, off, 3, START + 2, START + 5)]
    writer.recording = True
    say(writer, 6, 2)
    assert reader.gaps.noted(View()) == [Gap(2, off, 3, START + 2, START + 5)]
    assert reader.gaps.noted(View(1)) == [Gap(2, off, 2, START + 2, START + 5)]
    assert reader.gaps.noted(View(2)) == [Gap(2, off, 1, START + 2, START + 2)]
    assert reader.gaps.noted(View(), since=3) == []
    assert [reader.lanes.ahead(view, 2) for view in (View(), View(1), View(2))] == [1, 1, 0]


def test_control_frames_are_counted_apart(writer: CaptureWriter, reader: CaptureReader) -> None:
    writer.recording = False
    ping(writer, 1, 1)
    say(writer, 2, 2)
    for view, frames in ((View(), 2), (View(control=False), 1), (View(2, control=False), 1)):
        assert [gap.frames for gap in reader.gaps.noted(view)] == [frames]
    assert reader.gaps.noted(View(1, control=False)) == []


def test_what_a_full_disk_does_not_take_is_noted_as_soon_as_it_takes_something(
    writer: CaptureWriter, reader: CaptureReader
) -> None:
    say(writer, 1, 1)
    fill_the_disk(writer)
    lose(writer, 2, 1, 2)
    lose(writer, 4, 2)
    assert reader.gaps.noted(View()) == []
    make_room(writer)
    say(writer, 5, 1)
    lost = GapReason.NOT_WRITTEN
    assert reader.gaps.noted(View()) == [Gap(2, lost, 3, START + 2, START + 4)]
    assert reader.gaps.noted(View(2)) == [Gap(2, lost, 2, START + 2, START + 4)]
    assert writer.lost_frames == 3
    say(writer, 6, 1)
    assert len(reader.gaps.noted(View())) == 1


def test_what_is_lost_last_is_noted_at_the_end(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    writer.write([opened(1, START)])
    fill_the_disk(writer)
    lose(writer, 2, 1)
    make_room(writer)
    writer.close()
    with closing(CaptureReader(writer.path)) as reader:
        assert reader.gaps.noted(View()) == [Gap(1, GapReason.NOT_WRITTEN, 1, START + 2, START + 2)]


def test_two_reasons_at_one_place_are_two_gaps(writer: CaptureWriter, reader: CaptureReader) -> None:
    fill_the_disk(writer)
    lose(writer, 1, 1)
    writer.recording = False
    make_room(writer)
    say(writer, 2, 1)
    writer.recording = True
    say(writer, 3, 1)
    assert [(gap.before, gap.reason) for gap in reader.gaps.noted(View())] == [
        (1, GapReason.NOT_WRITTEN),
        (1, GapReason.NOT_RECORDED),
    ]


def test_a_ring_has_one_gap_that_goes_along_with_the_front(
    writer: CaptureWriter, reader: CaptureReader
) -> None:
    for at in range(1, 7):
        say(writer, at, 1 + at % 2)
        writer.recording = at % 2 == 0
        say(writer, at, 1)
        writer.recording = True
    writer.keep = Keep(frames=4)
    writer.drop_oldest(0, 1 << 40)
    dropped = reader.gaps.dropped(View())
    assert dropped is not None
    first = reader.first_frame_id()
    assert dropped == Gap(first, GapReason.DROPPED, first - 1, START + 1, dropped.last_ns)
    assert all(gap.before >= first for gap in reader.gaps.noted(View()))
    writer.keep = Keep(frames=1)
    writer.drop_oldest(0, 1 << 40)
    dropped = reader.gaps.dropped(View())
    assert dropped == Gap(9, GapReason.DROPPED, 8, START + 1, START + 6)
    shares = [reader.gaps.dropped(View(connection)) for connection in (1, 2)]
    assert sum(0 if share is None else share.frames for share in shares) == 8
    (rows,) = writer._db.execute("SELECT count(*) FROM gap WHERE reason = 0").fetchone()
    assert rows == 1


def test_nothing_dropped_is_no_gap(writer: CaptureWriter, reader: CaptureReader) -> None:
    say(writer, 1, 1)
    assert reader.gaps.dropped(View()) is None


def test_clearing_and_a_new_capture_begin_without_gaps(
    writer: CaptureWriter, reader: CaptureReader, tmp_path: Path
) -> None:
    writer.recording = False
    say(writer, 1, 1)
    writer.clear()
    assert reader.gaps.noted(View()) == []
    say(writer, 2, 1)
    writer.start_new(tmp_path / "b.unmask")
    with closing(CaptureReader(writer.path)) as new:
        assert new.gaps.noted(View()) == []


def test_places_are_bounded_and_no_frame_goes_uncounted(
    writer: CaptureWriter, reader: CaptureReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaps, "MOST_PLACES", 3)
    for at in range(1, 11):
        writer.recording = False
        say(writer, at, 1)
        writer.recording = True
        say(writer, at, 1)
    assert [(gap.before, gap.frames) for gap in reader.gaps.noted(View())] == [(1, 1), (2, 1), (3, 8)]


def test_the_story_has_each_gap_once_at_its_place(writer: CaptureWriter, reader: CaptureReader) -> None:
    follower = Follower(reader)

    def told(*, ending: bool = False) -> list[object]:
        return [
            entry.row.id if isinstance(entry, FrameRecord) else (entry.reason, entry.frames)
            for entry in follower.entries(ending=ending)
            if isinstance(entry, FrameRecord | Gap)
        ]

    say(writer, 1, 1)
    writer.recording = False
    say(writer, 2, 1, 2)
    assert told() == [1]
    writer.recording = True
    say(writer, 3, 1)
    fill_the_disk(writer)
    lose(writer, 4, 1)
    make_room(writer)
    say(writer, 5, 1)
    assert told() == [(_BOTH[0], 2), 2, (_BOTH[1], 1), 3]
    writer.recording = False
    say(writer, 6, 1)
    assert told() == []
    assert told(ending=True) == [(_BOTH[0], 1)]
    assert follower.missed_frames == 0


@pytest.mark.parametrize("row", ["0, 1, 9, 1, 1, 1, 1", "0, 1, 1, 'x', 'x', 1, 1"])
def test_a_forged_gap_is_damage(writer: CaptureWriter, reader: CaptureReader, row: str) -> None:
    writer._db.execute(f"INSERT INTO gap VALUES({row})")
    with pytest.raises(CaptureError):
        reader.gaps.noted(View())
