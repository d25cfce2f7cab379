"""The recorded frames that the condition of a rule matches, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QObject, Qt

from app.logic.frame_lines import Line
from app.models.index import NO_INDEX, Index


class MatchModel(QAbstractListModel):
    """Holds the few that are shown."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[Line, ...] = ()

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Show these."""
        self.beginResetModel()
        self._lines = tuple(lines)
        self.endResetModel()

    def line(self, row: int) -> Line | None:
        """The frame in a row; None if there is none."""
        return self._lines[row] if 0 <= row < len(self._lines) else None

    def row_of(self, frame_id: int) -> int:
        """The row of a frame; -1 if it is not shown."""
        return next((row for row, line in enumerate(self._lines) if line.row.id == frame_id), -1)

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        line = self.line(index.row()) if index.isValid() else None
        return line.payload if line is not None and role == Qt.ItemDataRole.DisplayRole else None
