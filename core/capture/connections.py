"""Reading what a capture says of connections: one by one or all that changed, with their legs and heads."""

from __future__ import annotations

from collections.abc import Mapping

from core.capture.handlings import names_of
from core.capture.legs import HeadRecord, LegRecord, head_place, leg_of
from core.capture.records import ConnectionRecord, ConnectionState, Mode, Problem, SourceLabel
from core.capture.snapshots import Snapshots, reads
from core.capture.stored_values import problem_of, severity_of
from core.capture.tables import CONNECTION, HEAD, LEG, SOURCE, VIOLATION, Row, SourceRow, typed
from core.protocol.events import ClosedBy
from core.protocol.violations import Severity

# The leg that a connection began with, and the leg over which an answer comes, which only a listening Unmask gives
# itself. Each is found by its key, so that a list of many connections stays cheap.
_FIRST = f"mode = {Mode.CONNECT:d}"
_ANSWERING = f"mode <> {Mode.LISTEN:d}"
_HEAD = "SELECT raw FROM head WHERE head.connection = connection.id"
_SELECT = (
    f"SELECT {CONNECTION.all}, leg.peer, leg.local, leg.trailing, leg.trailing_length, "
    f"coalesce(({_HEAD} AND side = ({_FIRST}) AND kind = 0), x''), "
    f"coalesce(({_HEAD} AND side = ({_ANSWERING}) AND kind = 1), ({_HEAD} AND side = 0 AND kind = 1), x''), "
    "coalesce((SELECT max(masked) FROM head WHERE head.connection = connection.id), 0) "
    f"FROM connection LEFT JOIN leg ON leg.connection = connection.id AND leg.side = ({_FIRST})"
)
MOST_SOURCES = 10_000
"""A capture has one for each source that was started, or set up differently."""
_WIDTH = len(CONNECTION.columns)
_BESIDE = (*LEG.kinds("peer", "local", "trailing", "trailing_length"), bytes, bytes, int)


class ConnectionReader(Snapshots):
    """Reads connections of a capture. CaptureError."""

    @reads
    def changed(self, after: int, limit: int) -> list[ConnectionRecord]:
        """Those changed since `Totals.changes` was `after`, in order of their ids."""
        sources = self.sources()
        rows = self._db.execute(f"{_SELECT} WHERE changed > ? ORDER BY id LIMIT ?", (after, limit))
        return [_record(row, sources) for row in rows]

    @reads
    def one(self, connection: int) -> ConnectionRecord | None:
        """The connection with this number; None where there is none."""
        row = self._db.execute(f"{_SELECT} WHERE id = ?", (connection,)).fetchone()
        return None if row is None else _record(row, self.sources())

    @reads
    def sources(self) -> dict[int, SourceLabel]:
        """The sources by their numbers, the newest `MOST_SOURCES`."""
        rows = self._db.execute(f"SELECT {SOURCE.all} FROM source ORDER BY id DESC LIMIT ?", (MOST_SOURCES,))
        return {row.id: _label(row) for row in map(SOURCE.read, rows)}

    @reads
    def legs(self, connection: int) -> list[LegRecord]:
        """The legs of a connection: the one to the client first."""
        rows = self._db.execute(
            f"SELECT {LEG.all} FROM leg WHERE connection = ? ORDER BY side", (connection,)
        )
        return [leg_of(LEG.read(row)) for row in rows]

    @reads
    def heads(self, connection: int) -> list[HeadRecord]:
        """The heads of a connection, in the order of `HeadPlace`."""
        problems = self.problems(connection)
        rows = self._db.execute(
            f"SELECT {HEAD.all} FROM head WHERE connection = ? ORDER BY side, kind", (connection,)
        )
        heads = []
        for row in map(HEAD.read, rows):
            place = head_place(row.side, row.kind)
            found = tuple(each.violation for each in problems if each.head is place)
            heads.append(HeadRecord(place, row.raw, found, row.masked != 0, names_of(row.rules), row.held_ns))
        return heads

    @reads
    def worst_severities(self, after: int, limit: int = 20_000) -> tuple[int, dict[int, Severity], bool]:
        """How bad the next `limit` violations behind the one with the id `after` are: the id of the last, and the worst
        for each connection, and whether there may be more.
        """
        rows = self._db.execute(
            "SELECT connection, rule, max(id) FROM "
            "(SELECT id, connection, rule FROM violation WHERE id > ? ORDER BY id LIMIT ?) GROUP BY connection, rule",
            (after, limit),
        )
        worst: dict[int, Severity] = {}
        last = after
        for connection, rule, newest in (typed(row, (int, str, int)) for row in rows):
            severity = severity_of(rule)
            worst[connection] = max(worst.get(connection, severity), severity)
            last = max(last, newest)
        return last, worst, last - after >= limit

    @reads
    def problems(self, connection: int) -> tuple[Problem, ...]:
        """What no frame of a connection broke but its heads, or the connection as such."""
        rows = self._db.execute(
            f"SELECT {VIOLATION.all} FROM violation WHERE frame IS NULL AND connection = ? ORDER BY id",
            (connection,),
        )
        return tuple(problem_of(VIOLATION.read(row)) for row in rows)


def _label(row: SourceRow) -> SourceLabel:
    return SourceLabel(Mode(row.mode), row.name, row.address, row.target)


def _record(row: Row, sources: Mapping[int, SourceLabel]) -> ConnectionRecord:
    """A row of `_SELECT`; ValueError where it says nonsense."""
    found = CONNECTION.read(row[:_WIDTH])
    peer, local, trailing, trailing_length, request, response, masked = typed(row[_WIDTH:], _BESIDE)
    return ConnectionRecord(
        id=found.id,
        mode=Mode(found.mode),
        state=ConnectionState(found.state),
        opened_ns=found.opened_ns,
        closed_ns=found.closed_ns,
        peer=peer,
        local=local,
        request=request,
        response=response,
        path=found.path,
        origin=found.origin,
        subprotocol=found.subprotocol,
        extensions=found.extensions,
        status=found.status,
        reason=found.reason,
        close_code=found.close_code,
        closed_by=ClosedBy(found.closed_by),
        trailing=trailing,
        trailing_length=trailing_length,
        frame_count=found.frame_count,
        data_frame_count=found.data_frame_count,
        bytes_in=found.bytes_in,
        bytes_out=found.bytes_out,
        violation_count=found.violation_count,
        vanished=found.vanished != 0,
        is_masked=masked != 0,
        source=sources.get(found.source),
    )
