"""Shared by all readers of a capture: a read sees one moment, and any damage becomes one kind of error."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from core.capture.read_connection import ReadConnection
from core.capture.store import reason
from core.errors import CaptureError

UNREADABLE = (sqlite3.Error, struct.error, ValueError, TypeError, OverflowError, IndexError, MemoryError)
"""What reading a damaged capture can raise; SQLite allocates as much memory as a damaged row declares."""


class Snapshots:
    """Reads the capture at `path` through `db`, which belongs to one thread."""

    def __init__(self, path: Path, db: ReadConnection) -> None:
        self.path = path
        self._db = db

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read within this context is of one moment. Keep it short: it holds back the file's
        housekeeping.
        """
        if self._db.in_transaction:
            yield
            return
        with self._reading():
            self._db.begin()
        try:
            yield
        finally:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Within this context, whatever reading a damaged file raises becomes a CaptureError."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except UNREADABLE as error:
            raise self._damage(reason(error)) from error

    def _damage(self, what: str) -> CaptureError:
        return CaptureError(
            f"The capture {self.path} cannot be read: {what}. It is damaged, or its disk has failed."
        )


_P = ParamSpec("_P")
_R = TypeVar("_R")
_S = TypeVar("_S", bound=Snapshots)


def reads(method: Callable[Concatenate[_S, _P], _R]) -> Callable[Concatenate[_S, _P], _R]:
    """Let `method` read one moment, and turn errors from a damaged file into CaptureError."""

    @wraps(method)
    def reading(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        with self.snapshot(), self._reading():
            return method(self, *args, **kwargs)

    return reading
