"""Real proxies on loopback, written from the RFCs: HTTP with CONNECT, and SOCKS5, each on threads of its own."""

from __future__ import annotations

import base64
import re
import socket
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType

from tests.tools.waiting import PATIENCE_SECONDS


class TestProxy(ABC):
    """A proxy that connects to this machine alone: whatever name is asked for, 127.0.0.1 is meant."""

    __test__ = False

    def __init__(
        self, user: str = "", password: str = "", *, refusal: bytes = b"", pieces: bool = False
    ) -> None:
        """`refusal` is said instead of opening a tunnel; with `pieces` every answer comes byte by byte."""
        self.user, self.password = user, password
        self.refusal = refusal
        self.pieces = pieces
        self.asked: list[str] = []
        """The places asked for, such as `example.com:443`."""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._start(self._accept)

    def __enter__(self) -> TestProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sock in (self._listening, *self._sockets):
            # Wakes the thread that waits for it.
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @abstractmethod
    def serve(self, client: socket.socket) -> None:
        """Talk with a client up to the tunnel."""

    def answer(self, client: socket.socket, data: bytes) -> None:
        """Send an answer of the proxy's own."""
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (data[at : at + 1] for at in range(len(data))) if self.pieces else (data,):
            client.sendall(piece)

    def reach(self, place: str) -> socket.socket:
        """Connect to a place asked for. Raises OSError."""
        self.asked.append(place)
        return self.keep(socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2]))))

    def tunnel(self, client: socket.socket, server: socket.socket) -> None:
        """Pass bytes both ways until both ends have ended."""
        self._start(self._copy, server, client)
        self._copy(client, server)

    def keep(self, sock: socket.socket) -> socket.socket:
        self._sockets.append(sock)
        return sock

    def _start(self, action: object, *sockets: socket.socket) -> None:
        assert callable(action)
        thread = threading.Thread(target=action, args=sockets, name="test proxy", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self.keep(self._listening.accept()[0])
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            self.serve(client)

    @staticmethod
    def _copy(source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)


def _exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = client.recv(count - len(data))
        if not piece:
            raise OSError("the client left")
        data += piece
    return data


class HttpProxy(TestProxy):
    """Opens tunnels by CONNECT."""

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    def serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += _exactly(client, 1)
            if not head[:1].isalpha():
                self.answer(client, b"HTTP/1.1 400 Not HTTP\r\n\r\n")
                client.close()
                return
        wanted = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if self.user and f"Proxy-Authorization: Basic {wanted}\r\n".encode() not in head:
            self.answer(client, b'HTTP/1.1 407 Sign in\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n')
            client.close()
            return
        found = re.match(rb"CONNECT (\S+) HTTP/1\.1\r\n", head)
        if self.refusal or found is None:
            self.answer(client, self.refusal or b"HTTP/1.1 501 CONNECT only\r\n\r\n")
            client.close()
            return
        try:
            server = self.reach(found[1].decode())
        except OSError:
            self.answer(client, b"HTTP/1.1 502 Not there\r\n\r\n")
            client.close()
            return
        self.answer(client, b"HTTP/1.1 200 Go on\r\nX-Proxy: test\r\n\r\n")
        self.tunnel(client, server)


class Socks5Proxy(TestProxy):
    """Opens tunnels by SOCKS5 (RFC 1928), with a user name and password if there is one (RFC 1929)."""

    @property
    def url(self) -> str:
        return f"socks5://{self.place}"

    def serve(self, client: socket.socket) -> None:
        method = 2 if self.user else 0
        version, count = _exactly(client, 2)
        if version != 5:
            client.close()
            return
        if method not in _exactly(client, count):
            self.answer(client, b"\x05\xff")
            client.close()
            return
        self.answer(client, bytes((5, method)))
        if self.user:
            _exactly(client, 1)
            given = [_exactly(client, _exactly(client, 1)[0]).decode() for _ in range(2)]
            if given != [self.user, self.password]:
                self.answer(client, b"\x01\x01")
                client.close()
                return
            self.answer(client, b"\x01\x00")
        kind = _exactly(client, 4)[3]
        if kind == 3:
            host = _exactly(client, _exactly(client, 1)[0]).decode()
        else:
            family = socket.AF_INET if kind == 1 else socket.AF_INET6
            host = socket.inet_ntop(family, _exactly(client, 4 if kind == 1 else 16))
        port = int.from_bytes(_exactly(client, 2), "big")
        if self.refusal:
            self.answer(client, self.refusal)
            client.close()
            return
        try:
            server = self.reach(f"{host}:{port}")
        except OSError:
            self.answer(client, b"\x05\x05\x00\x01" + bytes(6))
            client.close()
            return
        self.answer(client, b"\x05\x00\x00\x01" + bytes(6))
        self.tunnel(client, server)
