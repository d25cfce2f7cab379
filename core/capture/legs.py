"""What is known of the legs of a connection, and of the heads that went over them.

A leg is one TCP connection. A client that came in is at the end of one leg; a server that Unmask dialled is at the end
of one; a connection that is relayed has both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import IntEnum

from core.capture.tables import LegRow
from core.protocol.http11 import HeadKind
from core.protocol.state import Role
from core.protocol.violations import Violation


class LegEnd(IntEnum):
    """How a leg ended."""

    OPEN = 0
    """It did not, as far as the capture knows."""
    CLOSED = 1
    """In order: after a closing handshake, or after an answer that opened no WebSocket connection."""
    VANISHED = 2
    """The other end ended it without a closing handshake."""
    CUT = 3
    """Unmask ended it without one, as when the other leg is over."""


@dataclass(frozen=True, slots=True)
class Tls:
    """What a leg agreed on with the other end. Names are those of OpenSSL."""

    version: str
    cipher: str
    alpn: str | None = None
    sni: str | None = None
    resumed: bool = False
    chain: bytes = b""
    """Certificates of the other end in DER, its own first, one behind the other."""


@dataclass(frozen=True, slots=True)
class LegChange:
    """What became known of a leg; a leg that was not known begins with it. None: nothing new."""

    side: Role
    """Who is at the other end."""
    peer: str | None = None
    """Address of the other end, as `127.0.0.1:50312`."""
    local: str | None = None
    connected_ns: int | None = None
    secured_ns: int | None = None
    """When TLS was agreed on."""
    tls: Tls | None = None
    tls_problem: str | None = None
    """What is wrong with TLS, in a sentence, whether or not it was agreed on."""

    def with_(self, later: LegChange) -> LegChange:
        """Both, as one; `later` counts where they differ."""
        known = {each.name: getattr(later, each.name) for each in fields(later)}
        return replace(self, **{name: value for name, value in known.items() if value is not None})


@dataclass(slots=True)
class LegRecord:
    """One leg. Times are ns since the epoch, None for what has not happened."""

    side: Role
    """Who is at the other end."""
    opened_ns: int
    """When it came in, or was dialled."""
    peer: str = ""
    """Address of the other end, as `127.0.0.1:50312`."""
    local: str = ""
    tls: Tls | None = None
    tls_problem: str = ""
    """What is wrong with TLS, in a sentence, whether or not it was agreed on; "" if nothing is."""
    connected_ns: int | None = None
    secured_ns: int | None = None
    answered_ns: int | None = None
    """When the request was answered."""
    first_message_ns: int | None = None
    """When the other end first had said a whole message."""
    closed_ns: int | None = None
    ended: LegEnd = LegEnd.OPEN
    trailing: bytes = b""
    """What came over it after the last frame and is no frame (bounded; see `trailing_length`)."""
    trailing_length: int = 0
    is_new: bool = field(default=True, compare=False)
    """The capture does not say all of this yet."""

    def change(self, change: LegChange) -> None:
        """Take over what became known."""
        self.is_new = True
        for name in ("peer", "local", "connected_ns", "secured_ns", "tls", "tls_problem"):
            value = getattr(change, name)
            if value is not None:
                setattr(self, name, value)

    def row(self, connection: int) -> LegRow:
        """What the capture is to say."""
        tls = self.tls or Tls("", "")
        return LegRow(
            connection=connection,
            side=self.side,
            peer=self.peer,
            local=self.local,
            tls_version=None if self.tls is None else tls.version,
            tls_cipher=tls.cipher,
            tls_alpn=tls.alpn,
            tls_sni=tls.sni,
            tls_resumed=tls.resumed,
            tls_chain=tls.chain,
            tls_problem=self.tls_problem,
            opened_ns=self.opened_ns,
            connected_ns=self.connected_ns,
            secured_ns=self.secured_ns,
            answered_ns=self.answered_ns,
            first_message_ns=self.first_message_ns,
            closed_ns=self.closed_ns,
            ended=self.ended,
            trailing=self.trailing,
            trailing_length=self.trailing_length,
        )


def leg_of(row: LegRow) -> LegRecord:
    """What the capture says; ValueError where that is nonsense."""
    tls = None
    if row.tls_version is not None:
        tls = Tls(
            row.tls_version, row.tls_cipher, row.tls_alpn, row.tls_sni, row.tls_resumed != 0, row.tls_chain
        )
    return LegRecord(
        side=Role(row.side),
        opened_ns=row.opened_ns,
        peer=row.peer,
        local=row.local,
        tls=tls,
        tls_problem=row.tls_problem,
        connected_ns=row.connected_ns,
        secured_ns=row.secured_ns,
        answered_ns=row.answered_ns,
        first_message_ns=row.first_message_ns,
        closed_ns=row.closed_ns,
        ended=LegEnd(row.ended),
        trailing=row.trailing,
        trailing_length=row.trailing_length,
        is_new=False,
    )


class HeadPlace(IntEnum):
    """Which head of a connection: the leg that it went over, by who is at the other end, and what it is."""

    CLIENT_REQUEST = 0
    CLIENT_RESPONSE = 1
    SERVER_REQUEST = 2
    SERVER_RESPONSE = 3

    @property
    def side(self) -> Role:
        return Role(self >> 1)

    @property
    def kind(self) -> HeadKind:
        return HeadKind.RESPONSE if self & 1 else HeadKind.REQUEST


def head_place(side: int, kind: int) -> HeadPlace:
    """The one that a row of `head` says; ValueError where there is none."""
    if kind not in (0, 1):
        raise ValueError(f"a head is said to be of kind {kind}")
    return HeadPlace(side << 1 | kind)


@dataclass(frozen=True, slots=True)
class HeadRecord:
    """A head as it went over a leg, and which rules it broke."""

    place: HeadPlace
    raw: bytes
    """Exactly as on the wire but for masked secrets, or whatever came in its place."""
    violations: tuple[Violation, ...]
    """Their offsets count in `raw`."""
    is_masked: bool = False
    """Whether secrets in `raw` are asterisks, which were not on the wire."""
    rules: tuple[str, ...] = ()
    """Names of the rules that applied to it, in order."""
    held_ns: int | None = None
    """How long it was held or delayed; None if it was not."""
