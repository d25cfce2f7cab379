"""Listening sockets, and explanations if there can be none."""

from __future__ import annotations

import asyncio
import errno
import selectors
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress

from core.errors import ListenError, PortInUseError
from core.net import descriptors
from core.net.settings import ListenAddress
from core.protocol.headers import place_text

if sys.platform == "linux":
    import fcntl
    import termios

_SO_NWRITE = 0x1024
"""The socket option of macOS that tells what is in the send buffer."""
_PORT_TRIES = 8
"""How often another free port is tried if it is taken on another address of the host."""
_FIND_SECONDS = 10.0

SocketAddress = tuple[socket.AddressFamily, tuple[object, ...]]
"""Family and socket address."""


async def places_of(loop: asyncio.AbstractEventLoop, address: ListenAddress) -> list[SocketAddress]:
    """The distinct places of the address's host. Raises ListenError.

    `localhost` means 127.0.0.1 and, if the machine has IPv6, ::1.
    """
    # Browsers use both for localhost (RFC 6761 section 6.3), whatever the machine's own tables say.
    hosts = ("127.0.0.1", "::1") if address.host == "localhost" else (address.host,)
    places: dict[SocketAddress, None] = {}
    try:
        async with asyncio.timeout(_FIND_SECONDS):
            for host in hosts:
                found = await loop.getaddrinfo(
                    host,
                    address.port,
                    type=socket.SOCK_STREAM,
                    flags=socket.AI_PASSIVE,
                    proto=socket.IPPROTO_TCP,
                )
                places |= dict.fromkeys((entry[0], entry[4]) for entry in found)
    except (socket.gaierror, ValueError, TimeoutError) as error:
        reason = str(error) or "nobody knows it"
        raise ListenError(
            f"“{address.host}” is no address of this machine ({reason}). Use 127.0.0.1, ::1 or localhost."
        ) from error
    return list(places)


def listening_sockets(address: ListenAddress, places: Sequence[SocketAddress]) -> list[socket.socket]:
    """Bound, listening sockets for all places of the address's host, on one port. Raises ListenError."""
    for tries_left in reversed(range(_PORT_TRIES)):
        sockets, failure = _bind_all(places, address.port)
        if sockets and (failure is None or failure.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)):
            return sockets
        for sock in sockets:
            sock.close()
        taken = failure is not None and failure.errno == errno.EADDRINUSE
        if address.port or not taken or not tries_left:
            break
    raise _explain(address, failure)


def sockets_at(places: list[SocketAddress]) -> list[socket.socket]:
    """Bound, listening sockets on as many of these places, port included, as possible."""
    sockets = []
    for family, place in places:
        with suppress(OSError):
            sockets.append(_bind(family, place))
    return sockets


def _bind_all(places: Sequence[SocketAddress], port: int) -> tuple[list[socket.socket], OSError | None]:
    """Sockets on as many places as possible, on `port` or on one that the first picks; and the first failure."""
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, place in places:
        try:
            sock = _bind(family, (place[0], port, *place[2:]))
        except OSError as error:
            failure = failure or error
            continue
        sockets.append(sock)
        port = port or sock.getsockname()[1]
    return sockets, failure


def _bind(family: int, place: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            # On other systems this lets a restart bind while old connections linger; on Windows it would share the
            # port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind(place)
        sock.listen(descriptors.waiting())
    except BaseException:
        sock.close()
        raise
    return sock


def _explain(address: ListenAddress, error: OSError | None) -> ListenError:
    if error is None:
        return ListenError(f"{address} stands for no address to listen on. Use 127.0.0.1, ::1 or localhost.")
    if error.errno == errno.EADDRINUSE:
        return PortInUseError(
            f"Port {address.port} on {address.host} is in use by another program. "
            "Stop that program, or listen on another port (0 picks a free one)."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return ListenError(
            f"The system does not permit listening on {address}: ports below 1024 need special rights. "
            "Choose a port from 1024 up."
        )
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return ListenError(
            f"{address.host} is no address of this machine. Use 127.0.0.1, ::1, localhost or one of its own addresses."
        )
    return ListenError(f"Listening on {address} failed: {error.strerror or error}.")


def name_of(place: object) -> str:
    """A socket address in the form `127.0.0.1:8080` or `[::1]:8080`."""
    if isinstance(place, tuple) and len(place) >= 2:
        return place_text(str(place[0]), place[1])
    return "unknown"


def has_unread(transport: asyncio.Transport | None) -> bool:
    """Whether the system holds unread bytes of the peer, or the end of its stream."""
    sock = _open_socket(transport)
    if sock is None:
        return False
    # `select` is the last choice, because it rejects descriptors from 1024 on.
    with selectors.DefaultSelector() as selector:
        selector.register(sock.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))


def receive_buffer_bytes(transport: asyncio.Transport | None) -> int:
    """The most that the system holds of unread bytes of the peer."""
    sock = _open_socket(transport)
    return 0 if sock is None else sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


KNOWS_UNTAKEN = sys.platform in ("linux", "darwin")
"""Whether the system tells how much it holds that a peer has not taken."""


def untaken_bytes(transport: asyncio.Transport) -> int:
    """Bytes written that the peer's system has not taken: those that wait, and those that our system holds.

    The latter count as none where the system does not tell.
    """
    waiting = transport.get_write_buffer_size()
    sock: socket.socket | None = transport.get_extra_info("socket")
    # One that is closing stays open as long as something waits.
    if sock is None or (transport.is_closing() and not waiting):
        return waiting
    held = 0
    with suppress(OSError):
        if sys.platform == "linux":
            (held,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))
        elif sys.platform == "darwin":
            held = sock.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)
    return waiting + held


def _open_socket(transport: asyncio.Transport | None) -> socket.socket | None:
    if transport is None or transport.is_closing():
        return None
    sock: socket.socket | None = transport.get_extra_info("socket")
    return sock
