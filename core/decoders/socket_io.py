"""Engine.IO packets with the Socket.IO packets inside, as Socket.IO clients send them over a WebSocket.

Source: Engine.IO protocol, revision 4, "Packet encoding"; Socket.IO protocol, revision 5, "Packet encoding".
"""

from __future__ import annotations

import re

from core.decoders.context import Context
from core.decoders.decoder import Confidence, DecodeError, TokenKind
from core.decoders.json_tree import json_node
from core.decoders.tree import Node
from core.protocol.frames import Opcode

_TRANSPORT = {
    "0": "open",
    "1": "close",
    "2": "ping",
    "3": "pong",
    "4": "message",
    "5": "upgrade",
    "6": "noop",
}
_PACKET = {
    "0": "connect",
    "1": "disconnect",
    "2": "event",
    "3": "ack",
    "4": "connect error",
    "5": "binary event",
    "6": "binary ack",
}
_SOCKET_IO = re.compile(
    rb"4(?P<type>[0-6])(?:(?P<attachments>[0-9]{1,6})-)?(?P<namespace>/[^,]*)?,?(?P<acknowledge>[0-9]{1,18})?"
)


class SocketIoDecoder:
    """Shows packets of Socket.IO, and of Engine.IO, on which it is built."""

    name = "socket.io"
    title = "Socket.IO"
    help = "The type, namespace and number of a Socket.IO packet, and what it carries."

    def accepts(self, ends: bytes, context: Context) -> Confidence:
        path = context.path
        if context.opcode != Opcode.TEXT or not ("/socket.io/" in path or "EIO=" in path):
            return Confidence.NONE
        return Confidence.CERTAIN if ends[:1].decode("latin-1") in _TRANSPORT else Confidence.NONE

    def nodes(self, data: bytes, context: Context) -> tuple[Node, ...]:  # noqa: ARG002
        kind = _TRANSPORT.get(data[:1].decode("latin-1"))
        if kind is None:
            raise DecodeError(f"no packet of Engine.IO begins with {data[:1]!r}")
        transport = Node("Engine.IO", kind, 0, 1)
        packet = _SOCKET_IO.match(data)
        if packet is None:
            return (transport, *_carried(data, 1))
        nodes = [transport, Node("Socket.IO", _PACKET[packet["type"].decode()], *packet.span("type"))]
        for group, kind_of_value in (
            ("attachments", TokenKind.NUMBER),
            ("namespace", TokenKind.STRING),
            ("acknowledge", TokenKind.NUMBER),
        ):
            if packet[group]:
                value = packet[group].decode("utf-8", "backslashreplace")
                nodes.append(Node(group, value, *packet.span(group), kind_of_value))
        return (*nodes, *_carried(data, packet.end()))


def _carried(data: bytes, start: int) -> tuple[Node, ...]:
    """What follows the packet's head: JSON, or a word such as `probe`."""
    if start >= len(data):
        return ()
    if data[start : start + 1] in (b"{", b"[", b'"'):
        return (json_node("data", data, start),)
    return (
        Node("data", data[start:].decode("utf-8", "backslashreplace"), start, len(data), TokenKind.STRING),
    )
