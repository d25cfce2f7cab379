"""Bounds on what a peer can make a connection hold."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.protocol.http11 import HeadLimits


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds on what a peer can make us hold. Sizes in bytes."""

    head: HeadLimits = field(default_factory=HeadLimits)
    message_bytes: int = 64 * 1024 * 1024
    trailing_bytes: int = 1024 * 1024
