"""Asking another proxy for a tunnel, whatever pieces its answers come in."""

from __future__ import annotations

import pytest

from core.protocol.proxy_request import Authority, ProxyCredentials
from core.protocol.upstream_handshake import (
    HttpTunnel,
    Socks5Tunnel,
    UpstreamError,
    UpstreamFault,
    UpstreamHandshake,
)

TARGET = Authority("example.com", 443)
ANN = ProxyCredentials("ann", "pa:ss")


def talk(handshake: UpstreamHandshake, *answers: bytes) -> list[bytes]:
    """What is said to a proxy that answers so, byte by byte; the tunnel stands behind the last answer."""
    said = [handshake.begin()]
    for number, answer in enumerate(answers):
        replies = [handshake.feed(answer[at : at + 1]) for at in range(len(answer))]
        assert None not in replies[:-1]
        if number < len(answers) - 1:
            said.append(replies[-1] or b"")
        else:
            assert replies[-1] is None
    return said


def fault_of(handshake: UpstreamHandshake, answer: bytes) -> tuple[UpstreamFault, str]:
    handshake.begin()
    with pytest.raises(UpstreamError) as caught:
        handshake.feed(answer)
    return caught.value.fault, str(caught.value)


def test_http_asks_for_the_host_and_gives_the_password() -> None:
    said = talk(HttpTunnel(TARGET, ANN), b"HTTP/1.1 100 Wait\r\n\r\nHTTP/1.1 200 OK\r\nVia: 1.1 x\r\n\r\n")
    assert said == [
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n"
        b"Proxy-Authorization: Basic YW5uOnBhOnNz\r\n\r\n"
    ]
    assert b"[::1]:80 HTTP" in HttpTunnel(Authority("::1", 80), None).begin()


def test_what_comes_behind_the_answer_is_the_hosts() -> None:
    http = HttpTunnel(TARGET, None)
    assert http.feed(b"HTTP/1.0 200 Connection established\r\n") == b""
    assert http.feed(b"\r\nSSH-2.0-x\r\n") is None
    assert http.leftover == b"SSH-2.0-x\r\n"
    socks = Socks5Tunnel(TARGET, None)
    assert socks.feed(b"\x05\x00") == b"\x05\x01\x00\x03\x0bexample.com\x01\xbb"
    assert socks.feed(b"\x05\x00\x00\x01\x7f\0\0\x01\0\x50early") is None
    assert socks.leftover == b"early"


@pytest.mark.parametrize(
    ("answer", "fault", "words"),
    [
        (
            b"HTTP/1.1 407 Go Away\r\nProxy-Authenticate: Basic\r\n\r\n",
            UpstreamFault.CREDENTIALS,
            "a password",
        ),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", UpstreamFault.REFUSED, "'403 Forbidden'"),
        (b"HTTP/1.1 504 Gateway Timeout\r\n\r\n", UpstreamFault.TARGET, "example.com:443"),
        (b"\x05\x01", UpstreamFault.PROTOCOL, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000, UpstreamFault.PROTOCOL, "not HTTP"),
    ],
)
def test_http_refusals_are_told_apart(answer: bytes, fault: UpstreamFault, words: str) -> None:
    found, sentence = fault_of(HttpTunnel(TARGET, None), answer)
    assert found is fault
    assert words in sentence


def test_socks_signs_in_and_asks_for_names_and_addresses() -> None:
    v6 = b"\x05\x00\x00\x04" + bytes(18)
    assert talk(Socks5Tunnel(TARGET, ANN), b"\x05\x02", b"\x01\x00", b"\x05\x00\x00\x03\x01a\0\0") == [
        b"\x05\x02\x00\x02",
        b"\x01\x03ann\x05pa:ss",
        b"\x05\x01\x00\x03\x0bexample.com\x01\xbb",
    ]
    assert talk(Socks5Tunnel(Authority("127.0.0.1", 80), None), b"\x05\x00", v6)[1] == (
        b"\x05\x01\x00\x01\x7f\0\0\x01\0\x50"
    )
    assert talk(Socks5Tunnel(Authority("::1", 80), None), b"\x05\x00", v6)[1][:4] == b"\x05\x01\x00\x04"


@pytest.mark.parametrize(
    ("credentials", "answer", "fault", "words"),
    [
        (None, b"\x05\xff", UpstreamFault.CREDENTIALS, "demands a user name"),
        (ANN, b"\x05\xff", UpstreamFault.CREDENTIALS, "another way"),
        (ANN, b"\x05\x02\x01\x01", UpstreamFault.CREDENTIALS, "does not accept"),
        (None, b"\x05\x00\x05\x02", UpstreamFault.REFUSED, "its rules"),
        (None, b"\x05\x00\x05\x04\x00", UpstreamFault.TARGET, "not reachable"),
        (None, b"\x05\x00\x05\x05\x00\x01", UpstreamFault.TARGET, "refuses the connection"),
        (None, b"\x05\x00\x05\x99", UpstreamFault.REFUSED, "code 153"),
        (None, b"\x05\x00\x05\x00\x00\x09\x00", UpstreamFault.PROTOCOL, "unknown kind 9"),
        (None, b"HTTP/1.1 400 Bad Request\r\n", UpstreamFault.PROTOCOL, "not SOCKS5"),
    ],
)
def test_socks_refusals_are_told_apart(
    credentials: ProxyCredentials | None, answer: bytes, fault: UpstreamFault, words: str
) -> None:
    found, sentence = fault_of(Socks5Tunnel(TARGET, credentials), answer)
    assert found is fault
    assert words in sentence


def test_what_socks_cannot_carry_is_said() -> None:
    with pytest.raises(ValueError, match="host names"):
        Socks5Tunnel(Authority("a" * 256, 80), None)
    with pytest.raises(ValueError, match="passwords"):
        Socks5Tunnel(TARGET, ProxyCredentials("ann", ""))
