"""A proxy never connects to itself, and to link-local addresses only if allowed."""

from __future__ import annotations

import socket

import pytest

from core.net.reach import Reach, Refusal, RefusedAddress
from core.net.sockets import SocketAddress

V4, V6 = socket.AF_INET, socket.AF_INET6


def refusal(reach: Reach, address: str, port: int = 3128, host: str = "h") -> Refusal | None:
    try:
        reach.check(host, (address, port))
    except RefusedAddress as error:
        return error.refusal
    return None


def at(*places: SocketAddress) -> Reach:
    return Reach(lambda: places, allow_metadata=False)


@pytest.mark.parametrize(
    ("own", "address", "port", "loops"),
    [
        ("127.0.0.1", "127.0.0.1", 3128, True),
        ("127.0.0.1", "127.0.0.1", 3129, False),
        ("127.0.0.1", "127.0.0.2", 3128, False),
        ("127.0.0.1", "0.0.0.0", 3128, True),
        ("127.0.0.1", "::ffff:127.0.0.1", 3128, True),
        ("127.0.0.1", "64:ff9b::7f00:1", 3128, True),
        ("127.0.0.1", "::1", 3128, False),
        ("::1", "::", 3128, True),
        ("0.0.0.0", "127.0.0.1", 3128, True),
        ("0.0.0.0", "127.9.9.9", 3128, True),
        ("0.0.0.0", "0.0.0.0", 3128, True),
        ("0.0.0.0", "192.0.2.1", 3128, False),
        ("::", "::1", 3128, True),
        ("::", "127.0.0.1", 3128, False),
    ],
)
def test_it_knows_itself_in_every_spelling(own: str, address: str, port: int, loops: bool) -> None:
    place: SocketAddress = (V6 if ":" in own else V4, (own, 3128))
    assert refusal(at(place), address, port) is (Refusal.LOOP if loops else None)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fe80::1%eth0", "fd00:ec2::254", "::ffff:169.254.1.1", "64:ff9b::a9fe:a9fe"],
)
def test_link_local_addresses_are_refused_unless_allowed(address: str) -> None:
    assert refusal(at(), address, 80) is Refusal.METADATA
    assert refusal(Reach(), address, 80) is None


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "::ffff:127.0.0.1"])
def test_it_knows_itself_by_name_where_somebody_else_resolves(host: str) -> None:
    with pytest.raises(RefusedAddress):
        at((V4, ("127.0.0.1", 3128))).check_name(host, 3128)
    at((V4, ("127.0.0.1", 3128))).check_name(host, 3129)
    at((V4, ("127.0.0.1", 3128))).check_name("elsewhere.example", 3128)


def test_other_addresses_are_allowed() -> None:
    for address in ("192.0.2.1", "10.0.0.1", "2001:db8::1", "fd00:ec2::253", "127.0.0.1"):
        assert refusal(at(), address, 80) is None
