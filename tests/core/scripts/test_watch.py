"""A file that is saved is noticed, however an editor does it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.scripts.watch import FileWatch
from tests.tools.waiting import PATIENCE_SECONDS

_QUICK = 0.01


class Seen:
    def __init__(self) -> None:
        self.saved = threading.Semaphore(0)
        self.gone = threading.Semaphore(0)


@contextmanager
def watching(path: Path) -> Iterator[tuple[FileWatch, Seen]]:
    seen = Seen()
    watch = FileWatch(path, seen.saved.release, seen.gone.release, _QUICK)
    try:
        yield watch, seen
    finally:
        watch.close()


def came(semaphore: threading.Semaphore) -> bool:
    return semaphore.acquire(timeout=PATIENCE_SECONDS)


def test_what_is_written_in_place_or_put_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    path.write_text("1")
    with watching(path) as (_, seen):
        path.write_text("one")
        assert came(seen.saved)
        other = tmp_path / "s.py~"
        other.write_text("two")
        os.replace(other, path)
        assert came(seen.saved)
    assert not seen.saved.acquire(blocking=False)
    assert not seen.gone.acquire(blocking=False)


def test_a_file_that_goes_and_comes(tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    path.write_text("1")
    with watching(path) as (_, seen):
        path.unlink()
        assert came(seen.gone)
        path.write_text("again")
        assert came(seen.saved)
    assert not seen.gone.acquire(blocking=False)


def test_files_beside_it_count_too(tmp_path: Path) -> None:
    path, helper = tmp_path / "s.py", tmp_path / "helper.py"
    path.write_text("1")
    helper.write_text("1")
    with watching(path) as (watch, seen):
        watch.look_at((helper,))
        # The first look at it says only how it is.
        while True:
            helper.write_text(helper.read_text() + "+")
            if seen.saved.acquire(timeout=_QUICK * 10):
                break


def test_one_that_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    with watching(path) as (_, seen):
        path.write_text("1")
        assert came(seen.saved)
