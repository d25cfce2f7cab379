"""What went wrong where no one waits for an answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class FailureKind(Enum):
    """What it was that failed."""

    LISTEN = "listen"
    CONNECT = "connect"
    CAPTURE = "capture"
    """What comes can't be recorded; told once, until it can be again."""
    MARK = "mark"
    """A frame of the capture can't be marked."""
    COMMAND = "command"
    """Anything else that a person asked for."""
    NETWORK = "network"
    """The system refused something that nobody asked for in particular."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Something failed; for the person to read."""

    kind: FailureKind
    subject: str
    """What it was about: an address to listen on, a URL, the path of a capture; "" where the kind says all."""
    sentence: str
    """What happened, with which value, and what to do."""
