"""Writes a capture in an interchange format, to a file that appears only when it is complete. No Qt here."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from itertools import islice
from pathlib import Path

from app.logic.rows import BEHIND_ALL_FRAMES
from app.logic.text import counted
from core.capture.follow import Close, Entry, Find, Follower, Handshake, Passage
from core.capture.private_files import written_whole
from core.capture.reader import CaptureReader
from core.capture.records import View
from core.capture.store import is_capture, is_in_use, is_same, reason
from core.errors import CancelledError, CaptureError, ExportError
from core.formats.registry import Format
from core.query.child_scan import AnyScan, scan_of
from core.query.expressions import Filter
from core.query.scan import Found

MOST_CHOSEN = 10_000_000
"""Frames that can be selected by id; each takes eight bytes."""
_AT_ONCE = 4096


class Scope(Enum):
    """Which part of a capture the person wants."""

    SELECTED = auto()
    """The frames in the selected rows."""
    MATCHING = auto()
    """The frames that match the filter."""
    CONNECTION = auto()
    """One connection."""
    EVERYTHING = auto()


@dataclass(frozen=True, slots=True)
class ExportPart:
    """The part of a capture to write."""

    wanted: Filter | None = None
    """Only frames that match; None means all."""
    connection: int | None = None
    """Only this connection's handshake, frames and close; None means all connections."""
    frames: tuple[range, ...] | None = None
    """Only frames with ids in one of these ranges, which are in order, with the handshakes and closes of their
    connections.
    """


EVERYTHING = ExportPart()


class ExportWork:
    """Progress of an export, and whether it is still wanted. Any thread."""

    def __init__(self) -> None:
        self._wanted = True
        self.share: float | None = None
        """0 to 1; None if unknown."""
        self.missed_frames = 0
        """Set at the end: number of frames that existed at the start and were dropped or cleared before they were
        written.
        """

    def cancel(self) -> None:
        """End the export soon, without a result."""
        self._wanted = False

    def is_wanted(self) -> bool:
        return self._wanted

    def check(self) -> None:
        """Raise CancelledError if the export is no longer wanted."""
        if not self._wanted:
            raise CancelledError("The export was cancelled; nothing was written.")


def pieces(wanted: Format, reader: CaptureReader, part: ExportPart, work: ExportWork) -> Iterator[bytes]:
    """The part in pieces of any size. Raises CaptureError, ExportError or CancelledError."""
    if part.connection is not None and reader.connection(part.connection) is None:
        raise ExportError(
            f"{reader.path} has no connection #{part.connection}. Export it whole to see which it has."
        )
    with ExitStack() as scans:
        find: Find | None = None
        connections = None if part.connection is None else {part.connection}
        if part.wanted is not None:
            scan = scans.enter_context(closing(scan_of(reader.path, part.wanted, work.is_wanted)))
            find = partial(_found, scan, work)
        if part.frames is not None:
            ids = _chosen(part.frames, find)
            connections = _connections_of(reader, ids, work)
            find = partial(_in_turn, ids, work)
        story = Follower(reader, find, View(part.connection))
        for piece in wanted.export(_told(story.entries(ending=True), connections)):
            work.check()
            yield piece
        work.missed_frames = story.missed_frames


def _told(entries: Iterable[Entry], connections: set[int] | None) -> Iterator[Entry]:
    """Leave out handshakes and closes of other connections; None keeps all."""
    for entry in entries:
        of_other = isinstance(entry, Handshake | Passage | Close) and entry.connection.id not in (
            connections or ()
        )
        if connections is None or not of_other:
            yield entry


def _found(scan: AnyScan, work: ExportWork, after: int) -> Iterator[Found]:
    for found in scan.run(after):
        work.share = found.through / max(found.last, 1)
        yield found
    # A scan that is cancelled ends as if there were no more frames.
    work.check()


def _chosen(spans: Sequence[range], find: Find | None) -> array[int]:
    """Ids in the spans that the filter matches, or all ids if `find` is None. Raises ExportError."""
    ids = array("Q")
    if find is None or not spans:
        for span in spans:
            _add(ids, span)
        return ids
    stops = [span.stop for span in spans]
    for found in find(spans[0].start - 1):
        frames = found.frames
        for span in islice(spans, bisect_right(stops, frames[0]) if frames else len(spans), None):
            if span.start > frames[-1]:
                break
            _add(ids, frames[bisect_left(frames, span.start) : bisect_left(frames, span.stop)])
        if found.through >= stops[-1]:
            break
    return ids


def _add(ids: array[int], more: Sequence[int]) -> None:
    if len(ids) + len(more) > MOST_CHOSEN:
        raise ExportError(
            f"More than {MOST_CHOSEN:,} frames are selected. Select fewer, or filter them and export those that match."
        )
    ids.extend(more)


def _connections_of(reader: CaptureReader, ids: array[int], work: ExportWork) -> set[int]:
    connections: set[int] = set()
    for first in range(0, len(ids), _AT_ONCE):
        work.check()
        connections.update(row.connection for row in reader.rows_of(ids[first : first + _AT_ONCE]))
    return connections


def _in_turn(ids: array[int], work: ExportWork, after: int) -> Iterator[Found]:
    """The frames with these ids, in the form of a scan's results."""
    for first in range(bisect_right(ids, after), len(ids), _AT_ONCE):
        some = ids[first : first + _AT_ONCE]
        work.share = first / len(ids)
        yield Found(some, some[-1], ids[-1])
    yield Found((), BEHIND_ALL_FRAMES, BEHIND_ALL_FRAMES)


def export_capture(
    wanted: Format,
    source: Path,
    target: Path,
    kept: Iterable[Path] = (),
    part: ExportPart = EVERYTHING,
    work: ExportWork | None = None,
) -> None:
    """Write that part of `source` to `target`, replacing a file there unless it is a capture or in `kept`.

    Raises CaptureError, ExportError or CancelledError, and BrokenPipeError if `target` is a pipe that nobody reads any
    more; a file that was at `target` is then untouched.
    """
    try:
        _export(wanted, source, target, (source, *kept), part, work or ExportWork())
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_export(target, error) from error


def cannot_export(target: Path | None, error: OSError) -> ExportError:
    """The error for a `target` that could not be written; None means standard output."""
    where = "the standard output" if target is None else target
    return ExportError(
        f"The export cannot be written to {where}: {reason(error)}. "
        "Choose a folder that exists and that you may write to, with room on its disk."
    )


def missed_sentence(frames: int) -> str:
    """A sentence about frames missing from an export that was slower than the recording."""
    one = "1 frame was dropped from the capture before it could be exported: a gap stands in its place."
    many = "{count} frames were dropped from the capture before they could be exported: gaps stand in their place."
    return f"{counted(frames, one, many)} Keep more of it, or save it first and export what was saved."


def _export(
    wanted: Format,
    source: Path,
    target: Path,
    kept: tuple[Path, ...],
    part: ExportPart,
    work: ExportWork,
) -> None:
    check_target(target, kept)
    reader = CaptureReader(source)
    try:
        if target.exists() and not target.is_file():
            # A pipe or a device cannot be replaced by another file.
            with target.open("wb") as out:
                out.writelines(pieces(wanted, reader, part, work))
            return
        with written_whole(target) as out:
            out.writelines(pieces(wanted, reader, part, work))
            # The target may have become a capture meanwhile.
            check_target(target, kept)
    finally:
        reader.close()


def check_target(target: Path, kept: Iterable[Path]) -> None:
    """Raise CaptureError if writing to `target` would destroy one of `kept`, or any other capture."""
    if any(is_same(each, target) for each in kept):
        raise CaptureError(f"{target} is the capture itself. Choose another place.")
    if is_capture(target) or is_in_use(target):
        # A closed capture counts too: an export has another form, so this is never intended.
        raise CaptureError(f"{target} is a capture. Choose another place, or remove it first.")


def scope_key(narrowed: tuple[Scope, ...]) -> str:
    """The name under which a choice for a view narrowed in these ways is remembered."""
    return "export/scope/" + ("+".join(each.name for each in narrowed) or "NONE")
