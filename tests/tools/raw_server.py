"""A server that is nothing but a socket: it can answer anything, and sees the bytes of its client."""

from __future__ import annotations

import socket
from types import TracebackType

from core.protocol.frames import make_frame
from core.protocol.handshake import accept_key
from core.protocol.handshake_rules import KEY_HEADER
from core.protocol.http11 import parsed_request, write_response
from tests.tools.waiting import PATIENCE_SECONDS


class RawServer:
    """Listens on a port of its own and has one client at a time."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(PATIENCE_SECONDS)
        self.port = self._listening.getsockname()[1]
        self.client: socket.socket
        """From `accept` on."""
        self.received = b""

    def __enter__(self) -> RawServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        if hasattr(self, "client"):
            self.client.close()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def meet(self) -> None:
        """Take the client, whatever it says."""
        self.client, _ = self._listening.accept()
        self.client.settimeout(PATIENCE_SECONDS)

    def accept(self) -> bytes:
        """Take the client and its request head."""
        self.meet()
        while b"\r\n\r\n" not in self.received:
            self._read()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def open(self, *headers: tuple[str, str]) -> bytes:
        """Take the client, and answer its request with 101 and these headers besides; the request."""
        head = self.accept()
        self.send(response_to(head, *headers))
        return head

    def send(self, data: bytes) -> None:
        self.client.sendall(data)

    def frame(self, opcode: int, payload: bytes = b"") -> None:
        """Send a frame as servers do, without a mask."""
        self.send(make_frame(opcode, payload).wire())

    def take(self, count: int) -> bytes:
        """Exactly the next `count` bytes."""
        while len(self.received) < count:
            self._read()
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def rest(self) -> bytes:
        """All up to the end of the stream."""
        while data := self.client.recv(65536):
            self.received += data
        return self.received

    def _read(self) -> None:
        data = self.client.recv(65536)
        assert data, f"the stream ended after {self.received!r}"
        self.received += data


def response_to(request: bytes, *headers: tuple[str, str]) -> bytes:
    """The 101 that a request asks for, with these headers besides."""
    head = parsed_request(request)
    assert head is not None
    accept = accept_key(head.headers.get(KEY_HEADER) or "")
    usual = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept))
    return write_response(101, [*usual, *headers])
