"""A capture file that was tampered with: opened, and read in some way; only CaptureError may come.

Opening is most of the cost, so one in `_OPENED` is opened; the others come under a reader that has a good file open,
as damage and other writers do. Each is read in the one way that its first byte names; of those that are opened one in
`_THOROUGH` is read by every way there is, copied and written to.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from functools import cache
from itertools import islice
from pathlib import Path

from core.capture.block_reader import EVERY, BlockReader
from core.capture.follow import Decision, Follower
from core.capture.gaps import Gap
from core.capture.layout import RECORD
from core.capture.marks import KeepMarks, Mark, change_marks_of
from core.capture.reader import CaptureReader
from core.capture.records import (
    ConnectionRecord,
    ConnectionState,
    FrameRecord,
    FrameRow,
    Mode,
    PayloadPart,
    View,
)
from core.capture.store import copy
from core.errors import CallerError, CaptureError
from core.protocol.anatomy import anatomy
from core.protocol.events import Origin
from core.protocol.handling import Handling
from core.protocol.violations import Severity
from tests.fuzz.script import Script, one_in
from tests.fuzz.tampered import tampered

_OPENED = 4
_THOROUGH = 16
_WITH_LOG = 8
"""One in so many of those that ask for it: SQLite takes its time over a log."""
_MOST_ENTRIES = 60
_MOST_BLOCKS = 8
_VIEWS = (View(), View(1, control=False), View(9), View(2))
_COUNTERS = (slice(24, 28), slice(92, 96))
"""Where a database tells its readers that it has changed (SQLite file format, section 1.3)."""


def run(data: bytes) -> None:
    """First byte: whether the log is there too, and how it is read. Then what is done to the file: see `tampered`."""
    script = Script(data)
    options = script.byte()
    file, log = tampered(script, with_log=bool(options & 1) and one_in(_WITH_LOG, data))
    with suppress(CaptureError):
        # Another page size or a log would stay with the reader.
        if (
            one_in(_OPENED, data)
            or log
            or not file.startswith(_kept().start)
            or options >> 2 & 7 == len(_WAYS)
        ):
            _read_opened(file, log, options, thorough=one_in(_OPENED * _THOROUGH, data))
        else:
            _read_kept(file, options)


def _read_opened(file: bytes, log: bytes, options: int, *, thorough: bool) -> None:
    place = _place()
    place.write(file, log)
    try:
        with suppress(CaptureError):
            _read(place.path, options, thorough=thorough)
        if thorough:
            with suppress(CaptureError):
                copy(place.path, place.path.with_name("copied.unmask"))
            with suppress(CallerError):
                change_marks_of(place.path, KeepMarks((Mark(1, "noted"),)))
    finally:
        place.clear()


def _read_kept(file: bytes, options: int) -> None:
    kept = _kept()
    kept.change(file)
    way, view = _WAYS[options >> 2 & 7], _VIEWS[options >> 5 & 3]
    with kept.reader.snapshot() if not options & 2 else nullcontext():
        way(kept.reader, view)


class _Place:
    """A file that is written again and again, in memory where there is such a place."""

    def __init__(self, name: str) -> None:
        shared = "/dev/shm"
        usable = os.access(shared, os.W_OK)
        folder = tempfile.TemporaryDirectory(prefix="unmask-fuzz-", dir=shared if usable else None)
        atexit.register(folder.cleanup)
        self.path = Path(folder.name, name)
        self._beside = tuple(f"{self.path}{ending}" for ending in ("-wal", "-shm", "-journal"))
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT)

    def write(self, file: bytes | bytearray, log: bytes) -> None:
        os.pwrite(self._file, file, 0)
        os.ftruncate(self._file, len(file))
        if log:
            Path(self._beside[0]).write_bytes(log)

    def clear(self) -> None:
        for path in self._beside:
            with suppress(FileNotFoundError):
                os.unlink(path)


@cache
def _place() -> _Place:
    return _Place("capture.unmask")


class _Kept:
    """A file that changes under its reader."""

    def __init__(self) -> None:
        self._place = _Place("kept.unmask")
        good, _ = tampered(Script(b""), with_log=False)
        self.start = good[:24]
        self._place.write(good, b"")
        self.reader = CaptureReader(self._place.path)
        atexit.register(self.reader.close)
        self._changes = 0

    def change(self, file: bytes) -> None:
        """The file is another one now."""
        self._changes += 1
        changed = bytearray(file)
        for counter in _COUNTERS:
            changed[counter] = self._changes.to_bytes(4, "big")
        self._place.write(changed, b"")
        self.reader.forget()


@cache
def _kept() -> _Kept:
    return _Kept()


# What is read.


def _read(path: Path, options: int, *, thorough: bool) -> None:
    """Bit 1: not all at one moment; bits 2 to 4: the way, 7 being block by block; bits 5 and 6: the view."""
    chosen, view = options >> 2 & 7, _VIEWS[options >> 5 & 3]
    if chosen == len(_WAYS) or thorough:
        _read_blocks(path)
    if chosen < len(_WAYS) or thorough:
        reader = CaptureReader(path)
        try:
            with reader.snapshot() if not options & 2 else nullcontext():
                for way in _WAYS if thorough else (_WAYS[chosen],):
                    with suppress(CaptureError):
                        way(reader, view)
        finally:
            reader.close()


def _read_list(reader: CaptureReader, view: View) -> None:
    count = reader.count(view)
    assert count >= 0
    assert reader.dropped(view) >= 0
    first = max(count - 6, 0)
    rows = reader.rows(view, first, 6)
    for row in rows:
        _check_row(row)
    if rows:
        reader.position(view, rows[0].id)


def _read_start(reader: CaptureReader, view: View) -> None:
    rows = reader.rows(view, 0, 200)
    for row in rows:
        _check_row(row)
    if rows:
        again = reader.rows_of([row.id for row in rows[:5]])
        assert all(row.id <= rows[-1].id for row in again)


def _read_problems(reader: CaptureReader, view: View) -> None:
    with suppress(CaptureError):
        assert all(type(value) is int for value in _fields(reader.totals()))
    reader.problem_count()
    for problem in reader.problems(0, 20):
        assert isinstance(problem.violation.rule.severity, Severity)
        assert _types(problem.id, problem.connection, problem.violation.offset) == (int, int, int)
        assert isinstance(problem.violation.detail, str)
    found = reader.next_violation(view, 0)
    assert found is None or found > 0
    reader.previous_violation(view, 9)


def _read_frames(reader: CaptureReader, view: View) -> None:
    last = reader.last_frame_id()
    for number in (2, last, last + 1) if view.control else (1, 5):
        with suppress(CaptureError):
            record = reader.frame(number)
            if record is not None:
                _check_frame(record)
                reader.frame_at(record.row.time_ns)
        _read_pieces(reader, number)


def _read_pieces(reader: CaptureReader, number: int) -> None:
    with suppress(CaptureError):
        outline = reader.pieces.outline(number)
        if outline is not None:
            _check_row(outline.row)
            anatomy(outline.frame, outline.row.captured_length)
    for part in PayloadPart:
        with suppress(CaptureError):
            found = reader.pieces.payload(number, part, 3, 300)
            assert found is None or len(found) <= 297


def _read_connections(reader: CaptureReader, view: View) -> None:
    for record in reader.connections():
        _check_connection(record)
    number = view.connection or 1
    found = reader.connection(number)
    assert found is None or found.id == number
    reader.connection_violations(number)
    reader.legs(number)
    reader.heads(number)


def _read_story(reader: CaptureReader, _view: View) -> None:
    for entry in islice(Follower(reader).entries(ending=True), _MOST_ENTRIES):
        if isinstance(entry, FrameRecord):
            _check_frame(entry)
        elif isinstance(entry, Gap):
            assert _types(entry.frames, entry.before, entry.last_ns) == (int, int, int)
            assert entry.frames > 0
        elif isinstance(entry, Decision):
            assert isinstance(entry.row.handling, Handling)
        else:
            _check_connection(entry.connection)


def _read_handlings(reader: CaptureReader, view: View) -> None:
    for row in reader.rows(view, 0, 20):
        assert isinstance(row.handling, Handling)
        handlings = reader.handlings
        named = [*handlings.unit(row.id), *handlings.consequences(row.id), handlings.cause(row.id) or 0]
        assert all(type(number) is int for number in named)


def _read_marks(reader: CaptureReader, view: View) -> None:
    _read_handlings(reader, view)
    assert all(type(number) is int for number in reader.marks.frames())
    for mark in reader.marks.some(0, 5):
        assert _types(mark.frame, mark.note) == (int, str)
    rows = reader.rows_of(list(reader.marks.frames())[:5])
    for row in rows:
        _check_row(row)


def _read_blocks(path: Path) -> None:
    reader = BlockReader(path)
    try:
        last = reader.last_frame_id()
        reader.start_ns()
        for key in reader.choose(0, last, EVERY, _MOST_BLOCKS):
            assert len(reader.records(key)) in (0, key.count * RECORD.size)
            assert isinstance(reader.payloads(key), bytes)
            assert all(rules for rules in reader.rules(key).values())
            assert all(type(note) is str for note in reader.notes(key).values())
    finally:
        reader.close()


_WAYS = (
    _read_list,
    _read_start,
    _read_problems,
    _read_frames,
    _read_connections,
    _read_story,
    _read_marks,
)


def _check_row(row: FrameRow) -> None:
    assert isinstance(row.origin, Origin)
    assert isinstance(row.preview, bytes)
    assert row.severity == 0 or Severity(row.severity)


def _check_frame(record: FrameRecord) -> None:
    """What the window and the exports do with one."""
    _check_row(record.row)
    assert len(record.frame.wire()) == len(record.frame.header()) + record.row.captured_length
    assert isinstance(record.note, str | None)
    assert record.message_payload is None or len(record.message_payload) == record.row.content_length


def _check_connection(record: ConnectionRecord) -> None:
    assert isinstance(record.state, ConnectionState)
    assert isinstance(record.mode, Mode)
    assert _types(record.id, record.opened_ns, record.frame_count) == (int, int, int)
    assert _types(record.peer, record.local, record.path) == (str, str, str)
    assert _types(record.extensions, record.reason) == (str, str)
    assert _types(record.request, record.response, record.trailing) == (bytes, bytes, bytes)
    assert isinstance(record.origin, str | None)
    assert isinstance(record.subprotocol, str | None)
    assert isinstance(record.closed_ns, int | None)
    source = record.source
    if source is not None:
        assert isinstance(source.mode, Mode)
        assert _types(source.name, source.address, source.target) == (str, str, str)


def _types(*values: object) -> tuple[type, ...]:
    return tuple(map(type, values))


def _fields(value: object) -> Iterator[object]:
    return (getattr(value, name) for name in type(value).__slots__)  # type: ignore[attr-defined]
