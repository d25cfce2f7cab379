"""What a filter does in the list of frames."""

from __future__ import annotations

from enum import Enum


class FilterMode(Enum):
    """What becomes of frames that do not match."""

    HIDE = "filter"
    MARK = "find"
    """They stay; those that match are marked."""
