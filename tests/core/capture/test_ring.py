"""What a capture keeps at most: the oldest blocks go, everything else stays where it was."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from core.capture.block_reader import BlockReader
from core.capture.disk_space import SpaceGauge
from core.capture.marks import KeepMarks, Mark
from core.capture.read_connection import ReadConnection
from core.capture.reader import CaptureReader
from core.capture.recorder import Recorder, RecorderCallbacks
from core.capture.records import Direction, View
from core.capture.ring import KEEP_ALL, Keep
from core.capture.writer import Batch, CaptureWriter
from core.protocol.events import Event, FrameReceived, HandshakeFailed
from core.protocol.handshake import refuse
from core.protocol.violations import violation
from tests.tools.captures import OPENED, Account, Kept, Traffic, all_views, opened, plain, received
from tests.tools.waiting import PATIENCE_SECONDS

SECOND = 1_000_000_000
NOW = 100 * SECOND
ALL_AT_ONCE = 1 << 40
MEGA = 1 << 20

REFUSED = HandshakeFailed(
    b"hello\r\n\r\n", refuse(400, "That is no HTTP.", (violation("head-not-http", offset=0, length=5),))
)

CHILD = """
import sys
from pathlib import Path
from core.capture.recorder import Recorder, RecorderCallbacks
from core.capture.records import Direction
from core.capture.ring import Keep
from tests.tools.captures import OPENED, received
nothing = RecorderCallbacks(lambda: None, lambda: None, lambda error: None)
recorder = Recorder(Path(sys.argv[1]), "1", nothing, Keep(frames=700))
connection = recorder.open_connection(OPENED, 0)
frames = 0
while True:
    payloads = [b"%d" % each for each in range(frames, frames + 500)]
    recorder.record(connection, 0, received(connection, *payloads).events, 0, Direction.CLIENT_TO_SERVER)
    frames += 500
    recorder.flush()
    print(frames, flush=True)
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CaptureWriter]:
    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    yield writer
    writer.close()


def drop(writer: CaptureWriter, keep: Keep) -> int:
    """How many frames went."""
    writer.keep = keep
    return writer.drop_oldest(NOW, ALL_AT_ONCE).frames


def broken(connection: int) -> Batch:
    """A frame that broke two rules."""
    found = (violation("rsv2-set", "", 0, 1), violation("length-not-minimal", "", 1, 2))
    events: list[Event] = [FrameReceived(plain(b"x"), found, None)]
    return Batch(connection, 5, events, 1)


def same(reader: CaptureReader, view: View, account: Account, first_kept: int) -> None:
    """The view shows what it would show without the ring, but for what was dropped, at the same positions."""
    every = account.rows(view)
    kept = [each for each in every if each.id >= first_kept]
    gone = len(every) - len(kept)
    assert (reader.dropped(view), reader.count(view)) == (gone, len(every))
    shown = reader.rows(view, gone, len(every))
    assert [(row.id, row.number, row.time_ns) for row in shown] == [
        (each.id, each.number, each.time_ns) for each in kept
    ]
    for place in {0, len(kept) // 2, len(kept) - 1} if kept else ():
        assert [row.id for row in reader.rows(view, gone + place, 1)] == [kept[place].id]
        assert reader.position(view, kept[place].id) == gone + place
    if gone:
        assert reader.rows(view, gone - 1, 5) == []
        assert reader.position(view, every[gone - 1].id) is None
        assert reader.frame(every[gone - 1].id) is None


def whole(reader: CaptureReader, each: Kept) -> None:
    """A frame is there with all that belongs to it, its message too where other fragments are gone."""
    record = reader.frame(each.id)
    assert record is not None
    assert record.frame == each.frame
    assert record.message_payload in (None, each.content)
    assert record.violations == each.violations


@pytest.mark.parametrize("seed", range(12))
def test_a_ring_is_the_end_of_what_would_be_there_without_it(writer: CaptureWriter, seed: int) -> None:
    account, traffic = Account(), Traffic(seed, (1, 2, 3, 4))
    writer.write(traffic.opening())
    keep = Keep(frames=150 + 40 * seed)
    assert keep.frames is not None
    with closing(CaptureReader(writer.path)) as reader:
        for _ in range(12):
            batches = list(traffic.batches(5))
            for batch in batches:
                account.add(batch)
            writer.write(batches)
            drop(writer, keep)
            first = reader.first_frame_id()
            held = [each for each in account.kept if each.id >= first]
            assert len(held) >= min(keep.frames, len(account.kept))
            for view in all_views((1, 2, 3, 4)):
                same(reader, view, account, first)
            for each in held[:3]:
                whole(reader, each)
            totals = reader.totals()
            assert (totals.frames, totals.dropped_frames) == (len(account.kept), first - 1)
            found = [(each.id, rule.rule.id) for each in account.kept for rule in each.violations]
            assert totals.violations == reader.problem_count() == len(found)
            assert [(each.frame, each.violation.rule.id) for each in reader.problems(count=99_999)] == found
            broken_frames = [frame for frame, _ in found if frame >= first]
            assert reader.next_violation(View(), 0) == (broken_frames[0] if broken_frames else None)
            if broken_frames:
                assert reader.previous_violation(View(), broken_frames[0]) is None
        assert first > 1
        record = reader.connection(1)
        assert record is not None
        assert record.frame_count == len(account.rows(View(1)))


def test_no_more_is_dropped_than_has_to_be(writer: CaptureWriter) -> None:
    writer.write([opened(1)])
    for number in range(10):
        writer.write([received(1, *[b"%d" % number] * 10)])
    assert drop(writer, Keep(frames=95)) == 0
    assert drop(writer, Keep(frames=90)) == 10
    assert drop(writer, Keep(frames=89)) == 0
    assert drop(writer, Keep(frames=1)) == 80
    assert drop(writer, KEEP_ALL) == 0


def test_what_is_older_than_so_many_seconds_goes(writer: CaptureWriter) -> None:
    writer.write([opened(1)])
    for second in (10, 39, 41, 50):
        writer.write([received(1, b"x", time_ns=second * SECOND)])
    assert drop(writer, Keep(seconds=60)) == 2


def test_the_newest_block_stays_whatever_is_asked(writer: CaptureWriter) -> None:
    writer.write([opened(1), received(1, b"old", time_ns=1)])
    writer.write([received(1, b"new", time_ns=2)])
    assert drop(writer, Keep(bytes=1, frames=1, seconds=1)) == 1
    assert drop(writer, Keep(bytes=1, frames=1, seconds=1)) == 0
    with closing(CaptureReader(writer.path)) as reader:
        assert [row.preview for row in reader.rows(View(), 1, 9)] == [b"new"]


def test_much_is_dropped_in_steps(writer: CaptureWriter) -> None:
    writer.write([opened(1)])
    for _ in range(8):
        writer.write([received(1, *[bytes(1000)] * 1000)])
    writer.keep = Keep(frames=1)
    steps = []
    while True:
        dropped = writer.drop_oldest(NOW, 2 * MEGA)
        steps.append(dropped.frames)
        if not dropped.more:
            break
    assert steps == [2000, 2000, 2000, 1000]


def test_a_connection_without_frames_any_more_stays(writer: CaptureWriter) -> None:
    writer.write([opened(1), received(1, b"a", b"b"), opened(2)])
    writer.write([received(2, b"c")])
    drop(writer, Keep(frames=1))
    with closing(CaptureReader(writer.path)) as reader:
        assert [each.id for each in reader.connections()] == [1, 2]
        for control in (True, False):
            assert (reader.dropped(View(1, control)), reader.count(View(1, control))) == (2, 2)
        assert reader.rows(View(1), 0, 9) == reader.rows(View(1), 2, 9) == []
        assert (reader.dropped(View(3)), reader.count(View(3))) == (0, 0)
    writer.write([received(1, b"d")])
    with closing(CaptureReader(writer.path)) as reader:
        assert [row.preview for row in reader.rows(View(1), 2, 9)] == [b"d"]
        assert reader.rows(View(1), 2, 9)[0].number == 3


def test_problems_of_frames_that_are_gone_stay_until_they_are_very_many(
    writer: CaptureWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.capture.ring.PROBLEMS_LEFT", 10)
    writer.write([opened(1), Batch(1, 1, [REFUSED], 0)])
    with closing(CaptureReader(writer.path)) as reader:
        for number in range(1, 15):
            writer.write([broken(1)])
            drop(writer, Keep(frames=1))
            gone = 2 * (number - 1)
            left = gone if gone <= 20 else gone - 12
            assert reader.totals().violations == len(reader.problems()) == 1 + left + 2
            assert reader.problems()[0].frame is None
        assert [each.frame for each in reader.problems()[1:]] == [
            frame for frame in range(7, 15) for _ in range(2)
        ]


def test_no_id_comes_again(writer: CaptureWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.capture.ring.PROBLEMS_LEFT", 0)
    writer.write([opened(1), broken(1)])
    writer.write([received(1, b"clean")])
    with closing(CaptureReader(writer.path)) as reader:
        [*_, before] = reader.problems()
        assert drop(writer, Keep(frames=1)) == 1
        assert reader.problems() == []
        writer.write([broken(1)])
        assert [(each.id, each.frame) for each in reader.problems()] == [
            (before.id + 1, 3), (before.id + 2, 3)
        ]  # fmt: skip


def test_marks_go_with_their_frames(writer: CaptureWriter) -> None:
    writer.write([opened(1), received(1, b"a")])
    writer.write([received(1, b"b")])
    writer.change_marks(KeepMarks((Mark(1, "old"), Mark(2, "new"))))
    with closing(CaptureReader(writer.path)) as reader:
        before = reader.totals().mark_changes
        drop(writer, Keep(frames=1))
        assert list(reader.marks.frames()) == [2]
        assert reader.totals().mark_changes > before


def test_after_clearing_nothing_is_missing(writer: CaptureWriter) -> None:
    writer.write([opened(1), received(1, b"a"), broken(1)])
    writer.write([received(1, b"b")])
    drop(writer, Keep(frames=1))
    writer.clear()
    writer.write([received(1, b"c")])
    with closing(CaptureReader(writer.path)) as reader:
        assert (reader.dropped(View()), reader.count(View()), reader.first_frame_id()) == (0, 1, 4)
        assert (reader.totals().frames, reader.totals().violations) == (1, 0)


def test_a_ring_goes_on_in_a_new_capture_and_in_one_that_was_saved(
    writer: CaptureWriter, tmp_path: Path
) -> None:
    writer.keep = Keep(frames=1)
    writer.write([opened(1), received(1, b"a")])
    writer.write([received(1, b"b")])
    writer.drop_oldest(NOW, ALL_AT_ONCE)
    writer.move_to(tmp_path / "saved.unmask")
    writer.write([received(1, b"c")])
    assert writer.drop_oldest(NOW, ALL_AT_ONCE).frames == 1
    with closing(CaptureReader(tmp_path / "saved.unmask")) as reader:
        assert [row.preview for row in reader.rows(View(), reader.dropped(View()), 9)] == [b"c"]
    writer.start_new(tmp_path / "new.unmask")
    writer.write([received(1, b"d")])
    writer.write([received(1, b"e")])
    assert writer.drop_oldest(NOW, ALL_AT_ONCE).frames == 1
    with closing(CaptureReader(tmp_path / "new.unmask")) as reader:
        assert (reader.dropped(View()), reader.count(View()), reader.first_frame_id()) == (1, 2, 2)


class Recording:
    """A recorder that drops, and how often it told that something is new."""

    def __init__(self, path: Path, keep: Keep = KEEP_ALL, interval: float = 0.05) -> None:
        self.news = threading.Condition()
        self.failures: list[Exception] = []
        callbacks = RecorderCallbacks(self._on_commit, lambda: None, self.failures.append)
        self.recorder = Recorder(path, "1", callbacks, keep, SpaceGauge(interval=interval))
        self.connection = self.recorder.open_connection(OPENED, 1)

    def say(self, *payloads: bytes, time_ns: int = 2) -> None:
        batch = received(self.connection, *payloads)
        assert isinstance(batch.events, list)
        self.recorder.record(
            self.connection, time_ns, batch.events, sum(map(len, payloads)), Direction.CLIENT_TO_SERVER
        )
        self.recorder.flush()

    def until_dropped(self, count: int) -> None:
        """Until the wake-up after which so many are dropped."""
        with closing(CaptureReader(self.recorder.path)) as reader, self.news:
            while reader.dropped(View()) != count:
                assert self.news.wait(PATIENCE_SECONDS)

    def _on_commit(self) -> None:
        with self.news:
            self.news.notify_all()


def test_a_block_that_is_dropped_while_its_time_is_asked_is_still_there_for_who_asks(
    writer: CaptureWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.write([opened(1)])
    for number in range(3):
        writer.write([received(1, b"%d" % number)])
    open_blob = ReadConnection.blob

    def drop_first(
        db: ReadConnection, table: str, column: str, row: int
    ) -> AbstractContextManager[sqlite3.Blob]:
        drop(writer, Keep(frames=1))
        return open_blob(db, table, column, row)

    with closing(BlockReader(writer.path)) as blocks:
        first_ns = blocks.start_ns()
        monkeypatch.setattr(ReadConnection, "blob", drop_first)
        assert blocks.start_ns() == first_ns
        with closing(CaptureReader(writer.path)) as reader:
            assert reader.dropped(View()) == 2


def test_the_recorder_drops_what_is_too_much_and_tells(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a.unmask", Keep(frames=3))
    for payload in (b"a", b"b", b"c", b"d", b"e"):
        recording.say(payload)
    recording.until_dropped(2)
    recording.recorder.set_keep(Keep(frames=1))
    recording.until_dropped(4)
    recording.recorder.close()
    assert recording.failures == []


def test_the_recorder_drops_much_step_by_step_without_being_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.capture.recorder._DROP_BYTES", 1)
    recording = Recording(tmp_path / "a.unmask", interval=3600)
    for payload in (b"a", b"b", b"c", b"d", b"e"):
        recording.say(payload)
    recording.recorder.set_keep(Keep(frames=1))
    recording.until_dropped(4)
    recording.recorder.close()


def test_what_grows_old_is_dropped_also_while_nothing_comes(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a.unmask", Keep(seconds=10))
    recording.say(b"a", time_ns=time.time_ns() - 9 * SECOND)
    recording.say(b"b", time_ns=time.time_ns())
    recording.until_dropped(1)
    recording.recorder.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
def test_a_kill_while_blocks_are_dropped_leaves_a_whole_capture(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    for run in range(5):
        path = tmp_path / f"{run}.unmask"
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, path], cwd=root, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            committed = [int(child.stdout.readline()) for _ in range(10 + run)][-1]
            child.kill()
        with closing(CaptureReader(path)) as reader:
            gone, count = reader.dropped(View()), reader.count(View())
            found = [row.preview for row in reader.rows(View(), gone, count)]
            assert reader.totals().frames == count == reader.count(View(1))
            assert reader.dropped(View(1)) == gone
        assert gone > 0
        assert count >= committed
        assert found == [b"%d" % each for each in range(gone, count)]
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
