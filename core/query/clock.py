"""Times of day: which moments they mean depends on the days on which a capture was recorded."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.errors import CaptureError
from core.query.expressions import And, Expression, Not, Or, Term
from core.query.operators import Operand, Range
from core.query.values import TimeOfDay, Value

_SECOND = 10**9
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class CaptureTimes:
    """Times of a capture's first and last frame, in ns since the epoch."""

    start_ns: int
    end_ns: int


def moments(low: TimeOfDay, high: TimeOfDay, near_ns: int, span: CaptureTimes) -> tuple[int, int]:
    """The moments from one local time of day to another, in ns since the epoch; past midnight if `high` is the earlier.

    They lie on the day of `near_ns`, or on the day after or before if the capture was running only then. An hour that
    occurs twice because the clock was set back means the first one, or the second if the capture was running only then.
    Raises CaptureError if the capture's times are outside the calendar.
    """
    try:
        day = datetime.fromtimestamp(near_ns // _SECOND)
        candidates = [
            (_moment(day, low, days, fold), _moment(day, high, days + (high.ns < low.ns), fold))
            for days in (0, 1, -1)
            for fold in (0, 1)
        ]
    except (ValueError, OverflowError, OSError):
        raise CaptureError(
            "The times of this capture are on no day. Give a duration since its start."
        ) from None
    met = (each for each in candidates if each[0] <= span.end_ns and each[1] >= span.start_ns)
    return next(met, candidates[0])


def _moment(day: datetime, time: TimeOfDay, days: int, fold: int) -> int:
    seconds, part = divmod(time.ns, _SECOND)
    minutes, second = divmod(seconds, _MINUTE)
    hour, minute = divmod(minutes, _MINUTE)
    there = day.replace(hour=hour, minute=minute, second=second) + timedelta(days)
    # In an hour that the clock skipped, the second reading would be the earlier one.
    seconds = int(max(there.timestamp(), there.replace(fold=fold).timestamp()))
    return seconds * _SECOND + part


def on_its_days(expression: Expression, span: CaptureTimes) -> Expression:
    """The filter with each time of day replaced by moments of the capture. Raises CaptureError."""
    match expression:
        case Term(field=field, operator=operator, operand=operand):
            found = _settled(operand, span)
            if found == operand:
                return expression
            return replace(expression, operand=found, matcher=operator.build(field.kind, found))
        case And(parts=parts):
            return And(tuple(on_its_days(part, span) for part in parts))
        case Or(parts=parts):
            return Or(tuple(on_its_days(part, span) for part in parts))
        case Not(part=part):
            return Not(on_its_days(part, span))


def _settled(operand: Operand, span: CaptureTimes) -> Operand:
    if isinstance(operand, tuple):
        return tuple(_moment_of(each, span) for each in operand)
    if operand is None or isinstance(operand, re.Pattern):
        return operand
    return _moment_of(operand, span)


def _moment_of(operand: Value | Range, span: CaptureTimes) -> Value | Range:
    match operand:
        case TimeOfDay():
            return moments(operand, operand, span.start_ns, span)[0]
        case Range(low=TimeOfDay() as low, high=TimeOfDay() as high):
            return Range(*moments(low, high, span.start_ns, span))
    return operand
