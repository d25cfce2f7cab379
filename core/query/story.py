"""A filter over a capture told as a story: frames that match, and every handshake and close."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.capture.follow import Close, Entry, Gap, Handshake
from core.capture.reader import CaptureReader
from core.capture.records import ConnectionRecord
from core.query.expressions import Expression
from core.query.predicate import FrameFilter


class StoryFilter:
    """Lets entries through, in the order in which they come; gaps always. Remembers the connections that are open."""

    def __init__(self, expression: Expression, reader: CaptureReader) -> None:
        self._filter = FrameFilter(expression)
        self._reader = reader
        self._open: dict[int, ConnectionRecord] = {}

    def __call__(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            if isinstance(entry, Handshake):
                self._open[entry.connection.id] = entry.connection
            elif isinstance(entry, Close):
                self._open.pop(entry.connection.id, None)
            elif not isinstance(entry, Gap) and not self._filter.matches(
                entry, self._connection(entry.row.connection)
            ):
                continue
            yield entry

    def _connection(self, number: int) -> ConnectionRecord | None:
        return self._open.get(number) or self._reader.connection(number)
