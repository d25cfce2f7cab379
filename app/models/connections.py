"""The connections of a capture as a list model; the first row stands for all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt, Signal

from app.logic.text import counted, cut, cut_path, grouped, one_line, one_line_bytes, tooltip
from app.models.index import NO_INDEX, Index
from core.capture.reader import CaptureReader
from core.capture.records import ConnectionRecord, ConnectionState, Mode, Totals
from core.errors import CaptureError
from core.protocol.close_codes import describe
from core.protocol.state import Role
from core.sizes import byte_size

_TITLE = 300
"""Characters shown of a target or an Origin."""
_REQUEST_LINE_BYTES = 4096
# RFC 9112 section 3, with any text as the target.
_REQUEST_LINE = re.compile(rb"[A-Z]+ (?P<target>[^\r\n]+?)(?: HTTP/[^ \r\n]*)?\r?\n")
_NO_TOTALS = Totals(0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class ConnectionLine:
    """What the list shows of one connection; `record` lacks its raw bytes."""

    record: ConnectionRecord
    title: str
    detail: str


class ConnectionModel(QAbstractListModel):
    """Row 0 is "All connections", row n the n-th connection. Nothing changes until `refresh()`."""

    failed = Signal(str)
    """The capture cannot be read; a sentence."""
    totals_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader: CaptureReader | None = None
        self._lines: list[ConnectionLine] = []
        self._rows: dict[int, int] = {}
        self._totals = _NO_TOTALS
        self._open: set[int] = set()
        self._open_ids: tuple[int, ...] | None = ()
        """Ids of the open connections, in order; None when they must be asked for anew."""
        self._slow: dict[int, int] = {}
        self._failed = False

    def set_reader(self, reader: CaptureReader | None) -> None:
        """Show another capture."""
        self._reader = reader
        self._failed = False
        self._clear()
        self.refresh()

    @property
    def totals(self) -> Totals:
        return self._totals

    @property
    def open_count(self) -> int:
        """Number of connections that are open now."""
        return len(self._open)

    @property
    def open_ids(self) -> tuple[int, ...]:
        """The connections that are open now, in order of arrival."""
        if self._open_ids is None:
            self._open_ids = tuple(sorted(self._open))
        return self._open_ids

    def set_slow_peers(self, queued: dict[int, int]) -> None:
        """Set the bytes that wait for each peer that does not read; every other peer counts as reading."""
        before, self._slow = self._slow, queued
        for number in {number for number, _ in before.items() ^ queued.items()}:
            if (row := self.row_of(number)) is not None:
                self.dataChanged.emit(self.index(row), self.index(row))

    def queued(self, connection_id: int) -> int:
        """Bytes that wait for a peer that does not read; 0 if it reads."""
        return self._slow.get(connection_id, 0)

    def detail(self, line: ConnectionLine) -> str:
        """The second line of a row."""
        queued = self.queued(line.record.id)
        if not queued:
            return line.detail
        return self.tr("peer is not reading, {size} queued").format(size=byte_size(queued))

    def refresh(self) -> None:
        """Ask the capture which connections have changed since the last call."""
        reader = self._reader
        if reader is None:
            return
        try:
            totals = reader.totals()
            is_cleared = self._totals.generation not in (0, totals.generation)
            changed = []
            if is_cleared or totals.changes != self._totals.changes:
                changed = reader.connections(0 if is_cleared else self._totals.changes)
        except CaptureError as error:
            if not self._failed:
                self._failed = True
                self.failed.emit(str(error))
            return
        self._totals = totals
        if is_cleared:
            self._leave_only({record.id for record in changed})
        self._take_over(changed)
        self.dataChanged.emit(self.index(0), self.index(0))
        self.totals_changed.emit()

    def line(self, row: int) -> ConnectionLine | None:
        """The content of row `row`; None for row 0."""
        return self._lines[row - 1] if 0 < row <= len(self._lines) else None

    def connection_id(self, row: int) -> int | None:
        """The connection in a row; None for row 0."""
        line = self.line(row)
        return None if line is None else line.record.id

    def line_of(self, connection_id: int) -> ConnectionLine | None:
        """The entry of a connection; None if it is not in the list."""
        row = self._rows.get(connection_id)
        return None if row is None else self._lines[row]

    def name(self, connection_id: int) -> str:
        """The name of a connection; "" if the list does not have it."""
        row = self._rows.get(connection_id)
        return "" if row is None else self._lines[row].title

    def toward(self, connection_id: int) -> Role:
        """The role at the other end of a connection, which receives what is sent on it."""
        row = self._rows.get(connection_id)
        is_dialled = row is not None and self._lines[row].record.mode is Mode.CONNECT
        return Role.SERVER if is_dialled else Role.CLIENT

    def row_of(self, connection_id: int | None) -> int | None:
        """The row of a connection; 0 for None."""
        if connection_id is None:
            return 0
        row = self._rows.get(connection_id)
        return None if row is None else row + 1

    def all_title(self) -> str:
        return self.tr("All connections")

    def all_detail(self) -> str:
        return self.tr("{open} open · {count} in all").format(
            open=grouped(len(self._open)), count=grouped(len(self._lines))
        )

    # QAbstractListModel.

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._lines) + 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        if not index.isValid():
            return None
        line = self.line(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return self.all_title() if line is None else f"#{line.record.id} {line.title}"
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return self.all_detail() if line is None else self.detail(line)
        if role == Qt.ItemDataRole.ToolTipRole and line is not None:
            return self._tooltip(line)
        return None

    def _tooltip(self, line: ConnectionLine) -> str:
        record = line.record
        origin = (
            self.tr("no Origin") if record.origin is None else self.tr("Origin {0}").format(record.origin)
        )
        return tooltip(
            f"#{record.id} {line.title}",
            self.detail(line),
            self.tr("{0} to {1}").format(record.peer, record.local),
            *((origin,) if record.path else ()),
            *((record.reason,) if record.reason else ()),
        )

    # Changes.

    def _take_over(self, records: list[ConnectionRecord]) -> None:
        new: list[ConnectionLine] = []
        touched: list[int] = []
        for record in records:
            row = self._rows.get(record.id)
            line = self._line(record)
            if row is None:
                new.append(line)
            else:
                self._lines[row] = line
                touched.append(row)
            if record.is_open != (record.id in self._open):
                (self._open.add if record.is_open else self._open.discard)(record.id)
                self._open_ids = None
        if touched:
            self.dataChanged.emit(self.index(min(touched) + 1), self.index(max(touched) + 1))
        if new:
            first = len(self._lines)
            self.beginInsertRows(QModelIndex(), first + 1, first + len(new))
            for line in new:
                self._rows[line.record.id] = len(self._lines)
                self._lines.append(line)
            self.endInsertRows()

    def _leave_only(self, kept: set[int]) -> None:
        """Remove all other connections, because they were cleared."""
        end = len(self._lines)
        while end:
            first = end
            while first and self._lines[first - 1].record.id not in kept:
                first -= 1
            if first < end:
                self.beginRemoveRows(QModelIndex(), first + 1, end)
                del self._lines[first:end]
                self.endRemoveRows()
            end = max(first - 1, 0)
        self._rows = {line.record.id: row for row, line in enumerate(self._lines)}
        self._open &= kept

    def _clear(self) -> None:
        self.beginResetModel()
        self._lines.clear()
        self._rows.clear()
        self._totals = _NO_TOTALS
        self._open.clear()
        self._open_ids = None
        self.endResetModel()

    def _line(self, record: ConnectionRecord) -> ConnectionLine:
        # Raw heads can be large; they are fetched when they are shown.
        slim = replace(record, request=b"", response=b"", trailing=b"")
        return ConnectionLine(slim, self.title(record), self._detail(record))

    def title(self, record: ConnectionRecord) -> str:
        """The name of a connection: the requested target."""
        return one_line(cut_path(record.path, _TITLE)) or _asked_for(record.request) or self.tr("no request")

    def _detail(self, record: ConnectionRecord) -> str:
        parts = [self.state_text(record)]
        if record.status == 101:
            parts.append(counted(record.frame_count, self.tr("1 frame"), self.tr("{count} frames")))
        if record.origin is not None:
            parts.append(one_line(cut(record.origin, _TITLE)))
        return " · ".join(parts)

    def state_text(self, record: ConnectionRecord) -> str:
        """The state of a connection, in a few words."""
        state = record.state
        if state is ConnectionState.CONNECTING:
            return self.tr("handshake…")
        if state is ConnectionState.OPEN:
            return self.tr("open")
        if state is ConnectionState.CLOSING:
            return self.tr("closing")
        if state is ConnectionState.REFUSED:
            return self.tr("refused, {status}").format(status=record.status or "—")
        if state is ConnectionState.SERVED:
            return self.tr("plain HTTP, {status}").format(status=record.status)
        if state is ConnectionState.LOST:
            return self.tr("lost when Unmask ended")
        if record.close_code is None:
            return self.tr("closed")
        return self.tr("closed · {code} {name}").format(
            code=record.close_code, name=describe(record.close_code).name
        )


def _asked_for(request: bytes) -> str:
    """The target in the first line of a request that could not be parsed; "" if that is not a request line."""
    line = _REQUEST_LINE.match(request[:_REQUEST_LINE_BYTES])
    return "" if line is None else cut_path(one_line_bytes(line["target"]), _TITLE)
