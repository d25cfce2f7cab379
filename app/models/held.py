"""The queue of what is held, as a list model in order of arrival."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt

from app.logic.held_lines import HeldKind, HeldLine, waiting_time
from app.logic.text import count_bytes, counted, cut_path, one_line, tooltip
from app.models.index import NO_INDEX, Index
from core.capture.records import Direction
from core.protocol.frames import opcode_name

Key = tuple[int, int]
_PATH = 40


class HeldModel(QAbstractListModel):
    """Rows stay where they are while others come and go."""

    def __init__(self, name_of: Callable[[int], str], parent: QObject | None = None) -> None:
        """`name_of` gives the path of a connection."""
        super().__init__(parent)
        self._name_of = name_of
        self._lines: list[HeldLine] = []
        self._waiting: set[Key] = set()
        """What waits, also while rows that do not are still being removed."""
        self._now_ns = 0

    def set_lines(self, lines: Sequence[HeldLine], now_ns: int) -> None:
        """Show these, which are in order of arrival."""
        self._now_ns = now_ns
        self._waiting = {line.key for line in lines}
        self._drop([row for row, line in enumerate(self._lines) if line.key not in self._waiting])
        known = {line.key: row for row, line in enumerate(self._lines)}
        for line in lines:
            row = known.get(line.key)
            if row is not None:
                self._lines[row] = line
        new = [line for line in lines if line.key not in known]
        if new:
            first = len(self._lines)
            self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
            self._lines += new
            self.endInsertRows()
        if self._lines:
            self.dataChanged.emit(self.index(0), self.index(len(self._lines) - 1))

    def pass_time(self, now_ns: int) -> None:
        """Let the ages follow."""
        self._now_ns = now_ns
        if self._lines:
            self.dataChanged.emit(self.index(0), self.index(len(self._lines) - 1))

    @property
    def lines(self) -> Sequence[HeldLine]:
        return self._lines

    def line(self, row: int) -> HeldLine | None:
        """What is in a row; None if nothing is."""
        return self._lines[row] if 0 <= row < len(self._lines) else None

    def is_waiting(self, key: Key) -> bool:
        """Whether it waits still, even if its row is being removed right now."""
        return key in self._waiting

    def row_of(self, key: Key | None) -> int:
        """The row of one; -1 if it does not wait any more."""
        return next((row for row, line in enumerate(self._lines) if line.key == key), -1)

    # Texts.

    def direction(self, line: HeldLine) -> str:
        if line.direction is Direction.CLIENT_TO_SERVER:
            return self.tr("client → server")
        return self.tr("server → client")

    def kind(self, line: HeldLine) -> str:
        """What it is, in a word."""
        if line.kind is HeldKind.MESSAGE:
            return opcode_name(line.opcode)
        return self.tr("request") if line.kind is HeldKind.REQUEST else self.tr("response")

    def age(self, line: HeldLine) -> str:
        return waiting_time(self._now_ns - line.since_ns)

    def left(self, line: HeldLine) -> str:
        """The time after which it goes on by itself."""
        return waiting_time(line.until_ns - self._now_ns)

    def where(self, line: HeldLine) -> str:
        """Connection and direction."""
        path = cut_path(one_line(self._name_of(line.connection)), _PATH)
        return f"#{line.connection} {path} · {self.direction(line)}"

    def how(self, line: HeldLine) -> str:
        """What it is, and its place in its direction."""
        return f"{self.kind(line)} · {count_bytes(len(line.payload))} · {self.position(line)}"

    def position(self, line: HeldLine) -> str:
        """How many are before it and behind it in its direction."""
        before = self.tr("first") if line.position == 1 else self.tr("place {0}").format(line.position)
        if not line.behind:
            return before
        return f"{before}, " + counted(line.behind, self.tr("1 behind"), self.tr("{count} behind"))

    # QAbstractListModel.

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        line = self.line(index.row()) if index.isValid() else None
        if line is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return line.preview or self.tr("(empty)")
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return f"{self.where(line)} · {self.how(line)} · {self.age(line)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(
                self.where(line),
                self.how(line),
                self.tr("held for {age}; goes on unchanged in {left}").format(
                    age=self.age(line), left=self.left(line)
                ),
            )
        return None

    def _drop(self, rows: list[int]) -> None:
        while rows:
            last = first = rows.pop()
            while rows and rows[-1] == first - 1:
                first = rows.pop()
            self.beginRemoveRows(QModelIndex(), first, last)
            del self._lines[first : last + 1]
            self.endRemoveRows()
