"""A client that is only a socket: it can send anything, and sees the bytes of the answer."""

from __future__ import annotations

import socket

from core.protocol.frames import make_frame
from core.protocol.handshake import client_request
from tests.tools.raw_end import RawEnd
from tests.tools.waiting import PATIENCE_SECONDS

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASK = bytes.fromhex("37fa213d")


class RawPeer(RawEnd):
    """A TCP connection to a port of this machine."""

    def __init__(self, port: int) -> None:
        super().__init__(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS))
        self.port = port

    def request(self, path: str = "/") -> bytes:
        """A correct opening handshake."""
        return client_request(f"127.0.0.1:{self.port}", path, KEY)

    def open(self, path: str = "/") -> None:
        """Do the opening handshake."""
        self.send(self.request(path))
        assert self.head().startswith(b"HTTP/1.1 101 ")

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        """Send a masked frame."""
        self.send(make_frame(opcode, payload, fin=fin, masking_key=MASK).wire())
