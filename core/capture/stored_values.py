"""Turns rows of the capture's tables into values. Raises ValueError or the like for nonsense."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from core.capture.legs import HeadPlace
from core.capture.records import Problem
from core.capture.tables import VIOLATION, ViolationRow, typed
from core.protocol.violations import CATALOGUE, Rule, Severity, Violation

_COLUMNS = VIOLATION.kinds("rule", "detail", "offset", "length")


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
    rule_id, detail, offset, length = typed(row, _COLUMNS)
    rule = CATALOGUE.get(rule_id)
    if rule is None:
        rule = Rule(rule_id, severity_of(rule_id), "", "A rule that this version does not know.")
    return Violation(rule, detail, offset, length)


def problem_of(row: ViolationRow) -> Problem:
    """A row of `violation`."""
    found = violation_of(row.rule, row.detail, row.offset, row.length)
    return Problem(
        row.id, row.connection, row.frame, found, None if row.head is None else HeadPlace(row.head)
    )
