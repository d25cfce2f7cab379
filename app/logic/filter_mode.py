"""What a filter does to the list of frames."""

from __future__ import annotations

from enum import Enum


class FilterMode(Enum):
    """What happens to frames that do not match."""

    HIDE = "filter"
    MARK = "find"
    """They stay, and those that match are marked."""
