from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.marks import (
    MAX_MARKS,
    MAX_NOTE,
    DropAllMarks,
    DropMarks,
    KeepMarks,
    Mark,
    MarkChange,
    change_marks_of,
)
from core.capture.reader import CaptureReader
from core.capture.recorder import Recorder, RecorderCallbacks
from core.capture.records import Direction
from core.capture.store import SCHEMA_VERSION, copy
from core.capture.writer import CaptureWriter
from core.errors import CallerError, CaptureError, UnmaskError
from tests.core.capture.test_recorder import events
from tests.core.capture.test_store import as_anybody, posix
from tests.tools.captures import OPENED, files_of, opened, received

NOTHING = RecorderCallbacks(lambda: None, lambda: None, lambda _error: None)

CHILD = """
import os
import sys
from pathlib import Path
from core.capture.marks import KeepMarks, Mark
from core.capture.records import Direction
from core.capture.recorder import Recorder, RecorderCallbacks
from tests.tools.captures import OPENED, received
recorder = Recorder(Path(sys.argv[1]), "1", RecorderCallbacks(lambda: None, lambda: None, lambda error: None))
connection = recorder.open_connection(OPENED, 0)
recorder.record(connection, 0, received(connection, b"a", b"b", b"c").events, 0, Direction.CLIENT_TO_SERVER)
recorder.change_marks(KeepMarks((Mark(2, "before the crash"),)), print)
recorder.flush()
os._exit(9)
"""


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A capture of five frames that nobody records any more."""
    path = tmp_path / "a.unmask"
    writer = CaptureWriter(path, "1")
    writer.write([opened(1), received(1, b"a", b"b", b"c", b"d", b"e")])
    writer.close()
    return path


def marks(path: Path) -> dict[int, str]:
    with closing(CaptureReader(path)) as reader:
        found = reader.marks.some(0, MAX_MARKS)
        assert [mark.frame for mark in found] == list(reader.marks.frames())
        return {mark.frame: mark.note for mark in found}


def kept(**notes: str) -> KeepMarks:
    return KeepMarks(tuple(Mark(int(name.removeprefix("f")), note) for name, note in notes.items()))


def test_marks_of_a_finished_capture(finished: Path) -> None:
    change_marks_of(finished, kept(f4="login", f2=""))
    assert marks(finished) == {2: "", 4: "login"}
    change_marks_of(finished, kept(f4="login\nagain", f5="x"))
    change_marks_of(finished, DropMarks((2, 3)))
    assert marks(finished) == {4: "login\nagain", 5: "x"}
    assert files_of(finished) == ["a.unmask"], "nothing is left beside it"
    change_marks_of(finished, DropAllMarks())
    assert marks(finished) == {}


def test_a_frame_knows_its_note(finished: Path) -> None:
    change_marks_of(finished, kept(f4="login", f2=""))
    with closing(CaptureReader(finished)) as reader:
        frames = list(reader.frames_after(0, 9))
        assert [each.note for each in frames] == [None, "", None, "login", None]
        alone = [reader.frame(number) for number in range(1, 6)]
        assert alone == frames
        assert [reader.marks.note(number) for number in (1, 2, 4, 99)] == [None, "", "login", None]
        assert reader.marks.notes(3, 5) == {4: "login"}
        assert reader.marks.some(3, 1) == [Mark(4, "login")]


def test_who_looks_sees_that_marks_have_changed(finished: Path) -> None:
    with closing(CaptureReader(finished)) as reader:
        before = reader.totals()
        change_marks_of(finished, kept(f1=""))
        after = reader.totals()
        assert after.mark_changes > before.mark_changes
        assert after.changes == before.changes
        assert list(reader.marks.frames()) == [1]


def test_what_cannot_be_stored_as_text_is_replaced(finished: Path) -> None:
    change_marks_of(finished, kept(f1="a\ud800b\0c\u202e你"))
    assert marks(finished) == {1: "a?b?c\u202e你"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (kept(f6=""), r"Frame 6 is not in the capture"),
        (kept(f0=""), r"Frame 0 is not in the capture"),
        (kept(f1="x", f9=""), r"Frame 9 is not in the capture"),
        (kept(f1="x" * (MAX_NOTE + 1)), r"has 4,097 characters; at most 4,096 are kept\. Shorten it"),
    ],
)
def test_what_cannot_be_kept(finished: Path, change: MarkChange, sentence: str) -> None:
    change_marks_of(finished, kept(f3="there"))
    with pytest.raises(CallerError, match=sentence):
        change_marks_of(finished, change)
    assert marks(finished) == {3: "there"}, "all or nothing"


def test_a_longest_note(finished: Path) -> None:
    change_marks_of(finished, kept(f1="你" * MAX_NOTE))
    assert marks(finished) == {1: "你" * MAX_NOTE}


def test_there_are_only_so_many(tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    writer = CaptureWriter(path, "1")
    writer.write([opened(1), received(1, *[b"x"] * (MAX_MARKS + 1))])
    writer.change_marks(KeepMarks(tuple(Mark(number, "") for number in range(1, MAX_MARKS + 1))))
    with pytest.raises(CallerError, match=r"100,001 frames would be bookmarked; a capture keeps 100,000"):
        writer.change_marks(kept(f100001=""))
    writer.change_marks(kept(f7="one that is there can get a note"))
    writer.close()
    with closing(CaptureReader(path)) as reader:
        assert len(reader.marks.frames()) == MAX_MARKS


# Where it is not written.


@pytest.fixture
def readable() -> Iterator[Path]:
    """A finished capture in a folder that every user of the machine can get at."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        writer = CaptureWriter(folder / "a.unmask", "1")
        writer.write([opened(1), received(1, b"a")])
        writer.close()
        yield folder / "a.unmask"
        folder.chmod(0o755)


@posix
@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o755, 0o444), (0o555, 0o444), (0o555, 0o666)])
def test_a_file_or_folder_that_is_read_only(readable: Path, folder_mode: int, file_mode: int) -> None:
    readable.chmod(file_mode)
    readable.parent.chmod(folder_mode)
    with (
        as_anybody(),
        pytest.raises(CaptureError, match=r"stay as they were: the file or its folder is read-only"),
    ):
        change_marks_of(readable, kept(f1=""))
    assert marks(readable) == {}


@posix
def test_what_a_crash_left_in_a_folder_that_is_read_only(readable: Path) -> None:
    with closing(sqlite3.connect(readable)) as db:
        db.execute("PRAGMA journal_mode = WAL")
    readable.chmod(0o444)
    readable.parent.chmod(0o555)
    with as_anybody(), pytest.raises(CaptureError, match=r"a\.unmask"):
        change_marks_of(readable, kept(f1=""))


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (f"PRAGMA user_version = {SCHEMA_VERSION + 1}", "newer Unmask"),
        ("PRAGMA application_id = 7", "no capture of Unmask"),
        ("DROP TABLE mark", "its tables are not those of a capture"),
        (
            "DROP TABLE mark; CREATE TABLE mark(frame INTEGER PRIMARY KEY, note CHECK(length(hex(note)) > 0))",
            "its tables are not those of a capture",
        ),
        ("CREATE INDEX own ON mark(length(note))", "its tables are not those of a capture"),
    ],
)
def test_what_is_no_capture_of_this_format(finished: Path, script: str, sentence: str) -> None:
    with closing(sqlite3.connect(finished)) as db:
        db.executescript(script)
    before = finished.read_bytes()
    with pytest.raises(CaptureError, match=sentence):
        change_marks_of(finished, kept(f1=""))
    assert finished.read_bytes() == before


def test_no_capture_at_all(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="There is no capture"):
        change_marks_of(tmp_path / "none.unmask", kept(f1=""))
    assert list(tmp_path.iterdir()) == []


def test_somebody_at_work_in_the_file(finished: Path) -> None:
    with closing(sqlite3.connect(finished, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CaptureError, match=r"Try again|locked"):
            change_marks_of(finished, kept(f1=""))
        other.execute("ROLLBACK")
    change_marks_of(finished, kept(f1=""))
    assert marks(finished) == {1: ""}


@pytest.mark.parametrize(
    "script",
    [
        "DROP TABLE mark",
        "DROP TABLE mark; CREATE TABLE mark(frame, note); INSERT INTO mark VALUES(X'00', 'x')",
        "DROP TABLE mark; CREATE TABLE mark(frame, note); INSERT INTO mark VALUES('7', 'x')",
        "DROP TABLE mark; CREATE TABLE mark(frame, note); INSERT INTO mark VALUES(1e300, 'x')",
        "INSERT INTO mark VALUES(3, X'ff')",
    ],
)
def test_forged_marks(finished: Path, script: str) -> None:
    with closing(sqlite3.connect(finished)) as db:
        db.executescript(script)
    with closing(CaptureReader(finished)) as reader:
        reading = (
            reader.marks.frames,
            lambda: reader.marks.some(-(2**62), 9),
            lambda: reader.marks.note(3),
            lambda: reader.frame(3),
        )
        said: list[str] = []
        for read in reading:
            try:
                read()
            except CaptureError as error:
                said.append(str(error))
    assert said
    assert all("It is damaged" in each for each in said)


# While it is recorded.


def test_marks_of_the_capture_being_recorded(tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    failures: list[UnmaskError] = []
    recorder = Recorder(path, "1", NOTHING)
    connection = recorder.open_connection(OPENED, 0)
    recorder.record(connection, 0, events(b"a", b"b"), 0, Direction.CLIENT_TO_SERVER)
    recorder.change_marks(kept(f2="just recorded"), failures.append)
    recorder.change_marks(kept(f3="not yet"), failures.append)
    recorder.flush()
    assert marks(path) == {2: "just recorded"}
    assert [str(each) for each in failures] == [
        "Frame 3 is not in the capture, so that it cannot be bookmarked."
    ]
    assert recorder.failure is None, "the frames are none the worse for it"
    recorder.close()
    recorder.change_marks(kept(f1=""), failures.append)
    assert "Recording is over" in str(failures[-1])
    assert marks(path) == {2: "just recorded"}


def test_marks_go_where_the_capture_goes(tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{name}.unmask" for name in "abc")
    writer = CaptureWriter(first, "1")
    writer.write([opened(1), received(1, b"a", b"b")])
    writer.change_marks(kept(f2="kept"))
    writer.move_to(second)
    writer.change_marks(kept(f1=""))
    assert (marks(first), marks(second)) == ({2: "kept"}, {1: "", 2: "kept"})
    copy(second, third)
    assert marks(third) == {1: "", 2: "kept"}
    with closing(CaptureReader(second)) as reader:
        before = reader.totals()
        writer.clear()
        after = reader.totals()
        assert list(reader.marks.frames()) == []
        assert (after.generation, after.mark_changes) > (before.generation, before.mark_changes)
    writer.write([received(1, b"c")])
    writer.change_marks(kept(f3=""))
    writer.start_new(tmp_path / "d.unmask")
    assert (marks(second), marks(tmp_path / "d.unmask")) == ({3: ""}, {})
    writer.close()


def test_marks_from_outside_while_it_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    writer = CaptureWriter(path, "1")
    writer.write([opened(1), received(1, b"a", b"b")])
    change_marks_of(path, kept(f1="by another"))
    writer.write([received(1, b"c")])
    writer.change_marks(kept(f3="by the one"))
    change_marks_of(path, DropMarks((9,)))
    writer.close()
    assert marks(path) == {1: "by another", 3: "by the one"}
    with closing(CaptureReader(path)) as reader:
        assert reader.totals().frames == 3


def test_a_crash_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    child = subprocess.run([sys.executable, "-c", CHILD, str(path)], check=False, env=os.environ)
    assert child.returncode == 9
    assert marks(path) == {2: "before the crash"}
    # What was left behind can be marked as it lies there.
    change_marks_of(path, kept(f3="after"))
    assert marks(path) == {2: "before the crash", 3: "after"}
