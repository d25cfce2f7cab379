"""Every broken rule as a list model: it knows their number and holds only the pages used recently."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt, Signal

from app.logic.text import one_line, tooltip
from app.models.index import NO_INDEX, Index
from core.capture.reader import CaptureReader
from core.capture.records import Problem
from core.errors import CaptureError
from core.protocol.violations import Severity

PAGE_ROWS = 128
CACHED_PAGES = 16
MAX_ROWS = 10_000_000
READ_AT_ONCE = 8_000
"""Violations read in one `refresh()`; the rest waits for the next one."""


class ProblemModel(QAbstractListModel):
    """The violations of a `CaptureReader`, in order of arrival. Nothing changes until `refresh()`."""

    failed = Signal(str)
    """The capture cannot be read; a sentence. Emitted once for each reader."""
    counts_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader: CaptureReader | None = None
        self._severities = frozenset(Severity)
        self._generation = 0
        self._failed = False
        self._rows = 0
        self._last_id = 0
        """Id of the last violation that was counted."""
        self._kept_from = 0
        """Id of the oldest frame in the capture."""
        self._anchors = array("q")
        """For each page, the id after which it begins."""
        self._pages: OrderedDict[int, list[Problem]] = OrderedDict()
        self._counts = dict.fromkeys(Severity, 0)

    def set_reader(self, reader: CaptureReader | None) -> None:
        """Show another capture. The caller owns the reader and closes it after setting another one or None."""
        self._reader = reader
        self._failed = False
        self._clear()

    @property
    def severities(self) -> frozenset[Severity]:
        return self._severities

    def set_severities(self, severities: frozenset[Severity]) -> None:
        """Show only violations of these severities."""
        if severities != self._severities:
            self._severities = severities
            self._clear()
            self.refresh()

    def count(self, severity: Severity) -> int:
        """Number of violations of a severity, shown or not."""
        return self._counts[severity]

    def refresh(self) -> bool:
        """Read what is new; True if there is more, so that it should be called again soon."""
        reader = self._reader
        if reader is None:
            return False
        try:
            with reader.snapshot():
                totals = reader.totals()
                self._keep_from(reader.first_frame_id())
                if totals.generation != self._generation:
                    self._clear()
                    self._generation = totals.generation
                if sum(self._counts.values()) == totals.violations:
                    return False
                found = reader.severities(self._last_id, READ_AT_ONCE)
                count = sum(self._counts.values()) + len(found)
                # Wrong totals, as in a damaged capture, would make this endless.
                are_some_gone = count > totals.violations and count > reader.problem_count()
        except CaptureError as error:
            self._fail(error)
            return False
        if are_some_gone:
            self._clear()
            return True
        self._take_in(found)
        return len(found) == READ_AT_ONCE

    def problem(self, row: int) -> Problem | None:
        """The content of a row; None if it cannot be read."""
        if self._reader is None or not 0 <= row < self._rows:
            return None
        number, offset = divmod(row, PAGE_ROWS)
        page = self._pages.get(number, [])
        if offset >= len(page):
            try:
                page = self._reader.problems(self._anchors[number], PAGE_ROWS, self._severities)
            except CaptureError as error:
                self._fail(error)
                return None
            self._pages[number] = page
        self._pages.move_to_end(number)
        if len(self._pages) > CACHED_PAGES:
            self._pages.popitem(last=False)
        return page[offset] if offset < len(page) else None

    def row_of(self, frame_id: int) -> int | None:
        """The first row about a frame; None if none is shown."""
        if self._reader is None:
            return None
        try:
            first = self._reader.first_problem_of(frame_id)
        except CaptureError as error:
            self._fail(error)
            return None
        if first is None:
            return None
        row = max(bisect_left(self._anchors, first) - 1, 0) * PAGE_ROWS
        while (problem := self.problem(row)) is not None and problem.id < first:
            row += 1
        # That violation may be hidden for its severity; others of the same frame follow it directly.
        return row if problem is not None and problem.frame == frame_id else None

    def sentence(self, problem: Problem) -> str:
        """The rule and the offending value."""
        violation = problem.violation
        return f"{violation.rule.sentence} {one_line(violation.detail)}".rstrip()

    def place(self, problem: Problem) -> str:
        """The place: connection, frame and section."""
        where = self.tr("handshake")
        if problem.frame is not None:
            where = self.tr("frame {number}")
            if problem.frame < self._kept_from:
                where = self.tr("frame {number}, which was dropped")
            where = where.format(number=problem.frame)
        return f"#{problem.connection} · {where} · {problem.violation.rule.section}".rstrip(" ·")

    def severity_name(self, severity: Severity) -> str:
        return {
            Severity.ERROR: self.tr("Error"),
            Severity.WARNING: self.tr("Warning"),
            Severity.NOTE: self.tr("Note"),
        }[severity]

    # QAbstractListModel.

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else self._rows

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        problem = self.problem(index.row()) if index.isValid() else None
        if problem is None:
            return None
        sentence, place = self.sentence(problem), self.place(problem)
        if role == Qt.ItemDataRole.DisplayRole:
            return sentence
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return f"{self.severity_name(problem.violation.rule.severity)} · {place}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(problem.violation.rule.sentence, problem.violation.detail, place)
        return None

    # Changes.

    def _keep_from(self, frame_id: int) -> None:
        """Mark the rows whose frames come before this one, and are gone."""
        if frame_id != self._kept_from:
            self._kept_from = frame_id
            if self._rows:
                self.dataChanged.emit(self.index(0), self.index(self._rows - 1))

    def _take_in(self, found: list[tuple[int, Severity]]) -> None:
        rows, before = self._rows, self._last_id
        anchors = array("q")
        for number, severity in found:
            self._counts[severity] += 1
            if severity in self._severities and rows < MAX_ROWS:
                if rows % PAGE_ROWS == 0:
                    anchors.append(before)
                rows += 1
            before = number
        self._last_id = before
        self._anchors.extend(anchors)
        if rows > self._rows:
            self.beginInsertRows(QModelIndex(), self._rows, rows - 1)
            self._rows = rows
            self.endInsertRows()
        self.counts_changed.emit()

    def _clear(self) -> None:
        self.beginResetModel()
        self._rows = self._last_id = 0
        self._anchors = array("q")
        self._pages.clear()
        self._counts = dict.fromkeys(Severity, 0)
        self.endResetModel()
        self.counts_changed.emit()

    def _fail(self, error: CaptureError) -> None:
        if not self._failed:
            self._failed = True
            self.failed.emit(str(error))
