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


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that go out at once."""

    data: bytes
    after_seconds: float = 0.0
    """The pause before them."""


class RawEnd(Enum):
    """What becomes of the stream after raw bytes."""

    GO_ON = "go on"
    HALF_CLOSE = "half-close"
    """Our half of it ends."""
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class OutgoingRaw:
    """Bytes as they are, which need not be frames, in pieces; `core.protocol.raw_frames` makes them.

    What else is to be sent meanwhile goes out behind them.
    """

    pieces: tuple[Piece, ...]
    end: RawEnd = RawEnd.GO_ON

    @property
    def size(self) -> int:
        """Number of bytes."""
        return sum(len(piece.data) for piece in self.pieces)


Written = OutgoingMessage | OutgoingPing | OutgoingPong | OutgoingClose
"""What becomes correct frames."""
Outgoing = Written | OutgoingRaw
