"""What SQLite can write on this disk: blobs of 1 MiB, with the settings of a capture."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

from core.capture.store import create, remove

MIB = 1024 * 1024
_BLOBS_A_COMMIT = 32
_DIFFERENT = 8
_MOST_BLOBS = 4096


def sqlite_write_rate(folder: Path, seconds: float) -> float:
    """Bytes a second that reach the file in about so many seconds, or 4 GiB, the last checkpoint included."""
    path = folder / "disk.unmask"
    blobs = [os.urandom(MIB) for _ in range(_DIFFERENT)]
    count = 0
    try:
        with closing(create(path)) as db:
            db.execute("CREATE TABLE blobs(id INTEGER PRIMARY KEY, content BLOB NOT NULL)")
            began = time.monotonic()
            while time.monotonic() < began + seconds and count < _MOST_BLOBS:
                db.execute("BEGIN IMMEDIATE")
                for _ in range(_BLOBS_A_COMMIT):
                    count += 1
                    db.execute("INSERT INTO blobs VALUES(?, ?)", (count, blobs[count % _DIFFERENT]))
                db.execute("COMMIT")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return count * MIB / (time.monotonic() - began)
    finally:
        remove(path)
