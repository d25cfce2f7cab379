"""The sources as a list model; the first row stands for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QObject, Qt

from app.logic.source_lines import SourceLine, SourceState
from app.logic.text import counted, grouped, one_line, tooltip
from app.models.index import NO_INDEX, Index


class SourceModel(QAbstractListModel):
    """Row 0 is "All sources", row n the n-th source."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[SourceLine, ...] = ()

    def set_lines(self, lines: Sequence[SourceLine]) -> None:
        """Show these. The list is reset only if others are in it than before."""
        before, after = self._lines, tuple(lines)
        if [line.id for line in before] != [line.id for line in after]:
            self.beginResetModel()
            self._lines = after
            self.endResetModel()
        elif before != after:
            self._lines = after
            self.dataChanged.emit(self.index(0), self.index(len(after)))

    @property
    def lines(self) -> tuple[SourceLine, ...]:
        return self._lines

    def line(self, row: int) -> SourceLine | None:
        """The source in row `row`; None for row 0."""
        return self._lines[row - 1] if 0 < row <= len(self._lines) else None

    def row_of(self, source: int | None) -> int:
        """The row of a source; 0 for None, and where it is not in the list."""
        return next((row for row, line in enumerate(self._lines, 1) if line.id == source), 0)

    def all_title(self) -> str:
        return self.tr("All sources")

    def all_detail(self) -> str:
        if all(line.is_recorded for line in self._lines):
            return self.tr("{count} in this capture").format(count=grouped(len(self._lines)))
        running = sum(line.state is SourceState.RUNNING for line in self._lines)
        count = sum(not line.is_recorded for line in self._lines)
        return self.tr("{running} of {count} running").format(running=running, count=count)

    def detail(self, line: SourceLine) -> str:
        """The second line of a row: the state unless it runs, the place, and the open connections."""
        parts = [one_line(line.failure)] if line.state is SourceState.FAILED else []
        if line.is_recorded:
            parts.append(self.tr("recorded"))
        elif line.state is SourceState.STOPPED:
            parts.append(self.tr("stopped"))
        elif line.attempt:
            parts.append(self.tr("connects again soon, attempt {0}").format(line.attempt))
        elif line.state is SourceState.STARTING:
            parts.append(self.tr("starting…"))
        elif line.unanswered:
            parts.append(self.tr("pings without an answer: {0}").format(line.unanswered))
        elif line.round_trip_ms is not None:
            parts.append(self.tr("ping {0} ms").format(f"{line.round_trip_ms:.1f}"))
        if line.open_connections:
            parts.append(self.tr("{count} open").format(count=line.open_connections))
        if line.place:
            parts.append(one_line(line.short_place))
        return " · ".join(parts)

    def state_text(self, line: SourceLine) -> str:
        """The state in a word."""
        if line.is_recorded:
            return self.tr("recorded")
        return {
            SourceState.STOPPED: self.tr("stopped"),
            SourceState.STARTING: self.tr("starting…"),
            SourceState.RUNNING: self.tr("running"),
            SourceState.FAILED: self.tr("failed"),
        }[line.state]

    # QAbstractListModel.

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._lines) + 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        if not index.isValid():
            return None
        line = self.line(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return self.all_title() if line is None else one_line(line.name)
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return self.all_detail() if line is None else f"{self.state_text(line)}: {self.detail(line)}"
        if role == Qt.ItemDataRole.ToolTipRole and line is not None:
            return self._tooltip(line)
        return None

    def _tooltip(self, line: SourceLine) -> str:
        one, many = self.tr("1 connection is open"), self.tr("{count} connections are open")
        if line.is_recorded:
            return tooltip(line.name, line.place, self.tr("Recorded in this capture"))
        return tooltip(
            f"{line.name}: {self.state_text(line)}",
            line.place,
            counted(line.open_connections, one, many),
            *((line.failure,) if line.failure else ()),
        )
