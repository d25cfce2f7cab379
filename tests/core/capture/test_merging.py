"""Small blocks become larger ones, and whoever reads meanwhile sees the same frames."""

from __future__ import annotations

import random
import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.gaps import GapReason
from core.capture.marks import KeepMarks, Mark
from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord, FrameRow, PayloadPart, View
from core.capture.ring import KEEP_ALL, Keep
from core.capture.writer import Batch, CaptureWriter
from core.protocol.events import FrameReceived, Message
from core.protocol.frames import RSV1, Opcode, make_frame
from core.query.language import default_language
from core.query.scan import Scan
from tests.bench.kill9 import survive_merging
from tests.tools.captures import Traffic, all_views, opened, received
from tests.tools.recorded import CaptureMaker
from tests.tools.waiting import until

CONNECTIONS = (1, 2, 3)
EVER = 1 << 40
SECOND = 1_000_000_000
MEGA = 1 << 20


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CaptureWriter]:
    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    yield writer
    writer.close()


def merge(writer: CaptureWriter, *, ending: bool = False) -> None:
    """All that there is to do."""
    while writer.merge(ending=ending):
        pass


def counts(writer: CaptureWriter) -> list[int]:
    """How many frames each block has."""
    with closing(sqlite3.connect(writer.path)) as db:
        return [count for (count,) in db.execute("SELECT count FROM block ORDER BY first")]


class Walk:
    """Somebody who reads all frames, a few at a time, while the capture changes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._reader = CaptureReader(world.writer.path)
        self._story = self._reader.frames_after(0, EVER)
        self._at = 0

    def go_on(self, frames: int) -> bool:
        """Whether there is more."""
        for _ in range(frames):
            record = next(self._story, None)
            if record is None:
                return False
            frame = record.row.id
            missing = range(self._at + 1, frame)
            assert all(each not in self._world.known or each < self._world.first() for each in missing)
            assert record == self._world.known[frame]
            self._at = frame
        return True

    def close(self) -> None:
        while self.go_on(1000):
            pass
        assert self._at == max(self._world.known)
        self._reader.close()


class Look:
    """A scan that stands between two steps while the capture changes."""

    def __init__(self, world: World, text: str) -> None:
        self._world = world
        self._scan = Scan(world.writer.path, default_language().parse(text), most_blocks=20)
        self._last = max(world.known)
        self._matching = text
        self._found: list[int] = []
        self._run = self._scan.run()
        self.go_on()

    def go_on(self) -> bool:
        found = next(self._run, None)
        if found is None:
            return False
        self._found += found.frames
        return True

    def close(self) -> None:
        while self.go_on():
            pass
        expected = [
            each
            for each, record in self._world.known.items()
            if each <= self._last and (self._matching != "opcode == text" or record.row.opcode == 1)
        ]
        first = self._world.first()
        assert self._found == sorted(set(self._found))
        assert set(self._found) <= set(expected)
        assert [each for each in expected if each >= first] == [each for each in self._found if each >= first]
        self._scan.close()


class World:
    """A capture, what it is known to hold, and those who read it."""

    def __init__(self, writer: CaptureWriter, seed: int) -> None:
        self.writer = writer
        self.chance = random.Random(seed)
        self.traffic = Traffic(seed, CONNECTIONS)
        self.known: dict[int, FrameRecord] = {}
        """Each frame as it was read when it was new, by its id."""
        writer.write(self.traffic.opening())
        self.write()
        self.reader = CaptureReader(writer.path)
        self.walks = [Walk(self)]
        self.looks = [Look(self, "frame > 0")]

    def first(self) -> int:
        with closing(CaptureReader(self.writer.path)) as reader:
            return reader.first_frame_id()

    def write(self) -> None:
        for _ in range(self.chance.randrange(1, 7)):
            self.writer.write(self.traffic.batches(1))
        with closing(CaptureReader(self.writer.path)) as reader:
            for record in reader.frames_after(max(self.known, default=0), EVER):
                self.known[record.row.id] = record

    def step(self) -> None:
        match self.chance.randrange(14):
            case 0 | 1 | 2 | 3:
                self.write()
            case 4 | 5:
                merge(self.writer)
            case 6:
                self.writer.merge(ending=True)
            case 7 | 8:
                for walk in self.walks:
                    walk.go_on(self.chance.choice((1, 10, 300)))
            case 9:
                for look in self.looks:
                    look.go_on()
            case 10:
                if len(self.looks) < 5:
                    self.looks.append(Look(self, self.chance.choice(("frame > 0", "opcode == text"))))
                    self.walks.append(Walk(self))
            case 11:
                self.mark()
            case 12:
                self.drop()
            case 13:
                self.pass_some()
        self.check(self.reader)

    def mark(self) -> None:
        frame = self.chance.choice([each for each in self.known if each >= self.first()])
        self.writer.change_marks(KeepMarks((Mark(frame, "seen"),)))
        with closing(CaptureReader(self.writer.path)) as reader:
            record = reader.frame(frame)
        assert record is not None
        self.known[frame] = record
        # Who has begun to read the block may know nothing of the mark.
        for walk in self.walks:
            walk.close()
        self.walks.clear()

    def drop(self) -> None:
        keep = self.chance.choice((KEEP_ALL, Keep(frames=3000), Keep(frames=20_000)))
        self.writer.keep = keep
        self.writer.drop_oldest(0, EVER)
        assert keep.frames is None or max(self.known) - self.first() + 1 >= min(keep.frames, len(self.known))

    def pass_some(self) -> None:
        self.writer.recording = False
        self.writer.write(self.traffic.batches(1))
        self.writer.recording = True
        self.write()

    def held(self) -> list[FrameRow]:
        first = self.first()
        return [record.row for frame, record in self.known.items() if frame >= first]

    def check(self, reader: CaptureReader) -> None:
        """A few things that a window asks for."""
        held = self.held()
        view = self.chance.choice(list(all_views(CONNECTIONS)))
        shown = [row for row in held if is_shown(row, view)]
        dropped, count = reader.dropped(view), reader.count(view)
        assert count - dropped == len(shown)
        at = self.chance.randrange(len(shown)) if shown else 0
        assert reader.rows(view, dropped + at, 50) == shown[at : at + 50]
        for row in shown[at : at + 3]:
            assert reader.position(view, row.id) == dropped + bisect_left(shown, row.id, key=lambda r: r.id)
            record = self.known[row.id]
            assert reader.frame(row.id) == record
            assert reader.pieces.payload(row.id, PayloadPart.FRAME, 0, EVER) == record.frame.payload
        some = sorted(self.chance.sample(held, min(len(held), 40)), key=lambda row: row.id)
        assert reader.rows_of([row.id for row in some]) == some

    def check_all(self) -> None:
        with closing(CaptureReader(self.writer.path)) as reader:
            held = self.held()
            assert list(reader.frames_after(0, EVER)) == [self.known[row.id] for row in held]
            for view in all_views(CONNECTIONS):
                shown = [row for row in held if is_shown(row, view)]
                dropped = reader.dropped(view)
                assert reader.rows(view, dropped, EVER) == shown
                gaps = reader.gaps.noted(view)
                assert [reader.lanes.ahead(view, gap.before) - dropped for gap in gaps] == [
                    bisect_left(shown, gap.before, key=lambda row: row.id) for gap in gaps
                ]
            broken = [row.id for row in held if row.violation_count]
            assert array("q", broken) == array("q", iter_violations(reader))

    def close(self) -> None:
        for walk in self.walks:
            walk.close()
        for look in self.looks:
            look.close()
        self.check(self.reader)
        self.reader.close()


def iter_violations(reader: CaptureReader) -> Iterator[int]:
    after = 0
    while (found := reader.next_violation(View(), after)) is not None:
        yield found
        after = found


def is_shown(row: FrameRow, view: View) -> bool:
    return view.connection in (None, row.connection) and (view.control or not row.head & 8)


@pytest.mark.parametrize("seed", range(4))
def test_whoever_reads_sees_the_same_frames(
    writer: CaptureWriter, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A scan ends its step with each block, so that the next ones may be merged before it comes to them.
    monkeypatch.setattr("core.query.scan._STEP_SECONDS", 0.0)
    world = World(writer, seed)
    for _ in range(40):
        world.step()
    before = len(counts(writer))
    world.check_all()
    merge(writer, ending=True)
    assert len(counts(writer)) <= before
    world.check_all()
    world.close()


def slow(writer: CaptureWriter, frames: int, *, step_ns: int = SECOND, first: int = 0) -> None:
    """One frame a commit, and merging as the recorder does it."""
    for number in range(first, first + frames):
        writer.write([received(1, b"%05d" % number, time_ns=number * step_ns)])
        merge(writer)


def test_sizes_grow_sixteenfold_and_the_work_with_them(writer: CaptureWriter) -> None:
    writer.write([opened(1)])
    for number in range(600):
        writer.write([received(1, b"%05d" % number)])
        merge(writer)
        assert len(counts(writer)) <= 16 * 3
    assert all(256 <= each <= 256 + 16 for each in counts(writer)[:2])
    merge(writer, ending=True)
    assert counts(writer) == [600]
    merge(writer, ending=True)
    assert counts(writer) == [600]


def test_a_block_that_is_large_stays_as_it_is(writer: CaptureWriter) -> None:
    writer.write([opened(1)])
    writer.write([received(1, *[b"x"] * 2000)])
    slow(writer, 20)
    writer.write([received(1, *[b"x"] * 2000)])
    slow(writer, 20)
    merge(writer, ending=True)
    assert counts(writer) == [2000, 20, 2000, 20]


def test_many_that_were_left_are_put_together_a_few_at_a_time(writer: CaptureWriter) -> None:
    writer.write([opened(1)])
    for _ in range(5000):
        writer.write([received(1, b"x")])
    steps = 0
    while writer.merge():
        steps += 1
    assert steps >= 5000 / 64
    assert counts(writer)[0] > 3000
    assert sum(counts(writer)) == 5000
    assert len(counts(writer)) <= 16 * 3


def test_no_block_spans_a_gap(writer: CaptureWriter) -> None:
    writer.write([opened(1)])
    slow(writer, 20)
    writer.recording = False
    writer.write([received(1, b"x")])
    writer.recording = True
    slow(writer, 20)
    merge(writer, ending=True)
    assert counts(writer) == [20, 20]
    with closing(CaptureReader(writer.path)) as reader:
        [gap] = reader.gaps.noted(View())
        assert (gap.before, gap.reason, gap.frames) == (21, GapReason.NOT_RECORDED, 1)
        assert reader.lanes.ahead(View(1), gap.before) == 20


def test_a_ring_still_drops_what_is_old(writer: CaptureWriter) -> None:
    writer.keep = Keep(seconds=320)
    writer.write([opened(1)])
    slow(writer, 1000)
    assert max(counts(writer)) <= 21
    writer.drop_oldest(1000 * SECOND, EVER)
    assert 320 <= sum(counts(writer)) <= 341


def test_a_ring_of_few_frames_keeps_few(writer: CaptureWriter) -> None:
    writer.keep = Keep(frames=160)
    writer.write([opened(1)])
    slow(writer, 500)
    writer.drop_oldest(0, EVER)
    assert 160 <= sum(counts(writer)) < 170


def test_a_small_ring_keeps_small_blocks(writer: CaptureWriter) -> None:
    writer.keep = Keep(bytes=2 * MEGA)
    writer.write([opened(1)])
    for number in range(1000):
        writer.write([received(1, b"%0300d" % number)])
        merge(writer)
    merge(writer, ending=True)
    assert 100 < max(counts(writer)) < writer.keep.log_bytes // 4 // 300
    assert sum(counts(writer)) == 1000


def test_connections_bound_what_one_step_does(writer: CaptureWriter) -> None:
    many = 600
    writer.write([opened(each) for each in range(1, many + 1)])
    for each in range(1, many + 1):
        writer.write([received(each, b"x")])
        merge(writer)
    merge(writer, ending=True)
    assert sum(counts(writer)) == many
    assert max(counts(writer)) <= 512
    with closing(CaptureReader(writer.path)) as reader:
        assert [reader.count(View(each)) for each in range(1, many + 1)] == [1] * many


def test_long_payloads_that_come_again(writer: CaptureWriter) -> None:
    writer.write([opened(1), opened(2)])
    long = [bytes([each]) * 5000 for each in range(3)]
    for each in (*long, *long):
        writer.write([received(1, each, b"short", each), received(2, each)])
    merge(writer, ending=True)
    assert counts(writer) == [24]
    with closing(CaptureReader(writer.path)) as reader:
        payloads = [record.frame.payload for record in reader.frames_after(0, EVER)]
        assert payloads == [part for each in (*long, *long) for part in (each, b"short", each, each)]
        assert [reader.pieces.payload(each, PayloadPart.FRAME, 4990, 5010) for each in (1, 3, 23)] == [
            long[0][4990:], long[0][4990:], long[2][4990:]
        ]  # fmt: skip


def test_payloads_that_come_again_behind_a_block_that_was_read(writer: CaptureWriter) -> None:
    long = b"long" * 2000
    writer.write([opened(1)])
    writer.write([received(1, b"first")])
    with closing(CaptureReader(writer.path)) as reader:
        assert reader.pieces.payload(1, PayloadPart.FRAME, 0, EVER) == b"first"
        writer.write([received(1, long, long, b"last")])
        merge(writer, ending=True)
        assert counts(writer) == [4]
        assert reader.pieces.payload(4, PayloadPart.FRAME, 0, EVER) == b"last"


def test_what_inflated_from_little_is_stored_compressed(writer: CaptureWriter) -> None:
    content = b"status ok " * 100
    writer.write([opened(1)])
    for number in range(200):
        message = Message(Opcode.TEXT, content + b"%03d" % number, True, 1, 20)
        frame = make_frame(Opcode.TEXT, bytes(20), rsv=RSV1, masking_key=bytes(4))
        writer.write([Batch(1, number, [FrameReceived(frame, (), message)], 0)])
        merge(writer)
    merge(writer, ending=True)
    assert counts(writer) == [200]
    with closing(sqlite3.connect(writer.path)) as db:
        (stored,) = db.execute("SELECT length(bytes) FROM payload").fetchone()
    assert stored < 200 * len(content) // 16
    with closing(CaptureReader(writer.path)) as reader:
        found = [record.message_payload for record in reader.frames_after(0, EVER)]
    assert found == [content + b"%03d" % number for number in range(200)]


def test_a_damaged_block_is_left_alone(writer: CaptureWriter) -> None:
    writer.write([opened(1)])
    for _ in range(30):
        writer.write([received(1, b"x")])
    with closing(sqlite3.connect(writer.path)) as db, db:
        db.execute("UPDATE block SET records = x'00' WHERE first = 7")
    merge(writer, ending=True)
    assert counts(writer) == [1] * 30
    writer.write([received(1, b"x")])


def test_clearing_a_connection_leaves_nothing_of_it_on_free_pages(writer: CaptureWriter) -> None:
    writer.write([opened(1), opened(2)])
    for number in range(300):
        writer.write([received(1, b"SECRET%05d" % number * 20), received(2, b"open")])
        merge(writer)
    writer.clear_connection(1)
    merge(writer, ending=True)
    with closing(sqlite3.connect(writer.path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"SECRET" not in writer.path.read_bytes()
    with closing(CaptureReader(writer.path)) as reader:
        assert [record.frame.payload for record in reader.frames_after(0, EVER)] == [b"open"] * 300


def test_the_recorder_merges_while_it_waits_and_at_the_end(tmp_path: Path) -> None:
    def blocks() -> int:
        with closing(sqlite3.connect(tmp_path / "a.unmask")) as db:
            return int(db.execute("SELECT count(*) FROM block").fetchone()[0])

    texts = [f"text {number}" for number in range(40)]
    with CaptureMaker(tmp_path / "a.unmask") as maker:
        peer = maker.peer()
        for text in texts:
            peer.say(text)
            maker.recorder.flush()
        until(lambda: blocks() < 30, "small blocks were put together")
    assert blocks() == 1
    with closing(CaptureReader(tmp_path / "a.unmask")) as reader:
        assert [record.frame.payload.decode() for record in reader.frames_after(0, EVER)] == texts


@pytest.mark.parametrize(("seconds", "delay"), [(0.05, 0.0), (0.2, 0.001), (0.4, 0.002)])
def test_who_is_killed_while_merging_loses_nothing(tmp_path: Path, seconds: float, delay: float) -> None:
    survival = survive_merging(tmp_path, seconds, delay)
    assert survival.good, survival
