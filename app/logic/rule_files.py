"""Files of rules: read for the window and the console alike, and written. No Qt here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from core.errors import EnvironmentFailure
from core.rules.book import RuleCompiler
from core.rules.faults import RuleFileError
from core.rules.rule import Rule
from core.rules.rule_file import LENGTH_LIMIT, RuleFile, read_rules, write_rules
from core.sizes import size_text

ENDING = ".json"
_MOST_BYTES = 4 * LENGTH_LIMIT
"""A character has at most four bytes of UTF-8."""


def load_rules(path: Path, compiler: RuleCompiler) -> RuleFile:
    """The rules of a file, all of them right. Raises RuleFileError or EnvironmentFailure, which name the file."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise EnvironmentFailure(f"The rules in {path} cannot be read: {reason}.") from None
    if len(data) > _MOST_BYTES:
        raise RuleFileError(
            f"{path} has more than {size_text(_MOST_BYTES)}, which no file of rules has.", 1, 1
        )
    try:
        return read_rules(data.decode("utf-8-sig"), compiler)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RuleFileError(f"{path}, line {line}: this is no UTF-8.", line, 1) from None
    except RuleFileError as error:
        raise RuleFileError(f"{path}: {error}", error.line, error.column) from None


def save_rules(path: Path, rules: Sequence[Rule]) -> None:
    """Write rules into a file, which is replaced as a whole. Raises EnvironmentFailure."""
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_text(write_rules(RuleFile(tuple(rules))), encoding="utf-8")
        os.replace(beside, path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise EnvironmentFailure(f"The rules cannot be written to {path}: {reason}.") from None
    finally:
        # Once it has replaced the file it is there no more.
        with suppress(OSError, ValueError):
            beside.unlink(missing_ok=True)
