"""What is recorded is nobody else's to read, whatever the umask says."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.private_files import (
    close_to_others,
    create_file,
    ensure_file,
    make_folder,
    open_to_append,
    written_whole,
)
from core.capture.reader import CaptureReader
from core.capture.session_files import CaptureFolder
from core.capture.store import copy, files_of
from core.capture.writer import CaptureWriter
from tests.tools.captures import opened, received

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has other rights")


@pytest.fixture(params=[0o000, 0o022, 0o277], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: mode(path) for path in folder.iterdir()}


@pytest.mark.usefixtures("umask")
def test_a_capture_and_all_that_stands_beside_it_are_the_owners(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.unmask"
    writer = CaptureWriter(path, "0")
    try:
        writer.write([opened(1), received(1, b"secret")])
        with closing(CaptureReader(path)) as reader:
            assert reader.totals().frames == 1
            assert modes(path.parent) == {file.name: 0o600 for file in files_of(path)[:3]}
        copy(path, tmp_path / "new" / "copied.unmask")
        writer.move_to(tmp_path / "new" / "moved.unmask")
    finally:
        writer.close()
    assert modes(tmp_path / "new") == {"folder": 0o700, "copied.unmask": 0o600, "moved.unmask": 0o600}
    assert mode(tmp_path / "new") == 0o700


def test_a_copy_over_a_readable_file_is_the_owners(tmp_path: Path) -> None:
    target = tmp_path / "b.unmask"
    target.touch()
    target.chmod(0o644)
    writer = CaptureWriter(tmp_path / "a.unmask", "0")
    writer.close()
    copy(writer.path, target)
    assert mode(target) == 0o600


def test_a_folder_of_the_person_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    CaptureWriter(tmp_path / "a.unmask", "0").close()
    make_folder(tmp_path)
    assert mode(tmp_path) == 0o755


def test_the_folder_of_unsaved_captures_and_its_files_are_put_right(tmp_path: Path) -> None:
    folder = CaptureFolder(tmp_path / "captures")
    folder.folder.mkdir()
    left = folder.folder / "unsaved_2026-01-01_00-00-00.unmask"
    own = folder.folder / "note of the person"
    CaptureWriter(left, "0").close()
    own.touch()
    for path, wide in ((folder.folder, 0o755), (left, 0o644), (own, 0o644)):
        path.chmod(wide)
    claimed = folder.claim_new()
    try:
        assert mode(folder.folder) == 0o700
        assert modes(folder.folder) == {
            left.name: 0o600, own.name: 0o644, f"{claimed.path.name}.lock": 0o600
        }  # fmt: skip
    finally:
        claimed.release()


@pytest.mark.usefixtures("umask")
def test_the_folders_above_are_made_for_the_owner_and_no_others_changed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    CaptureFolder(tmp_path / "share" / "unmask" / "captures").claim_new().release()
    assert [mode(tmp_path / part) for part in ("share/unmask/captures", "share/unmask", "share", ".")] == [
        0o700, 0o700, 0o700, 0o755
    ]  # fmt: skip


@pytest.mark.usefixtures("umask")
def test_files_are_made_for_the_owner(tmp_path: Path) -> None:
    create_file(tmp_path / "created")
    ensure_file(tmp_path / "ensured")
    with written_whole(tmp_path / "whole") as out:
        out.write(b"all of it")
        assert mode(tmp_path / "whole.part") == 0o600
    with open_to_append(tmp_path / "appended") as out:
        out.write(b"a line\n")
    assert set(modes(tmp_path).values()) == {0o600}
    assert len(modes(tmp_path)) == 4
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "created")


def test_what_is_there_already_is_appended_to_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "figures"
    path.write_bytes(b"1\n")
    path.chmod(0o644)
    with open_to_append(path) as out:
        out.write(b"2\n")
    ensure_file(path)
    assert (path.read_bytes(), mode(path)) == (b"1\n2\n", 0o644)
    close_to_others(path)
    assert mode(path) == 0o600


def test_a_partial_file_that_somebody_put_there_is_not_written_to(tmp_path: Path) -> None:
    elsewhere, target = tmp_path / "theirs", tmp_path / "a.jsonl"
    elsewhere.touch()
    target.with_name("a.jsonl.part").symlink_to(elsewhere)
    with written_whole(target) as out:
        out.write(b"mine")
    assert (target.read_bytes(), elsewhere.read_bytes(), target.is_symlink()) == (b"mine", b"", False)


def test_a_link_stays_a_link_to_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    with written_whole(tmp_path / "link") as out:
        out.write(b"x")
    assert (tmp_path / "link").is_symlink()
    assert ((tmp_path / "real").read_bytes(), mode(tmp_path / "real")) == (b"x", 0o600)


def test_what_breaks_off_leaves_nothing_and_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"before")

    def break_off() -> None:
        with written_whole(target) as out:
            out.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert (target.read_bytes(), len(modes(tmp_path))) == (b"before", 1)


def test_a_file_in_the_way_of_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "file" / "captures")
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "file")
