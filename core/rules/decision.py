"""What a person makes of a message that is held, and what she sees of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.protocol.http11 import HeadKind
from core.protocol.state import Role
from core.rules.verdict import Onward, Replacement, Verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """The message goes nowhere; its sender gets this one."""

    message: Replacement


Decision = Onward | Replacement | Answer | Verdict
"""It goes on as it came, or nowhere; another one goes on; its sender is answered; or all that a verdict can say."""


@dataclass(frozen=True, slots=True)
class HeldKey:
    """Names a held message."""

    connection: int
    """The connection's handle."""
    ticket: int


@dataclass(frozen=True, slots=True)
class HeldMessage:
    """A message, a control frame or a head that waits for a person. Times are in ns since the epoch."""

    key: HeldKey
    sender: Role
    since_ns: int
    until_ns: int
    """When it goes on unchanged unless somebody decides."""
    position: int
    """Number of messages of its direction that go before it."""
    behind: int
    """Number of messages of its direction that wait after it."""
    opcode: int
    frames: int
    is_compressed: bool
    payload: bytes = field(repr=False)
    """The whole message, joined and inflated."""
    rules: tuple[str, ...] = ()
    """Names of the rules that hold it."""
    head: HeadKind | None = None
    """What a head of HTTP is, whose raw bytes are the payload; None for a message or a control frame."""


@dataclass(frozen=True, slots=True)
class HeldList:
    """What is held at a moment."""

    messages: tuple[HeldMessage, ...] = ()
    """The oldest ones; a bounded number."""
    total: int = 0
    """How many there are."""
    is_stuck: bool = False
    """Whether a direction is no longer read, because no more may wait in it."""
