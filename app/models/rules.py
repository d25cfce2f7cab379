"""The rules as a list model, whose rows can be dragged."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QMimeData, QObject, Qt, QTimer, Signal

from app.logic.rule_lines import RuleLine
from app.logic.text import counted, cut, duration, one_line, tooltip
from app.models.index import NO_INDEX, Index
from core.protocol.state import Role
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition

_DRAGGED = "application/x-unmask-rule-row"
_LONGEST = 200
"""Characters of a condition or an action in a row."""
_SHOWN_PARAMETERS = 3


class RuleModel(QAbstractListModel):
    """Row n is the n-th rule that is asked."""

    moved = Signal(int, int)
    """The person has dragged the rule of a row in front of another row."""
    switched = Signal(int)
    """The person wants the rule of this row switched on or off."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[RuleLine, ...] = ()
        self._now_ns = 0

    def set_lines(self, lines: Sequence[RuleLine], now_ns: int) -> None:
        """Show these. The list is reset only if its rules, or their order, are others than before."""
        before, after = self._lines, tuple(lines)
        self._now_ns = now_ns
        if [line.rule.id for line in before] != [line.rule.id for line in after]:
            self.beginResetModel()
            self._lines = after
            self.endResetModel()
        elif before != after or any(line.last_hit_ns is not None for line in after):
            self._lines = after
            self.dataChanged.emit(self.index(0), self.index(len(after) - 1))

    @property
    def lines(self) -> tuple[RuleLine, ...]:
        return self._lines

    def line(self, row: int) -> RuleLine | None:
        """The rule in a row; None if there is none."""
        return self._lines[row] if 0 <= row < len(self._lines) else None

    def row_of(self, rule: int) -> int:
        """The row of a rule; -1 if it is not in the list."""
        return next((row for row, line in enumerate(self._lines) if line.rule.id == rule), -1)

    # Texts.

    def when(self, condition: Condition) -> str:
        """The condition in words."""
        what = {
            Moment.REQUEST: self.tr("request"),
            Moment.RESPONSE: self.tr("response"),
            Moment.OPEN: self.tr("open"),
            Moment.MESSAGE: self.tr("message"),
            Moment.FRAME: self.tr("frame"),
            Moment.CLOSE: self.tr("close"),
            Moment.TIMER: self.tr("every {0} s").format(f"{condition.every_seconds:g}"),
        }[condition.moment]
        of_side = {
            None: "",
            Role.CLIENT: self.tr(" from the client"),
            Role.SERVER: self.tr(" from the server"),
        }
        words = what + of_side[condition.sender]
        text = cut(one_line(condition.filter.strip()), _LONGEST)
        return f"{words}: {text}" if text else words

    def then(self, actions: Sequence[ActionText]) -> str:
        """The actions in words."""
        return ", ".join(map(self._action, actions)) or self.tr("nothing")

    def detail(self, line: RuleLine) -> str:
        """The line of figures: why it is off, or how often it applied and when last."""
        if line.problem:
            return one_line(line.problem)
        if not line.rule.is_on and not line.hits:
            return self.tr("off")
        hits = counted(line.hits, self.tr("1 hit"), self.tr("{count} hits"))
        if line.last_hit_ns is None:
            return self.tr("no hit yet")
        ago = self.tr("{time} ago").format(time=duration(max(self._now_ns - line.last_hit_ns, 0)))
        return " · ".join((hits, ago) if line.rule.is_on else (self.tr("off"), hits, ago))

    def _action(self, action: ActionText) -> str:
        shown = [cut(one_line(value), 60) for _, value in action.parameters if value][:_SHOWN_PARAMETERS]
        return " ".join((action.name, *shown))

    # QAbstractListModel.

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | Qt.CheckState | None:
        line = self.line(index.row()) if index.isValid() else None
        if line is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return one_line(line.rule.name)
        if role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if line.rule.is_on else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return f"{self.when(line.rule.when)} → {self.then(line.rule.then)}. {self.detail(line)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(
                line.rule.name,
                self.tr("When: {0}").format(self.when(line.rule.when)),
                self.tr("Then: {0}").format(self.then(line.rule.then)),
                self.detail(line),
            )
        return None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Only the switch can be set here; the owner of the rules does it."""
        del value
        if role != Qt.ItemDataRole.CheckStateRole or self.line(index.row()) is None:
            return False
        self.switched.emit(index.row())
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        flag = Qt.ItemFlag
        return flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemIsDragEnabled | flag.ItemIsUserCheckable

    # Dragging.

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_DRAGGED]

    def mimeData(self, indexes: Sequence[Index]) -> QMimeData:
        data = QMimeData()
        data.setData(_DRAGGED, b"%d" % indexes[0].row())
        return data

    def moveRows(self, parent: Index, row: int, count: int, destination: Index, to: int) -> bool:
        """Ask for the move soon, when the list is done with the drag."""
        del parent, destination
        if count == 1 and to not in (row, row + 1):
            QTimer.singleShot(0, self, lambda: self.moved.emit(row, to))
        return count == 1
