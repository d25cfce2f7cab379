"""Turns rows of the capture's tables into values. Raises ValueError or the like for nonsense."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from core.capture import checks
from core.capture.records import ConnectionRecord, ConnectionState, Mode
from core.capture.tracks import VANISHED
from core.protocol.events import ClosedBy
from core.protocol.violations import CATALOGUE, Rule, Severity, Violation

CONNECTION_COLUMNS = (
    "id, mode, state, opened_ns, closed_ns, peer, local, request, response, path, origin, subprotocol, extensions, "
    "status, reason, close_code, closed_by, trailing, trailing_length, frame_count, data_frame_count, bytes_in, "
    "bytes_out, violation_count"
)


def connection_record(row: tuple[Any, ...]) -> ConnectionRecord:
    """The record in a row of CONNECTION_COLUMNS."""
    values = list(checks.typed(row, checks.CONNECTION))
    values[1], values[2], values[16] = Mode(row[1]), ConnectionState(row[2]), ClosedBy(row[16] & ~VANISHED)
    return replace(ConnectionRecord(*values), vanished=row[16] & VANISHED != 0)


def severity_of(rule_id: str) -> Severity:
    """The severity of a rule; a rule unknown to this version counts as a warning."""
    rule = CATALOGUE.get(rule_id)
    return Severity.WARNING if rule is None else rule.severity


def of_severities(severities: Collection[Severity]) -> tuple[str, tuple[str, ...]]:
    """An SQL condition on `rule` for these severities, and its parameters."""
    negate = Severity.WARNING in severities
    rules = tuple(rule.id for rule in CATALOGUE.values() if (rule.severity in severities) is not negate)
    return f"rule {'NOT ' if negate else ''}IN ({','.join('?' * len(rules))})", rules


def violation_of(*row: Any) -> Violation:
    """The violation with this rule id, detail, offset and length."""
    rule_id, detail, offset, length = checks.typed(row, checks.VIOLATION)
    rule = CATALOGUE.get(rule_id)
    if rule is None:
        rule = Rule(rule_id, severity_of(rule_id), "", "A rule that this version does not know.")
    return Violation(rule, detail, offset, length)
