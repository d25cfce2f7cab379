"""What a person or a rule wants to send, before it becomes frames, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.protocol.frames import Opcode
from core.protocol.state import Role


@dataclass(frozen=True, slots=True)
class Target:
    """One side of one connection."""

    connection: int
    toward: Role
    """The receiving side: client or server."""


class Compression(Enum):
    """Whether a message is compressed."""

    AS_NEGOTIATED = "as negotiated"
    """Compressed if permessage-deflate was negotiated, else plain."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A text or binary message."""

    opcode: Opcode
    payload: bytes
    fragments: int = 1
    """Number of frames it is cut into; at least 1."""
    compression: Compression = Compression.AS_NEGOTIATED


@dataclass(frozen=True, slots=True)
class OutgoingPing:
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class OutgoingPong:
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class OutgoingClose:
    """Starts the closing handshake from our side. A `code` of None sends an empty close frame."""

    code: int | None = 1000
    reason: str = ""


Outgoing = OutgoingMessage | OutgoingPing | OutgoingPong | OutgoingClose
