"""A server that is nothing but a socket: it can answer anything, and sees the bytes of its client."""

from __future__ import annotations

import socket
from types import TracebackType

from core.protocol.frames import make_frame
from core.protocol.handshake import accept_key
from core.protocol.handshake_rules import KEY_HEADER
from core.protocol.http11 import parsed_request, write_response
from tests.tools.raw_end import RawEnd
from tests.tools.waiting import PATIENCE_SECONDS


class RawServer(RawEnd):
    """Listens on a port of its own. It is itself its end of the client that it accepted last."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(PATIENCE_SECONDS)
        self.port: int = self._listening.getsockname()[1]
        self.received = b""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()
        if hasattr(self, "socket"):
            super().__exit__(kind, error, trace)

    @property
    def client(self) -> socket.socket:
        """The socket of the client, from `meet` on."""
        return self.socket

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def refuse(self) -> None:
        """Listen no more."""
        self._listening.close()

    def accepted(self) -> RawEnd:
        """The end of one more client, beside all others."""
        return RawEnd(self._listening.accept()[0])

    def meet(self) -> None:
        """Take the client, whatever it says."""
        self.socket, _ = self._listening.accept()
        self.socket.settimeout(PATIENCE_SECONDS)

    def accept(self) -> bytes:
        """Take the client and its request head."""
        self.meet()
        return self.head()

    def open(self, *headers: tuple[str, str]) -> bytes:
        """Take the client, and answer its request with 101 and these headers besides; the request."""
        head = self.accept()
        self.send(response_to(head, *headers))
        return head

    def frame(self, opcode: int, payload: bytes = b"") -> None:
        """Send a frame as servers do, without a mask."""
        self.send(make_frame(opcode, payload).wire())


def response_to(request: bytes, *headers: tuple[str, str]) -> bytes:
    """The 101 that a request asks for, with these headers besides."""
    head = parsed_request(request)
    assert head is not None
    accept = accept_key(head.headers.get(KEY_HEADER) or "")
    usual = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept))
    return write_response(101, [*usual, *headers])
