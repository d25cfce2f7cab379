"""What a decoder may know about a payload beside its bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.capture.records import ConnectionRecord, Direction
from core.protocol.headers import Headers
from core.protocol.http11 import parsed_request


@dataclass(frozen=True, slots=True)
class Context:
    """Where and how a payload was sent."""

    opcode: int
    """The message's opcode, or the frame's if the payload does not belong to a message."""
    direction: Direction = Direction.CLIENT_TO_SERVER
    path: str = ""
    """The request target with its query; peer text."""
    subprotocol: str | None = None
    """The subprotocol that was agreed on."""
    headers: Headers = field(default_factory=Headers)
    """Headers of the request; peer text."""


def context_of(connection: ConnectionRecord | None, opcode: int, direction: Direction) -> Context:
    """What is known about payloads sent on `connection` in that direction."""
    if connection is None:
        return Context(opcode, direction)
    return Context(
        opcode, direction, connection.path, connection.subprotocol, _header_fields(connection.request)
    )


def _header_fields(head: bytes) -> Headers:
    """Headers of a request head; none if it cannot be read."""
    request = parsed_request(head)
    return Headers() if request is None else request.headers
