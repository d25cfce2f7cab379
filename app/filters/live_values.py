"""Values that occur in the capture, for the completion of a filter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from PySide6.QtCore import QCoreApplication

from app.models.connections import ConnectionModel
from core.capture.records import ConnectionRecord
from core.query.candidates import Candidate, CandidateKind
from core.query.fields import Field
from core.query.quoting import text_literal

LOOKED_AT = 2000
"""Connections examined, newest first."""
OFFERED = 50
"""Distinct values offered for a field."""
_LONGEST = 200
"""Characters of an offered value."""

_TEXTS: dict[str, Callable[[ConnectionRecord], str | None]] = {
    "path": lambda record: record.path,
    "subprotocol": lambda record: record.subprotocol,
    "peer": lambda record: record.peer,
    "source": lambda record: None if record.source is None else record.source.name,
}


Rules = Callable[[], Iterable[str]]
"""Names of the rules that applied, the newest first."""


def known_values(connections: ConnectionModel, rules: Rules, field: Field) -> Iterable[Candidate]:
    """Values of a field about connections or rules, newest first; none for other fields."""
    if field.name == "rule":
        return _names(rules())
    if field.name == "connection":
        return _numbers(connections)
    read = _TEXTS.get(field.name)
    return () if read is None else _texts(connections, read)


def _newest(connections: ConnectionModel) -> Iterator[ConnectionRecord]:
    rows = range(connections.rowCount() - 1, 0, -1)[:LOOKED_AT]
    return (line.record for row in rows if (line := connections.line(row)) is not None)


def _names(rules: Iterable[str]) -> Iterator[Candidate]:
    for name in islice(rules, OFFERED):
        if len(name) <= _LONGEST:
            yield Candidate(text_literal(name), CandidateKind.VALUE, "")


def _numbers(connections: ConnectionModel) -> Iterator[Candidate]:
    for record, _ in zip(_newest(connections), range(OFFERED), strict=False):
        yield Candidate(str(record.id), CandidateKind.VALUE, connections.name(record.id))


def _texts(
    connections: ConnectionModel, read: Callable[[ConnectionRecord], str | None]
) -> Iterator[Candidate]:
    seen: dict[str, int] = {}
    for record in _newest(connections):
        value = read(record)
        if value and len(value) <= _LONGEST and (value in seen or len(seen) < OFFERED):
            seen.setdefault(value, record.id)
    where = QCoreApplication.translate("LiveValues", "of connection {number}")
    for value, number in seen.items():
        yield Candidate(text_literal(value), CandidateKind.VALUE, where.format(number=number))
