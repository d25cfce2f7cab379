"""A ring's bound is what lies on the disk: the database and its write-ahead log together."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from core.capture.follow import Follower
from core.capture.reader import CaptureReader
from core.capture.recorder import Recorder, RecorderCallbacks
from core.capture.records import Direction, View
from core.capture.ring import Keep
from core.capture.store import BUSY_MS, LOG_BYTES, PAGE_SIZE, files_of, log_of
from core.capture.writer import CaptureWriter
from tests.tools.captures import OPENED, opened, received
from tests.tools.waiting import PATIENCE_SECONDS

MEGA = 1_000_000
READ = 64 * 1024
"""About what comes at once."""


def on_disk(path: Path) -> int:
    return sum(file.stat().st_size for file in files_of(path)[:2])


class Flood:
    """Frames that no other is like, faster than they can be written, and what becomes of the disk meanwhile."""

    def __init__(self, path: Path, keep: Keep) -> None:
        self.largest = 0
        self.failures: list[Exception] = []
        self._drained = threading.Event()
        callbacks = RecorderCallbacks(self._look, self._drained.set, self.failures.append)
        self.recorder = Recorder(path, "1", callbacks, keep)

    def send(self, total: int, size: int) -> None:
        connection = self.recorder.open_connection(OPENED, 1)
        for _ in range(total // READ):
            payloads = [os.urandom(size) for _ in range(max(1, READ // size))]
            batch = received(connection, *payloads)
            while self.recorder.is_full:
                assert self._drained.wait(PATIENCE_SECONDS)
                self._drained.clear()
            assert isinstance(batch.events, list)
            self.recorder.record(
                connection, 2, batch.events, sum(map(len, payloads)), Direction.CLIENT_TO_SERVER
            )
        self.recorder.flush()

    def _look(self) -> None:
        self.largest = max(self.largest, on_disk(self.recorder.path))


@contextmanager
def followed(path: Path) -> Iterator[None]:
    """Somebody reads it all the time, as the console does."""
    ending = threading.Event()

    def follow() -> None:
        with closing(CaptureReader(path)) as reader:
            story = Follower(reader)
            while not ending.is_set():
                for _ in story.entries():
                    if ending.is_set():
                        break

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


@pytest.mark.parametrize(("megabytes", "size"), [(2, 100), (2, 1000), (2, READ), (10, 1000)])
def test_what_lies_on_the_disk_stays_within_the_bound(tmp_path: Path, megabytes: int, size: int) -> None:
    flood = Flood(tmp_path / "a.unmask", Keep(bytes=megabytes * MEGA))
    try:
        with followed(flood.recorder.path):
            flood.send(4 * MEGA if size == 100 else (megabytes + 10) * MEGA, size)
        assert flood.largest <= megabytes * MEGA * 1.2
        with closing(CaptureReader(flood.recorder.path)) as reader:
            totals = reader.totals()
            held = reader.count(View()) - reader.gaps.dropped(View()).frames  # type: ignore[union-attr]
            assert held * size > megabytes * MEGA * (0.2 if size == 100 else 0.35)
            assert totals.frames == (4 * MEGA if size == 100 else (megabytes + 10) * MEGA) // READ * (
                READ // size
            )
    finally:
        flood.recorder.close()
    assert flood.failures == []
    assert flood.recorder.lost_frames == 0


def test_a_message_that_is_more_than_the_bound_is_kept_and_no_second_one(tmp_path: Path) -> None:
    flood = Flood(tmp_path / "a.unmask", Keep(bytes=MEGA))
    try:
        flood.send(6 * READ, 3 * MEGA)
        assert flood.largest <= 3 * 3.1 * MEGA
    finally:
        flood.recorder.close()
    with closing(CaptureReader(flood.recorder.path)) as reader:
        last = reader.last_frame_id()
        record = reader.frame(last)
        assert record is not None
        assert len(record.frame.payload) == 3 * MEGA
        assert reader.first_frame_id() == last
    assert flood.failures == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount one, on Linux")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_of_8_mb_is_not_filled_by_2(small_disk: Path) -> None:
    flood = Flood(small_disk / "a.unmask", Keep(bytes=2 * MEGA))
    try:
        with followed(flood.recorder.path):
            flood.send(20 * MEGA, 1000)
            flood.send(20 * MEGA, READ)
            flood.send(64 * READ, MEGA)
    finally:
        flood.recorder.close()
    assert flood.failures == []
    assert flood.recorder.lost_frames == 0


def test_a_reader_that_holds_the_log_back_is_waited_for_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.capture.capture_file._READERS_MS", 1)
    keep = Keep(bytes=2 * MEGA)
    writer = CaptureWriter(tmp_path / "a.unmask", "0", keep=keep)
    log = log_of(writer.path)
    writer.write([opened(1)])
    with closing(CaptureReader(writer.path)) as reader:
        with reader.snapshot():
            reader.totals()
            for _ in range(30):
                writer.write([received(1, os.urandom(100_000))])
            held_back = log.stat().st_size
            assert held_back > 2 * MEGA
        writer.write([received(1, os.urandom(100_000))])
        while log.stat().st_size > keep.log_bytes:
            writer.write([received(1, os.urandom(100_000))])
        assert writer._db.execute("PRAGMA busy_timeout").fetchone() == (BUSY_MS,)
    writer.close()


def test_the_bound_of_the_log_goes_with_the_bound_of_the_ring(tmp_path: Path) -> None:
    def pages() -> int:
        writer.write([received(1, b"x")])
        [found] = writer._db.execute("PRAGMA wal_autocheckpoint").fetchone()
        return int(found)

    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    writer.write([opened(1)])
    usual = LOG_BYTES // PAGE_SIZE
    assert pages() == usual
    writer.keep = Keep(bytes=2 * MEGA)
    assert pages() == 400_000 // 2 // PAGE_SIZE
    writer.move_to(tmp_path / "b.unmask")
    assert pages() == 400_000 // 2 // PAGE_SIZE
    writer.start_new(tmp_path / "c.unmask")
    assert pages() == 400_000 // 2 // PAGE_SIZE
    writer.keep = Keep(frames=5)
    assert pages() == usual
    writer.close()
