"""The rules that the command line names."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.rules.book import RuleBook
    from core.rules.rule import Rule


_HOLD = "hold"


def add_rule_options(group: argparse._ArgumentGroup) -> None:
    """Add the option."""
    group.add_argument(
        "--rules",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="do with what passes as the rules in this file say: answer, change, drop, delay, hold and more; checked "
        "before anything starts; may stand several times",
    )


def rules_in(options: argparse.Namespace) -> tuple[Rule, ...]:
    """The rules of all files, in order. Raises RuleFileError and EnvironmentFailure, which name file and line."""
    if not options.rules:
        return ()
    # Imported late: the filter language takes a tenth of a second.
    from app.logic.rule_files import load_rules
    from core.query.language import default_language
    from core.rules.book import RuleCompiler

    compiler = RuleCompiler(default_language())
    return tuple(rule for path in options.rules for rule in load_rules(path, compiler).rules)


def any_holds(rules: Sequence[Rule]) -> bool:
    """Whether any of them has a person decide."""
    return any(action.name == _HOLD for rule in rules for action in rule.then)


def book_of(rules: Sequence[Rule]) -> RuleBook | None:
    """The rules ready to be asked; None if there are none. Raises RuleError."""
    if not rules:
        return None
    from core.query.language import default_language
    from core.rules.book import RuleCompiler

    numbered = [replace(rule, id=number) for number, rule in enumerate(rules, 1)]
    return RuleCompiler(default_language()).book(numbered)
