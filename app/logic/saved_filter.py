"""A filter that a person keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A filter under a name."""

    name: str
    text: str
