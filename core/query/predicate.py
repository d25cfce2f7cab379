"""A filter applied to single frames: the plain meaning of the language, which the scan over blocks must equal."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from core.capture.records import ConnectionRecord, FrameRecord
from core.query.clock import CaptureTimes, on_its_days
from core.query.expressions import And, Expression, Not, Or, Term
from core.query.fields import Subject

Predicate = Callable[[Subject], bool]

_REMEMBERED = 100_000
"""Connections whose last time is remembered."""


def predicate(expression: Expression) -> Predicate:
    """A function that tells whether one frame matches."""
    match expression:
        case Term(access=access, matcher=matcher):
            values = access.values
            return lambda subject: matcher.matches(values(subject))
        case And(parts=parts):
            all_parts = tuple(map(predicate, parts))
            return lambda subject: all(part(subject) for part in all_parts)
        case Or(parts=parts):
            any_parts = tuple(map(predicate, parts))
            return lambda subject: any(part(subject) for part in any_parts)
        case Not(part=part):
            denied = predicate(part)
            return lambda subject: not denied(subject)


class FrameFilter:
    """Filters the frames of a capture in order, keeping the times that came before."""

    def __init__(self, expression: Expression, span: CaptureTimes) -> None:
        """Raises CaptureError if the filter has times of day and the capture's times are outside the calendar."""
        self._matches = predicate(on_its_days(expression, span))
        self._start_ns = span.start_ns
        self._last: OrderedDict[int, int] = OrderedDict()

    def matches(self, record: FrameRecord, connection: ConnectionRecord | None) -> bool:
        row = record.row
        subject = Subject(record, connection, self._last.get(row.connection), self._start_ns)
        self._last[row.connection] = row.time_ns
        self._last.move_to_end(row.connection)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)
        return self._matches(subject)
