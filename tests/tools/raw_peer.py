"""A client that is only a socket: it can send anything, and sees the bytes of the answer."""

from __future__ import annotations

import socket
from types import TracebackType

from core.protocol.frames import make_frame
from core.protocol.handshake import client_request
from tests.tools.waiting import PATIENCE_SECONDS

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASK = bytes.fromhex("37fa213d")


class RawPeer:
    """A TCP connection to a port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.received = b""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def request(self, path: str = "/") -> bytes:
        """A correct opening handshake."""
        return client_request(f"127.0.0.1:{self.port}", path, KEY)

    def open(self, path: str = "/") -> None:
        """Do the opening handshake."""
        self.send(self.request(path))
        assert self.head().startswith(b"HTTP/1.1 101 ")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        """Send a masked frame."""
        self.send(make_frame(opcode, payload, fin=fin, masking_key=MASK).wire())

    def head(self) -> bytes:
        """The response head, with its blank line."""
        while b"\r\n\r\n" not in self.received:
            self._read()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def take(self, count: int) -> bytes:
        """Exactly the next `count` bytes."""
        while len(self.received) < count:
            self._read()
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        while data := self.socket.recv(65536):
            self.received += data
        return self.received

    def _read(self) -> None:
        data = self.socket.recv(65536)
        assert data, f"the stream ended after {self.received!r}"
        self.received += data
