"""The connections of a capture as a list model; the first row stands for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt, Signal

from app.logic.text import grouped, one_line, tooltip
from app.models import connection_texts as texts
from app.models.index import NO_INDEX, Index
from core.capture.reader import CaptureReader
from core.capture.records import ConnectionRecord, Mode, SourceLabel, Totals
from core.errors import CaptureError
from core.protocol.state import Role
from core.protocol.violations import Severity
from core.sizes import byte_size

_NO_TOTALS = Totals(0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class ConnectionLine:
    """What the list shows of one connection; `record` lacks its raw bytes."""

    record: ConnectionRecord
    title: str
    detail: str
    is_exchange: bool = False
    """Whether it is plain HTTP or a tunnel that passed."""


class ConnectionModel(QAbstractListModel):
    """Row 0 is "All connections", row n the n-th of those that are shown. Nothing changes until `refresh()`.

    One can show the connections of one source only, and leave out HTTP exchanges. All others are known nevertheless.
    """

    failed = Signal(str)
    """The capture cannot be read; a sentence."""
    totals_changed = Signal()
    narrowed = Signal()
    """Another choice of connections is shown, or another number of exchanges is left out."""
    sources_changed = Signal()
    """The connections came through other sources than before."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader: CaptureReader | None = None
        self._known: dict[int, ConnectionLine] = {}
        self._shown: list[int] = []
        """Ids of those that are shown, in order."""
        self._rows: dict[int, int] = {}
        """The place of each in `_shown`."""
        self._labels: dict[SourceLabel, None] = {}
        """The sources of all that are known, in the order of their first ones."""
        self._source: str | None = None
        self._exchanges = False
        self._exchange_count = 0
        self._severities: dict[int, Severity] = {}
        self._judged = 0
        """Id of the last violation that `_severities` includes."""
        self._judges = False
        """Whether there are more."""
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
        if reader is not None:
            self.sources_changed.emit()

    @property
    def totals(self) -> Totals:
        return self._totals

    @property
    def source_labels(self) -> tuple[SourceLabel, ...]:
        """The sources of all connections, shown or not, in the order of their first ones."""
        return tuple(self._labels)

    # Which are shown.

    @property
    def source(self) -> str | None:
        """The name of the only source whose connections are shown; None if all are."""
        return self._source

    @property
    def shows_exchanges(self) -> bool:
        """Whether HTTP exchanges and tunnels are shown."""
        return self._exchanges

    @property
    def exchange_count(self) -> int:
        """Number of HTTP exchanges and tunnels of the source, shown or not."""
        return self._exchange_count

    def set_source(self, name: str | None) -> None:
        """Show only the connections of the source with this name; None for all."""
        if name != self._source:
            self._source = name
            self._narrow()

    def show_exchanges(self, shown: bool) -> None:
        """Show or leave out HTTP exchanges and tunnels."""
        if shown != self._exchanges:
            self._exchanges = shown
            self._narrow()

    def reveal(self, connection_id: int) -> None:
        """Make sure that a connection is shown, if there is one with this id."""
        line = self._known.get(connection_id)
        if line is None or connection_id in self._rows:
            return
        if not self._is_of_source(line):
            self._source = None
        if line.is_exchange:
            self._exchanges = True
        self._narrow()

    def _narrow(self) -> None:
        self.beginResetModel()
        self._shown = [number for number in sorted(self._known) if self._shows(self._known[number])]
        self._rows = {number: row for row, number in enumerate(self._shown)}
        self.endResetModel()
        self._count_exchanges()
        self.narrowed.emit()

    def _is_of_source(self, line: ConnectionLine) -> bool:
        label = line.record.source
        return self._source is None or (label is not None and label.name == self._source)

    def _shows(self, line: ConnectionLine) -> bool:
        return self._is_of_source(line) and (self._exchanges or not line.is_exchange)

    def _count_exchanges(self) -> bool:
        """Count anew; tells whether there are others than before."""
        before = self._exchange_count
        self._exchange_count = sum(
            line.is_exchange and self._is_of_source(line) for line in self._known.values()
        )
        return before != self._exchange_count

    def severity(self, connection_id: int) -> Severity | None:
        """The worst of the rules that a connection broke; None if it broke none, or this is not known yet."""
        return self._severities.get(connection_id)

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
            self._fail(error)
            return
        has_new_violations = totals.violations != self._totals.violations
        self._totals = totals
        if is_cleared:
            self._leave_only({record.id for record in changed})
        self._take_over(changed)
        if has_new_violations or self._judges:
            self._judge(reader)
        self.dataChanged.emit(self.index(0), self.index(0))
        self.totals_changed.emit()

    def line(self, row: int) -> ConnectionLine | None:
        """The content of row `row`; None for row 0."""
        return self._known[self._shown[row - 1]] if 0 < row <= len(self._shown) else None

    def connection_id(self, row: int) -> int | None:
        """The connection in a row; None for row 0."""
        line = self.line(row)
        return None if line is None else line.record.id

    def line_of(self, connection_id: int) -> ConnectionLine | None:
        """The entry of a connection, shown or not; None if there is none."""
        return self._known.get(connection_id)

    def name(self, connection_id: int) -> str:
        """The name of a connection; "" if there is none."""
        line = self._known.get(connection_id)
        return "" if line is None else line.title

    def toward(self, connection_id: int) -> Role:
        """The role at the other end of a connection, which receives what is sent on it."""
        line = self._known.get(connection_id)
        is_dialled = line is not None and line.record.mode is Mode.CONNECT
        return Role.SERVER if is_dialled else Role.CLIENT

    def row_of(self, connection_id: int | None) -> int | None:
        """The row of a connection; 0 for None."""
        if connection_id is None:
            return 0
        row = self._rows.get(connection_id)
        return None if row is None else row + 1

    def all_title(self) -> str:
        if self._source is None:
            return self.tr("All connections")
        return self.tr("All of {source}").format(source=one_line(self._source))

    def all_detail(self) -> str:
        is_narrow = self._source is not None
        is_open = sum(number in self._open for number in self._shown) if is_narrow else len(self._open)
        return self.tr("{open} open · {count} in all").format(
            open=grouped(is_open), count=grouped(len(self._shown))
        )

    def _fail(self, error: CaptureError) -> None:
        if not self._failed:
            self._failed = True
            self.failed.emit(str(error))

    # QAbstractListModel.

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._shown) + 1

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
        return tooltip(
            f"#{record.id} {line.title}",
            self.detail(line),
            self.tr("{0} to {1}").format(*_ends(record)),
            *((self.tr("Source: {0}").format(record.source.name),) if record.source is not None else ()),
            *((texts.origin_text(record),) if record.path else ()),
            *((record.reason,) if record.reason else ()),
        )

    # Changes.

    def _take_over(self, records: list[ConnectionRecord]) -> None:
        new: list[int] = []
        touched: list[int] = []
        gone: list[int] = []
        exchanges = False
        for record in records:
            line = self._line(record)
            before = self._known.get(record.id)
            exchanges |= line.is_exchange != (before is not None and before.is_exchange)
            self._known[record.id] = line
            row = self._rows.get(record.id)
            if row is not None:
                (touched if self._shows(line) else gone).append(row)
            elif self._shows(line):
                new.append(record.id)
            if record.is_open != (record.id in self._open):
                (self._open.add if record.is_open else self._open.discard)(record.id)
                self._open_ids = None
        if touched:
            self.dataChanged.emit(self.index(min(touched) + 1), self.index(max(touched) + 1))
        if gone:
            left_out = set(gone)
            self._leave_rows({number for row, number in enumerate(self._shown) if row not in left_out})
        if new:
            self._append(new)
        if exchanges and self._count_exchanges():
            self.narrowed.emit()
        self._note_labels(records)

    def _note_labels(self, records: Iterable[ConnectionRecord]) -> None:
        before = len(self._labels)
        self._labels.update((record.source, None) for record in records if record.source is not None)
        if len(self._labels) != before:
            self.sources_changed.emit()

    def _append(self, new: list[int]) -> None:
        first = len(self._shown)
        self.beginInsertRows(QModelIndex(), first + 1, first + len(new))
        for number in new:
            self._rows[number] = len(self._shown)
            self._shown.append(number)
        self.endInsertRows()

    def _judge(self, reader: CaptureReader) -> None:
        """Take over how bad the new violations are, a portion at a time."""
        try:
            self._judged, found, self._judges = reader.worst_severities(self._judged)
        except CaptureError as error:
            self._fail(error)
            return
        for number, severity in found.items():
            before = self._severities.get(number)
            if before is None or severity > before:
                self._severities[number] = severity
                if (row := self.row_of(number)) is not None:
                    self.dataChanged.emit(self.index(row), self.index(row))

    def _leave_only(self, kept: set[int]) -> None:
        """Forget all other connections, because they were cleared."""
        self._leave_rows(kept)
        self._known = {number: line for number, line in self._known.items() if number in kept}
        self._open &= kept
        self._severities.clear()
        self._judged = 0
        self._labels.clear()
        self._note_labels(line.record for line in self._known.values())
        if self._count_exchanges():
            self.narrowed.emit()

    def _leave_rows(self, kept: set[int]) -> None:
        """Remove all other rows."""
        end = len(self._shown)
        while end:
            first = end
            while first and self._shown[first - 1] not in kept:
                first -= 1
            if first < end:
                self.beginRemoveRows(QModelIndex(), first + 1, end)
                del self._shown[first:end]
                self.endRemoveRows()
            end = max(first - 1, 0)
        self._rows = {number: row for row, number in enumerate(self._shown)}

    def _clear(self) -> None:
        self.beginResetModel()
        self._known.clear()
        self._labels.clear()
        self._shown.clear()
        self._rows.clear()
        self._severities.clear()
        self._judged, self._judges, self._exchange_count = 0, False, 0
        self._totals = _NO_TOTALS
        self._open.clear()
        self._open_ids = None
        self.endResetModel()

    def _line(self, record: ConnectionRecord) -> ConnectionLine:
        # Raw heads can be large; they are fetched when they are shown.
        slim = replace(record, request=b"", response=b"", trailing=b"")
        return ConnectionLine(slim, texts.title(record), texts.detail(record), texts.is_exchange(record))


def _ends(record: ConnectionRecord) -> tuple[str, str]:
    """The addresses of who asked and of who was asked."""
    if record.mode is Mode.CONNECT:
        return record.local, record.peer
    return record.peer, record.local
