"""The way to a server over TCP, directly or through another proxy, and why there is none."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import cast

from core.errors import ConnectError, SilentError
from core.net.asking import Asking
from core.net.connect_request import ServerUrl
from core.net.reach import Reach, RefusedAddress
from core.net.upstream import UpstreamFailure, UpstreamProblem, UpstreamProxy
from core.protocol.proxy_request import Authority

_NO_WAY = frozenset((errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT))
_NOT_PERMITTED = frozenset((errno.EACCES, errno.EPERM))

TakeTransport = Callable[[asyncio.Transport, bytes], None]
"""Takes a new transport before anything more is read from it, with what has come over it already."""


async def reach(
    loop: asyncio.AbstractEventLoop,
    url: ServerUrl,
    allowed: Reach,
    upstream: UpstreamProxy | None,
    seconds: float,
    reached: TakeTransport,
) -> None:
    """Connect to the server's host and port within `seconds`, through `upstream` if there is one.

    Raises ConnectError with the reason: UpstreamFailure where the proxy is to blame, RefusedAddress where the address
    is not `allowed`.
    """
    target = Authority(url.host, url.port)
    deadline = loop.time() + seconds
    if upstream is None:
        await _connect(loop, target, allowed, deadline, seconds, _direct(reached))
        return
    allowed.check_name(url.host, url.port)
    await _reach_through(loop, target, Reach(allowed.own), upstream, deadline, seconds, reached)


def _direct(reached: TakeTransport) -> Callable[[], asyncio.Protocol]:
    return lambda: _Arrival(lambda transport: reached(transport, b""))


async def _reach_through(
    loop: asyncio.AbstractEventLoop,
    target: Authority,
    allowed: Reach,
    upstream: UpstreamProxy,
    deadline: float,
    seconds: float,
    reached: TakeTransport,
) -> None:
    outcome: asyncio.Future[None] = loop.create_future()
    asked: list[Asking] = []

    def opened(transport: asyncio.Transport, first: bytes) -> None:
        if not outcome.done():
            outcome.set_result(None)
        reached(transport, first)

    def failed(failure: UpstreamFailure) -> None:
        if not outcome.done():
            outcome.set_exception(failure)

    def ask() -> Asking:
        asked.append(Asking(upstream, target, opened, failed))
        return asked[-1]

    try:
        await _connect(loop, upstream.place, allowed, deadline, seconds, ask)
        async with asyncio.timeout_at(deadline):
            await outcome
    except (UpstreamFailure, RefusedAddress):
        raise
    except ConnectError as error:
        sentence = f"The proxy {upstream} can't be reached. {error}"
        raise UpstreamFailure(UpstreamProblem.NOT_REACHED, sentence) from error
    except TimeoutError as error:
        sentence = (
            f"The proxy {upstream} did not open a way to {target} within {seconds:g} s. Check its address, and "
            "whether it is http:// or socks5://."
        )
        raise UpstreamFailure(UpstreamProblem.SILENT, sentence) from error
    finally:
        outcome.cancel()
        for each in asked:
            each.stop()


async def _connect(
    loop: asyncio.AbstractEventLoop,
    place: Authority,
    allowed: Reach,
    deadline: float,
    seconds: float,
    factory: Callable[[], asyncio.Protocol],
) -> None:
    """Connect over TCP; all addresses of the host are tried in turn. Raises ConnectError."""
    try:
        async with asyncio.timeout_at(deadline):
            found = await loop.getaddrinfo(
                place.host, place.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
            )
        for entry in found:
            allowed.check(place.host, entry[4])
        first_failure: OSError | None = None
        for tried, (family, _, _, _, address) in enumerate(found):
            # An address that never answers leaves time for those after it.
            left = max(deadline - loop.time(), 0.0) / (len(found) - tried)
            try:
                async with asyncio.timeout(left):
                    await _open(loop, factory, family, address)
            except OSError as error:
                first_failure = first_failure or error
            else:
                return
        raise first_failure or OSError(errno.EADDRNOTAVAIL, "it has no address")
    except socket.gaierror as error:
        raise ConnectError(
            f"{place.host} is no host that this machine can find ({error.strerror}). Check its name, or write an IP "
            "address."
        ) from error
    except TimeoutError as error:
        raise SilentError(
            f"{place} did not answer within {seconds:g} s. Check host and port, and whether a firewall stands "
            "between."
        ) from error
    except OSError as error:
        raise ConnectError(_why(place, error)) from error


async def _open(
    loop: asyncio.AbstractEventLoop,
    factory: Callable[[], asyncio.Protocol],
    family: int,
    address: tuple[str | int | bytes, ...],
) -> None:
    """Connect to one address. If this is cancelled, nothing stays open, and a protocol that was made is told."""
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    # Nothing is waited for any more. uvloop, when it is cancelled here, would not tell the protocol of the end.
    opening = loop.create_task(loop.create_connection(factory, sock=sock))
    try:
        await asyncio.shield(opening)
    except asyncio.CancelledError:
        transport, _ = await opening
        transport.abort()
        raise


class _Arrival(asyncio.Protocol):
    """Hands a new transport on before it is read."""

    def __init__(self, reached: Callable[[asyncio.Transport], None]) -> None:
        self._reached = reached

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's classes.
        self._reached(cast(asyncio.Transport, transport))


def _why(place: Authority, error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.errno == errno.ECONNREFUSED:
        return f"{place} refuses the connection: nothing listens there. Start the server, or check host and port."
    if error.errno in _NO_WAY:
        return f"No way leads from this machine to {place} ({reason}). Check the address and the network."
    if error.errno in _NOT_PERMITTED:
        return f"The system does not permit connecting to {place} ({reason}). Check its firewall."
    return f"Connecting to {place} failed ({reason}). Check host and port."
