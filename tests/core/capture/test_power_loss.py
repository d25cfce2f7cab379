"""What a power cut leaves of a capture: all that was settled, and of what came after it whole commits in their order.

Of what was not synced the disk has then written what it pleased, sector by sector, in any order. SQLite syncs its log
before it writes anything of it back, the database before it begins the log anew, and the new log's head before anything
else of it: so one of the two is whole, and nothing older is taken for what is new.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from core.capture.reader import CaptureReader
from core.capture.recorder import Recorder, RecorderCallbacks
from core.capture.records import Direction, View
from core.capture.session_files import CaptureFolder
from core.capture.store import PAGE_SIZE, log_of
from core.capture.writer import CaptureWriter
from core.errors import CaptureError
from tests.tools.captures import OPENED, opened, received
from tests.tools.waiting import until

SECTOR = 512
LOG_HEAD, LOG_FRAME = 32, 24 + PAGE_SIZE
CUTS = 60
"""How many are tried of each kind."""


def made(number: int, size: int) -> bytes:
    """The payload of a frame, which tells one from another."""
    return b"%d %d " % (number, size) + random.Random(number).randbytes(size)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The bytes of a capture and of its log, and how many frames are in them."""

    database: bytes
    log: bytes
    frames: int

    @classmethod
    def of(cls, writer: CaptureWriter) -> Snapshot:
        database, log = writer.path.read_bytes(), log_of(writer.path).read_bytes()
        return cls(database, log, writer.written_frames)


@dataclass(frozen=True, slots=True)
class History:
    """A capture when its log was last written back, and after each commit since."""

    settled: Snapshot
    commits: tuple[Snapshot, ...]
    ends: tuple[int, ...]
    """Where each of them ends in the log."""
    written_back: bytes
    """The database as the checkpoint after the last commit leaves it."""

    @property
    def last(self) -> Snapshot:
        return self.commits[-1]

    def frames_at(self, intact: int) -> int:
        """How many are in what the first `intact` bytes of the log hold."""
        whole = [each.frames for each, end in zip(self.commits, self.ends, strict=True) if end <= intact]
        return max(whole, default=self.settled.frames)


def end_of_commit(log: bytes, later: bytes) -> int:
    """Up to where both are the same, in whole frames (SQLite file format, section 4.1)."""
    at = LOG_HEAD
    while log[at : at + LOG_FRAME] == later[at : at + LOG_FRAME] and at < len(log):
        at += LOG_FRAME
    return at


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Two rounds of commits of all sizes, so that the log has what is older behind what is new."""
    dice = random.Random(12)
    writer = CaptureWriter(tmp_path_factory.mktemp("power") / "a.unmask", "0")
    writer.write([opened(1)])

    def commit() -> Snapshot:
        sizes = [dice.choice((5, 200, 3000, 20_000)) for _ in range(dice.randrange(1, 8))]
        first = writer.written_frames + 1
        writer.write([received(1, *[made(number, size) for number, size in enumerate(sizes, first)])])
        return Snapshot.of(writer)

    for _ in range(14):
        commit()
    writer.settle()
    settled = Snapshot.of(writer)
    commits = tuple(commit() for _ in range(8))
    writer.settle()
    written_back = writer.path.read_bytes()
    logs = [each.log for each in commits]
    assert {len(settled.log)} == set(map(len, logs))
    ends = [end_of_commit(log, later) for log, later in pairwise(logs)]
    # Behind the last one stands what is older.
    end = next(
        at
        for at in range(len(logs[-1]), 0, -LOG_FRAME)
        if logs[-1][at - LOG_FRAME : at] != settled.log[at - LOG_FRAME : at]
    )
    writer.close()
    return History(settled, commits, (*ends, end), written_back)


Check = Callable[[bytes, bytes], int]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Has a capture and its log opened after a power cut, and says how many frames there are: whole, the first ones."""
    count = 0

    def check(database: bytes, log: bytes) -> int:
        nonlocal count
        count += 1
        folder = tmp_path / str(count)
        folder.mkdir()
        path = folder / "unsaved_cut.unmask"
        path.write_bytes(database)
        log_of(path).write_bytes(log)
        with closing(CaptureReader(path)) as reader:
            frames = reader.totals().frames
            rows = reader.rows(View(), 0, 100_000)
            assert len(rows) == frames == reader.count(View(1))
            for number, record in enumerate(reader.frames_after(0, frames), 1):
                assert record.frame.payload == made(number, int(record.frame.payload.split(b" ")[1]))
        [left] = CaptureFolder(folder).left_behind()
        assert left.holdings.frames == frames
        with closing(sqlite3.connect(path)) as found:
            assert found.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        shutil.rmtree(folder)
        return frames

    return check


@pytest.mark.parametrize("seed", range(4))
def test_a_log_that_is_cut_or_empty_from_somewhere_on(history: History, check: Check, seed: int) -> None:
    dice = random.Random(seed)
    log = history.last.log
    for _ in range(CUTS // 4):
        at = dice.randrange(LOG_HEAD, len(log))
        rest = dice.choice((b"", bytes(len(log) - at), dice.randbytes(len(log) - at)))
        assert check(history.last.database, log[:at] + rest) == history.frames_at(at)


@pytest.mark.parametrize("seed", range(4))
def test_sectors_of_the_log_that_were_not_written(history: History, check: Check, seed: int) -> None:
    """They hold what they held before: what is older, or nothing."""
    dice = random.Random(seed)
    full = {each.frames for each in history.commits} | {history.settled.frames}
    for _ in range(CUTS // 4):
        log = bytearray(history.last.log)
        sectors = range(len(log) // SECTOR)
        first = len(log)
        for sector in dice.sample(sectors, dice.choice((1, 3, len(sectors) // 2, len(sectors) - 1))):
            part = slice(max(sector * SECTOR, LOG_HEAD), (sector + 1) * SECTOR)
            before = dice.choice((history.settled.log[part], bytes(part.stop - part.start)))
            if log[part] != before:
                log[part] = before
                first = min(first, part.start)
        frames = check(history.last.database, bytes(log))
        assert frames in full
        assert frames >= history.frames_at(first)


@pytest.mark.parametrize("seed", range(4))
def test_a_database_that_was_just_being_written_to(history: History, check: Check, seed: int) -> None:
    """The log is on the disk before that."""
    dice = random.Random(seed)
    before, after = history.last.database, history.written_back
    assert before != after
    for _ in range(CUTS // 4):
        length = dice.randrange(len(before), len(after) + 1) if len(after) > len(before) else len(after)
        database = bytearray(before.ljust(length, b"\0"))
        for sector in range(length // SECTOR):
            if dice.random() < 0.5:
                part = slice(sector * SECTOR, (sector + 1) * SECTOR)
                database[part] = after[part]
        assert check(bytes(database), history.last.log) == history.last.frames


def test_a_log_that_was_begun_anew_over_a_database_that_holds_all_before(
    history: History, check: Check
) -> None:
    """Nothing of the new log has come to the disk."""
    assert check(history.settled.database, history.settled.log) == history.settled.frames
    assert check(history.settled.database, b"") == history.settled.frames
    assert check(history.written_back, b"") == history.last.frames


@pytest.mark.parametrize("how", ["new", "moved", "begun anew"])
def test_what_is_promised_stands_on_these_settings(tmp_path: Path, how: str) -> None:
    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    if how == "moved":
        writer.move_to(tmp_path / "b.unmask")
    elif how == "begun anew":
        writer.start_new(tmp_path / "b.unmask")
    values = [
        writer._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "locking_mode")
    ]
    # 1 is NORMAL: the log is synced before it is written back, and the database before the log begins anew.
    assert values == ["wal", 1, "normal"]
    writer.close()


def test_what_was_recorded_seconds_ago_is_written_back_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.capture.recorder._SETTLE_SECONDS", 0.05)
    nothing = RecorderCallbacks(lambda: None, lambda: None, lambda _error: None)
    recorder = Recorder(tmp_path / "a.unmask", "1", nothing)
    alone = tmp_path / "alone.unmask"

    def frames_without_the_log() -> int:
        shutil.copyfile(recorder.path, alone)
        try:
            with closing(CaptureReader(alone)) as reader:
                return reader.totals().frames
        except CaptureError:
            # It was just being written to.
            return -1

    try:
        connection = recorder.open_connection(OPENED, 1)
        for number in range(1, 4):
            batch = received(connection, b"little")
            assert isinstance(batch.events, list)
            recorder.record(connection, number, batch.events, 6, Direction.CLIENT_TO_SERVER)
            until(lambda number=number: frames_without_the_log() == number, "it is written back")  # type: ignore[misc]
        assert log_of(recorder.path).stat().st_size
    finally:
        recorder.close()


def test_who_reads_meanwhile_delays_that_and_no_more(tmp_path: Path, check: Check) -> None:
    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    writer.write([opened(1), received(1, made(1, 5))])
    with closing(CaptureReader(writer.path)) as reader:
        with reader.snapshot():
            reader.totals()
            writer.write([received(1, made(2, 5))])
            writer.settle()
            now = Snapshot.of(writer)
            assert check(now.database, now.log) == 2
        writer.settle()
        assert check(writer.path.read_bytes(), b"") == 2
    stamp = writer.path.stat().st_mtime_ns
    writer.settle()
    assert writer.path.stat().st_mtime_ns == stamp
    writer.close()


def test_a_capture_that_has_just_begun_is_one(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    shutil.copyfile(writer.path, tmp_path / "alone.unmask")
    writer.close()
    with closing(CaptureReader(tmp_path / "alone.unmask")) as reader:
        assert reader.totals().frames == 0
