"""What is done to a frame on its way from one side to the other, besides passing it on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Fate(IntEnum):
    """What becomes of a frame on its way from the side that sent it to the other."""

    PASSED = 0
    """It was passed on unchanged, or Unmask is the other side."""
    HELD = 1
    """It is held; where the connection is over, it was never passed on."""
    DROPPED = 2
    REPLACED = 3
    """Another frame, of origin EDITED, was passed on in its place."""


class DecidedBy(IntEnum):
    """Who decided what becomes of a frame."""

    NOBODY = 0
    """Nobody has, or the connection ended first."""
    RULE = 1
    PERSON = 2
    SCRIPT = 3
    DEADLINE = 4
    """It was held for as long as it may be, and went on unchanged."""


@dataclass(frozen=True, slots=True)
class Handling:
    """What was done to a frame. The default is what happens to nearly all: nothing."""

    fate: Fate = Fate.PASSED
    decided_by: DecidedBy = DecidedBy.NOBODY
    held_ns: int | None = None
    """How long it was held or delayed; None if it was not, or still is."""
    rules: tuple[str, ...] = ()
    """Names of the rules that applied to it or made Unmask send it, in order; of a script, its file's name."""
    is_redacted: bool = False
    """Secrets in its payload were left out of the capture."""


UNTOUCHED = Handling()
