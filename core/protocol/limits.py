"""Bounds on what a peer can make a connection hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from core.protocol.http11 import HeadLimits


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds on what a peer can make us hold. Sizes in bytes."""

    head: HeadLimits = field(default_factory=HeadLimits)
    message_bytes: int = 64 * 1024 * 1024
    trailing_bytes: int = 1024 * 1024


class Overlong(Enum):
    """What becomes of a frame or message that is larger than `ConnectionLimits.message_bytes`."""

    ENDS = auto()
    """It breaks a rule of ours (RFC 6455 section 10.4), and after such a frame nothing is decoded: for an endpoint."""
    READ_PAST = auto()
    """It passes and is not held; that is noted, and what follows is decoded: for who only looks on."""
