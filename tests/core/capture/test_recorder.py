from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.disk_space import SpaceGauge
from core.capture.reader import CaptureReader
from core.capture.recorder import BACKLOG_BYTES, LITTLE_BYTES, Recorder, RecorderCallbacks
from core.capture.records import ConnectionState, Direction, View
from core.errors import CaptureError
from core.protocol.events import Event, FrameReceived
from tests.tools.captures import OPENED, files_of, plain, received

PATIENCE = 30.0

CHILD = """
import sys
from pathlib import Path
from core.capture.recorder import Recorder, RecorderCallbacks
from core.capture.records import Direction
from tests.tools.captures import OPENED, received
nothing = RecorderCallbacks(lambda: None, lambda: None, lambda error: None)
recorder = Recorder(Path(sys.argv[1]), "1", nothing)
connection = recorder.open_connection(OPENED, 0)
frames = 0
while True:
    payloads = [b"%d" % each for each in range(frames, frames + 500)]
    recorder.record(connection, 0, received(connection, *payloads).events, 0, Direction.CLIENT_TO_SERVER)
    frames += 500
    recorder.flush()
    print(frames, flush=True)
"""


class Recording:
    """A recorder and what it tells."""

    def __init__(self, path: Path) -> None:
        self._news = threading.Condition()
        self.commits = 0
        self.drained = 0
        self.failures: list[CaptureError] = []
        self.gate = threading.Event()
        """While it is not set, the recorder's thread stands still after its next commit."""
        self.gate.set()
        self.raises: Exception | None = None
        """What the next on_commit raises."""
        callbacks = RecorderCallbacks(self._on_commit, self._on_drained, self._on_failure)
        self.recorder = Recorder(path, "1", callbacks)
        self.connection = self.recorder.open_connection(OPENED, 1)

    def say(self, *payloads: bytes, size: int = 0) -> None:
        self.recorder.record(self.connection, 2, events(*payloads), size, Direction.CLIENT_TO_SERVER)

    def until(self, holds: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(holds, PATIENCE)

    def shown(self, path: Path | None = None) -> list[bytes]:
        self.recorder.flush()
        with closing(CaptureReader(path or self.recorder.path)) as reader:
            return [row.preview for row in reader.rows(View(), 0, 1_000_000)]

    def fill_disk(self) -> None:
        self.recorder.flush()
        database = self.recorder._writer._db
        (count,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {count}")

    def make_room(self) -> None:
        self.recorder.flush()
        self.recorder._writer._db.execute("PRAGMA max_page_count = 1000000")

    def _on_commit(self) -> None:
        self._tell("commits")
        raised, self.raises = self.raises, None
        if raised is not None:
            raise raised
        assert self.gate.wait(PATIENCE)

    def _on_drained(self) -> None:
        self._tell("drained")

    def _on_failure(self, error: CaptureError) -> None:
        with self._news:
            self.failures.append(error)
            self._news.notify_all()

    def _tell(self, name: str) -> None:
        with self._news:
            setattr(self, name, getattr(self, name) + 1)
            self._news.notify_all()


def events(*payloads: bytes) -> list[Event]:
    made = received(1, *payloads).events
    assert isinstance(made, list)
    return made


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    recording = Recording(tmp_path / "a.unmask")
    yield recording
    recording.gate.set()
    recording.recorder.close()


def test_what_is_recorded_stands_in_the_file_and_is_told(recording: Recording) -> None:
    recording.say(b"a", b"b")
    recording.until(lambda: recording.commits > 0)
    assert recording.shown() == [b"a", b"b"]
    assert recording.recorder.backlog_bytes == 0


def test_connections_are_numbered_from_one(recording: Recording) -> None:
    assert recording.connection == 1
    assert [recording.recorder.open_connection(OPENED, 0) for _ in range(3)] == [2, 3, 4]


def test_what_is_asked_takes_effect_in_the_order_of_the_queue(recording: Recording) -> None:
    """The order holds even if all of it waits before the thread looks."""
    recording.gate.clear()
    recording.say(b"first")
    recording.until(lambda: recording.commits == 1)
    recording.say(b"cleared")
    recording.recorder.clear()
    recording.say(b"a")
    recording.recorder.set_recording(False)
    recording.say(b"unseen", b"unseen")
    recording.recorder.set_recording(True)
    recording.say(b"b")
    recording.gate.set()
    assert recording.shown() == [b"a", b"b"]
    with closing(CaptureReader(recording.recorder.path)) as reader:
        assert [row.number for row in reader.rows(View(), 0, 9)] == [3, 6]


def test_a_backlog_over_the_limit_is_full_until_it_is_told_to_be_drained(recording: Recording) -> None:
    recording.gate.clear()
    recording.say(b"a")
    recording.until(lambda: recording.commits == 1)
    recording.say(b"b", size=BACKLOG_BYTES - 5000)
    assert not recording.recorder.is_full
    recording.say(b"c", size=5000)
    assert recording.recorder.is_full
    assert recording.drained == 0
    recording.gate.set()
    recording.until(lambda: recording.drained == 1)
    assert not recording.recorder.is_full
    recording.recorder.flush()
    assert recording.drained == 1


def test_who_records_little_does_not_wait_for_those_who_record_much(recording: Recording) -> None:
    recording.gate.clear()
    recording.say(b"a")
    recording.until(lambda: recording.commits == 1)
    recorder = recording.recorder
    recording.say(b"b", size=BACKLOG_BYTES)
    assert recorder.holds_up(LITTLE_BYTES + 1)
    for _ in range(BACKLOG_BYTES // LITTLE_BYTES):
        assert not recorder.holds_up(LITTLE_BYTES)
        recording.say(b"c", size=LITTLE_BYTES - 400)
    assert recorder.holds_up(1)
    recording.gate.set()
    recorder.flush()
    assert not recorder.holds_up(BACKLOG_BYTES)
    assert recorder._little_bytes == recorder.backlog_bytes == 0


def test_a_large_backlog_is_written_in_parts(recording: Recording) -> None:
    """So that whoever was told to stop goes on while the rest of it is written."""
    recording.gate.clear()
    recording.say(b"a")
    recording.until(lambda: recording.commits == 1)
    for _ in range(8):
        recording.say(b"b", size=BACKLOG_BYTES // 8)
    assert recording.recorder.is_full
    recording.gate.set()
    recording.until(lambda: recording.drained == 1)
    recording.recorder.flush()
    assert recording.commits >= 4
    assert recording.shown() == [b"a", *[b"b"] * 8]


def test_closing_writes_a_large_backlog(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a.unmask")
    for _ in range(8):
        recording.say(b"b", size=BACKLOG_BYTES // 8)
    recording.recorder.close()
    with closing(CaptureReader(recording.recorder.path)) as reader:
        assert reader.totals().frames == 8


def test_whoever_is_told_to_wait_is_always_told_to_go_on(recording: Recording) -> None:
    """The thread may be done between the question and its answer."""
    waits = 0
    for _ in range(400):
        recording.say(b"x", size=BACKLOG_BYTES)
        before = recording.drained
        if recording.recorder.is_full:
            waits += 1
            recording.until(lambda before=before: recording.drained > before)  # type: ignore[misc]
    assert waits > 0


def test_a_full_disk_is_said_once_and_what_is_lost_is_counted(recording: Recording) -> None:
    recording.say(b"before")
    recording.fill_disk()
    for _ in range(5):
        recording.say(*[bytes(1000)] * 1000)
        recording.recorder.flush()
    assert len(recording.failures) == 1
    assert "database or disk is full" in str(recording.failures[0])
    assert recording.recorder.failure is not None
    assert recording.recorder.lost_frames == 5000
    recording.make_room()
    recording.say(b"after")
    assert recording.shown() == [b"before", b"after"]
    assert recording.recorder.failure is None
    with closing(CaptureReader(recording.recorder.path)) as reader:
        assert [row.number for row in reader.rows(View(), 0, 9)] == [1, 5002]
    recording.fill_disk()
    recording.say(bytes(1_000_000))
    recording.recorder.flush()
    assert len(recording.failures) == 2


def test_on_a_full_disk_the_capture_can_be_saved_elsewhere(recording: Recording, tmp_path: Path) -> None:
    recording.say(b"before")
    recording.fill_disk()
    recording.say(bytes(1_000_000))
    recording.recorder.flush()
    answers: list[CaptureError | None] = []
    recording.recorder.save_as(tmp_path / "b.unmask", answers.append)
    recording.say(b"after")
    assert recording.shown(tmp_path / "b.unmask") == [b"before", b"after"]
    assert answers == [None]
    assert recording.recorder.failure is None


def test_closing_on_a_full_disk_leaves_a_capture(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a.unmask")
    recording.say(b"kept")
    recording.fill_disk()
    recording.say(bytes(1_000_000))
    recording.recorder.close()
    assert len(recording.failures) == 1
    assert recording.shown() == [b"kept"]
    with closing(sqlite3.connect(recording.recorder.path)) as found:
        assert found.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_fault_of_ours_is_told_and_recording_goes_on(recording: Recording) -> None:
    impossible = FrameReceived(plain(b"x")._replace(head=70_000), (), None)
    recording.recorder.record(recording.connection, 0, [impossible], 0, Direction.CLIENT_TO_SERVER)
    recording.recorder.flush()
    [failure] = recording.failures
    assert "a fault of Unmask" in str(failure)
    assert type(failure.__cause__).__name__ == "error"
    recording.say(b"after")
    assert recording.shown() == [b"after"]


def test_a_listener_that_fails_ends_nothing(recording: Recording) -> None:
    recording.raises = RuntimeError("the window is gone")
    recording.say(b"a")
    recording.until(lambda: len(recording.failures) == 1)
    assert "the window is gone" in str(recording.failures[0])
    recording.say(b"b")
    assert recording.shown() == [b"a", b"b"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_when_not_even_failures_can_be_told_everyone_else_is_let_go(tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no ears")

    recorder = Recorder(tmp_path / "a.unmask", "1", RecorderCallbacks(fail, fail, fail))
    recorder.open_connection(OPENED, 0)
    recorder._thread.join(PATIENCE)
    recorder.record(1, 0, events(b"x"), BACKLOG_BYTES, Direction.CLIENT_TO_SERVER)
    answers: list[CaptureError | None] = []
    recorder.save_as(tmp_path / "b.unmask", answers.append)
    recorder.flush()
    recorder.close()
    assert not recorder.is_full
    assert "Recording is over" in str(answers[0])
    assert files_of(recorder.path) == ["a.unmask"]


def test_saving_while_frames_keep_coming_loses_none_and_doubles_none(
    recording: Recording, tmp_path: Path
) -> None:
    enough = threading.Event()
    said: list[bytes] = []

    def talk() -> None:
        while not enough.is_set():
            payloads = [b"%d" % (len(said) + each) for each in range(20)]
            said.extend(payloads)
            recording.say(*payloads)
            if len(said) % 2000 == 0:
                recording.recorder.flush()

    talker = threading.Thread(target=talk)
    talker.start()
    answers: list[CaptureError | None] = []
    for number in range(8):
        commits = recording.commits
        recording.until(lambda commits=commits: recording.commits > commits)  # type: ignore[misc]
        recording.recorder.save_as(tmp_path / f"{number % 3}.unmask", answers.append)
    recording.until(lambda: len(answers) == 8)
    enough.set()
    talker.join(PATIENCE)
    assert recording.shown() == said
    assert answers == [None] * 8
    assert recording.recorder.path == tmp_path / "1.unmask"


def test_saving_where_it_cannot_be_is_answered(recording: Recording, tmp_path: Path) -> None:
    answers: list[CaptureError | None] = []
    recording.recorder.save_as(tmp_path / "missing" / "b.unmask", answers.append)
    recording.say(b"a")
    assert recording.shown() == [b"a"]
    assert "cannot be saved as" in str(answers[0])
    assert recording.failures == []


def test_closing_writes_what_is_pending_and_can_be_done_twice(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a.unmask")
    recording.say(*[b"%d" % each for each in range(5000)])
    recording.recorder.close()
    recording.recorder.close()
    recording.say(b"late")
    recording.recorder.clear()
    recording.recorder.flush()
    with closing(CaptureReader(recording.recorder.path)) as reader:
        assert reader.totals().frames == 5000
        assert [each.state for each in reader.connections()] == [ConnectionState.LOST]
    assert recording.failures == []


def test_a_capture_that_cannot_be_made_starts_no_thread(tmp_path: Path) -> None:
    (tmp_path / "a.unmask").touch()
    before = threading.active_count()
    with pytest.raises(CaptureError, match="There is a file"):
        Recording(tmp_path / "a.unmask")
    assert threading.active_count() == before


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
def test_after_a_kill_the_capture_holds_all_that_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, path], cwd=root, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        committed = [int(child.stdout.readline()) for _ in range(20)][-1]
        child.kill()
    with closing(CaptureReader(path)) as reader:
        found = [row.preview for row in reader.rows(View(), 0, 1_000_000)]
        assert reader.totals().frames == len(found) == reader.count(View(1))
    assert len(found) >= committed
    assert found == [b"%d" % each for each in range(len(found))]
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_figures_of_what_was_written(recording: Recording) -> None:
    recording.say(b"a", b"b")
    recording.recorder.clear()
    recording.say(b"c")
    recording.recorder.flush()
    assert recording.recorder.written_frames == 3
    commits = recording.recorder.commits.since_start()
    assert commits is not None
    assert 0 < commits.p50 <= commits.longest
    recording.fill_disk()
    recording.say(bytes(1_000_000))
    recording.recorder.flush()
    assert recording.recorder.written_frames == 3
    assert recording.recorder.commits.since_start() == commits


def test_the_disk_is_looked_at_again_and_again_also_while_nothing_happens(tmp_path: Path) -> None:
    looks = iter(range(1_000_000, 0, -1))
    looked = threading.Event()

    def free(_path: Path) -> int:
        left = next(looks)
        if left < 999_999:
            looked.set()
        return left

    nothing = RecorderCallbacks(lambda: None, lambda: None, lambda _error: None)
    recorder = Recorder(tmp_path / "a.unmask", "1", nothing, gauge=SpaceGauge(free, interval=0.01))
    try:
        assert recorder.space is not None
        assert recorder.space.free_bytes <= 1_000_000
        assert recorder.space.capture_bytes > 0
        assert looked.wait(PATIENCE)
    finally:
        recorder.close()
