"""A format that writes only some of a capture."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.capture.follow import Choose
from core.capture.reader import CaptureReader
from core.formats.registry import Format


class Chosen:
    """`format`, but only the entries that are chosen."""

    def __init__(self, format_: Format, choose: Callable[[CaptureReader], Choose]) -> None:
        self._format = format_
        self._choose = choose
        self.name = format_.name
        self.title = format_.title
        self.ending = format_.ending
        self.help = format_.help

    def export(self, reader: CaptureReader, choose: Choose | None = None) -> Iterator[bytes]:
        chosen = self._choose(reader)
        return self._format.export(
            reader, chosen if choose is None else lambda entries: choose(chosen(entries))
        )
