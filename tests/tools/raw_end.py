"""One end of a TCP connection that is nothing but a socket: it can say anything, and sees every byte."""

from __future__ import annotations

import errno
import select
import socket
import struct
from types import TracebackType
from typing import Self

from tests.tools.waiting import PATIENCE_SECONDS


def refuses(port: int) -> bool:
    """Whether nothing listens on that port of 127.0.0.1."""
    with socket.socket() as sock:
        failure = sock.connect_ex(("127.0.0.1", port))
        # A socket that is given the very port it connects to meets itself (RFC 9293 section 3.5).
        return failure == errno.ECONNREFUSED or (not failure and sock.getsockname() == sock.getpeername())


def answers(port: int) -> bool:
    """Whether anybody listens there."""
    return not refuses(port)


class RawEnd:
    """A connected socket, and what was read from it and not taken yet."""

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(PATIENCE_SECONDS)
        self.socket = connected
        self.received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def say_no_more(self) -> None:
        """End this half of the stream."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Break the connection, so that the other end sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def head(self) -> bytes:
        """An HTTP head, with its blank line."""
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

    def is_silent(self, seconds: float = 0.1) -> bool:
        """Whether nothing comes within that time, not even the end."""
        return not self.received and not select.select([self.socket], [], [], seconds)[0]

    def _read(self) -> None:
        data = self.socket.recv(65536)
        assert data, f"the stream ended after {self.received!r}"
        self.received += data
