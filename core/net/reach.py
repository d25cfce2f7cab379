"""Which addresses a proxy may connect to: never itself, and nothing that only this machine should be asked by.

Judged are addresses, after a name was resolved: a name may stand for anything.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from core.errors import ConnectError
from core.net.sockets import SocketAddress, name_of

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA = tuple(
    map(
        ipaddress.ip_network,
        (
            # RFC 3927 and RFC 4291 section 2.5.6; clouds hand out the keys of a machine at 169.254.169.254.
            *("169.254.0.0/16", "fe80::/10"),
            # Where Amazon hands them out over IPv6.
            "fd00:ec2::254/128",
        ),
    )
)
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052 section 2.1: IPv4 addresses behind a translator."""


class Refusal(Enum):
    """Why an address may not be connected to."""

    LOOP = "loop"
    """Unmask itself listens there."""
    METADATA = "metadata"
    """It is a link-local address."""


class RefusedAddress(ConnectError):
    """The address may not be connected to."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be connected to. The defaults allow everything."""

    own: Callable[[], Sequence[SocketAddress]] = tuple
    """Where the proxy itself listens, now."""
    allow_metadata: bool = True
    """Whether link-local addresses may be connected to."""

    def check(self, host: str, place: tuple[object, ...]) -> None:
        """Judge a socket address that `host` was resolved to. Raises RefusedAddress."""
        address = _plain(str(place[0]))
        if address is None:
            return
        port = place[1]
        shown = name_of(place)
        what = shown if host in (str(address), str(place[0])) else f"{host} ({shown})"
        if any(own[1] == port and _is_at(address, str(own[0])) for _, own in self.own()):
            raise RefusedAddress(
                Refusal.LOOP,
                f"{what} is where this proxy itself listens: it does not connect to itself. Ask for "
                "http://unmask.local/ to see its own page.",
            )
        if not self.allow_metadata and any(address in network for network in _METADATA):
            raise RefusedAddress(
                Refusal.METADATA,
                f"{what} is a link-local address, where clouds hand out the keys of a machine: the proxy refuses it "
                "unless its settings allow such addresses.",
            )

    def check_name(self, host: str, port: int) -> None:
        """Judge a host that somebody else resolves, as far as it tells where it leads. Raises RefusedAddress."""
        name = host.lower().removesuffix(".")
        # RFC 6761 section 6.3.
        is_local = name == "localhost" or name.endswith(".localhost")
        for address in ("127.0.0.1", "::1") if is_local else (host,):
            self.check(host, (address, port))


def _plain(text: str) -> _Address | None:
    """The address that is meant, without a zone and out of any IPv6 address that holds it."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_at(address: _Address, own: str) -> bool:
    """Whether who connects to `address` reaches a socket bound to `own`."""
    bound = _plain(own)
    if bound is None or bound == address:
        return bound is not None
    if bound.is_unspecified:
        return address.version == bound.version and _is_of_this_machine(address)
    # Connecting to 0.0.0.0 or [::] reaches this machine.
    return address.is_unspecified and bound.is_loopback


def _is_of_this_machine(address: _Address) -> bool:
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    # Only an address of this machine can be bound.
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((str(address), 0))
    except OSError:
        return False
    return True
