"""Limits on what a peer can make a connection hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from core.protocol.http11 import HeadLimits


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits on what a peer can make us hold, in bytes."""

    head: HeadLimits = field(default_factory=HeadLimits)
    message_bytes: int = 64 * 1024 * 1024
    trailing_bytes: int = 1024 * 1024


class Overlong(Enum):
    """What happens to a frame or message larger than `ConnectionLimits.message_bytes`."""

    ENDS = auto()
    """For an endpoint: it breaks a limit of ours (RFC 6455 section 10.4), and nothing after it is decoded."""
    READ_PAST = auto()
    """For an observer: it passes without being held, which is noted, and decoding continues after it."""
