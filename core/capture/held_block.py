"""A block that a reader holds in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.capture.layout import CONNECTION_AND_HEAD
from core.capture.records import View
from core.capture.store import ALL

_MOST_SELECTIONS = 8


@dataclass(frozen=True, slots=True)
class HeldBlock:
    """Its records, and its payloads if they are small enough to hold."""

    first: int
    count: int
    records: bytes
    payloads: bytes | None
    _selections: dict[tuple[int, bool], list[int]] = field(default_factory=dict)

    def selection(self, view: View) -> list[int]:
        """Indices of the records that a view shows."""
        wanted = view.connection or ALL
        key = (wanted, view.control)
        found = self._selections.get(key)
        if found is None:
            if wanted == ALL and view.control:
                found = list(range(self.count))
            else:
                found = [
                    index
                    for index, (connection, head) in enumerate(CONNECTION_AND_HEAD.iter_unpack(self.records))
                    if (wanted == ALL or connection == wanted) and (view.control or not head & 8)
                ]
            if len(self._selections) >= _MOST_SELECTIONS:
                self._selections.clear()
            self._selections[key] = found
        return found
