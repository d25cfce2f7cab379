"""What a decoder is told of a payload beside its bytes."""

from __future__ import annotations

from dataclasses import replace

from core.capture.records import Direction
from core.decoders.context import Context, context_of
from core.protocol.frames import Opcode
from tests.app.views.samples import CONNECTION


def test_path_subprotocol_and_headers_are_those_of_the_connection() -> None:
    context = context_of(CONNECTION, Opcode.TEXT, Direction.SERVER_TO_CLIENT)
    assert context.direction is Direction.SERVER_TO_CLIENT
    assert (context.path, context.subprotocol) == (CONNECTION.path, CONNECTION.subprotocol)
    assert context.headers.get("upgrade") == "websocket"


def test_a_head_that_cannot_be_read_has_no_headers() -> None:
    for head in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\nHost: cut"):
        broken = replace(CONNECTION, request=head)
        assert context_of(broken, Opcode.TEXT, Direction.CLIENT_TO_SERVER).headers.items == ()
    unknown = context_of(None, Opcode.BINARY, Direction.CLIENT_TO_SERVER)
    assert unknown == Context(Opcode.BINARY)
