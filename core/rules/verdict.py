"""What rules make of a message, a frame or a handshake: plain values, which the owner of the connection carries out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from core.protocol.outgoing import Compression, Outgoing
from core.protocol.state import Role


class Onward(Enum):
    """What becomes of a message that stays what it is."""

    PASS = "pass"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Replacement:
    """Another message goes on in place of one."""

    opcode: int
    """TEXT or BINARY."""
    payload: bytes
    fragments: int = 1
    compression: Compression = Compression.AS_NEGOTIATED
    recorded: bytes | None = None
    """The payload as the capture has it; None: as it is."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A person decides. After `seconds` without a decision the message goes on as `instead` says."""

    seconds: float = 300.0
    instead: Replacement | None = None
    """What rules have made of the message; None: it goes on unchanged."""


class Corruption(Enum):
    """A fault made in the bytes of a message's last frame as they go on."""

    BIT = "bit"
    """One bit of the payload is turned over."""
    MASK = "mask"
    """The payload is masked with another key than the header states; where no key is due, the MASK bit is set."""
    LENGTH = "length"
    """The header states one byte more than follows."""
    UTF8 = "utf-8"
    """A byte that UTF-8 never has stands in the payload."""


@dataclass(frozen=True, slots=True)
class Send:
    """Something to send besides."""

    toward: Role
    outgoing: Outgoing
    after_seconds: float = 0.0


class Cut(Enum):
    """How a connection is ended without a closing handshake."""

    RESET = "reset"
    HALF_CLOSE = "half-close"
    """The stream toward the receiver of the message ends; the other direction goes on."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a message or frame, and what follows. The default changes nothing."""

    onward: Onward | Hold | Replacement = Onward.PASS
    delay_seconds: float = 0.0
    """The message goes on so much later, and everything behind it in its direction not before it."""
    bytes_per_second: float | None = None
    """The message's bytes go on at this rate."""
    copies: int = 1
    """How many times the message goes on."""
    behind: int = 0
    """The message goes on after so many later ones of its direction."""
    corruption: Corruption | None = None
    sends: tuple[Send, ...] = ()
    cut: Cut | None = None
    notes: tuple[str, ...] = ()
    """Notes on the frame's row."""
    recorded: bytes | None = None
    """The payload as the capture has it; None: as it came. Secrets are not recorded."""
    hits: tuple[int, ...] = ()
    """Ids of the rules that applied, in order."""


@dataclass(frozen=True, slots=True)
class HandshakeVerdict:
    """What becomes of a request or a response. The default changes nothing."""

    removed: tuple[str, ...] = ()
    """Names of headers to leave out, before others are added."""
    added: tuple[tuple[str, str], ...] = ()
    """Headers to add, names and values."""
    subprotocol: str | None = None
    """The only one to offer, or the one to agree on; "" for none, None for no change."""
    drops_extensions: bool = False
    """No extension is offered or agreed on."""
    answer: CannedAnswer | None = None
    """The answer to give instead of asking the server, or instead of our own."""
    is_silent: bool = False
    """Nothing is ever answered."""
    breaks_accept: bool = False
    """The Sec-WebSocket-Accept of the response is wrong."""
    delay_seconds: float = 0.0
    recorded_without: tuple[str, ...] = ()
    """Names of headers whose values the capture has as asterisks."""
    hits: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    """What a rule could not do, and why."""
    hold: Hold | None = None
    """A person decides before all the rest is done."""
    head: bytes | None = None
    """The raw head that a person has put in place of the one that came."""


@dataclass(frozen=True, slots=True)
class CannedAnswer:
    """An answer to a request."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
