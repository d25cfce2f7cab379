"""The rules as they are remembered between runs: what cannot be understood is left out, what is wrong is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.protocol.state import Role
from core.rules.book import MOST_RULES
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule

_Values = Mapping[str, Any]


def write_remembered(rules: Sequence[Rule]) -> str:
    """The rules as one text, which `read_remembered` reads."""
    return json.dumps([_values(rule) for rule in rules], ensure_ascii=True)


def read_remembered(text: str) -> tuple[Rule, ...]:
    """What `write_remembered` wrote."""
    try:
        rows = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return ()
    found = (_read(row) for row in (rows[:MOST_RULES] if isinstance(rows, list) else ()))
    return tuple(rule for rule in found if rule is not None)


def _values(rule: Rule) -> dict[str, object]:
    when = rule.when
    return {
        "id": rule.id,
        "name": rule.name,
        "on": rule.is_on,
        "moment": when.moment.value,
        "filter": when.filter,
        "from": None if when.sender is None else when.sender.name,
        "every": when.every_seconds,
        "after": when.after,
        "skip": when.skip,
        "most": when.most,
        "percent": when.percent,
        "then": [[action.name, list(map(list, action.parameters))] for action in rule.then],
    }


def _read(row: object) -> Rule | None:
    if not isinstance(row, dict):
        return None
    try:
        return _rule(row)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _rule(row: _Values) -> Rule:
    sender, most = row.get("from"), row.get("most")
    when = Condition(
        Moment(row["moment"]),
        str(row.get("filter", "")),
        None if sender is None else Role[sender],
        float(row.get("every", 0.0)),
        str(row.get("after", "")),
        int(row.get("skip", 0)),
        None if most is None else int(most),
        float(row.get("percent", 100.0)),
    )
    then = tuple(
        ActionText(str(name), tuple((str(part), str(text)) for part, text in parameters))
        for name, parameters in row["then"]
    )
    return Rule(int(row["id"]), str(row["name"]), when, then, row.get("on") is True)
