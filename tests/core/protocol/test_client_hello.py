"""What a client asks for, from the bytes of real ones, cut anywhere, and from garbage."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.client_hello import MOST_BYTES, ClientHello, describe_tls, read_client_hello


def hello_of(host: str | None, *protocols: str) -> bytes:
    """What OpenSSL sends first."""
    context = ssl.create_default_context()
    context.check_hostname = False
    if protocols:
        context.set_alpn_protocols(protocols)
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=host)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


WHOLE = hello_of("a.example", "h2", "http/1.1")


def in_records(hello: bytes, size: int) -> bytes:
    """Cut the message of one record into more of them (RFC 8446 section 5.1)."""
    message, records = hello[5:], b""
    for at in range(0, len(message), size):
        part = message[at : at + size]
        records += hello[:3] + len(part).to_bytes(2, "big") + part
    return records


def test_a_client_says_whom_it_means_and_what_it_speaks() -> None:
    found = read_client_hello(WHOLE)
    assert found == ClientHello("a.example", ("h2", "http/1.1"), (0x0304, 0x0303))
    assert read_client_hello(hello_of(None)) == ClientHello(None, (), (0x0304, 0x0303))
    assert read_client_hello(hello_of("127.0.0.1")) == ClientHello(None, (), (0x0304, 0x0303))
    mixed = read_client_hello(hello_of("Mixed.Example"))
    assert mixed is not None
    assert mixed.server_name == "mixed.example"


@pytest.mark.parametrize("size", [1, 2, 3, 100, 1000])
def test_it_may_come_in_many_records(size: int) -> None:
    assert read_client_hello(in_records(WHOLE, size)) == read_client_hello(WHOLE)


@given(st.integers(1, len(WHOLE) - 1), st.integers(1, 600))
def test_more_is_waited_for_until_it_is_whole(cut: int, size: int) -> None:
    assert read_client_hello(WHOLE[:cut]) is None
    records = in_records(WHOLE, size)
    assert read_client_hello(records[: min(cut, len(records) - 1)]) is None
    assert read_client_hello(WHOLE + b"more") == read_client_hello(WHOLE)


@given(st.integers(5, len(WHOLE) - 1), st.binary(min_size=1, max_size=8))
def test_damaged_ones_are_left_to_others(at: int, new: bytes) -> None:
    found = read_client_hello(WHOLE[:at] + new + WHOLE[at + len(new) :])
    assert found is None or len(found.server_name or "") <= 253


@given(st.binary(max_size=300))
def test_garbage_is_never_more_than_an_empty_one(data: bytes) -> None:
    assert read_client_hello(b"\x16\x03\x01" + data) in (None, ClientHello())


def test_an_endless_one_is_not_waited_for() -> None:
    records = (b"\x16\x03\x01\x40\x00" + b"\x01\xff\xff\xff" + bytes(0x4000 - 4)) * 5
    assert len(records) > MOST_BYTES
    assert read_client_hello(records[:100]) == ClientHello(), "it says that it has 16 MiB"
    trickle = b"\x16\x03\x01\x00\x01\x01" * (MOST_BYTES // 6 + 1)
    assert read_client_hello(trickle) is not None


@pytest.mark.parametrize(
    "name", [b"a\x00b.example", b"*.example", b"a b", b"../x", b"\xff\xfe", b"-a.example", b"a" * 300, b""]
)
def test_a_name_that_is_none_does_not_count(name: bytes) -> None:
    body = b"\x00" + len(name).to_bytes(2, "big") + name
    listed = len(body).to_bytes(2, "big") + body
    extension = b"\x00\x00" + len(listed).to_bytes(2, "big") + listed
    rest = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    rest += len(extension).to_bytes(2, "big") + extension
    message = b"\x01" + len(rest).to_bytes(3, "big") + rest
    found = read_client_hello(b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message)
    assert found == ClientHello(None, (), (0x0303,))


def test_it_is_told_in_words() -> None:
    assert describe_tls(WHOLE) == "a TLS ClientHello for a.example came"
    assert describe_tls(WHOLE[:9]) == "a TLS ClientHello came"
    assert describe_tls(b"\x15\x03\x03\x00\x02\x02\x0a") == "a TLS record came"
