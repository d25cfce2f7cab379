"""Where the payload cell of a line shows what a filter looked for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.logic.frame_lines import Line, PayloadKind
from app.logic.text import one_line_bytes
from core.query.needles import Needle

MARKS = 32
"""Marks in one cell."""


class NeedleMarks:
    """Finds the needles in the form of the cell: text on one line, or hex digits."""

    def __init__(self, needles: Sequence[Needle]) -> None:
        self._text = _pattern([one_line_bytes(each.data) for each in needles], needles)
        self._hex = _pattern([each.data.hex(" ") for each in needles], needles)

    def spans(self, line: Line) -> list[tuple[int, int]]:
        """Start and end (exclusive) of each mark, in order."""
        pattern = self._hex if line.payload_kind is PayloadKind.BYTES else self._text
        if pattern is None or line.payload_kind is PayloadKind.EMPTY:
            return []
        found = zip(pattern.finditer(line.payload), range(MARKS), strict=False)
        return [each.span() for each, _ in found]


def _pattern(texts: list[str], needles: Sequence[Needle]) -> re.Pattern[str] | None:
    branches = [
        f"(?i:{re.escape(text)})" if needle.folded else re.escape(text)
        for text, needle in zip(texts, needles, strict=True)
    ]
    # The longest first, since it is the one to show if two begin at the same place.
    return re.compile("|".join(sorted(branches, key=len, reverse=True))) if branches else None
