"""Writes a capture in an interchange format, into a file that is there only once it is whole. No Qt here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from core.capture.reader import CaptureReader
from core.capture.store import is_capture, is_in_use, is_same
from core.errors import CaptureError
from core.formats.registry import Format
from core.query.expressions import Expression
from core.query.scan import Scan


def pieces(wanted: Format, reader: CaptureReader, filtered: Expression | None) -> Iterator[bytes]:
    """The capture, of its frames those that the filter finds; None: all."""
    if filtered is None:
        yield from wanted.export(reader)
        return
    with closing(Scan(reader.path, filtered)) as scan:
        yield from wanted.export(reader, scan.run)


def export_capture(
    wanted: Format,
    source: Path,
    target: Path,
    kept: Iterable[Path] = (),
    filtered: Expression | None = None,
) -> None:
    """Write `source` to `target`, in place of what is there, unless that is a capture or in `kept`.

    CaptureError or OSError; a file that was at `target` is then untouched.
    """
    kept = (source, *kept)
    check_target(target, kept)
    reader = CaptureReader(source)
    try:
        if target.exists() and not target.is_file():
            # A pipe or a device: nothing can take its place.
            with target.open("wb") as out:
                out.writelines(pieces(wanted, reader, filtered))
            return
        whole = Path(os.path.realpath(target))
        partial = whole.with_name(whole.name + ".part")
        try:
            with partial.open("wb") as out:
                out.writelines(pieces(wanted, reader, filtered))
            # It may have become a capture meanwhile.
            check_target(target, kept)
            partial.replace(whole)
        finally:
            partial.unlink(missing_ok=True)
    finally:
        reader.close()


def check_target(target: Path, kept: Iterable[Path]) -> None:
    """CaptureError where writing to `target` would destroy one of `kept`, or any other capture."""
    if any(is_same(each, target) for each in kept):
        raise CaptureError(f"{target} is the capture itself. Choose another place.")
    if is_capture(target) or is_in_use(target):
        # Also one that is closed: an export has another form, so this is never what was meant.
        raise CaptureError(f"{target} is a capture. Choose another place, or remove it first.")
