"""Connects to a server over TCP, and explains failures."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from core.errors import ConnectError

_NO_WAY = frozenset((errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT))
_NOT_PERMITTED = frozenset((errno.EACCES, errno.EPERM))


async def dial(
    loop: asyncio.AbstractEventLoop,
    factory: Callable[[], asyncio.Protocol],
    host: str,
    port: int,
    seconds: float,
) -> None:
    """Connect the protocol that `factory` makes, within `seconds` for finding the host and reaching it.

    All addresses of the host are tried in turn. Raises ConnectError with the reason.
    """
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    begun = loop.time()
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        first_failure: OSError | None = None
        for tried, (family, _, _, _, address) in enumerate(found):
            # An address that never answers leaves time for those after it.
            left = max(seconds - (loop.time() - begun), 0.0) / (len(found) - tried)
            try:
                async with asyncio.timeout(left):
                    await loop.create_connection(factory, str(address[0]), int(address[1]), family=family)
            except OSError as error:
                first_failure = first_failure or error
            else:
                return
        raise first_failure or OSError(errno.EADDRNOTAVAIL, "it has no address")
    except socket.gaierror as error:
        raise ConnectError(
            f"{host} is no host that this machine can find ({error.strerror}). Check its name, or write an IP address."
        ) from error
    except TimeoutError as error:
        raise ConnectError(
            f"{place} did not answer within {seconds:g} s. Check host and port, and whether a firewall stands between."
        ) from error
    except OSError as error:
        raise ConnectError(_why(place, error)) from error


def _why(place: str, error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.errno == errno.ECONNREFUSED:
        return f"{place} refuses the connection: nothing listens there. Start the server, or check host and port."
    if error.errno in _NO_WAY:
        return f"No way leads from this machine to {place} ({reason}). Check the address and the network."
    if error.errno in _NOT_PERMITTED:
        return f"The system does not permit connecting to {place} ({reason}). Check its firewall."
    return f"Connecting to {place} failed ({reason}). Check host and port."
