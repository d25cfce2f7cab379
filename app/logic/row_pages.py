"""The recently used rows of a list, page by page. No Qt here."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from app.logic.frame_lines import Line
from core.capture.records import FrameRow

PAGE_ROWS = 64
CACHED_PAGES = 64


class _Page:
    """Up to PAGE_ROWS rows of a list; the last page of a list may grow."""

    __slots__ = ("before_ns", "first", "lines", "rows")

    def __init__(self, first: int, before_ns: int | None, rows: list[FrameRow]) -> None:
        self.first = first
        self.before_ns = before_ns
        self.rows = rows
        self.lines: dict[int, Line] = {}


class RowPages:
    """Rows by position in a source; `fetch(first, count)` reads them."""

    def __init__(self, fetch: Callable[[int, int], list[FrameRow]]) -> None:
        self._fetch = fetch
        self._pages: OrderedDict[int, _Page] = OrderedDict()
        self.begin = 0
        """The first position that still exists; earlier ones are not read."""

    def __len__(self) -> int:
        """Number of pages held."""
        return len(self._pages)

    def clear(self) -> None:
        self._pages.clear()
        self.begin = 0

    def read_anew(self) -> None:
        """Forget what was read of the rows, which stay."""
        self._pages.clear()

    def forget_lines(self) -> None:
        """Forget the lines, so that they are made anew."""
        for page in self._pages.values():
            page.lines.clear()

    def row(self, position: int) -> FrameRow | None:
        """The row at a position; None if it cannot be read or is gone."""
        page = self._page(position)
        return None if page is None else page.rows[position - page.first]

    def line(self, position: int, make: Callable[[FrameRow, int | None], Line]) -> Line | None:
        """The line at a position; `make` gets the row and the time of the row before, if any."""
        page = self._page(position)
        if page is None:
            return None
        offset = position - page.first
        line = page.lines.get(offset)
        if line is None:
            before_ns = page.rows[offset - 1].time_ns if offset else page.before_ns
            line = page.lines[offset] = make(page.rows[offset], before_ns)
        return line

    def _page(self, position: int) -> _Page | None:
        """The page that has a position."""
        number = position // PAGE_ROWS
        page = self._pages.get(number)
        if page is None or page.first + len(page.rows) < self.begin:
            page = self._load(number)
        elif position >= page.first + len(page.rows):
            start = page.first + len(page.rows)
            page.rows += self._fetch(start, (number + 1) * PAGE_ROWS - start)
        if page is None:
            return None
        self._pages[number] = page
        self._pages.move_to_end(number)
        while len(self._pages) > CACHED_PAGES:
            self._pages.popitem(last=False)
        return page if position < page.first + len(page.rows) else None

    def _load(self, number: int) -> _Page | None:
        first = max(number * PAGE_ROWS, self.begin)
        count = (number + 1) * PAGE_ROWS - first
        # Read one row more in front, because the first row's Δ counts from it.
        rows = self._fetch(first - 1, count + 1) if first > self.begin else []
        if rows:
            return _Page(first, rows[0].time_ns, rows[1:]) if len(rows) > 1 else None
        rows = self._fetch(first, count)
        return _Page(first, None, rows) if rows else None
