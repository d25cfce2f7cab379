"""A reader that is used for hours takes no more memory than one that was just opened."""

from __future__ import annotations

import shutil
import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from core.capture.block_reader import EVERY, BlockReader
from core.capture.read_connection import ReadConnection
from core.capture.reader import CaptureReader
from core.capture.records import PayloadPart
from core.errors import CaptureError
from tests.tools.recorded import CaptureMaker

_MANY = 5001
"""Blobs after which another connection takes over."""
_TIMES = 20_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with CaptureMaker(tmp_path / "made.unmask") as maker:
        maker.peer().say("hello")
        maker.reader()
    return maker.path


def read_blobs(db: ReadConnection, count: int) -> None:
    for _ in range(count):
        with db.blob("payload", "bytes", 1) as blob:
            assert blob.read() == b"hello"


def test_what_is_read_again_and_again_takes_no_memory(path: Path) -> None:
    """sqlite3 forgets what was opened only with the connection."""
    with closing(CaptureReader(path)) as reader, closing(BlockReader(path)) as blocks:
        (key,) = blocks.choose(0, 1, EVERY, 1)

        def read() -> None:
            assert reader.pieces.payload(1, PayloadPart.FRAME, 0, 2) == b"he"
            with blocks.snapshot():
                assert blocks.payloads(key) == b"hello"

        read()
        tracemalloc.start()
        try:
            for _ in range(_TIMES):
                read()
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert held < 64 * _TIMES


def test_another_connection_takes_over_between_snapshots(path: Path) -> None:
    with closing(ReadConnection(path)) as db:
        first = db.connection
        db.begin()
        read_blobs(db, _MANY)
        assert db.connection is first
        db.execute("ROLLBACK")
        db.begin()
        assert db.connection is not first
        assert db.in_transaction
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            first.execute("SELECT 1")
        read_blobs(db, 1)
        db.execute("ROLLBACK")


@pytest.mark.parametrize("instead", [None, "another"])
def test_of_a_file_that_has_no_name_any_more_it_goes_on_reading(
    path: Path, tmp_path: Path, instead: str | None
) -> None:
    with closing(ReadConnection(path)) as db:
        kept = db.connection
        if instead is None:
            path.rename(tmp_path / "moved.unmask")
        else:
            other = shutil.copy(path, tmp_path / instead)
            Path(other).replace(path)
        read_blobs(db, _MANY)
        db.begin()
        assert db.connection is kept
        read_blobs(db, 1)
        db.execute("ROLLBACK")


def test_where_it_cannot_be_opened_again_it_goes_on_reading(path: Path) -> None:
    with closing(ReadConnection(path)) as db:
        kept = db.connection
        read_blobs(db, _MANY)
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("PRAGMA user_version = 99")
        db.begin()
        assert db.connection is kept
        db.execute("ROLLBACK")
    with pytest.raises(CaptureError, match="newer"):
        ReadConnection(path)
