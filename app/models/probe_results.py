"""The results of a probe as a table."""

from __future__ import annotations

from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QObject, Qt

from app.logic.text import tooltip
from app.models.index import NO_INDEX, Index
from core.decoders.visible import visible
from core.probe.outcome import DEMANDED, Result


class ProbeColumn(IntEnum):
    """What stands beside each other."""

    PRESET = 0
    GOT = 1
    DEMANDED = 2
    SAID = 3
    CONNECTION = 4


class ProbeResultModel(QAbstractTableModel):
    """One row for each preset that was tried, or only for those that the RFC does not let pass."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: tuple[Result, ...] = ()
        self._shown: tuple[Result, ...] = ()
        self._only_findings = False

    def set_results(self, results: tuple[Result, ...]) -> None:
        """Show these; new rows come at the end, and the last one before may have changed."""
        self._all = results
        shown = self._chosen()
        before = len(self._shown)
        if len(shown) < before or shown[: max(0, before - 1)] != self._shown[: max(0, before - 1)]:
            self.beginResetModel()
            self._shown = shown
            self.endResetModel()
            return
        if len(shown) > before:
            self.beginInsertRows(NO_INDEX, before, len(shown) - 1)
            self._shown = shown
            self.endInsertRows()
        self._shown = shown
        if before:
            self.dataChanged.emit(self.index(before - 1, 0), self.index(before - 1, len(ProbeColumn) - 1))

    def show_only_findings(self, only: bool) -> None:
        """Leave out what the RFC lets the peer do, or show it again."""
        self.beginResetModel()
        self._only_findings = only
        self._shown = self._chosen()
        self.endResetModel()

    def result(self, row: int) -> Result | None:
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(ProbeColumn)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if role != Qt.ItemDataRole.DisplayRole or orientation is not Qt.Orientation.Horizontal:
            return None
        names = {
            ProbeColumn.PRESET: self.tr("Preset"),
            ProbeColumn.GOT: self.tr("It got"),
            ProbeColumn.DEMANDED: self.tr("By the RFC it"),
            ProbeColumn.SAID: self.tr("It"),
            ProbeColumn.CONNECTION: self.tr("Connection"),
        }
        return names[ProbeColumn(section)]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        result = self.result(index.row())
        if result is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return visible(self._words(result, ProbeColumn(index.column())))
        if role == Qt.ItemDataRole.ToolTipRole:
            rule = result.preset.rule
            return tooltip(
                result.preset.id, "" if rule is None else f"{rule.sentence} {rule.section}", result.detail
            )
        return None

    def _words(self, result: Result, column: ProbeColumn) -> str:
        preset = result.preset
        match column:
            case ProbeColumn.PRESET:
                return preset.id
            case ProbeColumn.GOT:
                return preset.title
            case ProbeColumn.DEMANDED:
                return DEMANDED[preset.demand]
            case ProbeColumn.SAID:
                return f"{result.said}: {result.detail}" if result.detail else result.said
            case ProbeColumn.CONNECTION:
                return "" if result.connection is None else f"#{result.connection}"

    def _chosen(self) -> tuple[Result, ...]:
        if not self._only_findings:
            return self._all
        return tuple(result for result in self._all if not result.is_fine)
