"""A capture that is removed or moved away while it is recorded goes on beside where it was, whole."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.place import Place, next_to
from core.capture.reader import CaptureReader
from core.capture.recorder import Recorder, RecorderCallbacks
from core.capture.records import Direction, View
from core.capture.session_files import CaptureFolder
from core.capture.store import files_of, open_for_writing
from core.capture.writer import CaptureWriter
from core.errors import CaptureError
from tests.tools.captures import OPENED, opened, received
from tests.tools.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere a file that is open cannot be removed")

LONG = [bytes([number]) * 100_000 for number in range(200)]
"""More than the log takes before it is written back."""


def remove(path: Path) -> None:
    path.unlink()


def remove_all(path: Path) -> None:
    for file in files_of(path):
        file.unlink(missing_ok=True)


def remove_log(path: Path) -> None:
    path.with_name(path.name + "-wal").unlink()


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def move(path: Path) -> None:
    path.rename(path.with_name("moved.unmask"))


def move_all(path: Path) -> None:
    for file in files_of(path)[:3]:
        file.rename(file.with_name(file.name.replace("a.unmask", "moved.unmask")))


def move_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"something else")
    other.replace(path)


LEFT = {
    remove_log: ["a.unmask"],
    move: ["moved.unmask"],
    # Its log was moved with it, and is empty.
    move_all: ["moved.unmask", "moved.unmask-shm", "moved.unmask-wal"],
    replace: ["a.unmask"],
}
MOVED = {move: "moved.unmask", move_all: "moved.unmask", move_folder: "../elsewhere/a.unmask"}
WAYS = (remove, remove_all, remove_log, remove_folder, move, move_all, move_folder, replace)


def shown(path: Path) -> list[bytes]:
    with closing(CaptureReader(path)) as reader:
        return [row.preview[:20] for row in reader.rows(View(), 0, 1000)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "a.unmask"


@pytest.mark.parametrize("away", WAYS, ids=lambda way: way.__name__)
def test_nothing_of_it_is_lost(path: Path, away: Callable[[Path], None]) -> None:
    writer = CaptureWriter(path, "0")
    writer.write([opened(1), received(1, b"before")])
    with closing(CaptureReader(path)) as reader:
        assert writer.is_in_place
        away(path)
        assert not writer.is_in_place
        writer.write([received(1, b"unnoticed", *LONG)])
        assert reader.totals().frames == 202
        writer.carry_on()
        assert writer.is_in_place
        assert writer.path == path.with_name("a_2.unmask")
        writer.write([received(1, b"after")])
    writer.close()
    expected = [b"before", b"unnoticed", *(each[:20] for each in LONG), b"after"]
    assert shown(writer.path) == expected
    assert sorted(file.name for file in path.parent.iterdir()) == sorted(["a_2.unmask", *LEFT.get(away, ())])
    if away in MOVED:
        assert shown(path.parent / MOVED[away]) == expected[:-1]
    if away is replace:
        assert path.read_bytes() == b"something else"


def test_a_capture_that_was_not_touched_is_in_place(path: Path) -> None:
    writer = CaptureWriter(path, "0")
    writer.write([opened(1), received(1, *LONG)])
    with closing(CaptureReader(path)) as reader:
        assert reader.totals().frames == len(LONG)
    writer.clear()
    assert writer.is_in_place
    writer.move_to(path.with_name("b.unmask"))
    assert writer.is_in_place
    writer.start_new(path.with_name("c.unmask"))
    assert writer.is_in_place
    writer.close()


def test_a_place_is_known_with_all_that_stands_there(path: Path) -> None:
    CaptureWriter(path, "0").close()
    with closing(open_for_writing(path)):
        place = Place(path)
        assert None not in place._files.values()
        assert place.is_kept()
    assert not place.is_kept()


def test_where_the_system_does_not_say_it_is_taken_to_be_in_place(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("whoever runs this may look anywhere")
    writer = CaptureWriter(path, "0")
    path.parent.chmod(0)
    try:
        assert writer.is_in_place
    finally:
        path.parent.chmod(0o700)
        writer.close()


def test_the_new_name_is_one_that_nothing_has(path: Path) -> None:
    path.parent.mkdir()
    assert next_to(path).name == "a_2.unmask"
    path.with_name("a_2.unmask-wal").touch()
    path.with_name("a_3.unmask").symlink_to("nowhere")
    assert next_to(path).name == "a_4.unmask"


def test_where_it_cannot_go_on_all_is_at_hand_and_can_be_saved(path: Path, tmp_path: Path) -> None:
    writer = CaptureWriter(path, "0")
    writer.write([opened(1), received(1, b"kept")])
    shutil.rmtree(path.parent)
    path.parent.touch()
    with pytest.raises(CaptureError, match="was removed or moved away, and cannot go on beside it: "):
        writer.carry_on()
    writer.write([received(1, b"and on")])
    writer.move_to(tmp_path / "saved.unmask")
    writer.close()
    assert shown(tmp_path / "saved.unmask") == [b"kept", b"and on"]


class Recording:
    """A recorder, and what it tells of its place."""

    def __init__(self, path: Path) -> None:
        self._news = threading.Condition()
        self.moves: list[tuple[Path, Path]] = []
        self.failures: list[CaptureError] = []
        callbacks = RecorderCallbacks(lambda: None, lambda: None, self._failed, self._carried)
        self.recorder = Recorder(path, "1", callbacks)
        self.connection = self.recorder.open_connection(OPENED, 1)

    def say(self, *payloads: bytes) -> None:
        batch = received(self.connection, *payloads)
        assert isinstance(batch.events, list)
        self.recorder.record(self.connection, 2, batch.events, 0, Direction.CLIENT_TO_SERVER)
        self.recorder.flush()

    def until(self, holds: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(holds, PATIENCE_SECONDS)

    def _carried(self, before: Path, path: Path) -> None:
        with self._news:
            self.moves.append((before, path))
            self._news.notify_all()

    def _failed(self, error: CaptureError) -> None:
        with self._news:
            self.failures.append(error)
            self._news.notify_all()


@pytest.fixture
def recording(path: Path) -> Iterator[Recording]:
    recording = Recording(path)
    yield recording
    recording.recorder.close()


def test_the_recorder_notices_by_itself_and_goes_on(recording: Recording, path: Path) -> None:
    recording.say(b"a")
    for number in (2, 3):
        before = recording.recorder.path
        before.unlink()
        recording.until(lambda number=number: len(recording.moves) == number - 1)  # type: ignore[misc]
        assert recording.moves[-1] == (before, recording.recorder.path)
        recording.say(b"%d" % number)
    assert recording.failures == []
    assert recording.recorder.failure is None
    assert shown(recording.recorder.path) == [b"a", b"2", b"3"]
    assert recording.recorder.lost_frames == 0
    assert path.parent.is_dir()


def test_what_is_removed_just_before_the_end_is_not_lost(path: Path) -> None:
    recording = Recording(path)
    recording.say(b"a")
    path.unlink()
    recording.recorder.close()
    assert recording.moves == [(path, path.with_name("a_2.unmask"))]
    assert shown(path.with_name("a_2.unmask")) == [b"a"]


def test_where_it_cannot_go_on_that_is_said_once_until_it_can(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.capture.recorder._AGAIN_SECONDS", 0.01)
    recording = Recording(path)
    recording.say(b"a")
    shutil.rmtree(path.parent)
    path.parent.touch()
    recording.until(lambda: len(recording.failures) == 1)
    for _ in range(10):
        recording.say(b"b")
    assert recording.recorder.is_adrift
    assert "cannot go on beside it" in str(recording.recorder.failure)
    path.parent.unlink()
    recording.until(lambda: len(recording.moves) == 1)
    recording.recorder.close()
    assert len(recording.failures) == 1
    assert not recording.recorder.is_adrift
    assert shown(recording.recorder.path) == [b"a", *[b"b"] * 10]


def test_saving_elsewhere_ends_the_fault(recording: Recording, path: Path, tmp_path: Path) -> None:
    recording.say(b"a")
    shutil.rmtree(path.parent)
    path.parent.touch()
    recording.until(lambda: len(recording.failures) == 1)
    answers: list[CaptureError | None] = []
    recording.recorder.save_as(tmp_path / "saved.unmask", answers.append)
    recording.recorder.flush()
    assert answers == [None]
    assert recording.recorder.failure is None
    assert shown(tmp_path / "saved.unmask") == [b"a"]


def test_a_claim_follows_its_capture(tmp_path: Path) -> None:
    folder = CaptureFolder(tmp_path / "captures")
    claimed = folder.claim_new()
    writer = CaptureWriter(claimed.path, "0")
    writer.write([opened(1), received(1, b"a")])
    claimed.path.unlink()
    writer.carry_on()
    claimed.follow(writer.path)
    assert folder.left_behind() == []
    writer.close()
    claimed.release()
    assert [left.path for left in folder.left_behind()] == [writer.path]
    assert [file.name for file in folder.folder.iterdir()] == [writer.path.name]
