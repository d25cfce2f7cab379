"""What a decoder may know of a payload beside its bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.capture.records import ConnectionRecord, Direction
from core.protocol.headers import Headers
from core.protocol.http11 import parsed_request


@dataclass(frozen=True, slots=True)
class Context:
    """Where a payload was sent."""

    opcode: int
    """Of the message, or of the frame where the payload is no message's."""
    direction: Direction = Direction.CLIENT_TO_SERVER
    path: str = ""
    """The request target with its query; peer text."""
    subprotocol: str | None = None
    """The one agreed on."""
    headers: Headers = field(default_factory=Headers)
    """Those of the request head; peer text."""


def context_of(connection: ConnectionRecord | None, opcode: int, direction: Direction) -> Context:
    """What is known of payloads that were sent on `connection` in that direction."""
    if connection is None:
        return Context(opcode, direction)
    return Context(
        opcode, direction, connection.path, connection.subprotocol, _header_fields(connection.request)
    )


def _header_fields(head: bytes) -> Headers:
    """Those of a request head that can be read; none of one that cannot."""
    request = parsed_request(head)
    return Headers() if request is None else request.headers
