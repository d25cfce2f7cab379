"""What a preset is: one fault, who can make it, and what the RFC wants its receiver to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from core.probe.head import Head
from core.protocol.frames import RSV1, new_masking_key
from core.protocol.outgoing import OutgoingRaw, RawEnd
from core.protocol.raw_frames import RawFrame
from core.protocol.state import Role
from core.protocol.violations import CATALOGUE, Rule


class Demand(Enum):
    """What the receiver is to do."""

    FAIL = "fail"
    """It must fail the connection, or refuse the handshake."""
    CHOOSE = "choose"
    """It may fail the connection or go on, and must not hang."""
    WAIT = "wait"
    """It may also wait: for bytes that never come, or for a time of its own."""
    GO_ON = "go on"
    """Nothing is wrong, so it must go on."""


class Offer(Enum):
    """The extension that the fault needs on its connection."""

    NONE = "none"
    DEFLATE = "permessage-deflate"
    SMALL_WINDOW = "permessage-deflate with a window of 512 bytes in the direction of the fault"


class Tail(Enum):
    """How the bytes of a fault end."""

    WHOLE = "whole"
    """With a frame, so that a ping behind them can be answered."""
    OPEN = "open"
    """Inside of a frame or head."""
    CLOSE = "close"
    """With a close frame, to which the answer tells what the receiver thinks of it."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Makes frames for one side."""

    role: Role

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> RawFrame:
        """A frame as this side has to send it: masked with a fresh key by a client."""
        key = new_masking_key() if self.role is Role.CLIENT else None
        return RawFrame(opcode, payload, fin, rsv, key)

    def compressed(self, opcode: int, data: bytes, *, fin: bool = True) -> RawFrame:
        """A frame with RSV1, whose payload is compressed already."""
        return self.frame(opcode, data, fin=fin, rsv=RSV1)


@dataclass(frozen=True, slots=True)
class RequestFault:
    """A request that is wrong. Clients make it."""

    spoilt: Callable[[Head], bytes]
    end: RawEnd = RawEnd.GO_ON


@dataclass(frozen=True, slots=True)
class ResponseFault:
    """A response that is wrong. Servers make it."""

    spoilt: Callable[[Head, Head], bytes | None]
    """Called with the request and the correct response; None if this request leaves no room for the fault."""
    end: RawEnd = RawEnd.GO_ON


@dataclass(frozen=True, slots=True)
class FrameFault:
    """Bytes after a correct handshake."""

    made: Callable[[Writer], OutgoingRaw]
    senders: tuple[Role, ...] = (Role.CLIENT, Role.SERVER)
    offer: Offer = Offer.NONE
    tail: Tail = Tail.WHOLE


Fault = RequestFault | ResponseFault | FrameFault


@dataclass(frozen=True, slots=True)
class Preset:
    """One fault under a name."""

    id: str
    title: str
    """What is sent, in a few words that follow on “It gets”."""
    fault: Fault
    demand: Demand
    rule: Rule | None
    """The rule that is broken; None if the bytes are correct, though unusual."""

    @property
    def senders(self) -> tuple[Role, ...]:
        """The sides that can make the fault."""
        if isinstance(self.fault, FrameFault):
            return self.fault.senders
        return (Role.CLIENT,) if isinstance(self.fault, RequestFault) else (Role.SERVER,)

    @property
    def tail(self) -> Tail:
        return self.fault.tail if isinstance(self.fault, FrameFault) else Tail.OPEN

    @property
    def offer(self) -> Offer:
        return self.fault.offer if isinstance(self.fault, FrameFault) else Offer.NONE


def preset(
    rule_id: str, title: str, fault: Fault, demand: Demand = Demand.FAIL, *, suffix: str = ""
) -> Preset:
    """The preset that breaks a rule; `suffix` tells it from others of the same rule."""
    return Preset(rule_id + suffix, title, fault, demand, CATALOGUE[rule_id])
