from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from core.errors import ListenError
from core.net.settings import ListenAddress
from core.net.sockets import listening_sockets, name_of, places_of


def open_at(address: ListenAddress) -> list[socket.socket]:
    async def find_and_open() -> list[socket.socket]:
        places = await places_of(asyncio.get_running_loop(), address)
        return listening_sockets(address, places)

    return asyncio.run(find_and_open())


@contextmanager
def listening(host: str, port: int = 0) -> Iterator[list[socket.socket]]:
    with ExitStack() as open_ones:
        yield [open_ones.enter_context(each) for each in open_at(ListenAddress(host, port))]


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as sock:
        try:
            sock.bind(("::1", 0))
        except OSError:
            return False
    return True


ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=ipv6)])
def test_a_port_is_picked_and_is_real(host: str) -> None:
    with listening(host) as [sock]:
        place = sock.getsockname()
        assert place[0] == host
        assert place[1] > 0
        with socket.create_connection((host, place[1]), 5):
            pass


@ipv6
def test_localhost_is_both_on_one_port() -> None:
    with listening("localhost") as sockets:
        places = [sock.getsockname()[:2] for sock in sockets]
        assert [host for host, _ in places] == ["127.0.0.1", "::1"]
        assert len({port for _, port in places}) == 1


@ipv6
def test_all_addresses_of_one_family_leave_the_other_alone() -> None:
    with listening("::") as [six], listening("0.0.0.0", six.getsockname()[1]) as [four]:
        assert six.getsockname()[1] == four.getsockname()[1]


@ipv6
def test_a_port_taken_on_one_of_two_addresses_is_taken() -> None:
    with listening("::1") as [taken]:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=f"Port {port} on localhost is in use"):
            open_at(ListenAddress("localhost", port))
    with listening("localhost", port):
        pass


def test_a_port_in_use() -> None:
    with listening("127.0.0.1") as [taken]:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            open_at(ListenAddress("127.0.0.1", port))
    sentence = (
        f"Port {port} on 127.0.0.1 is in use by another program. Stop that program, or listen on another port"
    )
    assert str(caught.value).startswith(sentence)


def test_a_port_is_free_again_while_old_connections_linger() -> None:
    with listening("127.0.0.1") as [first]:
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            first.setblocking(True)
            accepted, _ = first.accept()
            accepted.close()
            assert client.recv(1) == b""
    with listening("127.0.0.1", port):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="ports below 1024 are free for all elsewhere")
def test_a_port_without_permission() -> None:
    first_free = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if first_free <= 1:
        pytest.skip("this system lets everybody have any port")
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(
            ListenError, match=r"does not permit listening on 127\.0\.0\.1:1: .* Choose a port from 1024 up"
        ):
            open_at(ListenAddress("127.0.0.1", 1))
    finally:
        os.seteuid(before)


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("192.0.2.1", "192.0.2.1 is no address of this machine"),
        ("no.such.host.invalid", "“no.such.host.invalid” is no address of this machine"),
        ("x" * 70 + ".test", "is no address of this machine"),
        ("nul\0byte", "is no address of this machine"),
    ],
)
def test_an_address_that_is_not_here(host: str, sentence: str) -> None:
    with pytest.raises(ListenError, match="Use 127") as caught:
        open_at(ListenAddress(host, 0))
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (("127.0.0.1", 80), "127.0.0.1:80"),
        (("::1", 80, 0, 0), "[::1]:80"),
        (None, "unknown"),
        ("/a/unix/socket", "unknown"),
        ((), "unknown"),
    ],
)
def test_names(place: object, name: str) -> None:
    assert name_of(place) == name
