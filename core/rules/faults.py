"""What can be wrong with a rule, and where."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import CallerError, TextError


@dataclass(frozen=True, slots=True)
class RulePlace:
    """A part of a rule."""

    part: str
    """The name of a condition's or an action's part, such as `filter` or `payload`."""
    action: int | None = None
    """Which of the rule's actions, from 0; None: the condition."""


class RuleError(CallerError):
    """The rule at `index` of a list cannot be carried out, because of one of its parts."""

    def __init__(self, message: str, index: int, place: RulePlace, inner: TextError | None = None) -> None:
        super().__init__(message)
        self.index = index
        self.place = place
        self.inner = inner
        """Points at the character, where the part is a filter or a template."""


class ParameterError(Exception):
    """A part of an action cannot be used. The message is a sentence."""

    def __init__(self, message: str, part: str, inner: TextError | None = None) -> None:
        super().__init__(message)
        self.part = part
        self.inner = inner


class RuleFileError(CallerError):
    """A file of rules cannot be used, because of its line `line`. The message names the line."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
