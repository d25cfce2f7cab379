"""How long a script's process is waited for."""

from __future__ import annotations

from dataclasses import dataclass

from core.scripts.watch import LOOK_SECONDS


@dataclass(frozen=True, slots=True)
class Patience:
    """Times in seconds, after which Unmask goes on without an answer."""

    answer_seconds: float = 2.0
    """How long a message waits."""
    knock_seconds: float = 0.5
    """How long a process that answers nothing may take to say that it is there."""
    stuck_seconds: float = 10.0
    """How long a process may answer nothing before it is ended."""
    load_seconds: float = 10.0
    """How long a file may take to run once."""
    look_seconds: float = LOOK_SECONDS
    """How often it is looked whether the file was saved."""
