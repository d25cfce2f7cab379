from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from core.capture.reader import CaptureReader
from core.capture.session_files import (
    CaptureFolder,
    ClaimedCapture,
    Holdings,
    default_folder,
    discard,
)
from core.capture.writer import Batch, CaptureWriter
from core.errors import CaptureError
from tests.tools.captures import ACCEPTED, OPENED, received
from tests.tools.program import Program
from tests.tools.recorded import CaptureMaker

HOLD = """
import sys
from pathlib import Path
from core.capture.session_files import CaptureFolder
from core.capture.writer import Batch, CaptureWriter
from tests.tools.captures import ACCEPTED, opened, received
claimed = CaptureFolder(Path(sys.argv[1])).claim_new()
writer = CaptureWriter(claimed.path, "0")
writer.write([opened(1, 1), Batch(1, 1, [ACCEPTED], 0), received(1, b"a", b"b", time_ns=2)])
print(claimed.path, flush=True)
sys.stdin.readline()
"""
ODD_NAMES = ("with space", "ünïcödé 你好", "per%20cent?#", "quote'\"", "-rf", "[a-z]*", "new\nline")


@pytest.fixture
def folder(tmp_path: Path) -> CaptureFolder:
    return CaptureFolder(tmp_path / "captures")


def record(path: Path, frames: int) -> None:
    """A finished capture."""
    writer = CaptureWriter(path, "0")
    if frames:
        payloads = [b"x"] * frames
        writer.write([Batch(1, 1, OPENED, 0), Batch(1, 1, [ACCEPTED], 0), received(1, *payloads, time_ns=2)])
    writer.close()


def record_and_release(claimed: ClaimedCapture, frames: int) -> Path:
    record(claimed.path, frames)
    claimed.release()
    return claimed.path


def names_in(folder: CaptureFolder) -> list[str]:
    return sorted(path.name for path in folder.folder.iterdir())


def test_the_folder_is_the_users_own(user_folders: Path) -> None:
    assert default_folder().is_relative_to(user_folders)


def test_a_claim_makes_the_folder_and_no_capture(folder: CaptureFolder) -> None:
    claimed = folder.claim_new()
    assert claimed.path.parent == folder.folder
    assert not claimed.path.exists()
    claimed.release()
    claimed.release()
    assert names_in(folder) == []


def test_claims_at_the_same_moment_have_names_of_their_own(folder: CaptureFolder) -> None:
    claims = [folder.claim_new() for _ in range(5)]
    assert len({claimed.path for claimed in claims}) == 5
    for claimed in claims:
        claimed.release()


def test_a_capture_in_use_is_nobodys_to_take(folder: CaptureFolder) -> None:
    claimed = folder.claim_new()
    record(claimed.path, 3)
    assert folder.left_behind() == []
    claimed.release()
    [left] = folder.left_behind()
    assert (left.path, left.holdings) == (claimed.path, Holdings(3, 0))
    assert (left.modified, left.size) == (claimed.path.stat().st_mtime, claimed.path.stat().st_size)


def test_what_was_left_behind_comes_newest_first_and_stays_offered(folder: CaptureFolder) -> None:
    for name in ("unsaved_2026-01-02_00-00-00", "unsaved_2026-03-01_00-00-00", "unsaved_2026-01-01_00-00-00"):
        folder.folder.mkdir(exist_ok=True)
        record(folder.folder / f"{name}.unmask", 1)
    for _ in range(2):
        assert [left.path.stem[8:15] for left in folder.left_behind()] == ["2026-03", "2026-01", "2026-01"]


def test_empty_ones_are_cleaned_away(folder: CaptureFolder) -> None:
    record_and_release(folder.claim_new(), 0)
    kept = record_and_release(folder.claim_new(), 1)
    assert [left.path for left in folder.left_behind()] == [kept]
    assert names_in(folder) == [kept.name]


def test_connections_without_frames_are_cleaned_away_but_for_refused_ones(folder: CaptureFolder) -> None:
    folder.folder.mkdir()
    silent, kept = (folder.folder / f"unsaved_{name}.unmask" for name in ("silent", "refused"))
    two_keys = "/ HTTP/1.1\r\nSec-WebSocket-Key: 1"
    for path, targets in ((silent, ("/chat",)), (kept, ("/chat", two_keys, two_keys))):
        with CaptureMaker(path) as maker:
            for target in targets:
                maker.peer(target).vanish()
    [left] = folder.left_behind()
    assert (left.path, left.holdings) == (kept, Holdings(0, 2))
    assert names_in(folder) == [kept.name]


def test_whether_its_run_ended_in_order_is_known(folder: CaptureFolder) -> None:
    folder.folder.mkdir()
    kept, broken_off = (folder.folder / f"unsaved_{name}.unmask" for name in ("kept", "broken_off"))
    with CaptureMaker(kept) as maker:
        peer = maker.peer()
        peer.say("hello")
        peer.vanish()
        maker.recorder.flush()
        # What a kill at this moment leaves.
        for ending in ("", "-wal"):
            copied = broken_off.with_name(broken_off.name + ending)
            copied.write_bytes(kept.with_name(kept.name + ending).read_bytes())
    assert {left.path: left.finished for left in folder.left_behind()} == {kept: True, broken_off: False}


def test_what_is_claimed_is_not_offered(folder: CaptureFolder) -> None:
    path = record_and_release(folder.claim_new(), 1)
    claimed = folder.claim(path)
    assert claimed is not None
    assert folder.claim(path) is None
    assert folder.left_behind() == []
    claimed.release()
    assert [left.path for left in folder.left_behind()] == [path]
    discard(path)
    assert folder.claim(path) is None
    assert names_in(folder) == []


def test_unreadable_files_are_left_alone(folder: CaptureFolder) -> None:
    folder.folder.mkdir()
    rubbish = {
        "unsaved_1.unmask": b"this is no database at all, but longer than a header " * 10,
        "unsaved_2.unmask": b"",
        "unsaved_3.unmask": b"SQLite format 3\0" + bytes(84),
    }
    for name, content in rubbish.items():
        (folder.folder / name).write_bytes(content)
    (folder.folder / "unsaved_4.unmask").mkdir()
    (folder.folder / "unsaved_5.unmask").symlink_to("nowhere")
    record(folder.folder / "named_by_hand.unmask", 0)
    assert folder.left_behind() == []
    assert {name: (folder.folder / name).read_bytes() for name in rubbish} == rubbish
    assert len(names_in(folder)) == 6


def test_a_lock_that_cannot_be_had_hides_only_its_capture(folder: CaptureFolder) -> None:
    hidden = record_and_release(folder.claim_new(), 1)
    spoilt = record_and_release(folder.claim_new(), 1)
    shown = record_and_release(folder.claim_new(), 1)
    hidden.with_name(hidden.name + ".lock").mkdir()
    spoilt.with_name(spoilt.name + ".lock").write_bytes(
        b"no database, but longer than the header of one " * 10
    )
    assert [left.path for left in folder.left_behind()] == [shown]
    assert hidden.exists()
    assert spoilt.exists()


def test_no_folder_leaves_nothing_behind(folder: CaptureFolder) -> None:
    assert folder.left_behind() == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = CaptureFolder(tmp_path / "file" / "captures")
    with pytest.raises(
        CaptureError, match=r"No capture can be kept in .*captures: .*Make that folder writable"
    ):
        folder.claim_new()
    assert folder.left_behind() == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_a_folder_that_cannot_be_written_is_said(folder: CaptureFolder) -> None:
    record_and_release(folder.claim_new(), 1)
    folder.folder.chmod(0o500)
    try:
        if os.access(folder.folder, os.W_OK):
            pytest.skip("whoever runs this may write anywhere")
        with pytest.raises(CaptureError, match="Make that folder writable"):
            folder.claim_new()
        assert folder.left_behind() == []
    finally:
        folder.folder.chmod(0o700)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = CaptureFolder(tmp_path / name)
    path = record_and_release(folder.claim_new(), 2)
    [left] = folder.left_behind()
    assert (left.path, left.holdings.frames) == (path, 2)
    assert names_in(folder) == [path.name]


def test_two_runs_at_once_keep_out_of_each_others_way(folder: CaptureFolder) -> None:
    with Program([sys.executable, "-c", HOLD, str(folder.folder)]) as other:
        theirs = Path(other.line())
        mine = folder.claim_new()
        assert mine.path != theirs
        assert folder.left_behind() == []
        mine.release()
        other.say("done")
        assert other.wait() == 0
    assert [left.path for left in folder.left_behind()] == [theirs]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_run_that_was_killed_leaves_its_capture_to_the_next(folder: CaptureFolder) -> None:
    with Program([sys.executable, "-c", HOLD, str(folder.folder)]) as other:
        theirs = Path(other.line())
        assert folder.left_behind() == []
        assert other.end(signal.SIGKILL) == -signal.SIGKILL
    [left] = folder.left_behind()
    assert (left.path, left.holdings.frames, left.finished) == (theirs, 2, False)
    reader = CaptureReader(theirs)
    assert [record.frame.payload for record in reader.frames_after(0, 10)] == [b"a", b"b"]
    reader.close()


def test_discarding_leaves_nothing(folder: CaptureFolder) -> None:
    path = record_and_release(folder.claim_new(), 1)
    for ending in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).touch()
    discard(path)
    discard(path)
    assert names_in(folder) == []
