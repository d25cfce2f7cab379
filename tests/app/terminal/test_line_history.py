from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from app.terminal.line_history import LONGEST, MOST_LINES, LineHistory


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.jsonl"


def remembered(file: Path) -> list[str]:
    return list(LineHistory(file).load_history_strings())


def test_the_newest_comes_first_and_lines_may_have_several(file: Path) -> None:
    history = LineHistory(file)
    for text in ("one", "two\nlines", "ü"):
        history.store_string(text)
    assert remembered(file) == ["ü", "two\nlines", "one"]


@pytest.mark.skipif(sys.platform == "win32", reason="files have no modes")
def test_nobody_else_can_read_it(file: Path) -> None:
    LineHistory(file).store_string("one")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    assert remembered(file) == ["one"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_some_lines_are_not_remembered(file: Path) -> None:
    history = LineHistory(file)
    for text in (" secret", "x" * (LONGEST + 1), "kept"):
        history.store_string(text)
    assert remembered(file) == ["kept"]


def test_it_is_bounded(file: Path) -> None:
    history = LineHistory(file)
    for number in range(2 * MOST_LINES + 5):
        history.store_string(f"{number}")
    assert len(file.read_text().splitlines()) <= MOST_LINES + 5
    assert remembered(file)[0] == f"{2 * MOST_LINES + 4}"
    assert len(remembered(file)) <= MOST_LINES


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{not json\n", b"[1]\n", b"x" * 100_000])
def test_a_broken_file_is_no_history(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    assert remembered(file) == []
    LineHistory(file).store_string("one")


def test_without_a_place_it_lasts_for_this_run(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    history = LineHistory(taken / "history")
    history.append_string("one")
    assert history.get_strings() == ["one"]
