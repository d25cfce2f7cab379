"""Writes a capture in an interchange format, into a file that is there only once it is whole. No Qt here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from app.text import counted
from core.capture.follow import Follower
from core.capture.private_files import written_whole
from core.capture.reader import CaptureReader
from core.capture.store import is_capture, is_in_use, is_same, reason
from core.errors import CancelledError, CaptureError, ExportError
from core.formats.registry import Format
from core.query.child_scan import AnyScan, scan_of
from core.query.expressions import Filter
from core.query.scan import Found


class ExportWork:
    """How far an export is, and whether it is still wanted. Any thread."""

    def __init__(self) -> None:
        self._wanted = True
        self.share: float | None = None
        """0 to 1; None where nobody knows."""
        self.missed_frames = 0
        """Once all is written: frames that were there when it began, and were dropped or cleared before their turn."""

    def cancel(self) -> None:
        """The export ends soon, and leaves nothing."""
        self._wanted = False

    def is_wanted(self) -> bool:
        return self._wanted

    def check(self) -> None:
        """CancelledError where it is not wanted any more."""
        if not self._wanted:
            raise CancelledError("The export was cancelled; nothing was written.")


def pieces(
    wanted: Format, reader: CaptureReader, filtered: Filter | None, work: ExportWork
) -> Iterator[bytes]:
    """The capture, of its frames those that the filter finds; None: all. CaptureError, CancelledError."""
    if filtered is None:
        yield from _told(wanted, Follower(reader), work)
        return
    with closing(scan_of(reader.path, filtered, work.is_wanted)) as scan:
        yield from _told(wanted, Follower(reader, lambda after: _found(scan, after, work)), work)


def _told(wanted: Format, story: Follower, work: ExportWork) -> Iterator[bytes]:
    for piece in wanted.export(story.entries(ending=True)):
        work.check()
        yield piece
    work.missed_frames = story.missed_frames


def _found(scan: AnyScan, after: int, work: ExportWork) -> Iterator[Found]:
    for found in scan.run(after):
        work.share = found.through / max(found.last, 1)
        yield found
    # A scan that is not wanted any more ends as if there were no more frames.
    work.check()


def export_capture(
    wanted: Format,
    source: Path,
    target: Path,
    kept: Iterable[Path] = (),
    filtered: Filter | None = None,
    work: ExportWork | None = None,
) -> None:
    """Write `source` to `target`, in place of what is there, unless that is a capture or in `kept`.

    CaptureError, ExportError, CancelledError, or BrokenPipeError where `target` is a pipe that nobody reads any more; a
    file that was at `target` is then untouched.
    """
    try:
        _export(wanted, source, target, (source, *kept), filtered, work or ExportWork())
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_export(target, error) from error


def cannot_export(target: Path | None, error: OSError) -> ExportError:
    """Why nothing could be written to `target`; None: the standard output."""
    where = "the standard output" if target is None else target
    return ExportError(
        f"The export cannot be written to {where}: {reason(error)}. "
        "Choose a folder that exists and that you may write to, with room on its disk."
    )


def missed_sentence(frames: int) -> str:
    """What an export lacks that was slower than the recording."""
    one = "1 frame was dropped from the capture before it could be exported: a gap stands in its place."
    many = "{count} frames were dropped from the capture before they could be exported: gaps stand in their place."
    return f"{counted(frames, one, many)} Keep more of it, or save it first and export what was saved."


def _export(
    wanted: Format,
    source: Path,
    target: Path,
    kept: tuple[Path, ...],
    filtered: Filter | None,
    work: ExportWork,
) -> None:
    check_target(target, kept)
    reader = CaptureReader(source)
    try:
        if target.exists() and not target.is_file():
            # A pipe or a device: nothing can take its place.
            with target.open("wb") as out:
                out.writelines(pieces(wanted, reader, filtered, work))
            return
        with written_whole(target) as out:
            out.writelines(pieces(wanted, reader, filtered, work))
            # It may have become a capture meanwhile.
            check_target(target, kept)
    finally:
        reader.close()


def check_target(target: Path, kept: Iterable[Path]) -> None:
    """CaptureError where writing to `target` would destroy one of `kept`, or any other capture."""
    if any(is_same(each, target) for each in kept):
        raise CaptureError(f"{target} is the capture itself. Choose another place.")
    if is_capture(target) or is_in_use(target):
        # Also one that is closed: an export has another form, so this is never what was meant.
        raise CaptureError(f"{target} is a capture. Choose another place, or remove it first.")
