from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from core.capture.follow import Follower
from core.capture.reader import CaptureReader
from core.capture.records import View
from core.capture.ring import Keep
from core.capture.store import (
    APPLICATION_ID,
    PAGE_SIZE,
    SCHEMA_VERSION,
    copy,
    create,
    is_capture,
    open_for_reading,
    remove,
)
from core.capture.writer import CaptureWriter
from core.errors import CaptureError
from tests.tools.captures import files_of, opened, received
from tests.tools.recorded import CaptureMaker

NAMES = [
    "plain.unmask",
    "a b.unmask",
    "q?x=1&mode=rw.unmask",
    "h#f.unmask",
    "100%41.unmask",
    "捕获 ü.unmask",
    "x'\";.db",
]


def fill(path: Path, *payloads: bytes) -> CaptureWriter:
    writer = CaptureWriter(path, "1")
    writer.write([opened(1), received(1, *payloads)])
    return writer


def shown(path: Path) -> list[bytes]:
    with closing(CaptureReader(path)) as reader:
        return [row.preview for row in reader.rows(View(), 0, 99)]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can get at, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@contextmanager
def as_anybody() -> Iterator[None]:
    """Give up the rights of root within this context: root may write to read-only files."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


posix = pytest.mark.skipif(os.name != "posix", reason="folders have no such permissions on Windows")


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_a_name(tmp_path: Path, name: str) -> None:
    if os.name != "posix" and set(name) & set('?"'):
        pytest.skip("no file name on Windows")
    path = tmp_path / "ordner ä%20?#" / name if os.name == "posix" else tmp_path / name
    writer = fill(path, b"a")
    assert shown(path) == [b"a"]
    writer.close()
    assert shown(path) == [b"a"]
    assert files_of(path) == [name]
    assert [each.name for each in path.parent.iterdir()] == [name]


@pytest.mark.skipif(os.name != "posix", reason="names are Unicode on Windows")
def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\xfe.unmask")
    fill(path, b"a").close()
    assert shown(path) == [b"a"]


def test_a_relative_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fill(Path("here.unmask"), b"a").close()
    assert shown(Path("here.unmask")) == [b"a"]


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    writer = fill(tmp_path / "a.unmask")
    writer.close()
    with closing(sqlite3.connect(tmp_path / "a.unmask")) as found:
        assert found.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert found.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def test_reading_never_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    fill(path, b"a").close()
    before = path.read_bytes()
    with closing(open_for_reading(path)) as found, pytest.raises(sqlite3.OperationalError, match="readonly"):
        found.execute("DELETE FROM block")
    assert path.read_bytes() == before


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    path.write_text("dear to someone")
    with pytest.raises(CaptureError, match=r"There is a file at .*a\.unmask already"):
        create(path)
    assert path.read_text() == "dear to someone"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("file/x.unmask", "No capture can be written to"), ("x" * 300, "too long"), ("nul\0", "null byte")],
)
def test_where_no_capture_can_be(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CaptureError, match=sentence):
        create(tmp_path / name)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@posix
def test_a_folder_that_cannot_be_written(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    with (
        as_anybody(),
        pytest.raises(CaptureError, match=r"Permission denied\. Choose a folder that you may write to"),
    ):
        create(open_folder / "a.unmask")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("none.unmask", "There is no capture at .*none.unmask"),
        ("nul\0byte", "There is no capture at"),
        ("folder", "is a folder"),
        ("x" * 300, "cannot be opened: File name too long"),
        ("text", "cannot be read as a capture: file is not a database"),
        ("empty", "is no capture of Unmask"),
        ("other.db", "is no capture of Unmask"),
        ("newer.unmask", rf"newer Unmask \(format {SCHEMA_VERSION + 1}; this one reads 1 to {SCHEMA_VERSION}\)"),
        ("none_of_ours.unmask", rf"no Unmask \(format 0; this one reads 1 to {SCHEMA_VERSION}\)"),
        ("no_tables.unmask", "cannot be read as a capture: no such table"),
        ("no_totals.unmask", "lacks its totals"),
        ("cut.unmask", "is cut short: 1000 of its "),
    ],
)  # fmt: skip
def test_what_is_no_capture_is_said_to_be_none(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no database at all, but some text\n" * 99)
    (tmp_path / "empty").touch()
    marked = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version"
    statements = {
        "other.db": "CREATE TABLE t(x)",
        "newer.unmask": f"{marked} = {SCHEMA_VERSION + 1}",
        "none_of_ours.unmask": f"{marked} = 0",
        "no_tables.unmask": f"{marked} = {SCHEMA_VERSION}",
        "no_totals.unmask": f"{marked} = {SCHEMA_VERSION}; CREATE TABLE total(frames)",
    }
    for each, statement in statements.items():
        with closing(sqlite3.connect(tmp_path / each)) as made:
            made.executescript(statement)
    fill(tmp_path / "whole.unmask", b"a").close()
    (tmp_path / "cut.unmask").write_bytes((tmp_path / "whole.unmask").read_bytes()[:1000])
    with pytest.raises(CaptureError, match=sentence):
        open_for_reading(tmp_path / name)


@posix
def test_a_folder_that_cannot_be_looked_into(open_folder: Path) -> None:
    inner = open_folder / "inner"
    fill(inner / "a.unmask", b"a").close()
    inner.chmod(0o000)
    with as_anybody(), pytest.raises(CaptureError, match="Permission denied"):
        open_for_reading(inner / "a.unmask")
    inner.chmod(0o755)


@posix
def test_a_file_that_cannot_be_read(open_folder: Path) -> None:
    path = open_folder / "a.unmask"
    fill(path, b"a").close()
    path.chmod(0o000)
    with (
        as_anybody(),
        pytest.raises(CaptureError, match=r"a\.unmask cannot be opened: Permission denied"),
    ):
        open_for_reading(path)


@posix
def test_a_capture_in_a_read_only_folder(open_folder: Path) -> None:
    path = open_folder / "a.unmask"
    fill(path, b"a", b"b").close()
    path.chmod(0o444)
    open_folder.chmod(0o555)
    with as_anybody():
        assert shown(path) == [b"a", b"b"]


@posix
def test_a_read_only_folder_with_a_log_that_was_written_back(open_folder: Path) -> None:
    """A capture that another program left in WAL mode, with nothing beside it."""
    path = open_folder / "a.unmask"
    fill(path, b"a").close()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    assert files_of(path) == ["a.unmask"]
    path.chmod(0o444)
    open_folder.chmod(0o555)
    with as_anybody():
        assert shown(path) == [b"a"]


@posix
def test_an_unfinished_capture_in_a_read_only_folder_is_not_shown_by_halves(
    tmp_path: Path, open_folder: Path
) -> None:
    writer = fill(tmp_path / "a.unmask", b"a")
    for ending in ("", "-wal"):
        name = "a.unmask" + ending
        (open_folder / name).write_bytes((tmp_path / name).read_bytes())
    writer.close()
    open_folder.chmod(0o555)
    with (
        as_anybody(),
        pytest.raises(CaptureError, match=r"was not finished, and its last frames stand in a\.unmask-wal"),
    ):
        open_for_reading(open_folder / "a.unmask")
    open_folder.chmod(0o755)
    assert shown(open_folder / "a.unmask") == [b"a"]


def test_a_locked_capture_is_not_taken_for_an_unchanging_one(tmp_path: Path) -> None:
    path = tmp_path / "a.unmask"
    fill(path, b"a").close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CaptureError, match="database is locked"):
            open_for_reading(path)


def test_copying_takes_also_what_is_being_written(tmp_path: Path) -> None:
    source, target = tmp_path / "a.unmask", tmp_path / "b.unmask"
    target.write_bytes(b"before")
    target.with_name("b.unmask-wal").write_bytes(b"of what was there before")
    writer = fill(source, b"a")
    copy(source, target)
    writer.write([received(1, b"b")])
    assert (shown(target), shown(source)) == ([b"a"], [b"a", b"b"])
    assert files_of(target) == ["b.unmask"]
    writer.close()


def test_copying_onto_itself_changes_nothing(tmp_path: Path) -> None:
    writer = fill(tmp_path / "a.unmask", b"a")
    copy(writer.path, writer.path)
    writer.write([received(1, b"b")])
    assert shown(writer.path) == [b"a", b"b"]
    writer.close()


@pytest.mark.parametrize("name", ["missing/b.unmask", ".", "nul\0"])
def test_copying_to_where_it_cannot_be(tmp_path: Path, name: str) -> None:
    fill(tmp_path / "a.unmask", b"a").close()
    with pytest.raises(CaptureError, match="cannot be saved as"):
        copy(tmp_path / "a.unmask", tmp_path / name)
    assert [each.name for each in tmp_path.iterdir()] == ["a.unmask"]


def test_removing_takes_what_lies_beside(tmp_path: Path) -> None:
    for name in ("a.unmask", "a.unmask-wal", "a.unmask-shm", "b.unmask"):
        (tmp_path / name).touch()
    remove(tmp_path / "a.unmask")
    remove(tmp_path / "a.unmask")
    assert [each.name for each in tmp_path.iterdir()] == ["b.unmask"]


def test_what_begins_as_a_capture(tmp_path: Path) -> None:
    capture, other, text = tmp_path / "c.unmask", tmp_path / "other.db", tmp_path / "text"
    create(capture).close()
    sqlite3.connect(other).execute("CREATE TABLE t(x)").connection.close()
    text.write_bytes(b"SQLite format 3\0")
    assert is_capture(capture)
    assert not is_capture(other)
    assert not is_capture(text)
    assert not is_capture(tmp_path)
    assert not is_capture(tmp_path / "none")
    capture.write_bytes(capture.read_bytes()[:100])
    assert is_capture(capture), "a damaged one is still somebody's"


@pytest.mark.parametrize("missing", [1, 100, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 3 * PAGE_SIZE])
def test_a_capture_that_was_cut_is_said_to_be(tmp_path: Path, missing: int) -> None:
    """SQLite would take what is missing of a page for zeros."""
    with CaptureMaker(tmp_path / "whole.unmask") as maker:
        maker.peer().say("x" * 50_000)
        maker.reader()
    data = maker.path.read_bytes()
    cut = tmp_path / "cut.unmask"
    cut.write_bytes(data[:-missing])
    there = f"{len(data) - missing} of its {len(data)} bytes are there"
    with pytest.raises(CaptureError, match=f"cut.unmask is cut short: {there}. Copy it once more"):
        open_for_reading(cut)
    cut.write_bytes(data)
    open_for_reading(cut).close()


def test_a_table_that_is_blank_is_told_in_words(tmp_path: Path) -> None:
    with CaptureMaker(tmp_path / "whole.unmask") as maker:
        maker.peer().say("x")
        maker.reader()
    data = maker.path.read_bytes()
    said = set()
    for page in range(1, len(data) // PAGE_SIZE):
        blank = tmp_path / "blank.unmask"
        blank.write_bytes(
            data[: page * PAGE_SIZE + 100] + bytes(PAGE_SIZE - 100) + data[(page + 1) * PAGE_SIZE :]
        )
        try:
            with closing(CaptureReader(blank)) as reader:
                reader.last_frame_id()
                list(Follower(reader).entries())
        except CaptureError as error:
            said.add(str(error).split("unmask ")[-1])
    assert any("one of its tables holds what no capture has there. It is damaged" in each for each in said)
    assert not any("argument" in each for each in said)


def test_a_copy_of_a_ring_does_not_hold_what_was_dropped(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    writer.write([opened(1), received(1, b"long gone " * 20_000)])
    writer.write([received(1, b"kept")])
    writer.keep = Keep(frames=1)
    assert writer.drop_oldest(0, 1 << 30).frames == 1
    copy(writer.path, tmp_path / "copied.unmask")
    writer.move_to(tmp_path / "moved.unmask")
    writer.close()
    for name in ("copied.unmask", "moved.unmask"):
        assert b"long gone" not in (tmp_path / name).read_bytes()
        with closing(CaptureReader(tmp_path / name)) as reader:
            assert [row.preview for row in reader.rows(View(), 1, 9)] == [b"kept"]
            assert reader.totals().frames == 2
