"""The rules that come with Unmask. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import resources
from app.logic.rule_files import load_rules
from core.rules.book import RuleCompiler
from core.rules.rule_file import RuleFile

FOLDER = Path(resources.__file__).parent / "rules"
_SCHEMA = "schema.json"


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """A file of rules that comes with the program."""

    path: Path
    file: RuleFile


def ready_made_rules(compiler: RuleCompiler) -> tuple[ReadyMade, ...]:
    """All of them, in the order of their titles."""
    found = [
        ReadyMade(path, load_rules(path, compiler)) for path in FOLDER.glob("*.json") if path.name != _SCHEMA
    ]
    return tuple(sorted(found, key=lambda each: each.file.title.lower()))
